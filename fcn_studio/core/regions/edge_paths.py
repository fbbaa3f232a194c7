"""Paths along the edges of a picture, by intelligent scissors."""

from __future__ import annotations

from math import ceil, floor

import cv2
import numpy as np

from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.raster import Point

_MOST = 160
"""Radius in pixels of the window that is searched; a larger one is reduced to it. A search takes some 40 ms."""

_GRADIENT_LIMIT = 200.0
_CANNY = 32, 100


class EdgePaths:
    """Paths along edges from one point to others, within a square window around it.

    Source: Mortensen and Barrett, Intelligent scissors for image composition (1995), as OpenCV implements it
    (`cv2.segmentation.IntelligentScissorsMB`).
    """

    def __init__(self, image_rgb: ImageRgb, start_xy: Point, reach: float, sensitivity: float = 1.0) -> None:
        """Search the window.

        Args:
            image_rgb: uint8 (H, W, 3).
            start_xy: where the paths begin, in image coordinates, inside the image.
            reach: half the side of the window, in image pixels.
            sensitivity: edges may be so many times weaker than usual.
        """
        height, width = image_rgb.shape[:2]
        x, y = start_xy
        self._start = start_xy
        self._left, self._top = max(0, floor(x - reach)), max(0, floor(y - reach))
        right, bottom = min(width, ceil(x + reach)), min(height, ceil(y + reach))
        part = image_rgb[self._top : bottom, self._left : right]
        self._scale = min(1.0, _MOST / reach)
        size = max(2, round(part.shape[1] * self._scale)), max(2, round(part.shape[0] * self._scale))
        self._size = size
        small = cv2.resize(part, size, interpolation=cv2.INTER_AREA)
        self._scissors = cv2.segmentation.IntelligentScissorsMB()
        low, high = (threshold / sensitivity for threshold in _CANNY)
        self._scissors.setEdgeFeatureCannyParameters(low, high)
        self._scissors.setGradientMagnitudeMaxLimit(_GRADIENT_LIMIT / min(1.0, sensitivity))
        self._scissors.applyImage(np.ascontiguousarray(small[..., ::-1]))
        self._scissors.buildMap(self._cell(start_xy))

    def to(self, end_xy: Point) -> list[Point]:
        """Return the path to a point: start, points between, end.

        It is straight outside the window, and if none is found.
        """
        column, row = self._cell(end_xy, clip=False)
        if not (0 <= column < self._size[0] and 0 <= row < self._size[1]):
            return [self._start, end_xy]
        try:
            cells = self._scissors.getContour((column, row)).astype(np.float32)
        except cv2.error:  # OpenCV finds a loop where edges cost nothing
            return [self._start, end_xy]
        corners = cv2.approxPolyDP(cells, 0.5, closed=False).reshape(-1, 2)
        between = [self._point(float(cx), float(cy)) for cx, cy in corners[1:-1].tolist()]
        return [self._start, *between, end_xy]

    def _cell(self, point_xy: Point, *, clip: bool = True) -> tuple[int, int]:
        column = floor((point_xy[0] - self._left) * self._scale)
        row = floor((point_xy[1] - self._top) * self._scale)
        if clip:
            column, row = min(max(0, column), self._size[0] - 1), min(max(0, row), self._size[1] - 1)
        return column, row

    def _point(self, column: float, row: float) -> Point:
        return (column + 0.5) / self._scale + self._left, (row + 0.5) / self._scale + self._top
