"""Tools that outline the region under the pointer."""

from __future__ import annotations

from abc import abstractmethod
from math import floor

from fcn_studio.core.region import Region
from fcn_studio.tools.base import Overlay, PointerEvent, Tool, ToolContext


class OutlinedRegionTool(Tool):
    """Tool that outlines the region under the pointer, to which a click will apply."""

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._pixel: tuple[int, int] | None = None

    def move(self, event: PointerEvent) -> None:
        """Outline the region under the pointer."""
        before = self._region()
        self._follow(event)
        if self._region() is not before:
            self.overlay_changed.emit()

    def leave(self) -> None:
        """Outline nothing."""
        self._pixel = None
        self.overlay_changed.emit()

    def overlay(self) -> Overlay:
        """Return the outline of the region under the pointer."""
        return Overlay(region=self._region())

    def _follow(self, event: PointerEvent) -> None:
        self._pixel = floor(event.x), floor(event.y)

    @abstractmethod
    def _region(self) -> Region | None:
        """Return the region under the pointer, the same object as long as the pointer stays in it."""
