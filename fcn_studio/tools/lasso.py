"""Lasso, a shape drawn by free hand."""

from __future__ import annotations

from math import dist
from typing import ClassVar

from fcn_studio.core.raster import Point
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import PointerEvent
from fcn_studio.tools.dragged import DraggedTool


class Lasso(DraggedTool):
    """Labels or selects the shape around which the pointer is dragged.

    Points are taken two screen pixels apart. A straight line joins the last one and the first.
    """

    gestures: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            tr_noop("Ctrl+drag with lasso, rectangle or colour wand"),
            tr_noop("Select the shape, so that tools change only what is inside"),
        ),
    )
    title: ClassVar[str] = tr_noop("Lasso")

    def _extend(self, event: PointerEvent) -> None:
        if dist(event.point_xy, self._path[-1]) >= self.context.grab_radius / 4:
            self._path.append(event.point_xy)

    def _corners(self) -> list[Point]:
        return list(self._path)
