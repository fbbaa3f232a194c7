"""Base class of tools whose shape is given by clicked corners."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import dist
from typing import ClassVar

from fcn_studio.core.document import Document
from fcn_studio.core.raster import Point
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import Overlay, PointerEvent, Tool, ToolContext


class CornerTool(Tool, ABC):
    """Takes corners until the shape is closed.

    A press adds a corner, or takes hold of one that is there and drags it. Enter, a double click, or a click on the
    closing corner closes the shape. A right click removes the corner under the pointer, or else the last one, as
    Backspace and Undo do. Escape drops all.

    Nothing is written before the shape is closed, so saving need not settle it. `settle` closes one that has `least`
    corners rather than lose it; fewer make no shape and are dropped.

    Attributes:
        least: number of corners that make a shape.
        closing_corner: index of the corner on which a click closes the shape, as in a list.
    """

    gestures: ClassVar[tuple[tuple[str, str], ...]] = (
        (tr_noop("Drag a corner"), tr_noop("Polygon and line: move the corner")),
        (tr_noop("Right click"), tr_noop("Polygon and line: remove the corner under the cursor, or the last one")),
        (
            tr_noop("Enter or double-click, Backspace, Esc"),
            tr_noop("Polygon and line: finish, remove the last corner, cancel"),
        ),
    )
    least: ClassVar[int]
    closing_corner: ClassVar[int]

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._document: Document | None = None  # the image that the corners lie on
        self._points: list[Point] = []
        self._hover: Point | None = None
        self._held: int | None = None  # the corner that the pointer holds
        self._moved = False

    @abstractmethod
    def _draw(self, document: Document, points: list[Point]) -> None:
        """Write the closed shape as one step."""

    @property
    def busy(self) -> bool:
        """Whether there are corners, or a large shape is being filled."""
        return bool(self._points) or self.working

    @property
    def undo_title(self) -> str:
        """Title of the last corner, which Undo removes."""
        return tr_noop("Corner") if self._points else ""

    def press(self, event: PointerEvent) -> None:
        """Add a corner, take hold of one, or remove one."""
        self._hover = event.point_xy
        if event.button == "right":
            self._remove(self._corner_at(event.point_xy))
        elif event.button == "left" and self.context.document is not None and not self.working:
            self._held, self._moved = self._corner_at(event.point_xy), False
            if self._held is None:
                self._add(event.point_xy)
            self.overlay_changed.emit()

    def _add(self, point_xy: Point) -> None:
        if not self._points:
            self._document = self.context.document
        self._points.append(point_xy)
        self._held, self._moved = len(self._points) - 1, True

    def move(self, event: PointerEvent) -> None:
        """Drag the corner that is held, and draw the line from the last corner to the pointer."""
        self._hover = event.point_xy
        if self._held is not None and "left" in event.buttons:
            if self._moved or dist(event.point_xy, self._points[self._held]) > self.context.grab_radius / 2:
                self._points[self._held], self._moved = event.point_xy, True
        else:
            self._held = None
        if self._points:
            self.overlay_changed.emit()

    def release(self, event: PointerEvent) -> None:
        """Let the corner go; the shape is closed if it is the closing corner and was only clicked."""
        if event.button != "left":
            return
        held, self._held = self._held, None
        if held is not None and not self._moved and self._closes_at(event.point_xy):
            self._close()

    def double_click(self, event: PointerEvent) -> None:
        """Close the shape.

        The first of the two presses has added the corner.
        """
        if event.button == "left" and len(self._points) >= self.least:
            self._close()
        elif event.button == "right":
            self._remove(self._corner_at(event.point_xy))

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
            if len(self._points) >= self.least:
                self._close()
            return True
        if name in ("Backspace", "Undo"):
            self._remove(None)
            return True
        return super().key(name)

    def settle(self) -> None:
        """Close it if it has enough corners."""
        self._close()
        super().settle()

    def cancel(self) -> None:
        """Drop all corners, or undo a fill that is not done."""
        super().cancel()
        self._drop()

    def overlay(self) -> Overlay:
        """Return the corners and the line to the pointer."""
        if not self._points:
            return Overlay()
        closes = self._hover is not None and self._closes_at(self._hover)
        closing = self.closing_corner % len(self._points) if closes else None
        return Overlay(points=tuple(self._points), rubber_band=self._hover, closing=closing)

    def _close(self) -> None:
        points, document = self._points, self._document
        self._drop()
        if document is not None and len(points) >= self.least:
            self._draw(document, points)

    def _drop(self) -> None:
        self._held = None
        if self._points:
            self._points, self._document = [], None
            self.overlay_changed.emit()

    def _corner_at(self, point_xy: Point) -> int | None:
        """Return the index of the nearest corner within reach, None if there is none."""
        if not self._points:
            return None
        nearest = min(range(len(self._points)), key=lambda index: dist(point_xy, self._points[index]))
        return nearest if dist(point_xy, self._points[nearest]) <= self.context.grab_radius else None

    def _closes_at(self, point_xy: Point) -> bool:
        return len(self._points) >= self.least and (
            dist(point_xy, self._points[self.closing_corner]) <= self.context.grab_radius
        )

    def _remove(self, index: int | None) -> None:
        """Remove a corner, the last one if None is given."""
        self._held = None
        if self._points:
            self._points.pop(-1 if index is None else index)
            if not self._points:
                self._document = None
            self.overlay_changed.emit()
