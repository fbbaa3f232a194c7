"""Line of the brush's width through clicked corners."""

from __future__ import annotations

from itertools import pairwise
from math import dist
from typing import ClassVar

from fcn_studio.core.document import Document
from fcn_studio.core.raster import Point, brush_diameter, capsule
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import Overlay, PointerEvent, ToolContext
from fcn_studio.tools.corners import CornerTool
from fcn_studio.tools.options import BRUSH_SIZE, AnyOption


class Line(CornerTool):
    """Draws straight lines with the active class, as wide as the brush.

    Dragging from the first corner draws one line at once. A click on the last corner ends a line of several corners.
    """

    options: ClassVar[tuple[AnyOption, ...]] = (BRUSH_SIZE,)
    gestures: ClassVar[tuple[tuple[str, str], ...]] = (
        *CornerTool.gestures,
        (tr_noop("Drag with the line tool"), tr_noop("Draw one straight line")),
    )
    least: ClassVar[int] = 2
    closing_corner: ClassVar[int] = -1

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._by_drag = False  # whether the line is drawn in one drag

    def _add(self, point_xy: Point) -> None:
        super()._add(point_xy)
        self._by_drag = False

    def move(self, event: PointerEvent) -> None:
        """Draw the line to the pointer, or drag the corner that is held."""
        begins = len(self._points) == 1 and self._held == 0 and self._moved and "left" in event.buttons
        if begins and dist(event.point_xy, self._points[0]) > self.context.grab_radius:
            self._add(event.point_xy)
            self._by_drag = True
        elif begins:  # the first corner stays where the press was
            self._hover = event.point_xy
            self.overlay_changed.emit()
            return
        super().move(event)

    def release(self, event: PointerEvent) -> None:
        """End a line that was dragged."""
        if event.button == "left" and self._by_drag and self._held is not None:
            self._close()
        else:
            super().release(event)

    def _draw(self, document: Document, points: list[Point]) -> None:
        bounds, size = (document.width, document.height), self.context.option(BRUSH_SIZE)
        parts = [capsule(start, end, size, "round", bounds) for start, end in pairwise(points)]
        self.context.show_active()
        with document.edit(tr_noop("Line")) as edit:
            edit.write_all([part for part in parts if part is not None], self.context.class_index)

    def overlay(self) -> Overlay:
        """Return the corners and the line to the pointer, as wide as it will be."""
        overlay = super().overlay()
        if self._by_drag:
            overlay = overlay._replace(rubber_band=None, closing=None)
        elif overlay.closing is not None:
            overlay = overlay._replace(rubber_band=None)
        return overlay._replace(width=brush_diameter(self.context.option(BRUSH_SIZE))) if overlay.points else overlay
