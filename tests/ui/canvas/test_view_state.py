from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcn_studio.ui.canvas.view_state import KEPT_VISIBLE, MAX_SCALE, MIN_SCALE, ViewState

VIEW = ViewState(960, 720, 1000, 600)


def test_coordinates_there_and_back() -> None:
    view = ViewState(960, 720, 1000, 600, scale=2.5, origin_x=-40, origin_y=17)
    assert view.to_device(*view.to_image(123.0, 456.0)) == pytest.approx((123.0, 456.0))
    assert view.to_image(-40, 17) == (0, 0)


def test_fit_shows_the_whole_image_in_the_middle() -> None:
    view = VIEW.fit()
    left, top = view.to_device(0, 0)
    right, bottom = view.to_device(960, 720)
    assert 0 <= left < right <= 1000
    assert 0 <= top < bottom <= 600
    assert left == pytest.approx(1000 - right, abs=1)
    assert top == pytest.approx(600 - bottom, abs=1)


def test_fit_enlarges_a_small_image_to_the_limit() -> None:
    assert ViewState(4, 4, 1000, 600).fit().scale == MAX_SCALE


def test_one_to_one_keeps_the_middle() -> None:
    view = ViewState(4000, 3000, 800, 600).fit().zoom_at((300, 200), 4)
    before = view.to_image(400, 300)
    after = view.one_to_one()
    assert after.scale == 1
    assert after.to_image(400, 300) == pytest.approx(before, abs=0.51)


@given(x=st.integers(200, 800), y=st.integers(100, 500), factors=st.lists(st.floats(0.5, 2.0), max_size=8))
def test_zoom_keeps_the_point_under_the_cursor(x: int, y: int, factors: list[float]) -> None:
    view = VIEW.fit()
    for factor in factors:
        before = view.to_image(x, y)
        view = view.zoom_at((x, y), factor)
        if _is_free(view):
            moved = view.to_device(*before)
            assert moved == pytest.approx((x, y), abs=0.51)
        assert MIN_SCALE <= view.scale <= MAX_SCALE


def _is_free(view: ViewState) -> bool:
    """Whether the view is not held by the rule that some of the image stays visible."""
    return view.pan(1, 1).pan(-1, -1) == view == view.pan(-1, -1).pan(1, 1)


def test_zoom_stops_at_its_limits_and_at_100_percent() -> None:
    view = VIEW.fit()
    assert view.zoom_at((500, 300), 1e9).scale == 1.0
    assert view.zoom_at((500, 300), 1e9).zoom_at((500, 300), 1e9).scale == MAX_SCALE
    assert view.zoom_at((500, 300), 1e-9).scale == MIN_SCALE


@given(dx=st.integers(-10_000, 10_000), dy=st.integers(-10_000, 10_000), scale=st.floats(MIN_SCALE, MAX_SCALE))
def test_some_of_the_image_stays_visible(dx: int, dy: int, scale: float) -> None:
    view = VIEW.fit().zoom_at((500, 300), scale).pan(dx, dy)
    left, top = view.to_device(0, 0)
    right, bottom = view.to_device(960, 720)
    assert min(right, 1000) - max(left, 0) >= min(KEPT_VISIBLE, right - left) - 1
    assert min(bottom, 600) - max(top, 0) >= min(KEPT_VISIBLE, bottom - top) - 1


def test_pan_moves_by_whole_device_pixels() -> None:
    view = VIEW.fit().zoom_at((500, 300), 3)
    panned = view.pan(-7, 5)
    assert (panned.origin_x - view.origin_x, panned.origin_y - view.origin_y) == (-7, 5)
    assert panned.scale == view.scale


def test_resize_keeps_zoom_and_middle() -> None:
    view = VIEW.fit().zoom_at((500, 300), 3)
    resized = view.resize(701, 499)
    assert resized.scale == view.scale
    assert resized.to_image(350.5, 249.5) == pytest.approx(view.to_image(500, 300), abs=1)
