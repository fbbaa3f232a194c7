"""Regions of spans against their stencils."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcn_studio.core.geometry import Rect
from fcn_studio.core.raster import polygon
from fcn_studio.core.region import SpanRegion, StencilRegion

SIZE = (60, 45)
corner = st.tuples(st.floats(-10, 70), st.floats(-10, 55))


@given(st.lists(corner, min_size=3, max_size=9), st.builds(Rect, *[st.integers(0, 60)] * 4))
def test_a_part_is_what_the_whole_shows_there(corners: list[tuple[float, float]], cut: Rect) -> None:
    region = polygon(corners, SIZE)
    if region is None:
        return
    rect = cut.intersect(region.rect)
    if rect:
        whole = StencilRegion(region.rect, region.stencil)
        assert np.array_equal(region.part(rect), whole.part(rect))


def test_spans_of_a_row_may_touch_and_be_empty() -> None:
    rows, first, after = (np.array(v) for v in ([2, 2, 2, 4], [1, 3, 6, 0], [3, 3, 7, 7]))
    region = SpanRegion(Rect(0, 2, 7, 5), rows, first, after)
    assert region.stencil.tolist() == [[0, 1, 1, 0, 0, 0, 1], [0] * 7, [1] * 7]
    assert region.area == 10


def test_a_stencil_of_the_wrong_shape_is_refused() -> None:
    for wrong in (np.ones((3, 2), np.uint8), np.ones((2, 3), np.int64)):
        with pytest.raises(ValueError, match="does not fit"):
            StencilRegion(Rect(0, 0, 3, 2), wrong)
