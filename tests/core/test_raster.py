"""Regions against brute force: a pixel is inside if its centre is."""

from __future__ import annotations

import itertools

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from fcn_studio.core.geometry import Rect
from fcn_studio.core.raster import BrushShape, Point, arc_edges, capsule, flood, polygon, snapped, trail
from fcn_studio.core.region import Region

W, H = 37, 29
coordinate = st.floats(-15, 50)
point = st.tuples(coordinate, coordinate)


def spread(region: Region | None) -> NDArray[np.bool_]:
    whole = np.zeros((H, W), np.bool_)
    if region is not None:
        whole[region.rect.slices] = region.stencil != 0
    return whole


def centres() -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    ys, xs = np.mgrid[:H, :W] + 0.5
    return xs, ys


def distance_to_segment(p: Point, q: Point) -> NDArray[np.float64]:
    xs, ys = centres()
    dx, dy = q[0] - p[0], q[1] - p[1]
    length = dx * dx + dy * dy
    t = np.clip(((xs - p[0]) * dx + (ys - p[1]) * dy) / length, 0, 1) if length else np.zeros_like(xs)
    return np.hypot(xs - p[0] - t * dx, ys - p[1] - t * dy)


def crossings_left_of(points: list[Point]) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Even-odd inside by ray casting, and which centres lie too near to an edge to judge."""
    xs, ys = centres()
    inside, edge = np.zeros((H, W), np.bool_), np.zeros((H, W), np.bool_)
    for (xa, ya), (xb, yb) in itertools.pairwise([*points, points[0]]):
        edge |= distance_to_segment((xa, ya), (xb, yb)) < 1e-9
        if ya != yb:
            crossed = (ya <= ys) != (yb <= ys)
            # Where the edge is not crossed the quotient means nothing, and overflows for edges of almost no height.
            along = np.divide(ys - ya, yb - ya, out=np.zeros_like(ys), where=crossed)
            inside ^= crossed & (xs > xa + along * (xb - xa))
    return inside, edge


@given(point, point, st.integers(1, 24))
def test_a_round_stroke_is_every_pixel_whose_centre_is_within_the_radius(p: Point, q: Point, size: int) -> None:
    distance = distance_to_segment(snapped(p, size), snapped(q, size))
    sure = np.abs(distance - size / 2) > 1e-9
    got = spread(capsule(p, q, size, "round", (W, H)))
    assert np.array_equal(got[sure], (distance <= size / 2)[sure])


@given(point, point, st.integers(1, 16))
def test_a_square_stroke_is_the_convex_hull_of_its_ends(p: Point, q: Point, size: int) -> None:
    r = size / 2
    ends = [snapped(p, size), snapped(q, size)]
    corners = np.array([(x + dx, y + dy) for x, y in ends for dx in (-r, r) for dy in (-r, r)], np.float32)
    hull = cv2.convexHull(corners)
    signed = np.array([[cv2.pointPolygonTest(hull, (x + 0.5, y + 0.5), True) for x in range(W)] for y in range(H)])
    sure = np.abs(signed) > 1e-4
    got = spread(capsule(p, q, size, "square", (W, H)))
    assert np.array_equal(got[sure], (signed > 0)[sure])


quarters = st.integers(0, 80).map(lambda n: n / 4)


@given(st.tuples(*[quarters] * 4), st.integers(1, 24), st.sampled_from(["round", "square"]), st.integers(0, 400))
def test_a_stroke_is_the_same_wherever_it_is(
    ends: tuple[float, ...], size: int, shape: BrushShape, away: int
) -> None:
    x, y, u, v = (30 + end for end in ends)
    near = capsule((x, y), (u, v), size, shape, (500, 500))
    far = capsule((x + away, y + away), (u + away, v + away), size, shape, (500, 500))
    assert near is not None
    assert far is not None
    assert far.rect == near.rect.moved(away, away)
    assert np.array_equal(near.stencil, far.stencil)


BIG = (1900, 1500)
far = st.tuples(st.floats(-300, 2200), st.floats(-300, 1800))


@settings(max_examples=60)
@given(far, far, st.integers(1, 2500), st.sampled_from(["round", "square"]))
def test_a_trail_and_the_dab_it_starts_from_are_the_capsule(p: Point, q: Point, size: int, shape: BrushShape) -> None:
    painted, whole = (np.zeros(BIG[::-1], np.uint8) for _ in range(2))
    for region in (capsule(p, p, size, shape, BIG), *trail(p, q, size, shape, BIG)):
        if region is not None:
            painted[region.rect.slices] |= region.stencil
    if (region := capsule(p, q, size, shape, BIG)) is not None:
        whole[region.rect.slices] = region.stencil
    assert np.array_equal(painted, whole)


@given(point, point, st.integers(1, 24), st.sampled_from(["round", "square"]))
def test_a_small_trail_too(p: Point, q: Point, size: int, shape: BrushShape) -> None:
    dab, bounds = spread(capsule(p, p, size, shape, (W, H))), (W, H)
    new = [spread(region) for region in trail(p, q, size, shape, bounds)]
    assert np.array_equal(np.any([dab, *new], axis=0), spread(capsule(p, q, size, shape, bounds)))


def test_a_brush_that_stays_where_it_is_leaves_no_trail() -> None:
    assert trail((10.1, 10.1), (10.9, 10.9), 7, "round", (W, H)) == []


@pytest.mark.parametrize(
    ("move", "rect"),
    [
        ((40, 0), Rect(500, 250, 740, 650)),
        ((0, -40), Rect(300, 210, 700, 450)),
        ((-28, 28), Rect(272, 308, 642, 678)),  # 200 / sqrt(2) behind the centre
    ],
)
def test_the_rectangle_of_a_trail_begins_where_its_crescent_does(move: tuple[int, int], rect: Rect) -> None:
    (region,) = trail((500, 450), (500 + move[0], 450 + move[1]), 400, "round", BIG)
    assert region.rect == rect


def test_what_a_square_leaves_straight_ahead_is_the_strip_before_it() -> None:
    (region,) = trail((500, 450), (500, 460), 300, "square", BIG)
    assert region.rect == Rect(350, 600, 650, 610)


def test_the_trail_of_a_large_brush_lies_in_small_rectangles() -> None:
    dab = capsule((800, 750), (800, 750), 1400, "round", BIG)
    regions = trail((800, 750), (812, 750), 1400, "round", BIG)
    assert dab is not None
    assert sum(region.rect.area for region in regions) < dab.rect.area / 6
    assert sum(region.area for region in regions) == pytest.approx(12 * 1400, rel=0.05)  # none of the dab again


@given(st.integers(1, 3000))
def test_arcs_cover_all_rows_in_order(height: int) -> None:
    edges = arc_edges(height)
    assert (edges[0], edges[-1]) == (0, height)
    assert list(edges) == sorted(set(edges))


@pytest.mark.parametrize("shape", ["round", "square"])
@given(st.tuples(st.floats(0, 36.99), st.floats(0, 28.99)))
def test_size_one_is_exactly_the_pixel_under_the_point(shape: str, p: Point) -> None:
    region = capsule(p, p, 1, shape, (W, H))  # type: ignore[arg-type]
    assert region is not None
    assert region.area == 1
    assert spread(region)[int(p[1]), int(p[0])]


@pytest.mark.parametrize("size", range(1, 40))
@pytest.mark.parametrize("shape", ["round", "square"])
def test_a_dab_is_as_wide_as_its_size_and_symmetrical(size: int, shape: str) -> None:
    region = capsule((50.3, 50.8), (50.3, 50.8), size, shape, (100, 100))  # type: ignore[arg-type]
    assert region is not None
    stencil = region.stencil
    assert stencil.shape == (size, size)
    assert stencil.any(axis=0).all()
    for turned in (stencil[::-1], stencil[:, ::-1], stencil.T):
        assert np.array_equal(stencil, turned)


@given(st.lists(point, min_size=2, max_size=6), st.integers(1, 5), st.sampled_from(["round", "square"]))
def test_fast_strokes_have_no_gaps(path: list[Point], size: int, shape: str) -> None:
    whole = np.zeros((80, 80), np.uint8)
    for p, q in itertools.pairwise([(x + 15, y + 15) for x, y in path]):
        region = capsule(p, q, size, shape, (80, 80))  # type: ignore[arg-type]
        assert region is not None
        whole[region.rect.slices] |= region.stencil
    assert cv2.connectedComponents(whole, connectivity=8)[0] == 2


def test_a_stroke_outside_the_image_is_nothing() -> None:
    assert capsule((-20, -20), (-20, 40), 9, "round", (W, H)) is None
    assert capsule((W + 0.0, 3), (W + 0.0, 3), 1, "round", (W, H)) is None


@given(st.lists(point, min_size=3, max_size=9))
def test_a_polygon_is_every_pixel_whose_centre_is_inside(points: list[Point]) -> None:
    inside, edge = crossings_left_of(points)
    got = spread(polygon(points, (W, H)))
    assert np.array_equal(got[~edge], inside[~edge])


@given(st.lists(st.tuples(st.integers(-4, 80), st.integers(-4, 80)), min_size=3, max_size=7))
def test_a_polygon_on_half_pixels_is_exact_too(doubled: list[tuple[int, int]]) -> None:
    points = [(x / 2, y / 2) for x, y in doubled]
    inside, edge = crossings_left_of(points)
    got = spread(polygon(points, (W, H)))
    assert np.array_equal(got[~edge], inside[~edge])


@given(point, st.lists(point, min_size=2, max_size=4))
def test_polygons_that_share_an_edge_neither_overlap_nor_leave_a_gap(cut: Point, far: list[Point]) -> None:
    """A frame cut in two by a line through it: each pixel belongs to exactly one half."""
    y = min(max(cut[1], 0.0), float(H))
    middle = [
        (0.0, y),
        *sorted((min(max(a, 0.0), float(W)), min(max(b, 0.0), float(H))) for a, b in far),
        (float(W), y),
    ]
    upper = spread(polygon([*middle, (float(W), 0.0), (0.0, 0.0)], (W, H)))
    lower = spread(polygon([*middle, (float(W), float(H)), (0.0, float(H))], (W, H)))
    assert not (upper & lower).any()
    assert (upper | lower).all()


def test_a_polygon_of_no_area_is_nothing() -> None:
    assert polygon([(1, 1), (5, 5)], (W, H)) is None
    assert polygon([(1, 1), (5, 5), (1, 1)], (W, H)) is None
    assert polygon([(1.1, 1.1), (1.2, 1.1), (1.2, 1.2)], (W, H)) is None


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.sampled_from([4, 8]))
def test_flood_is_the_connected_component_of_the_seed(seed: int, connectivity: int) -> None:
    rng = np.random.default_rng(seed)
    label_map = rng.integers(0, 2, (H, W), np.uint8) * 255
    x, y = int(rng.integers(W)), int(rng.integers(H))
    before = label_map.copy()
    label_map.flags.writeable = False
    region = flood(label_map, (x, y), connectivity=connectivity)  # type: ignore[arg-type]
    same = (label_map == label_map[y, x]).astype(np.uint8)
    components = cv2.connectedComponents(same, connectivity=connectivity)[1]
    assert np.array_equal(spread(region), components == components[y, x])
    assert np.array_equal(label_map, before)
