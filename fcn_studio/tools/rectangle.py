"""Rectangle between two corners."""

from __future__ import annotations

from math import copysign, floor
from typing import ClassVar

from fcn_studio.core.raster import Point
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import PointerEvent
from fcn_studio.tools.dragged import DraggedTool


class Rectangle(DraggedTool):
    """Labels or selects the rectangle that is dragged out.

    Both pixels at its corners belong to it. With Shift it is a square.
    """

    gestures: ClassVar[tuple[tuple[str, str], ...]] = (
        (tr_noop("Shift+drag with the rectangle"), tr_noop("Draw a square")),
    )
    title: ClassVar[str] = tr_noop("Rectangle")

    def _extend(self, event: PointerEvent) -> None:
        (x0, y0), (x, y) = self._path[0], event.point_xy
        if event.shift:
            side = max(abs(x - x0), abs(y - y0))
            x, y = x0 + copysign(side, x - x0), y0 + copysign(side, y - y0)
        self._path[1:] = [(x, y)]

    def _corners(self) -> list[Point]:
        (xa, ya), (xb, yb) = self._path
        left, top = floor(min(xa, xb)), floor(min(ya, yb))
        right, bottom = floor(max(xa, xb)) + 1, floor(max(ya, yb)) + 1
        return [(left, top), (right, top), (right, bottom), (left, bottom)]
