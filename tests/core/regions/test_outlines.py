from __future__ import annotations

from collections.abc import Callable

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from numpy.typing import NDArray
from PIL import Image, ImageDraw

from fcn_studio.core.labels import Mask
from fcn_studio.core.raster import polygon
from fcn_studio.core.regions.outlines import Ring, outlines

Pixels = NDArray[np.bool_]
Draw = Callable[[Ring, tuple[int, ...]], Pixels]


def by_centres(ring: Ring, shape: tuple[int, ...]) -> Pixels:
    region = polygon([tuple(point) for point in ring.tolist()], (shape[1], shape[0]))
    inside = np.zeros(shape, bool)
    assert region is not None
    inside[region.rect.slices] = region.stencil != 0
    return inside


def by_pillow(ring: Ring, shape: tuple[int, ...]) -> Pixels:
    image = Image.new("L", (shape[1], shape[0]))
    ImageDraw.Draw(image).polygon([tuple(point) for point in ring.tolist()], outline=1, fill=1)
    return np.array(image) > 0


def by_opencv(ring: Ring, shape: tuple[int, ...]) -> Pixels:
    image = np.zeros(shape, np.uint8)
    cv2.fillPoly(image, [ring.astype(np.int32)], 1)
    return image > 0


@pytest.mark.parametrize("drawn", [by_centres, by_opencv, by_pillow])
@given(mask=arrays(np.bool_, st.tuples(st.integers(1, 12), st.integers(1, 12))))
@settings(max_examples=60, deadline=None)
def test_a_joined_outline_gives_back_the_very_pixels(drawn: Draw, mask: Mask) -> None:
    back = np.zeros(mask.shape, int)
    for outline in outlines(mask):
        back += drawn(outline.joined(), mask.shape)
    assert np.array_equal(back, mask)


def test_holes_are_rings_of_their_own_and_regions_that_touch_at_a_corner_are_two() -> None:
    mask = np.ones((7, 9), bool)
    mask[2:5, 1:4] = mask[5, 4] = mask[3, 6] = False
    mask[3, 2] = True
    whole, island = outlines(mask)
    assert len(whole.holes) == 2  # two of them touch at a corner
    assert len(island.outer) == 4
    assert whole.outer.tolist() == [[0.25, 0.25], [8.75, 0.25], [8.75, 6.75], [0.25, 6.75]]
    inside = by_centres(whole.outer, mask.shape).astype(int) - sum(by_centres(h, mask.shape) for h in whole.holes)
    assert np.array_equal(inside + by_centres(island.outer, mask.shape), mask)
    assert outlines(np.zeros((3, 3), bool)) == []
