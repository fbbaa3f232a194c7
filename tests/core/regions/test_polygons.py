"""Polygons with holes fill the pixels whose centres they enclose."""

from __future__ import annotations

import math

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fcn_studio.core.regions.outlines import outlines
from fcn_studio.core.regions.polygons import checked_ring, ellipse, fill, rectangle, stroke, turned, with_holes


def drawn(*rings: list[tuple[float, float]], size: tuple[int, int] = (6, 5)) -> str:
    """Return the filled pixels as rows of ``.`` and ``#``."""
    label_map = np.full(size[::-1], -1, np.int16)
    count = fill(label_map, rings, 3)
    assert count == int((label_map == 3).sum())
    return "\n".join("".join(".#"[int(v == 3)] for v in row) for row in label_map)


def test_a_ring_in_a_ring_is_a_hole() -> None:
    outer, hole = rectangle((1, 0), (6, 5)), rectangle((2, 1), (4, 3))
    assert drawn(list(outer), list(hole)) == ".#####\n.#..##\n.#..##\n.#####\n.#####"
    assert drawn(list(outer), [(2, 2), (3, 3)]) == "\n".join([".#####"] * 5)  # two corners enclose nothing


@settings(max_examples=40)
@given(arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_outlines_are_filled_to_the_same_pixels(mask: np.ndarray) -> None:
    rings = [[(x, y) for x, y in ring.tolist()] for o in outlines(mask) for ring in (o.outer, *o.holes)]
    filled = np.zeros(mask.shape, np.int16)
    fill(filled, rings, 1)
    assert np.array_equal(filled == 1, mask)
    sorted_out = np.zeros(mask.shape, np.int16)
    for polygon in with_holes(rings):
        fill(sorted_out, polygon, 1)
    assert np.array_equal(sorted_out, filled)


def test_rings_that_overlap_are_polygons_of_their_own() -> None:
    overlapping = [rectangle((0, 0), (3, 3)), rectangle((2, 0), (5, 2)), rectangle((1, 1), (2, 2))]
    canvas = np.zeros((5, 6), np.int16)
    for polygon in with_holes(overlapping):
        fill(canvas, polygon, 1)
    assert canvas[0].tolist() == [1, 1, 1, 1, 1, 0]
    assert canvas[1].tolist() == [1, 0, 1, 1, 1, 0]
    assert with_holes([overlapping[0]] * 2) == [[overlapping[0]]] * 2


def test_what_lies_outside_is_cut_off() -> None:
    assert drawn(list(rectangle((-50.0, 3.5), (1e6, 9.0)))) == "......\n......\n......\n######\n######"
    assert drawn(list(rectangle((7.0, 0.0), (9.0, 5.0)))) == "\n".join(["......"] * 5)


@pytest.mark.parametrize(
    "points", [[[1, math.nan]], [[1, math.inf]], [[1, 2, 3]], [[1], [2, 3]], [["a", 2]], [[10**400, 0]], [1, 2]]
)
def test_coordinates_that_are_none_are_refused(points: list[list[float]]) -> None:
    with pytest.raises(ValueError, match=r"coordinate|corner|sequence|convert"):
        checked_ring(points)


def test_shapes_have_their_areas() -> None:
    canvas = np.zeros((100, 100), np.int16)
    assert fill(canvas, [ellipse((50, 50), (30, 30))], 1) == pytest.approx(math.pi * 900, rel=0.005)
    assert fill(canvas, [ellipse((50, 50), (30, 10), 90)], 2) == pytest.approx(math.pi * 300, rel=0.01)
    assert canvas[25, 50] == 2
    assert canvas[50, 25] == 1
    assert turned([(1.0, 0.0)], (0.0, 0.0), 90)[0] == pytest.approx((0.0, 1.0))
    for ring in stroke([(10, 10), (10, 90), (90, 90)], 4):
        fill(canvas, [ring], 3)
    assert int((canvas == 3).sum()) == pytest.approx(640, abs=8)


def test_a_polygon_of_too_many_corners_is_refused() -> None:
    zigzag = [(float(i % 3), float(i % 2 * 5000)) for i in range(2000)]
    with pytest.raises(ValueError, match="too many rows"):
        fill(np.zeros((5000, 4), np.int16), [zigzag], 1)
