"""Picker, which makes the class under the pointer active."""

from __future__ import annotations

from math import floor
from typing import ClassVar

from fcn_studio.core.labels import Provenance
from fcn_studio.tools.base import PointerEvent, Tool


class Picker(Tool):
    """Picks a class by left click or drag.

    Painted void can be picked, unlabelled pixels cannot.
    """

    uses_class: ClassVar[bool] = False
    writes: ClassVar[bool] = False

    def press(self, event: PointerEvent) -> None:
        """Pick the class under the pointer."""
        if event.button == "left":
            self._pick(event)

    def move(self, event: PointerEvent) -> None:
        """Continue to pick while the button is held."""
        if "left" in event.buttons:
            self._pick(event)

    def _pick(self, event: PointerEvent) -> None:
        document = self.context.document
        x, y = floor(event.x), floor(event.y)
        if document is None or not (0 <= x < document.width and 0 <= y < document.height):
            return
        if document.provenance[y, x] != Provenance.NOBODY:
            self.context.set_class(int(document.label_map[y, x]))
