"""Brightness, contrast and gamma: what the table says, and that nothing but the screen changes."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pytestqt.qtbot import QtBot

from fcn_studio.ui.canvas import Canvas, Layer
from fcn_studio.ui.canvas.adjust import MAX_GAMMA, UNADJUSTED, Adjustment
from tests.ui.canvas.test_canvas import Hand, grabbed, make_document


@given(st.floats(-1, 1), st.floats(-1, 1), st.floats(1 / MAX_GAMMA, MAX_GAMMA))
def test_no_adjustment_turns_light_and_dark_round(brightness: float, contrast: float, gamma: float) -> None:
    table = Adjustment(brightness, contrast, gamma).table()
    assert table.shape == (256,)
    assert (np.diff(table.astype(int)) >= 0).all()


def test_each_adjustment_does_what_it_says() -> None:
    assert UNADJUSTED.table().tolist() == list(range(256))
    assert Adjustment(brightness=0.25).table()[100] == 132
    harder = Adjustment(contrast=0.5).table().astype(int)
    assert (harder[100], harder[155]) == (72, 182)  # twice as far from the middle
    lighter = Adjustment(gamma=2).table().astype(int)
    assert (lighter[0], lighter[255]) == (0, 255)
    assert lighter[64] == 128


def test_only_the_screen_changes_and_it_stays_from_image_to_image(qtbot: QtBot) -> None:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(400, 300)
    Hand(canvas).open(make_document())
    canvas.show()
    plain = grabbed(canvas)
    canvas.layers.set_adjustment(Adjustment(brightness=0.5))
    adjusted = grabbed(canvas)
    assert (adjusted[100:200, 150:250] & 0xFF).mean() > (plain[100:200, 150:250] & 0xFF).mean() + 40
    Hand(canvas).open(make_document("two"))
    assert np.array_equal(grabbed(canvas), adjusted)
    canvas.layers.set_adjustment(UNADJUSTED)
    assert np.array_equal(grabbed(canvas), plain)


@pytest.mark.parametrize("opacity", [0.3, 1.0])
def test_an_adjusted_image_fades_to_the_same_grey(qtbot: QtBot, opacity: float) -> None:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(400, 300)
    Hand(canvas).open(make_document())
    canvas.show()
    canvas.layers.set_style(Layer.IMAGE, visible=False, opacity=opacity)
    hidden = grabbed(canvas)
    canvas.layers.set_adjustment(Adjustment(0.5, 0.5, 2))
    assert np.array_equal(grabbed(canvas), hidden)
