"""The pixel grid: to the device pixel, on any colour, the same in whatever pieces it is painted."""

from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPointF
from PySide6.QtGui import QColor, QImage, QPainter

from fcn_studio.core.geometry import Rect
from fcn_studio.ui.canvas import Layer
from fcn_studio.ui.canvas.grid import GRID_FROM, GRID_FULL, grid_strength, paint_grid
from fcn_studio.ui.canvas.sampling import Sampling
from fcn_studio.ui.canvas.view_state import ViewState
from tests.ui.canvas.test_canvas import Hand, grabbed

DPRS = (1.0, 1.25, 1.5, 2.0)


def make_view(scale: float) -> ViewState:
    return ViewState(30, 20, 230, 170, scale, -37, -11)


def painted(view: ViewState, dpr: float, grey: int, *rects: Rect) -> NDArray[np.int64]:
    """What is seen where the image is of one grey."""
    image = QImage(view.width, view.height, QImage.Format.Format_RGB32)
    image.fill(QColor(grey, grey, grey))
    painter = QPainter(image)
    for rect in rects:
        paint_grid(painter, view, rect, dpr)
    painter.end()
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(view.height, view.width)
    return (pixels & 0xFF).astype(np.int64)


def test_it_comes_in_with_the_scale_and_never_jumps_far() -> None:
    assert grid_strength(GRID_FROM - 0.01) == 0
    strengths = [grid_strength(scale) for scale in np.linspace(GRID_FROM, 64, 50)]
    assert strengths == sorted(strengths)
    assert strengths[-1] == grid_strength(GRID_FULL) == 1


@pytest.mark.parametrize("dpr", DPRS)
@pytest.mark.parametrize("logical", [11.0, 17.3, 40.0])
def test_lines_lie_on_either_side_of_each_border_and_nowhere_else(dpr: float, logical: float) -> None:
    view = make_view(logical * dpr)
    sampling = Sampling(view)
    row = painted(view, dpr, 128, sampling.inside)[round(1.5 * view.scale) + view.origin_y]
    columns = np.floor((np.arange(view.width) - view.origin_x + 0.5) / view.scale)
    inside = np.arange(view.width) < sampling.inside.x1
    first = (columns != np.floor((np.arange(-1, view.width - 1) - view.origin_x + 0.5) / view.scale)) & inside
    last = np.append(columns[:-1] != columns[1:], False) & inside
    assert (row[first] > 128).all()
    assert (row[last] < 128).all()
    assert (row[~first & ~last] == 128).all()


@pytest.mark.parametrize("grey", [0, 40, 128, 215, 255])
def test_it_is_seen_on_any_grey_and_never_loud(grey: int) -> None:
    view = make_view(40.0)
    seen = painted(view, 1.0, grey, Sampling(view).inside)[round(1.5 * view.scale) + view.origin_y]
    apart = np.abs(seen - grey).max()
    assert 30 < apart < 100


@pytest.mark.parametrize("dpr", DPRS)
def test_pieces_equal_the_whole(dpr: float) -> None:
    view = make_view(12.6 * dpr)
    inside = Sampling(view).inside
    whole = painted(view, dpr, 90, inside)
    cut_x, cut_y = 61, 83
    pieces = [
        Rect(inside.x0, inside.y0, cut_x, cut_y), Rect(cut_x, inside.y0, inside.x1, cut_y),
        Rect(inside.x0, cut_y, cut_x, inside.y1), Rect(cut_x, cut_y, inside.x1, inside.y1),
    ]  # fmt: skip
    assert np.array_equal(painted(view, dpr, 90, *pieces), whole)


def test_it_stays_while_a_zoom_shows_the_old_frame(hand: Hand) -> None:
    canvas = hand.canvas
    canvas.set_tool(None)
    canvas.layers.set_style(Layer.IMAGE, visible=False)  # one grey
    middle = QPointF(200, 150)
    canvas.zoom_at(middle, 20 / canvas.zoom)
    canvas.refine()
    grabbed(canvas)
    canvas.zoom_at(middle, 1.25)
    coarse = grabbed(canvas)[80:220, 100:300]
    canvas.refine()
    assert len(np.unique(coarse)) > 1
    assert np.array_equal(coarse, grabbed(canvas)[80:220, 100:300])
