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
from itertools import pairwise
from typing import Any, Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap

Point = tuple[float, float]
"""(x, y) in image coordinates."""

Size = tuple[int, int]
"""(width, height) of an image in pixels."""

BrushShape = Literal["round", "square"]
Connectivity = Literal[4, 8]

_Floats = NDArray[np.floating]
_Columns = NDArray[np.int64]

_BANDED_FROM = 400_000
"""Pixels of a capsule's rectangle from which its new part is given in bands; below, one rectangle costs less."""

_BANDS = 8
"""A thin ring is cut into so many bands: more cost more than the emptier rectangles save."""


@dataclass(frozen=True)
class Region:
    """A set of pixels: where it lies and which pixels of that rectangle belong to it.

    Attributes:
        rect: bounding rectangle in image pixels, inside the image.
        stencil: uint8 of shape (rect.height, rect.width); nonzero is inside.

    Raises:
        ValueError: on construction, if the stencil is not of the rectangle's size or not uint8.
    """

    rect: Rect
    stencil: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.stencil.dtype != np.uint8 or self.stencil.shape != (self.rect.height, self.rect.width):
            raise ValueError(f"stencil {self.stencil.dtype} {self.stencil.shape} does not fit {self.rect}")

    @property
    def area(self) -> int:
        """Number of pixels inside."""
        return int(np.count_nonzero(self.stencil))

    def part(self, rect: Rect) -> NDArray[np.uint8]:
        """The stencil of a rectangle within its own, a view."""
        rows = slice(rect.y0 - self.rect.y0, rect.y1 - self.rect.y0)
        return self.stencil[rows, rect.x0 - self.rect.x0 : rect.x1 - self.rect.x0]


def snapped(point_xy: Point, diameter: int) -> Point:
    """Where a brush of this diameter really lands: odd ones on a pixel's centre, even ones on a corner.

    So a brush paints the same pixels wherever it is, and one of diameter 1 the pixel under the point.
    """
    x, y = point_xy
    if diameter % 2:
        return float(np.floor(x)) + 0.5, float(np.floor(y)) + 0.5
    return float(np.floor(x + 0.5)), float(np.floor(y + 0.5))


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
    swept = _swept(p_xy, q_xy, diameter, shape, bounds)
    if swept is None:
        return None
    return _one_run_a_row(*swept)


def trail(p_xy: Point, q_xy: Point, diameter: float, shape: BrushShape, bounds: Size) -> list[Region]:
    """What a brush that stands at p covers anew on its straight way to q: together with the dab at p, the capsule.

    The new part of a large brush's way is a thin crescent, which is given in bands: their rectangles hold little
    else, so writing and showing them costs what the crescent does, not what the brush does.

    Args, units: as `capsule`.
    """
    swept = _swept(p_xy, q_xy, diameter, shape, bounds)
    if swept is None:
        return []
    rect, first, after = swept
    if rect.area < _BANDED_FROM:
        region = _one_run_a_row(rect, first, after)
        return [] if region is None else [region]
    inner_first, inner_after = after.copy(), after.copy()  # rows without the dab: all of their run is new
    dab = _swept(p_xy, p_xy, diameter, shape, bounds)
    if dab is not None:
        rows = slice(dab[0].y0 - rect.y0, dab[0].y1 - rect.y0)
        there = dab[1] < dab[2]
        inner_first[rows] = np.where(there, dab[1], after[rows])
        inner_after[rows] = np.where(there, dab[2], after[rows])
    regions = []
    for top, bottom in pairwise(arc_edges(rect.height)):
        rows = slice(top, bottom)
        for lefts, rights in ((first[rows], inner_first[rows]), (inner_after[rows], after[rows])):
            region = _band(rect.y0 + top, lefts, rights)
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
    return _from_runs(rect, rows[order][::2] - rect.y0, first - rect.x0, after - rect.x0)


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
    return Region(rect, mask[1:-1, 1:-1][rect.slices])


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


def _outermost(p: Point, q: Point, radius: float, shape: BrushShape) -> list[Point]:
    """Offsets of the brush's points whose ways bound the swept area: two sides of a disc, corners of a square."""
    if shape == "square":
        return [(x, y) for x in (-radius, radius) for y in (-radius, radius)]
    dx, dy = q[0] - p[0], q[1] - p[1]
    scale = radius / float(np.hypot(dx, dy))
    return [(-dy * scale, dx * scale), (dy * scale, -dx * scale)]


def arc_edges(height: int) -> list[int]:
    """Rows 0 .. ``height`` where a ring of that height is best cut: in arcs of equal angle."""
    edges = height * (1 - np.cos(np.linspace(0, np.pi, _BANDS + 1))) / 2
    return sorted({int(edge) for edge in np.rint(edges)})


def _swept(
    p_xy: Point, q_xy: Point, diameter: float, shape: BrushShape, bounds: Size
) -> tuple[Rect, _Columns, _Columns] | None:
    """The rows of a capsule: their rectangle, and per row the first column covered and the one after the last."""
    size = brush_diameter(diameter)
    p, q = snapped(p_xy, size), snapped(q_xy, size)
    radius = size / 2
    rect = _bounding([p, q], radius, bounds)
    if not rect:
        return None
    rows = np.arange(rect.y0, rect.y1) + 0.5
    lefts, rights = np.full(rows.size, np.inf), np.full(rows.size, -np.inf)

    def cover(inside: NDArray[np.bool_], left: _Floats, right: _Floats) -> None:
        np.minimum(lefts, left, out=lefts, where=inside)
        np.maximum(rights, right, out=rights, where=inside)

    # The shape is convex, so each row holds one run. Its ends lie on the brush at p, on the brush at q, or on
    # the ways that the brush's outermost points take between them.
    for x, y in (p, q):
        away = rows - y
        half = np.sqrt(np.maximum(radius**2 - away**2, 0)) if shape == "round" else np.full(rows.size, radius)
        cover(np.abs(away) <= radius, x - half, x + half)
    if p != q:
        for dx, dy in _outermost(p, q, radius, shape):
            (xa, ya), (xb, yb) = sorted(((p[0] + dx, p[1] + dy), (q[0] + dx, q[1] + dy)), key=lambda v: v[1])
            if ya < yb:
                xs = xa + (rows - ya) * ((xb - xa) / (yb - ya))
                cover((ya <= rows) & (rows <= yb), xs, xs)
    nothing = lefts > rights
    lefts[nothing] = rights[nothing] = rect.x0
    return rect, *_columns(rect, lefts, np.nextafter(rights, np.inf))


def _columns(rect: Rect, lefts: _Floats, rights: _Floats) -> tuple[_Columns, _Columns]:
    """The columns whose centres lie in ``left <= centre < right``, cut to the rectangle: first, after the last."""
    first = _within(np.ceil(lefts - 0.5), rect.x0, rect.x1).astype(np.int64)
    return first, np.maximum(first, _within(np.ceil(rights - 0.5), rect.x0, rect.x1).astype(np.int64))


def _within(values: NDArray[Any], low: int, high: int) -> NDArray[Any]:
    """Values cut to ``low .. high``: `np.clip` in a third of its time, which for a small brush is felt."""
    cut: NDArray[Any] = np.minimum(np.maximum(values, low), high)
    return cut


def _one_run_a_row(rect: Rect, first: _Columns, after: _Columns) -> Region | None:
    """Region of one run ``first <= x < after`` in each row of a rectangle; None if all are empty."""
    if rect.area < _BANDED_FROM:
        return _band(rect.y0, first, after)
    return _from_runs(rect, np.arange(rect.height), first - rect.x0, after - rect.x0)


def _band(top: int, first: _Columns, after: _Columns) -> Region | None:
    """The same by comparing every pixel, for few: a region of the rows from ``top`` on that are not empty."""
    held = np.flatnonzero(first < after)
    if not held.size:
        return None
    rows = slice(int(held[0]), int(held[-1]) + 1)
    x0, x1 = int(first[held].min()), int(after[held].max())
    narrow = np.dtype(np.int16 if x1 - x0 < 1 << 15 else np.int64)  # the first is four times as quick
    columns = np.arange(x1 - x0).astype(narrow)
    start, end = (_within(edge[rows, None] - x0, 0, x1 - x0).astype(narrow) for edge in (first, after))
    inside = np.less_equal(start, columns)
    inside &= np.less(columns, end)
    return Region(Rect(x0, top + rows.start, x1, top + rows.stop), inside.view(np.uint8))


def _from_runs(rect: Rect, rows: NDArray[np.int64], first: _Columns, after: _Columns) -> Region | None:
    """Region of runs of pixels; rows and columns count from the rectangle's corner."""
    held = first < after
    if not held.any():
        return None
    stencil = np.zeros((rect.height, rect.width), np.uint8)
    # A loop of slices is several times faster than comparing every pixel, and not slower than cv2 at any size met.
    for row, left, right in zip(rows[held].tolist(), first[held].tolist(), after[held].tolist(), strict=True):
        stencil[row, left:right] = 1
    return Region(rect, stencil)
