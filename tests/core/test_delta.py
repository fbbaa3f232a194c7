"""What tells two states of a tile apart, in every form that it is kept in, against the states themselves."""

from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from numpy.typing import NDArray

from fcn_studio.core.delta import AtChangedLabels, Deflated, Spans, TileDelta
from fcn_studio.core.geometry import Rect
from fcn_studio.core.tiles import TILE

RNG = np.random.default_rng(0)
Tiles = tuple[NDArray[np.uint8], NDArray[np.uint8]]


def disc(value: int, size: int = TILE) -> NDArray[np.uint8]:
    """Not OpenCV's: every pixel within a radius."""
    y, x = np.mgrid[:size, :size]
    return np.where((x - size * 0.8) ** 2 + (y - size / 2) ** 2 < (size * 0.6) ** 2, value, 0).astype(np.uint8)


def blobs(values: list[int], size: int = TILE) -> NDArray[np.uint8]:
    smooth = cv2.GaussianBlur(RNG.random((size, size)), (0, 0), 9)
    return np.array(values, np.uint8)[np.digitize(smooth, np.quantile(smooth, [0.3, 0.5, 0.8]))]


def noise(values: int, size: int = TILE) -> NDArray[np.uint8]:
    return RNG.integers(0, values, (size, size), np.uint8)


def flat(value: int, size: int = TILE) -> NDArray[np.uint8]:
    return np.full((size, size), value, np.uint8)


def leads_both_ways(delta: TileDelta, one: Tiles, other: Tiles, corner: tuple[int, int]) -> bool:
    there, back = tuple(a.copy() for a in one), tuple(a.copy() for a in other)
    for arrays in (there, back):
        delta.moved(-corner[0], -corner[1]).apply(*arrays)
    return all(np.array_equal(a, b) for a, b in zip((*there, *back), (*other, *one), strict=True))


STATES = [
    (flat(255), flat(0)),
    (flat(3), flat(3)),
    (disc(7), disc(3)),
    (disc(7), flat(3)),
    (blobs([1, 2, 3, 4]), flat(1)),
    (blobs([1, 2, 1, 255]), blobs([0, 1, 2, 3])),
    (noise(2), disc(2)),
    (noise(256), noise(4)),
]


@pytest.mark.parametrize("one", range(len(STATES)))
@pytest.mark.parametrize("other", range(len(STATES)))
def test_it_leads_from_either_state_to_the_other_packed_or_not(one: int, other: int) -> None:
    rect = Rect(512, 256, 512 + TILE, 256 + TILE)
    delta = TileDelta.between(rect, STATES[one], STATES[other])
    if one == other:
        assert delta is None
        return
    assert delta is not None
    small = delta.packed()
    assert small.bytes <= delta.bytes
    assert small.packed() == small
    for each in (delta, small):
        assert leads_both_ways(each, STATES[one], STATES[other], (512, 256))


@given(st.integers(1, 9), st.integers(1, 9), st.integers(0, 2**32 - 1))
def test_tiles_of_any_size_at_the_images_edge(height: int, width: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    pixels = rng.integers(0, 3, (4, height, width), np.uint8)
    one, other = (pixels[0], pixels[1]), (pixels[2], pixels[3])
    delta = TileDelta.between(Rect(0, 0, width, height), one, other)
    if delta is None:
        assert all(np.array_equal(a, b) for a, b in zip(one, other, strict=True))
    else:
        assert leads_both_ways(delta.packed(), one, other, (0, 0))


@pytest.mark.parametrize("value", [0, 5])
def test_an_array_of_one_value_may_be_given_as_the_value(value: int) -> None:
    rect, other = Rect(0, 0, TILE, TILE), (disc(7), disc(3))
    given_as_arrays = TileDelta.between(rect, (flat(value), flat(2)), other)
    given_as_values = TileDelta.between(rect, (value, 2), other)
    assert given_as_arrays is not None
    assert given_as_values is not None
    assert given_as_values.rect == given_as_arrays.rect
    assert leads_both_ways(given_as_values, (flat(value), flat(2)), other, (0, 0))
    assert TileDelta.between(rect, (value, 2), (value, 2)) is None


def test_a_stroke_costs_two_bytes_a_span_and_its_provenance_nothing() -> None:
    delta = TileDelta.between(Rect(0, 0, TILE, TILE), (disc(7), disc(3)), (flat(0), flat(0)))
    assert delta is not None
    small = delta.packed()
    assert isinstance(small.label_map, Spans)
    assert small.label_map.values == b"\x00\x07"
    assert small.provenance == AtChangedLabels(3)
    rows = np.count_nonzero(disc(7).any(axis=1))
    assert small.bytes <= 2 * (2 * rows + 1) + 2 + 8


@pytest.mark.parametrize(
    ("spans", "kind"), [(2, Spans), (2047, Spans), (2048, Spans), (2049, Deflated), (5000, Deflated)]
)
def test_spans_are_kept_up_to_2048(spans: int, kind: type) -> None:
    one, other = (np.zeros(TILE * TILE, np.uint8) for _ in range(2))
    borders = np.sort(RNG.choice(np.arange(1, one.size), spans - 1, replace=False))
    for start in borders:
        one[start:] += 1  # one more than before, modulo 256: neighbours differ
    states = (one.reshape(TILE, TILE), flat(1)), (other.reshape(TILE, TILE), flat(1))
    delta = TileDelta.between(Rect(0, 0, TILE, TILE), *states)
    assert delta is not None
    whole = delta._replace(rect=Rect(0, 0, TILE, TILE), label_map=states[0][0])
    assert isinstance(whole.packed().label_map, kind)
    assert leads_both_ways(whole.packed(), *states, (0, 0))


def test_what_is_ragged_is_deflated() -> None:
    delta = TileDelta.between(Rect(0, 0, TILE, TILE), (noise(2), flat(1)), (flat(0), flat(1)))
    assert delta is not None
    small = delta.packed()
    assert isinstance(small.label_map, Deflated)
    assert small.bytes < TILE * TILE / 3
    assert small.provenance == 0


def test_it_holds_no_more_than_what_differs() -> None:
    one, other = (flat(1), flat(1)), (flat(1), flat(1))
    other[0][10:20, 30:50] = 4
    other[1][15:40, 35:40] = 2
    delta = TileDelta.between(Rect(256, 0, 512, 256), one, other)
    assert delta is not None
    assert delta.rect == Rect(256 + 30, 10, 256 + 50, 40)
