"""Polygon, filled with the active class when it is closed."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, ClassVar

from fcn_studio.core.document import Document
from fcn_studio.core.raster import Point
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import Overlay, ToolContext
from fcn_studio.tools.corners import CornerTool
from fcn_studio.tools.options import AnyOption, Size, Toggle

if TYPE_CHECKING:  # start-up
    from fcn_studio.core.regions.edge_paths import EdgePaths

SNAP_TO_EDGES = Toggle(
    "snap_to_edges",
    tr_noop("Snap to edges"),
    tr_noop("Lead the border from corner to corner along the edges of the picture"),
    default=False,
)

SNAP_STRENGTH = Size(
    "snap_strength",
    tr_noop("Strength"),
    tr_noop("How weak the edges may be to which the border snaps (Alt+wheel)"),
    default=5,
    maximum=10,
    unit="",
)

_REACH = 24
"""Half the side of the window in which edges are looked for, in `ToolContext.grab_radius`: some 190 screen pixels."""


class Polygon(CornerTool):
    """Fills a polygon whose corners are clicked.

    A click on the first corner closes it. With *Snap to edges* its border follows the edges of the picture between
    corners that are near to each other. Another strength holds for the corners that follow.
    """

    options: ClassVar[tuple[AnyOption, ...]] = (SNAP_TO_EDGES, SNAP_STRENGTH)
    least: ClassVar[int] = 3
    closing_corner: ClassVar[int] = 0

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._from: tuple[tuple[Point, int], EdgePaths] | None = None  # the corner and strength looked for last
        self._paths: dict[tuple[Point, Point], list[Point]] = {}  # between corners

    @property
    def edge_option(self) -> AnyOption | None:
        """How weak the edges may be to which the border snaps."""
        return SNAP_STRENGTH if self.context.option(SNAP_TO_EDGES) else None

    def _add(self, point_xy: Point) -> None:
        if not self._points:
            self._paths.clear()  # of another image, or of corners that were dropped
        super()._add(point_xy)

    def _draw(self, document: Document, points: list[Point]) -> None:
        self._use_polygon(document, tr_noop("Polygon"), self._along([*points, points[0]])[:-1])

    def _drop(self) -> None:
        self._from = None
        super()._drop()

    def overlay(self) -> Overlay:
        """Return the corners, the border, and the line to the pointer or the first corner."""
        overlay = super().overlay()
        if overlay.closing is not None:
            overlay = overlay._replace(rubber_band=self._points[0])
        if not (self._points and self._snaps):
            return overlay
        border = self._along(list(self._points))
        if overlay.rubber_band is not None and not self._drags:
            border += self._path(self._points[-1], overlay.rubber_band)[1:]
        return overlay._replace(border=tuple(border), rubber_band=None)

    @property
    def _snaps(self) -> bool:
        return self.context.option(SNAP_TO_EDGES) and self.context.image_rgb is not None

    @property
    def _drags(self) -> bool:
        """Whether a corner is being dragged; its lines are straight until it is let go."""
        return self._held is not None

    def _along(self, points: list[Point]) -> list[Point]:
        """Return the border through some corners, straight or along edges."""
        if not self._snaps:
            return points
        border = points[:1]
        for start, end in pairwise(points):
            if (start, end) not in self._paths:
                if self._drags:
                    border.append(end)
                    continue
                self._paths[start, end] = self._path(start, end)
            border += self._paths[start, end][1:]
        return border

    def _path(self, start: Point, end: Point) -> list[Point]:
        from fcn_studio.core.regions.edge_paths import EdgePaths

        image = self.context.image_rgb
        if image is None or not (0 <= start[0] < image.shape[1] and 0 <= start[1] < image.shape[0]):
            return [start, end]
        source = start, self.context.option(SNAP_STRENGTH)
        if self._from is None or self._from[0] != source:
            sensitivity = 2 ** ((source[1] - SNAP_STRENGTH.default) / 2)
            self._from = source, EdgePaths(image, start, self.context.grab_radius * _REACH, sensitivity)
        return self._from[1].to(end)
