"""From geometry to pixels: the regions that tools write.

Image coordinates are floats in which pixel (x, y) covers ``[x, x + 1) x [y, y + 1)`` and has its centre at
``(x + 0.5, y + 0.5)``. One rule holds for every shape: a pixel is inside if its centre is. OpenCV's line and
polygon fillers are not used because they also paint the border that they cross: a disc of diameter 5 comes out
7 pixels wide and an even one lopsided, and two polygons with a common edge overlap.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.region import Columns, Region, SpanRegion, StencilRegion, drawn

Point = tuple[float, float]
"""(x, y) in image coordinates."""

Size = tuple[int, int]
"""(width, height) of an image in pixels."""

BrushShape = Literal["round", "square"]
Connectivity = Literal[4, 8]

_Floats = NDArray[np.floating]

_BANDED_FROM = 700_000
"""Pixels of a capsule's rectangle from which its new part is given in bands; below, one rectangle costs less."""

_BANDS = 8
"""A thin ring is cut into so many bands: more cost more than the emptier rectangles save."""


def snapped(point_xy: Point, diameter: int) -> Point:
    """Where a brush of this diameter really lands: odd ones on a pixel's centre, even ones on a corner.

    So a brush paints the same pixels wherever it is, and one of diameter 1 the pixel under the point.
    """
    x, y = point_xy
    if diameter % 2:
        return math.floor(x) + 0.5, math.floor(y) + 0.5
    return float(math.floor(x + 0.5)), float(math.floor(y + 0.5))


def brush_diameter(size: float) -> int:
    """The whole number of pixels, at least 1, that a brush size means."""
    return max(1, round(size))


def capsule(p_xy: Point, q_xy: Point, diameter: float, shape: BrushShape, bounds: Size) -> Region | None:
    """What a brush covers on its straight way from p to q; a dab if they are equal.

    Args:
        p_xy: start in image coordinates, may be outside the image.
        q_xy: end, likewise.
        diameter: brush size in pixels, rounded to a whole number of at least 1.
        shape: "round", or "square" for one that stays upright.
        bounds: (width, height) of the image.

    Returns:
        The covered part of the image; None if there is none.
    """
    swept = _swept(p_xy, q_xy, brush_diameter(diameter), shape, bounds)
    return None if swept is None else swept.region()


def trail(p_xy: Point, q_xy: Point, diameter: float, shape: BrushShape, bounds: Size) -> list[Region]:
    """What a brush that stands at p covers anew on its straight way to q: together with the dab at p, the capsule.

    The new part of a large brush's way is a thin crescent, which is given in bands: their rectangles hold little
    else, so writing and showing them costs what the crescent does, not what the brush does.

    Args, units: as `capsule`.
    """
    size = brush_diameter(diameter)
    swept = _swept(p_xy, q_xy, size, shape, bounds)
    if swept is None:
        return []
    rect, first, after = swept.rect, swept.first, swept.after
    if rect.area < _BANDED_FROM:
        region = swept.region()
        return [] if region is None else [region]
    inner_first, inner_after = after.copy(), after.copy()  # rows without the dab: all of their span is new
    dab = _swept(p_xy, p_xy, size, shape, bounds)
    if dab is not None:
        rows = slice(dab.rect.y0 - rect.y0, dab.rect.y1 - rect.y0)
        there, shift = dab.first < dab.after, dab.rect.x0 - rect.x0
        inner_first[rows] = np.where(there, dab.first + shift, after[rows])
        inner_after[rows] = np.where(there, dab.after + shift, after[rows])
    regions = []
    for top, bottom in pairwise(arc_edges(rect.height)):
        rows = slice(top, bottom)
        for lefts, rights in ((first[rows], inner_first[rows]), (inner_after[rows], after[rows])):
            region = _band(rect.x0, rect.y0 + top, lefts, rights)
            if region is not None:
                regions.append(region)
    return regions


def polygon(points_xy: Sequence[Point], bounds: Size) -> Region | None:
    """The inside of a closed polygon by the even-odd rule.

    Pixels whose centre lies exactly on an edge go to one side only (the one to the right or below), so polygons
    that share an edge neither overlap nor leave a gap.

    Args:
        points_xy: the corners in image coordinates, at least 3; may be outside the image, may cross themselves.
        bounds: (width, height) of the image.

    Returns:
        The inside, cut to the image; None if no pixel's centre is in it.
    """
    if len(points_xy) < 3:
        return None
    rect = _bounding(points_xy, 0, bounds)
    if not rect:
        return None
    start = np.asarray(points_xy, np.float64)
    end = np.roll(start, -1, axis=0)
    upward = start[:, 1] > end[:, 1]
    top, bottom = np.where(upward[:, None], end, start), np.where(upward[:, None], start, end)
    first = np.clip(np.ceil(top[:, 1] - 0.5), rect.y0, rect.y1).astype(np.int64)
    last = np.clip(np.ceil(bottom[:, 1] - 0.5), rect.y0, rect.y1).astype(np.int64)
    count = last - first  # rows whose centre line this edge crosses
    edge = np.repeat(np.arange(len(start)), count)
    rows = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    height = bottom[edge, 1] - top[edge, 1]
    xs = top[edge, 0] + (rows + 0.5 - top[edge, 1]) * (bottom[edge, 0] - top[edge, 0]) / height
    order = np.lexsort((xs, rows))  # each row has an even number of crossings: they pair up to spans
    first, after = _columns(rect, xs[order][::2], xs[order][1::2])
    if not (first < after).any():
        return None
    return SpanRegion(rect, rows[order][::2], first, after)


def flood(label_map: LabelMap, seed_xy: tuple[int, int], *, connectivity: Connectivity = 4) -> Region:
    """The connected region of equal values around a pixel.

    Args:
        label_map: uint8 (H, W).
        seed_xy: a pixel inside the map.
        connectivity: 4 or 8 neighbours.
    """
    height, width = label_map.shape
    mask = np.zeros((height + 2, width + 2), np.uint8)
    image = _passed_as_writable(label_map)
    flags = connectivity | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (1 << 8)
    x, y, w, h = cv2.floodFill(image, mask, seed_xy, 0, flags=flags)[3]
    rect = Rect(x, y, x + w, y + h)
    return StencilRegion(rect, mask[1:-1, 1:-1][rect.slices])


def _passed_as_writable(array: LabelMap) -> LabelMap:
    """The same pixels for OpenCV's flood, which refuses what is read-only although with MASK_ONLY it writes none."""
    base = array.base
    if array.flags.writeable or not isinstance(base, np.ndarray):
        return array if array.flags.writeable else array.copy()
    whole = (base.ctypes.data, base.shape, base.strides) == (array.ctypes.data, array.shape, array.strides)
    return base if whole and base.flags.writeable else array.copy()


def _bounding(points: Sequence[Point], margin: float, bounds: Size) -> Rect:
    """Smallest rectangle of pixels around points with a margin, cut to the image."""
    xs, ys = zip(*points, strict=True)
    box = Rect(
        math.floor(min(xs) - margin), math.floor(min(ys) - margin),
        math.ceil(max(xs) + margin), math.ceil(max(ys) + margin),
    )  # fmt: skip
    return box.intersect(Rect(0, 0, *bounds))


@lru_cache(maxsize=64)
def arc_edges(height: int) -> tuple[int, ...]:
    """Rows 0 .. ``height`` where a ring of that height is best cut: in arcs of equal angle."""
    edges = height * (1 - np.cos(np.linspace(0, np.pi, _BANDS + 1))) / 2
    return tuple(sorted({int(edge) for edge in np.rint(edges)}))


@dataclass(frozen=True, slots=True)
class _Swept:
    """What a brush covers on its way within the image: one span in each row of a rectangle.

    Attributes:
        rect: of image pixels, not empty.
        first: the first column covered in each row, counted from the rectangle's left edge.
        after: the one after the last. Where the image's edge cuts the way, rows may be empty.
        cut: whether it does.
    """

    rect: Rect
    first: Columns
    after: Columns
    cut: bool

    def region(self) -> Region | None:
        """All of it; None if it is empty."""
        if self.cut:
            return _band(self.rect.x0, self.rect.y0, self.first, self.after)
        return _one_span_a_row(self.rect, self.first, self.after)


def _swept(p_xy: Point, q_xy: Point, size: int, shape: BrushShape, bounds: Size) -> _Swept | None:
    """What a brush of a whole size covers from p to q; None if nothing."""
    (x, y), (end_x, end_y) = _corner(p_xy, size), _corner(q_xy, size)
    whole = Rect(min(x, end_x), min(y, end_y), max(x, end_x) + size, max(y, end_y) + size)
    rect = whole.intersect(Rect(0, 0, *bounds))
    if not rect:
        return None
    first, after = _spans(size, shape, end_x - x, end_y - y)
    if rect == whole:
        return _Swept(rect, first, after, cut=False)
    rows = slice(rect.y0 - whole.y0, rect.y1 - whole.y0)
    first, after = (_within(ends[rows] + (whole.x0 - rect.x0), 0, rect.width) for ends in (first, after))
    return _Swept(rect, first, after, cut=True)


def _corner(point_xy: Point, size: int) -> tuple[int, int]:
    """The upper left pixel of the square around a brush that lands at a point."""
    x, y = snapped(point_xy, size)
    return int(x - size / 2), int(y - size / 2)


@lru_cache(maxsize=128)  # at most 32 MB, of lines across images of 16,384 pixels
def _spans(size: int, shape: BrushShape, dx: int, dy: int) -> tuple[Columns, Columns]:
    """What a brush covers that moves by (dx, dy) pixels: per row the first column and the one after the last.

    They count from the rectangle around it, ``size`` and the move wide and high. The shape is convex, so each row
    holds one span. Its ends lie on the brush at the start, on the brush at the end, or on the ways that the brush's
    outermost points take between them. Snapped brushes move by whole pixels, so it matters not where they are.
    """
    # Both ends in one array: the left ones, and the right ones negated. So the outer of two is always the lesser.
    ends = np.full((2, size + abs(dy)), np.inf)
    dab, radius = _dab(size, shape), size / 2
    for x, y in ((max(0, -dx), max(0, -dy)), (max(0, dx), max(0, dy))):
        at_rest = ends[:, y : y + size]
        np.minimum(at_rest, dab + x * _SIGNS, out=at_rest)
    for away_x, away_y in _outermost(radius, shape, dx, dy) if dy else ():
        left, top = radius + away_x + (abs(dx) if dx * dy < 0 else 0), radius + away_y  # the way's upper end
        rows = slice(math.ceil(top - 0.5), math.floor(top + abs(dy) - 0.5) + 1)
        sign, side = (1, ends[0, rows]) if away_x < 0 else (-1, ends[1, rows])
        # To multiply first is exact where the way meets the centre of a pixel, which is inside.
        along = (np.arange(rows.start, rows.stop) + (0.5 - top)) * (sign * dx) / dy
        np.minimum(side, np.ceil(along + (sign * left - 0.5)), out=side)
    first, after = ends.astype(np.int64)
    np.negative(after, out=after)
    first.flags.writeable = after.flags.writeable = False
    return first, after


_SIGNS = np.array([[1.0], [-1.0]])


@lru_cache(maxsize=64)
def _dab(size: int, shape: BrushShape) -> _Floats:
    """The first column, and the negated one after the last, of each row of a brush that stands: (2, size)."""
    radius = size / 2
    away = np.arange(size) + 0.5 - radius
    half = np.sqrt(radius**2 - away**2) if shape == "round" else np.full(size, radius)
    ends: _Floats = np.ceil(_SIGNS * radius - half - 0.5)
    return ends


def _outermost(radius: float, shape: BrushShape, dx: int, dy: int) -> list[Point]:
    """Offsets of the points whose ways bound what a brush sweeps moving up or down: a disc has two, a square four."""
    if shape == "square":
        return [(x, y) for x in (-radius, radius) for y in (-radius, radius)]
    scale = radius / math.hypot(dx, dy)
    x, y = -abs(dy) * scale, (dx if dy > 0 else -dx) * scale
    return [(x, y), (-x, -y)]


def _columns(rect: Rect, lefts: _Floats, rights: _Floats) -> tuple[Columns, Columns]:
    """The columns whose centres lie in ``left <= centre < right``, cut to the rectangle: first, after the last."""
    first = _within(np.ceil(lefts - 0.5), rect.x0, rect.x1).astype(np.int64)
    return first, np.maximum(first, _within(np.ceil(rights - 0.5), rect.x0, rect.x1).astype(np.int64))


def _within(values: NDArray[Any], low: int, high: int) -> NDArray[Any]:
    """Values cut to ``low .. high``: `np.clip` in a third of its time, which for a small brush is felt."""
    cut: NDArray[Any] = np.minimum(np.maximum(values, low), high)
    return cut


def _band(left: int, top: int, first: Columns, after: Columns) -> Region | None:
    """Region of one span ``first <= x < after`` in each row from ``top`` on, columns counted from ``left``.

    Its rectangle is no larger than it must be; None if all rows are empty.
    """
    held = np.flatnonzero(first < after)
    if not held.size:
        return None
    rows = slice(int(held[0]), int(held[-1]) + 1)
    x0, x1 = int(first[held].min()), int(after[held].max())
    first = _within(first[rows] - x0, 0, x1 - x0)
    after = np.maximum(first, np.minimum(after[rows] - x0, x1 - x0))
    rect = Rect(left + x0, top + rows.start, left + x1, top + rows.stop)
    return _one_span_a_row(rect, first, after)


def _one_span_a_row(rect: Rect, first: Columns, after: Columns) -> Region:
    """Region of one span in each row of a rectangle, columns counted from its left edge."""
    return StencilRegion(rect, drawn(rect.width, rect.height, np.arange(rect.height), first, after))
