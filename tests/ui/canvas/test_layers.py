"""The layers of the network beside the labels, in the widget: what follows an edit, and what peek hides."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.prediction import Prediction
from fcn_studio.tools.brush import Brush
from fcn_studio.ui.canvas import Canvas, Layer
from tests.ui.canvas.test_canvas import HEIGHT, LEFT, TABLE, WIDTH, Hand, grabbed, make_document


def make_prediction(image_id: str = "one") -> Prediction:
    label_map = np.full((HEIGHT, WIDTH), 1, np.uint8)
    label_map[:, WIDTH // 2 :] = 2
    return Prediction(image_id, label_map, np.full((HEIGHT, WIDTH), 90, np.uint8), "0" * 64)


@pytest.fixture
def hand(qtbot: QtBot) -> Hand:
    """A canvas with an image all of class 1, and a prediction that says 2 on the right."""
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(400, 300)
    canvas.set_table(TABLE)
    hand = Hand(canvas)
    hand.open(make_document())
    assert hand.document is not None
    with hand.document.edit("all") as edit:
        ones = np.full((HEIGHT, WIDTH), 1, np.uint8)
        edit.replace(Labels(ones, np.full_like(ones, Provenance.HUMAN)))
    canvas.set_prediction(make_prediction())
    with qtbot.waitExposed(canvas):
        canvas.show()
    return hand


def test_disagreement_follows_the_brush(hand: Hand) -> None:
    canvas = hand.canvas
    canvas.set_layer(Layer.LABELS, visible=False)
    bare = grabbed(canvas)
    canvas.set_layer(Layer.DISAGREEMENT, visible=True)
    before = grabbed(canvas)
    assert not np.array_equal(before, bare)
    hand.class_index, hand.brush_size = 2, 9
    canvas.set_tool(Brush(hand))  # type: ignore[arg-type]
    hand.press(hand.over(60, 20))
    for x in range(50, 78, 3):
        hand.move(hand.over(x, 40), LEFT)
        grabbed(canvas)
    hand.release()
    canvas.set_tool(None)
    after = grabbed(canvas)
    assert not np.array_equal(after, before)
    canvas.set_prediction(make_prediction())  # makes the layer stale
    assert np.array_equal(grabbed(canvas), after)


def test_peek_hides_all_but_the_image(hand: Hand) -> None:
    canvas = hand.canvas
    for layer in Layer:
        canvas.set_layer(layer, visible=layer == Layer.IMAGE)
    bare = grabbed(canvas)
    for layer in Layer:
        canvas.set_layer(layer, visible=True)
    assert not np.array_equal(grabbed(canvas), bare)
    canvas.peek(True)
    assert np.array_equal(grabbed(canvas), bare)


def test_another_image_has_no_prediction(hand: Hand, qtbot: QtBot) -> None:
    assert hand.canvas.has_prediction
    with qtbot.waitSignal(hand.canvas.layers_changed):
        hand.open(make_document("two"))
    assert not hand.canvas.has_prediction
