"""Outlines of regions as polygons that give back the same pixels.

A corner lies a quarter pixel inside the edge of the region's pixels. So a polygon holds the same pixels by either
usual rule: a pixel is inside if its centre is (`raster.polygon`), or coordinates are cut to whole pixels and the
border is painted too (OpenCV's ``fillPoly``, Pillow's ``ImageDraw.polygon``).
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.labels import Mask

Ring = NDArray[np.float64]
"""Corners of a closed polygon, (N, 2): x and y in image coordinates; the first is not repeated at the end."""

_Ints = NDArray[np.int64]

_STEP = np.array([(1, 0), (0, 1), (-1, 0), (0, -1)])
"""From one end of a pixel's side to the other, by direction: right, down, left, up."""

_BESIDE = np.array([(0, 0), (-1, 0), (-1, -1), (0, -1)])
"""From the start of a side to the pixel on its right, by direction."""

_QUARTERS = 4
"""Corners are computed in quarters of a pixel, which are whole numbers."""


@dataclass(frozen=True, slots=True)
class Outline:
    """The outline of one region whose pixels touch at their sides.

    Attributes:
        outer: the border around it, clockwise as seen on the screen.
        holes: the border of each hole, the other way round.
    """

    outer: Ring
    holes: tuple[Ring, ...] = ()

    def joined(self) -> Ring:
        """Return one polygon that holds the same pixels.

        A cut along a row of pixels joins each hole to the border on its left. It has no width.
        """
        whole, *holes = (np.rint(ring * _QUARTERS).astype(np.int64) for ring in (self.outer, *self.holes))
        for hole in sorted(holes, key=lambda hole: int(hole[:, 0].min())):
            whole = _with_hole(whole, hole)
        return np.asarray(whole / _QUARTERS)


def outlines(mask: Mask) -> list[Outline]:
    """Return the outline of each region of a mask, bool (H, W), in the order of their first pixels."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    part = np.pad(mask[top : top + height, left : left + width], 1)
    number = cv2.connectedComponents(part.view(np.uint8), connectivity=4, ltype=cv2.CV_32S)[1]
    rings: dict[int, list[Ring]] = {}
    for ring, (x, y) in _rings(part):  # the first of a region is its outer border, which has its first pixel
        rings.setdefault(int(number[y, x]), []).append(ring + np.array((left - 1, top - 1)))
    return [Outline(outer, tuple(holes)) for outer, *holes in rings.values()]


def _rings(padded: Mask) -> Iterator[tuple[Ring, tuple[int, int]]]:
    """Yield each border in a mask with a margin of one pixel, and the (x, y) of a pixel along it.

    Regions are on the right of their borders. Where two pixels touch at a corner only, each keeps its own border.
    """
    start, direction = _sides(padded)
    after = _following(start, direction, padded.shape[1] + 1)
    before = np.empty_like(after)
    before[after] = np.arange(len(after))
    turns = direction != direction[before]
    inward = _STEP[(direction[before] + 1) % 4] + _STEP[(direction + 1) % 4]
    corners = start * _QUARTERS + inward
    pixels = start + _BESIDE[direction]
    while len(straight := np.flatnonzero(~turns[after])):  # halves the number of straight sides to the next corner
        after[straight] = after[after[straight]]
    to, left = after.tolist(), turns.tolist()
    for first in np.flatnonzero(turns).tolist():
        ring, side = [], first
        while left[side]:
            left[side] = False
            ring.append(side)
            side = to[side]
        if ring:
            x, y = pixels[first].tolist()
            yield corners[ring] / _QUARTERS, (x, y)


def _sides(padded: Mask) -> tuple[_Ints, _Ints]:
    """Return the sides of pixels between a region and what is around it, row by row.

    Returns:
        The (x, y) where each starts, with the region on the right of its direction; and the directions.
    """
    above, here, before = padded[:-1, 1:], padded[1:, 1:], padded[1:, :-1]
    found = (here & ~above, before & ~here, above & ~here, here & ~before)  # right, down, left, up
    offset = ((1, 1), (1, 1), (2, 1), (1, 2))
    starts = [np.argwhere(sides)[:, ::-1] + shift for sides, shift in zip(found, offset, strict=True)]
    start = np.concatenate(starts)
    direction = np.repeat(np.arange(4), [len(part) for part in starts])
    order = np.lexsort((direction, start[:, 0], start[:, 1]))
    return start[order], direction[order]


def _following(start: _Ints, direction: _Ints, width: int) -> _Ints:
    """Return which side comes after each; at a corner where two pixels touch, the one of the same pixel.

    Args:
        start: (x, y) of sides in the order of `_sides`.
        direction: of each.
        width: more than any x.
    """

    def key(point: _Ints, heading: _Ints) -> _Ints:
        return (point[:, 1] * width + point[:, 0]) * 4 + heading

    keys, end = key(start, direction), start + _STEP[direction]
    after = np.full(len(keys), -1)
    for turn in (3, 0, 1):  # a turn to the right stays at the pixel, so it goes before the others
        wanted = key(end, (direction + turn) % 4)
        place = np.searchsorted(keys, wanted) % max(len(keys), 1)
        after = np.where(keys[place] == wanted, place, after)
    return after


def _with_hole(whole: _Ints, hole: _Ints) -> _Ints:
    """Return a polygon with a hole joined to it, in quarters of a pixel.

    The polygon must have the border that is next on the left of the hole's leftmost side.
    """
    leftmost = int(hole[:, 0].min())
    side = int(np.flatnonzero((hole[:, 0] == leftmost) & (np.roll(hole[:, 0], -1) == leftmost))[0])
    top = int(hole[[side, (side + 1) % len(hole)], 1].min())
    row = (
        top + 1
    ) // _QUARTERS * _QUARTERS + _QUARTERS // 2  # the centres of the first row of pixels along this side
    (x, y), below = whole.T, np.roll(whole[:, 1], -1)
    met = (np.minimum(y, below) < row) & (row < np.maximum(y, below)) & (x < leftmost)
    crossed = np.flatnonzero(met)
    nearest = int(crossed[np.argmax(x[crossed])])
    there, here = np.array([[x[nearest], row]]), np.array([[leftmost, row]])
    around = np.roll(hole, -side - 1, axis=0)
    return np.concatenate((whole[: nearest + 1], there, here, around, here, there, whole[nearest + 1 :]))
