"""The outline of a region, drawn at the resolution of the screen."""

from __future__ import annotations

import math

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtGui import QImage, QPainter

from fcn_studio.core.geometry import Rect
from fcn_studio.core.region import Region
from fcn_studio.ui.canvas.view_state import ViewState

LINE, HALO, GAP = 0xFFFFFFFF, 0xC0000000, 0xFF000000
"""Premultiplied ARGB of the line, of the halo on both sides of it, and of the gaps in a dashed one.

They are seen on every class colour.
"""

_DASH = 5
"""Logical pixels of a dash and of a gap, measured along rows plus columns."""


class RegionOutline:
    """The outline of one region, drawn once for each view.

    Args:
        region: to outline.
        dashed: draw a dashed line.

    Attributes:
        region: as given.
    """

    def __init__(self, region: Region, *, dashed: bool = False) -> None:
        self.region, self._dashed = region, dashed
        self._drawn: tuple[ViewState, float, QImage, Rect] | None = None

    def rect(self, view: ViewState, dpr: float) -> Rect:
        """Return the device pixels that it touches."""
        return outline_rect(self.region, view, dpr).intersect(view.viewport)

    def paint(self, painter: QPainter, view: ViewState, dpr: float) -> None:
        """Draw it; ``painter`` uses device pixels."""
        if self._drawn is None or self._drawn[:2] != (view, dpr):
            self._drawn = view, dpr, *outline_image(self.region, view, dpr, dashed=self._dashed)
        _, _, picture, rect = self._drawn
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
        painter.drawImage(rect.x0, rect.y0, picture)


def outline_rect(region: Region, view: ViewState, dpr: float) -> Rect:
    """Return the device pixels that the outline of a region may touch."""
    rect, reach = region.rect, _line_width(dpr) + _halo_width(dpr) + 1
    left, top = view.to_device(rect.x0, rect.y0)
    right, bottom = view.to_device(rect.x1, rect.y1)
    around = Rect(math.floor(left), math.floor(top), math.ceil(right), math.ceil(bottom)).grown(reach)
    return around.intersect(view.viewport.grown(reach))


def outline_image(region: Region, view: ViewState, dpr: float, *, dashed: bool = False) -> tuple[QImage, Rect]:
    """Draw the outline of a region; return it with its device pixels.

    Its cost follows the viewport, not the image. The line runs inside the region, the halo on both sides of it.
    """
    rect = outline_rect(region, view, dpr)
    if not rect:
        return QImage(), rect
    shown = _shown(region, view, rect)
    line = _line_width(dpr)
    inner = cv2.erode(shown, _square(line), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    drawn = shown - inner
    near = cv2.dilate(drawn, _square(_halo_width(dpr)), borderType=cv2.BORDER_CONSTANT, borderValue=0)
    pixels = np.zeros(shown.shape, np.uint32)
    pixels[near > 0] = HALO
    pixels[drawn > 0] = LINE
    if dashed:
        along = (np.arange(rect.height)[:, None] + np.arange(rect.width)) // max(1, round(_DASH * dpr))
        pixels[(drawn > 0) & (along % 2 > 0)] = GAP
    picture = QImage(pixels.data, rect.width, rect.height, 4 * rect.width, QImage.Format.Format_ARGB32_Premultiplied)
    return picture.copy(), rect


def _shown(region: Region, view: ViewState, rect: Rect) -> NDArray[np.uint8]:
    """Return which device pixels of a rectangle show the region: uint8 (height, width), 0 or 1.

    Nearest-neighbour sampling, as in `fcn_studio.ui.canvas.sampling.Sampling`.
    """
    columns = np.floor((np.arange(rect.x0, rect.x1) - view.origin_x + 0.5) / view.scale).astype(np.int64)
    rows = np.floor((np.arange(rect.y0, rect.y1) - view.origin_y + 0.5) / view.scale).astype(np.int64)
    inside_x = (columns >= region.rect.x0) & (columns < region.rect.x1)
    inside_y = (rows >= region.rect.y0) & (rows < region.rect.y1)
    shown = np.zeros((rect.height, rect.width), np.uint8)
    columns, rows = columns[inside_x], rows[inside_y]
    if columns.size and rows.size:
        shown[np.ix_(inside_y, inside_x)] = region.sampled(rows, columns) > 0
    return shown


def _line_width(dpr: float) -> int:
    return max(1, round(2 * dpr))


def _halo_width(dpr: float) -> int:
    return max(1, round(dpr))


def _square(reach: int) -> NDArray[np.uint8]:
    return np.ones((2 * reach + 1, 2 * reach + 1), np.uint8)
