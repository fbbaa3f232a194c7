"""Hatching: a pattern of lines for each class.

Patterns tell classes apart without their colours.
"""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.labels import LabelMap
from fcn_studio.ui.canvas.colours import Pixels

_PERIOD = 24
"""Period of every pattern in both directions, in line widths."""

_WIDE, _DENSE = (12, 2), (6, 1)
"""Distance and width of lines."""

_DIRECTIONS = 6

PATTERNS = 2 * _DIRECTIONS
"""Number of patterns; further classes share them."""


class Hatch:
    """Lines that hatch labels.

    Args:
        lines: the pixel of each class on its lines and at its border, shape (256,).
        unit: device pixels for one line width.
    """

    def __init__(self, lines: Pixels, unit: int = 1) -> None:
        self.lines = lines
        self._tile = _tile(unit)

    def on(self, indices: LabelMap, left: int, top: int) -> NDArray[np.uint8]:
        """Return a mask of the lines.

        Args:
            indices: uint8 (h, w), the class of each device pixel.
            left: column of the first of them, counted from the image's origin, so that lines scroll with it.
            top: its row, likewise.

        Returns:
            uint8 of the same shape: 255 on lines, else 0.
        """
        height, width = indices.shape
        period = len(self._tile)
        strip = self._tile.take(np.arange(left, left + width) % period, axis=1)
        crossed = strip[np.arange(top, top + height) % period]
        np.bitwise_and(crossed, cv2.LUT(indices, _BITS), out=crossed)
        # 1 becomes 255. cv2.compare treats arrays of few pixels as scalars.
        lines: NDArray[np.uint8] = np.negative((crossed != 0).view(np.uint8))
        return lines


def pattern_of(index: int) -> int:
    """Return the pattern of a class index.

    Neighbours in the table differ in direction and distance of lines.
    """
    turn, direction = divmod(index, _DIRECTIONS)
    return 2 * direction + (index + turn) % 2


def drawn_lines(pattern: int, unit: int) -> NDArray[np.bool_]:
    """Return one period of a pattern, True on its lines."""
    direction, dense = divmod(pattern, 2)
    distance, width = _DENSE if dense else _WIDE
    y, x = np.mgrid[: _PERIOD * unit, : _PERIOD * unit]

    def every(along: NDArray[np.int64]) -> NDArray[np.bool_]:
        lines: NDArray[np.bool_] = along % (distance * unit) < width * unit
        return lines

    return (
        every(x + y), every(y), every(x - y), every(x), every(x + y) | every(x - y), every(x) | every(y),
    )[direction]  # fmt: skip


def _tile(unit: int) -> NDArray[np.uint16]:
    """Return one period of all patterns.

    Bit p is set on the lines of pattern p.
    """
    tile = np.zeros((_PERIOD * unit, _PERIOD * unit), np.uint16)
    for pattern in range(PATTERNS):
        tile[drawn_lines(pattern, unit)] |= np.uint16(1 << pattern)
    return tile


_BITS = np.array([1 << pattern_of(index) for index in range(256)], np.uint16)
"""The bit of each class's pattern."""
