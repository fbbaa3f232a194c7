"""What the overlay paints lies in the rectangles that it names, or remnants of it stay on the screen."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PySide6.QtGui import QImage, QPainter

from fcn_studio.core.raster import BrushShape
from fcn_studio.tools.base import Overlay, Ring
from fcn_studio.ui.canvas.overlay_painter import OverlayScene
from fcn_studio.ui.canvas.view_state import ViewState

IMAGE, VIEWPORT = 120, 1100


def test_a_ring_is_painted_and_its_pixels_outside_of_no_rectangle_are_counted(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(OverlayScene, "_rects", lambda _: iter(()))
    assert stray(10, 10.0, (20.0, 20.0), "round", 1.0) > 500


def stray(size: int, scale: float, centre: tuple[float, float], shape: BrushShape, dpr: float) -> int:
    """Pixels that a ring paints outside of its rectangles."""
    view = ViewState(IMAGE, IMAGE, VIEWPORT, VIEWPORT, scale)
    scene = OverlayScene(Overlay(ring=Ring(*centre, size, shape, False)), view, (200, 0, 0), dpr)
    picture = QImage(VIEWPORT, VIEWPORT, QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(0)
    painter = QPainter(picture)
    scene.paint(painter)
    painter.end()
    painted = np.array(picture.constBits()).reshape(VIEWPORT, VIEWPORT, 4)[..., 3] > 0
    for rect in scene.rects:
        painted[max(0, rect.y0) : max(0, rect.y1), max(0, rect.x0) : max(0, rect.x1)] = False
    return int(painted.sum())


@pytest.mark.parametrize(("size", "scale", "centre"), [(30, 30.0, (19.0, 18.0)), (72, 12.0, (45.0, 46.0))])
def test_a_large_ring_of_stairs_lies_in_its_bands(size: int, scale: float, centre: tuple[float, float]) -> None:
    assert stray(size, scale, centre, "round", 1.0) == 0


@settings(max_examples=40, deadline=None)
@given(
    st.integers(1, 80),
    st.floats(0.3, 40),
    st.tuples(st.integers(0, 80), st.integers(0, 80)),
    st.sampled_from(["round", "square"]),
    st.sampled_from([1.0, 1.5, 2.0]),
)
def test_every_ring_lies_in_its_rectangles(
    size: int, scale: float, corner: tuple[int, int], shape: BrushShape, dpr: float
) -> None:
    centre = min(corner[0], 1000 / scale) + size % 2 / 2, min(corner[1], 1000 / scale) + size % 2 / 2
    assert stray(size, scale, centre, shape, dpr) == 0
