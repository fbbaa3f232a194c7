"""Polygon, filled with the active class when it is closed."""

from __future__ import annotations

from typing import ClassVar

from fcn_studio.core.document import Document
from fcn_studio.core.raster import Point
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import Overlay
from fcn_studio.tools.corners import CornerTool


class Polygon(CornerTool):
    """Fills a polygon whose corners are clicked.

    A click on the first corner closes it.
    """

    gestures: ClassVar[tuple[tuple[str, str], ...]] = (
        (tr_noop("Drag a corner"), tr_noop("Polygon and line: move the corner")),
        (tr_noop("Right click"), tr_noop("Polygon and line: remove the corner under the cursor, or the last one")),
        (
            tr_noop("Enter or double-click, Backspace, Esc"),
            tr_noop("Polygon and line: finish, remove the last corner, cancel"),
        ),
    )
    least: ClassVar[int] = 3
    closing_corner: ClassVar[int] = 0

    def _draw(self, document: Document, points: list[Point]) -> None:
        self._paint_polygon(document, tr_noop("Polygon"), points)

    def overlay(self) -> Overlay:
        """Return the corners and the line to the pointer, or to the first corner where a click would close."""
        overlay = super().overlay()
        return overlay._replace(rubber_band=self._points[0]) if overlay.closing is not None else overlay
