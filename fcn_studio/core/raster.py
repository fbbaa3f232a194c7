"""Rasterisation of brushes, polygons and fills to regions.

Image coordinates are floats in which pixel (x, y) covers ``[x, x + 1) x [y, y + 1)`` and has its centre at
``(x + 0.5, y + 0.5)``. One rule holds for every shape: a pixel is inside if its centre is. OpenCV's line and
polygon fillers are not used because they also paint the border that they cross: a disc of diameter 5 comes out
7 pixels wide and an even one lopsided, and two polygons with a common edge overlap.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from functools import lru_cache
from itertools import pairwise
from typing import Any, Literal, NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.region import Columns, Region, SpanRegion, StencilRegion, drawn
from fcn_studio.i18n import tr

Point = tuple[float, float]
"""(x, y) in image coordinates."""

Size = tuple[int, int]
"""(width, height) of an image in pixels."""

BrushShape = Literal["round", "square"]
Connectivity = Literal[4, 8]

Corner = tuple[int, int]
"""(column, row) of a pixel."""

_Floats = NDArray[np.floating]

_BANDED_FROM = 400_000
"""Pixels around the new part of a way from which it is given in bands; below, one rectangle costs less."""

_WORTH_CUTTING = 40_000
"""So many pixels are written in the time that it takes to leave them out."""

_MOST_CROSSINGS = 4_000_000
"""Of the edges of a polygon with rows; one that needs more is no drawing, and would take gigabytes."""

_BANDS = 8
"""A thin ring is cut into so many bands: more cost more than the emptier rectangles save."""


def snapped(point_xy: Point, diameter: int) -> Point:
    """Return where a brush of this diameter lands.

    Odd diameters land on a pixel's centre, even ones on a corner.

    So a brush paints the same pixels wherever it is, and one of diameter 1 the pixel under the point.
    """
    x, y = point_xy
    if diameter % 2:
        return math.floor(x) + 0.5, math.floor(y) + 0.5
    return float(math.floor(x + 0.5)), float(math.floor(y + 0.5))


def brush_diameter(size: float) -> int:
    """Return the diameter of a brush in whole pixels, at least 1."""
    return max(1, round(size))


def capsule(p_xy: Point, q_xy: Point, diameter: float, shape: BrushShape, bounds: Size) -> Region | None:
    """Return what a brush covers on its way from p to q.

    It is a dab if they are equal.

    Args:
        p_xy: start in image coordinates, may be outside the image.
        q_xy: end, likewise.
        diameter: brush size in pixels, rounded to a whole number of at least 1.
        shape: "round", or "square" for one that stays upright.
        bounds: (width, height) of the image.

    Returns:
        The covered part of the image, which may be empty; None if nothing near it is in the image.
    """
    size = brush_diameter(diameter)
    swept = _Swept.between(_corner(p_xy, size), _corner(q_xy, size), size, shape)
    return swept.region(swept.rect.intersect(Rect(0, 0, *bounds)))


def trail(p_xy: Point, q_xy: Point, diameter: float, shape: BrushShape, bounds: Size) -> list[Region]:
    """Return what a brush at p newly covers towards q.

    Together with the dab at p it is the capsule.

    That is a crescent ahead of the brush. Regions may hold some of the dab again, but their rectangles end where the
    crescent does; that of a large brush is thin, and is given in bands. So writing and showing them costs what the
    crescent does, not what the brush does.

    Args, units: as `capsule`.
    """
    size = brush_diameter(diameter)
    start, end = _corner(p_xy, size), _corner(q_xy, size)
    if start == end:
        return []
    swept = _Swept.between(start, end, size, shape)
    whole = swept.rect.intersect(Rect(0, 0, *bounds))
    rect = _ahead(start, end, size, shape).intersect(whole)
    if rect.area >= _BANDED_FROM:
        return list(_bands(swept, _Swept.between(start, start, size, shape), rect))
    region = swept.region(rect if whole.area - rect.area > _WORTH_CUTTING else whole)
    return [] if region is None else [region]


def polygon(points_xy: Sequence[Point], bounds: Size) -> Region | None:
    """Return the inside of a closed polygon by the even-odd rule.

    See `even_odd`.

    Args:
        points_xy: the corners in image coordinates, at least 3; may be outside the image, may cross themselves.
        bounds: (width, height) of the image.
    """
    return even_odd((points_xy,), bounds)


def even_odd(rings_xy: Sequence[Sequence[Point]], bounds: Size) -> Region | None:
    """Return what an odd number of closed rings enclose.

    A ring inside another is a hole. Pixels whose centre lies exactly on an edge go to one side only (the one to the
    right or below), so polygons that share an edge neither overlap nor leave a gap.

    Args:
        rings_xy: the corners of each ring in image coordinates; may be outside the image, may cross. Rings of fewer
            than 3 corners enclose nothing.
        bounds: (width, height) of the image.

    Returns:
        The inside, cut to the image; None if no pixel's centre is in it.

    Raises:
        ValueError: if the edges cross more rows than any drawing has.
    """
    rings = [np.asarray(ring, np.float64) for ring in rings_xy if len(ring) >= 3]
    if not rings:
        return None
    start = np.concatenate(rings)
    rect = _bounding(start.tolist(), 0, bounds)
    if not rect:
        return None
    end = np.concatenate([np.roll(ring, -1, axis=0) for ring in rings])
    rows, xs = _crossings(start, end, rect)
    order = np.lexsort((xs, rows))  # each row has an even number of crossings: they pair up to spans
    first, after = _columns(rect, xs[order][::2], xs[order][1::2])
    if not (first < after).any():
        return None
    return SpanRegion(rect, rows[order][::2], first, after)


def _crossings(start: _Floats, end: _Floats, rect: Rect) -> tuple[Columns, _Floats]:
    """Return where edges cross the centre lines of rows: (row, x) of each crossing, rows within ``rect``."""
    upward = start[:, 1] > end[:, 1]
    top, bottom = np.where(upward[:, None], end, start), np.where(upward[:, None], start, end)
    first = np.clip(np.ceil(top[:, 1] - 0.5), rect.y0, rect.y1).astype(np.int64)
    last = np.clip(np.ceil(bottom[:, 1] - 0.5), rect.y0, rect.y1).astype(np.int64)
    count = last - first  # rows whose centre line this edge crosses
    if count.sum() > _MOST_CROSSINGS:
        raise ValueError(tr("the edges of a polygon cross too many rows"))
    edge = np.repeat(np.arange(len(start)), count)
    rows = np.arange(count.sum()) - np.repeat(np.cumsum(count) - count, count) + first[edge]
    height = bottom[edge, 1] - top[edge, 1]
    xs = top[edge, 0] + (rows + 0.5 - top[edge, 1]) * (bottom[edge, 0] - top[edge, 0]) / height
    return rows, xs


def flood(label_map: LabelMap, seed_xy: tuple[int, int], *, connectivity: Connectivity = 4) -> Region:
    """Return the connected region of equal values around a pixel.

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
    """Return the same pixels as a writable array for OpenCV's flood fill.

    It refuses read-only arrays, although with MASK_ONLY it writes none.
    """
    base = array.base
    if array.flags.writeable or not isinstance(base, np.ndarray):
        return array if array.flags.writeable else array.copy()
    whole = (base.ctypes.data, base.shape, base.strides) == (array.ctypes.data, array.shape, array.strides)
    return base if whole and base.flags.writeable else array.copy()


def _bounding(points: Sequence[Point], margin: float, bounds: Size) -> Rect:
    """Return the rectangle around points with a margin, within the image."""
    xs, ys = zip(*points, strict=True)
    box = Rect(
        math.floor(min(xs) - margin), math.floor(min(ys) - margin),
        math.ceil(max(xs) + margin), math.ceil(max(ys) + margin),
    )  # fmt: skip
    return box.intersect(Rect(0, 0, *bounds))


@lru_cache(maxsize=64)
def arc_edges(height: int) -> tuple[int, ...]:
    """Return the rows that cut a ring into arcs of equal angle.

    They go from 0 to ``height``.
    """
    edges = height * (1 - np.cos(np.linspace(0, np.pi, _BANDS + 1))) / 2
    return tuple(sorted({int(edge) for edge in np.rint(edges)}))


class _Swept(NamedTuple):
    """What a brush covers on its way: one span in each row.

    It may reach beyond the image.

    Attributes:
        rect: of image pixels.
        spans: int64 (2, rect.height): the first column in each row, counted from the rectangle's left edge, and the
            one after the last.
    """

    rect: Rect
    spans: Columns

    @classmethod
    def between(cls, start: Corner, end: Corner, size: int, shape: BrushShape) -> _Swept:
        """Return the sweep of a whole-sized brush between two places."""
        (x, y), (end_x, end_y) = start, end
        if y > end_y:
            x, y, end_x, end_y = end_x, end_y, x, y
        left, right = (x, end_x) if x < end_x else (end_x, x)
        return cls(Rect(left, y, right + size, end_y + size), _spans(size, shape, end_x - x, end_y - y))

    def within(self, rect: Rect) -> Columns:
        """Return the spans in a rectangle inside ``self.rect``.

        They are cut to it and count from its left edge.
        """
        if rect == self.rect:
            return self.spans
        spans = self.spans[:, rect.y0 - self.rect.y0 : rect.y1 - self.rect.y0] + (self.rect.x0 - rect.x0)
        return _within(spans, 0, rect.width)

    def region(self, rect: Rect) -> Region | None:
        """Return the part in a rectangle inside ``self.rect``, None if empty."""
        return _one_span_a_row(rect, self.within(rect)) if rect else None


def _ahead(start: Corner, end: Corner, size: int, shape: BrushShape) -> Rect:
    """Return the rectangle around what is swept outside the first dab.

    It lies ahead of the line that is drawn across a disc, through its centre. What a square sweeps slantwise begins
    at two corners; else all of it lies before its front.
    """
    dx, dy, radius = end[0] - start[0], end[1] - start[1], size / 2
    if shape == "round":
        scale = radius / math.hypot(dx, dy)
        back_x, back_y = abs(dy) * scale, abs(dx) * scale
    else:
        back_x, back_y = radius if dy else -radius, radius if dx else -radius
    (x0, x1), (y0, y1) = _reach(start[0], dx, size, back_x), _reach(start[1], dy, size, back_y)
    return Rect(x0, y0, x1, y1)


def _reach(start: int, move: int, size: int, back: float) -> tuple[int, int]:
    """Return the range that a brush covers along one axis."""
    centre = start + size / 2
    if move > 0:
        return math.floor(centre - back), start + move + size
    if move < 0:
        return start + move, math.ceil(centre + back)
    return start, start + size


def _bands(swept: _Swept, dab: _Swept, rect: Rect) -> Iterator[Region]:
    """Return what is swept outside the dab, in bands with tight rectangles."""
    outer = swept.within(rect)
    inner = np.array((outer[1], outer[1]))  # rows without the dab: all of their span is new
    shared = dab.rect.intersect(rect)
    if shared:
        rows = slice(shared.y0 - rect.y0, shared.y1 - rect.y0)
        old = dab.within(Rect(dab.rect.x0, shared.y0, dab.rect.x1, shared.y1)) + (dab.rect.x0 - rect.x0)
        inner[:, rows] = _within(old, outer[0, rows], outer[1, rows])
    edges = [min(max(edge + swept.rect.y0, rect.y0), rect.y1) for edge in arc_edges(swept.rect.height)]
    for top, bottom in pairwise(edges):
        rows = slice(top - rect.y0, bottom - rect.y0)
        for first, after in ((outer[0, rows], inner[0, rows]), (inner[1, rows], outer[1, rows])):
            held = np.flatnonzero(first < after)
            if held.size:
                yield _band(rect.x0, top, first, after, slice(int(held[0]), int(held[-1]) + 1))


def _corner(point_xy: Point, size: int) -> Corner:
    """Return the upper left pixel of the square around a brush.

    See `snapped`.
    """
    x, y = point_xy
    half, aside = size // 2, 0.0 if size % 2 else 0.5
    return math.floor(x + aside) - half, math.floor(y + aside) - half


@lru_cache(maxsize=128)  # at most 32 MB, of lines across images of 16,384 pixels
def _spans(size: int, shape: BrushShape, dx: int, dy: int) -> Columns:
    """Return what a brush moving by (dx, dy) pixels covers (see `_Swept.spans`).

    ``dy`` is at least 0.

    They count from the rectangle around it, ``size`` and the move wide and high. The shape is convex, so each row
    holds one span. Its left end lies on the brush at the start above, then on the way of the brush's leftmost point,
    across that way, then on the brush at the end below. The right end is the same seen from the other end of the way.
    Snapped brushes move by whole pixels, so it matters not where they are.
    """
    dab, radius = _dab(size, shape), size / 2
    spans = np.empty((2, size + dy), np.int64)
    first, after = spans
    if dy == 0:
        first[:] = dab
    else:
        away_x, away_y = _leftmost(radius, shape, dx, dy)
        left, top = max(0, -dx) + radius + away_x, radius + away_y  # the way's upper end
        start, stop = math.ceil(top - 0.5), math.floor(top + dy - 0.5) + 1  # rows whose centre line it crosses
        np.add(dab[:start], max(0, -dx), out=first[:start])
        np.add(dab[stop - dy :], max(0, dx), out=first[stop:])
        # To multiply first is exact where the way meets the centre of a pixel, which is inside.
        along = np.arange(start, stop) + (0.5 - top)
        along *= dx
        along /= dy
        along += left - 0.5
        np.ceil(along, out=along)
        first[start:stop] = along
    np.subtract(size + abs(dx), first[::-1], out=after)
    spans.flags.writeable = False
    return spans


@lru_cache(maxsize=64)
def _dab(size: int, shape: BrushShape) -> Columns:
    """Return the first column of each row of a dab: int64 (size,)."""
    radius = size / 2
    away = np.arange(size) + 0.5 - radius
    half = np.sqrt(radius**2 - away**2) if shape == "round" else np.full(size, radius)
    return np.ceil(radius - half - 0.5).astype(np.int64)


def _leftmost(radius: float, shape: BrushShape, dx: int, dy: int) -> Point:
    """Return the offset of the point left of a sweep.

    The brush moves down by (dx, dy).
    """
    if shape == "square":
        return -radius, radius if dx > 0 else -radius
    scale = radius / math.hypot(dx, dy)
    return -dy * scale, dx * scale


def _columns(rect: Rect, lefts: _Floats, rights: _Floats) -> tuple[Columns, Columns]:
    """Return the first column and the one after the last.

    They are cut to the rectangle.

    The centres of the columns lie in ``left <= centre < right``.
    """
    first = _within(np.ceil(lefts - 0.5), rect.x0, rect.x1).astype(np.int64)
    return first, np.maximum(first, _within(np.ceil(rights - 0.5), rect.x0, rect.x1).astype(np.int64))


def _within(values: NDArray[Any], low: int | Columns, high: int | Columns) -> NDArray[Any]:
    """Clip values to ``low .. high``.

    It takes a third of the time of `np.clip`, which matters for small brushes.
    """
    cut: NDArray[Any] = np.minimum(np.maximum(values, low), high)
    return cut


def _band(left: int, top: int, first: Columns, after: Columns, rows: slice) -> Region:
    """Return a region with one span in each row.

    The span is ``first <= x < after``. Rows and columns count from the corner of the image.
    """
    first, after = first[rows], after[rows]
    x0, x1 = int(first.min()), int(after.max())
    rect = Rect(left + x0, top + rows.start, left + x1, top + rows.stop)
    first = np.minimum(first - x0, rect.width)
    return _one_span_a_row(rect, (first, np.maximum(first, after - x0)))


def _one_span_a_row(rect: Rect, spans: Columns | tuple[Columns, Columns]) -> Region:
    """Make a region of one span in each row of a rectangle.

    Columns count from its left edge.
    """
    starts = np.arange(0, rect.area, rect.width)
    return StencilRegion(rect, drawn(rect.width, rect.height, starts, *spans))
