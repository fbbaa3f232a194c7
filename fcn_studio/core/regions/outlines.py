"""Outlines of regions as polygons that give back the same pixels.

A corner lies a quarter pixel inside the edge of the region's pixels. So a polygon holds the same pixels by either
usual rule: a pixel is inside if its centre is (`raster.polygon`), or coordinates are cut to whole pixels and the
border is painted too (OpenCV's ``fillPoly``, Pillow's ``ImageDraw.polygon``).
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import NamedTuple

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
        rings = [np.rint(ring * _QUARTERS).astype(np.int64) for ring in (self.outer, *self.holes)]
        cuts = _cuts(rings)
        joined: dict[int, list[_Ints]] = {}
        met: dict[int, list[_Cut]] = {number: [] for number in range(len(rings))}
        for cut in cuts:
            met[cut.ring].append(cut)
        for cut in sorted(cuts, key=lambda cut: -int(cut.ends[1, 0])):  # what is joined to a hole is right of it
            joined[cut.hole] = _with_cuts(rings[cut.hole], cut.side + 1, met[cut.hole], joined)
        return np.asarray(np.concatenate(_with_cuts(rings[0], 0, met[0], joined)) / _QUARTERS)


class _Cut(NamedTuple):
    """What joins a hole to the border on its left, in quarters of a pixel.

    Attributes:
        hole: number of the hole's ring.
        side: number of the hole's corner from which its leftmost side goes.
        ring: number of the ring on the left.
        edge: number of that ring's corner from which the side goes that the cut meets.
        along: place on that side; it grows in its direction.
        ends: (2, 2), the points of the cut on the other ring and on the hole.
    """

    hole: int
    side: int
    ring: int
    edge: int
    along: int
    ends: _Ints


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


def _cuts(rings: Sequence[_Ints]) -> list[_Cut]:
    """Return the cut of each ring but the first, which is around the others."""
    begin = np.concatenate(rings)
    end = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    ring_of = np.repeat(np.arange(len(rings)), [len(ring) for ring in rings])
    starts = np.searchsorted(ring_of, np.arange(len(rings)))
    upright = np.flatnonzero(begin[:, 0] == end[:, 0])
    first, after = (np.sort((begin[upright, 1], end[upright, 1]), axis=0) + 1) // _QUARTERS
    edge = np.repeat(upright, after - first)  # once for each row of pixels along it
    row = np.arange(len(edge)) - np.repeat(np.cumsum(after - first) - (after - first), after - first)
    row += np.repeat(first, after - first)
    width = int(begin[:, 0].max()) + 1
    order = np.argsort(row * width + begin[edge, 0])
    keys = (row * width + begin[edge, 0])[order]
    cuts = []
    for number, ring in enumerate(rings[1:], 1):
        left = int(ring[:, 0].min())
        side = int(np.flatnonzero((ring[:, 0] == left) & (np.roll(ring[:, 0], -1) == left))[0])
        at = (int(ring[[side, (side + 1) % len(ring)], 1].min()) + 1) // _QUARTERS
        met = int(edge[order[np.searchsorted(keys, at * width + left) - 1]])  # the next on the left in this row
        middle = at * _QUARTERS + _QUARTERS // 2
        ends = np.array([(begin[met, 0], middle), (left, middle)])
        along = middle if begin[met, 1] < end[met, 1] else -middle
        cuts.append(_Cut(number, side, int(ring_of[met]), int(met - starts[ring_of[met]]), along, ends))
    return cuts


def _with_cuts(ring: _Ints, first: int, cuts: Iterable[_Cut], joined: Mapping[int, Sequence[_Ints]]) -> list[_Ints]:
    """Return the parts of a ring from its corner ``first`` on, with the holes whose cuts meet it.

    Args:
        ring: its corners.
        first: where it begins.
        cuts: those that meet it.
        joined: the parts of their holes.
    """
    corners = np.roll(ring, -first, axis=0)
    parts, done = list[_Ints](), 0
    for cut in sorted(cuts, key=lambda cut: ((cut.edge - first) % len(ring), cut.along)):
        after = (cut.edge - first) % len(ring) + 1
        parts += [corners[done:after], cut.ends, *joined[cut.hole], cut.ends[::-1]]
        done = after
    return [*parts, corners[done:]]
