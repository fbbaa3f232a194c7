"""Polygon, filled with the active class when it is closed."""

from __future__ import annotations

from functools import partial
from math import dist
from typing import ClassVar

import numpy as np

from fcn_studio.core.document import Document
from fcn_studio.core.raster import Point, polygon
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import Overlay, PointerEvent, Tool, ToolContext


class Polygon(Tool):
    """Fills a polygon whose corners are clicked.

    Enter, double click or a click on the first corner closes it. Right click, Backspace or Undo removes the last
    corner, and Escape drops all.

    Nothing is written before it is closed, so saving need not settle a half-done polygon. `settle` closes one
    of three or more corners rather than lose it; fewer enclose nothing and are dropped.
    """

    gestures: ClassVar[tuple[tuple[str, str], ...]] = (
        (tr_noop("Right click"), tr_noop("Polygon: remove the last corner")),
        (
            tr_noop("Enter or double-click, Backspace, Esc"),
            tr_noop("Polygon: close, remove the last corner, cancel"),
        ),
    )

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._document: Document | None = None  # the image that the corners lie on
        self._points: list[Point] = []
        self._hover: Point | None = None

    @property
    def busy(self) -> bool:
        """Whether there are corners, or a large polygon is being filled."""
        return bool(self._points) or self.working

    @property
    def undo_title(self) -> str:
        """Title of the last corner, which Undo removes."""
        return tr_noop("Corner") if self._points else ""

    def press(self, event: PointerEvent) -> None:
        """Add a corner, close, or remove the last corner."""
        self._hover = event.point_xy
        if event.button == "right":
            self._remove_last()
        elif event.button == "left" and self.context.document is not None and not self.working:
            if self._closes_at(event.point_xy):
                self._close()
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
        """Close the polygon.

        The first of the two presses has added the corner.
        """
        if event.button == "left" and len(self._points) >= 3:
            self._close()
        elif event.button == "right":
            self._remove_last()

    def leave(self) -> None:
        """Hide the line to the pointer."""
        self._hover = None
        self.overlay_changed.emit()

    def key(self, name: str) -> bool:
        """Close, remove the last corner, or drop all.

        Enter closes, Backspace and Undo remove the last corner, Escape drops all.
        """
        if not self._points:
            return super().key(name)
        if name == "Enter":
            if len(self._points) >= 3:
                self._close()
            return True
        if name in ("Backspace", "Undo"):
            self._remove_last()
            return True
        return super().key(name)

    def settle(self) -> None:
        """Close and fill it if it has three corners."""
        self._close()
        super().settle()

    def _close(self) -> None:
        points, document = self._points, self._document
        self._drop()
        if document is None or len(points) < 3:
            return
        find = partial(polygon, points, (document.width, document.height))
        (x0, y0), (x1, y1) = np.min(points, axis=0), np.max(points, axis=0)
        pixels = round(min(x1 - x0, document.width) * min(y1 - y0, document.height))
        self._paint(document, tr_noop("Polygon"), find, pixels)

    def cancel(self) -> None:
        """Drop all corners, or undo a fill that is not done."""
        super().cancel()
        self._drop()

    def _drop(self) -> None:
        if self._points:
            self._points, self._document = [], None
            self.overlay_changed.emit()

    def overlay(self) -> Overlay:
        """Return the corners and the line to the pointer."""
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
