"""Polygon: corners by clicks, filled with the active class when closed."""

from __future__ import annotations

from math import dist
from typing import ClassVar

from fcn_studio.core.document import Document
from fcn_studio.core.raster import Point, polygon
from fcn_studio.tools.base import Overlay, PointerEvent, Tool, ToolContext


class Polygon(Tool):
    """Click adds a corner; Enter, double click or a click on the first corner closes; right click, Backspace or
    Undo removes the last one; Escape drops all.

    Nothing is written before it is closed, so a half-done polygon need not be settled to save. `settle` closes one
    of three or more corners rather than lose it; fewer enclose nothing and are dropped.
    """

    name: ClassVar[str] = "Polygon"

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._document: Document | None = None  # the image that the corners lie on
        self._points: list[Point] = []
        self._hover: Point | None = None

    @property
    def busy(self) -> bool:
        """Whether there are corners."""
        return bool(self._points)

    def press(self, event: PointerEvent) -> None:
        """Add a corner, close, or remove the last corner."""
        self._hover = event.point_xy
        if event.button == "right":
            self._remove_last()
        elif event.button == "left" and self.context.document is not None:
            if self._closes_at(event.point_xy):
                self.settle()
                return
            if not self._points:
                self._document = self.context.document
            self._points.append(event.point_xy)
            self.overlay_changed.emit()

    def move(self, event: PointerEvent) -> None:
        """Draw the line from the last corner to the pointer."""
        self._hover = event.point_xy
        if self._points:
            self.overlay_changed.emit()

    def double_click(self, event: PointerEvent) -> None:
        """Close; the first of the two presses has added the corner."""
        if event.button == "left" and len(self._points) >= 3:
            self.settle()
        elif event.button == "right":
            self._remove_last()

    def leave(self) -> None:
        """Hide the line to the pointer."""
        self._hover = None
        self.overlay_changed.emit()

    def key(self, name: str) -> bool:
        """Enter closes, Backspace and Undo remove the last corner, Escape drops all."""
        if not self._points:
            return False
        if name == "Enter":
            if len(self._points) >= 3:
                self.settle()
            return True
        if name in ("Backspace", "Undo"):
            self._remove_last()
            return True
        return super().key(name)

    def settle(self) -> None:
        """Close and fill it if it has three corners."""
        points, document = self._points, self._document
        self.cancel()
        if document is None:
            return
        region = polygon(points, (document.width, document.height))
        if region is not None:
            with document.edit("Polygon") as edit:
                edit.write(region, self.context.class_index)

    def cancel(self) -> None:
        """Drop all corners."""
        if self._points:
            self._points, self._document = [], None
            self.overlay_changed.emit()

    def overlay(self) -> Overlay:
        """The corners and the line to the pointer."""
        if not self._points:
            return Overlay()
        closing = self._hover is not None and self._closes_at(self._hover)
        return Overlay(
            points=tuple(self._points), rubber_band=self._points[0] if closing else self._hover, closing=closing
        )

    def _closes_at(self, point_xy: Point) -> bool:
        return len(self._points) >= 3 and dist(point_xy, self._points[0]) <= self.context.grab_radius

    def _remove_last(self) -> None:
        if self._points:
            self._points.pop()
            if not self._points:
                self._document = None
            self.overlay_changed.emit()
