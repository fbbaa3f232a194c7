"""Base class of tools whose shape is drawn in one drag."""

from __future__ import annotations

from abc import ABC, abstractmethod
from math import dist
from typing import ClassVar

from fcn_studio.core.document import Document
from fcn_studio.core.raster import Point
from fcn_studio.tools.base import Overlay, PointerEvent, Tool, ToolContext
from fcn_studio.tools.options import PURPOSE, AnyOption, Purpose


class DraggedTool(Tool, ABC):
    """Labels or selects the inside of a closed shape that the left button drags out.

    Escape drops it. `settle` fills what is drawn so far. A click without a drag does nothing.

    Attributes:
        title: of the step, marked for translation.
    """

    title: ClassVar[str]
    options: ClassVar[tuple[AnyOption, ...]] = (PURPOSE,)

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._document: Document | None = None  # the image that the shape lies on, while it is drawn
        self._path: list[Point] = []
        self._for: Purpose = "label"

    @abstractmethod
    def _extend(self, event: PointerEvent) -> None:
        """Take a place of the pointer into the path."""

    @abstractmethod
    def _corners(self) -> list[Point]:
        """Return the corners of the shape."""

    @property
    def busy(self) -> bool:
        """Whether a shape is being drawn or filled."""
        return self._document is not None or self.working

    def press(self, event: PointerEvent) -> None:
        """Begin a shape."""
        if event.button == "left" and self.context.document is not None and not self.busy:
            self._document, self._path = self.context.document, [event.point_xy]
            self._for = self._purpose(event)
            self.overlay_changed.emit()

    def move(self, event: PointerEvent) -> None:
        """Draw on."""
        if self._document is not None:
            self._extend(event)
            self.overlay_changed.emit()

    def release(self, event: PointerEvent) -> None:
        """Fill the shape."""
        if self._document is not None and event.button == "left":
            self._extend(event)
            self._fill()

    def settle(self) -> None:
        """Fill the shape as far as it is drawn."""
        self._fill()
        super().settle()

    def cancel(self) -> None:
        """Drop the shape, or undo a fill that is not done."""
        super().cancel()
        self._drop()

    def overlay(self) -> Overlay:
        """Return the outline of the shape."""
        corners = self._corners() if self._is_drawn() else []
        return Overlay(points=tuple(corners), rubber_band=corners[0], handles=False) if corners else Overlay()

    def _is_drawn(self) -> bool:
        """Return whether the pointer has gone far enough for a shape."""
        return any(dist(self._path[0], point) > self.context.grab_radius / 4 for point in self._path[1:])

    def _fill(self) -> None:
        document, corners = self._document, self._corners() if self._is_drawn() else []
        self._drop()
        if document is not None and corners:
            self._use_polygon(document, self.title, corners, self._for)

    def _drop(self) -> None:
        if self._document is not None:
            self._document, self._path = None, []
            self.overlay_changed.emit()
