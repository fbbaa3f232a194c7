"""Copied labels over an image, until they are taken or dropped."""

from __future__ import annotations

from functools import partial
from math import floor
from typing import TYPE_CHECKING, ClassVar

from fcn_studio.core.document import Document
from fcn_studio.core.labels import Provenance
from fcn_studio.core.raster import Point
from fcn_studio.core.region import StencilRegion
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import Overlay, PointerEvent, Tool, ToolContext

if TYPE_CHECKING:  # start-up
    from fcn_studio.core.regions.selection import CopiedLabels

_ARROWS = {"Left": (-1, 0), "Right": (1, 0), "Up": (0, -1), "Down": (0, 1)}


class Paste(Tool):
    """Shows copied labels above the image where they lay in the other one.

    Dragging and the arrow keys move them, with Shift by ten pixels. Enter labels the pixels below them as one step,
    Escape and Undo drop them. `settle` labels them. Then the tool before is active again.

    The pixels count as of unknown origin, since nobody has compared them with this image.
    """

    gestures: ClassVar[tuple[tuple[str, str], ...]] = (
        (tr_noop("Drag, arrow keys after pasting"), tr_noop("Move the pasted labels; with Shift by 10 pixels")),
        (tr_noop("Enter, Esc after pasting"), tr_noop("Keep the pasted labels, or drop them")),
    )
    uses_class: ClassVar[bool] = False

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._document: Document | None = None  # the image, while there are labels above it
        self._copied: CopiedLabels | None = None
        self._outline: StencilRegion | None = None  # where they are now
        self._held: Point | None = None  # what the pointer holds, from the upper left corner of the labels

    @property
    def busy(self) -> bool:
        """Whether labels are above the image, or are being written."""
        return self._outline is not None or self.working

    @property
    def undo_title(self) -> str:
        """Title of the labels, which Undo drops."""
        return tr_noop("Paste") if self._outline is not None else ""

    @property
    def hint(self) -> str:
        """Sentence on what to do with the labels."""
        if self._outline is None:
            return super().hint
        return tr_noop("Drag the labels, or move them by the arrow keys. Enter keeps them, Escape drops them.")

    def show(self, document: Document, copied: CopiedLabels) -> None:
        """Show labels above an image, where they were copied or else in its corner."""
        self._document, self._copied = document, copied
        rect = copied.rect
        if rect.x0 >= document.width or rect.y0 >= document.height:
            rect = rect.moved(-rect.x0, -rect.y0)
        self._outline = StencilRegion(rect, copied.region.stencil)
        self.overlay_changed.emit()
        self.working_changed.emit()

    def press(self, event: PointerEvent) -> None:
        """Take hold of the labels."""
        if event.button == "left" and self._outline is not None:
            rect = self._outline.rect
            self._held = event.x - rect.x0, event.y - rect.y0

    def move(self, event: PointerEvent) -> None:
        """Move the labels with the pointer."""
        if self._held is not None and self._outline is not None:
            rect, (x, y) = self._outline.rect, self._held
            self._move_by(floor(event.x - x + 0.5) - rect.x0, floor(event.y - y + 0.5) - rect.y0)

    def release(self, event: PointerEvent) -> None:
        """Let go of the labels."""
        if event.button == "left":
            self._held = None

    def key(self, name: str) -> bool:
        """Move, keep or drop the labels."""
        steps = 10 if name.startswith("Shift+") else 1
        if self._outline is None:
            return super().key(name)
        if name.removeprefix("Shift+") in _ARROWS:
            dx, dy = _ARROWS[name.removeprefix("Shift+")]
            self._move_by(steps * dx, steps * dy)
        elif name == "Enter":
            self._take()
        elif name == "Undo":
            self.cancel()
        else:
            return super().key(name)
        return True

    def settle(self) -> None:
        """Label the pixels below the labels."""
        self._take()
        super().settle()

    def cancel(self) -> None:
        """Drop the labels, or undo those that are not all written."""
        super().cancel()
        if self._outline is not None:
            self._drop()
            self.context.go_back()

    def overlay(self) -> Overlay:
        """Return the labels and their outline."""
        if self._outline is None or self._copied is None:
            return Overlay()
        return Overlay(region=self._outline, labels=self._copied.label_map)

    def _move_by(self, dx: int, dy: int) -> None:
        if self._outline is not None and (dx or dy):
            self._outline = StencilRegion(self._outline.rect.moved(dx, dy), self._outline.pixels)
            self.overlay_changed.emit()

    def _take(self) -> None:
        document, copied, outline = self._document, self._copied, self._outline
        if document is None or copied is None or outline is None:
            return
        moved = outline.rect.x0 - copied.rect.x0, outline.rect.y0 - copied.rect.y0
        find = partial(copied.parts, moved, (document.width, document.height))
        self._drop()
        self.write(document, tr_noop("Paste"), find, outline.rect.area, Provenance.UNKNOWN)
        if not self.working:
            self.context.go_back()

    def _end_work(self) -> None:
        super()._end_work()
        self.context.go_back()

    def _drop(self) -> None:
        self._document = self._copied = self._outline = self._held = None
        self.overlay_changed.emit()
        self.working_changed.emit()
