"""The layers of the network beside the labels, in the widget: what follows an edit, and what peek hides."""

from __future__ import annotations

import numpy as np

from fcn_studio.tools.brush import Brush
from fcn_studio.ui.canvas import Layer
from tests.ui.canvas.conftest import make_prediction
from tests.ui.canvas.test_canvas import LEFT, Hand, grabbed, make_document


def test_disagreement_follows_the_brush(compared: Hand) -> None:
    hand, canvas = compared, compared.canvas
    canvas.layers.set_style(Layer.LABELS, visible=False)
    bare = grabbed(canvas)
    canvas.layers.set_style(Layer.DISAGREEMENT, visible=True)
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
    canvas.layers.set_prediction(make_prediction())  # makes the layer stale
    assert np.array_equal(grabbed(canvas), after)


def test_peek_hides_all_but_the_image(compared: Hand) -> None:
    canvas = compared.canvas
    for layer in Layer:
        canvas.layers.set_style(layer, visible=layer == Layer.IMAGE)
    bare = grabbed(canvas)
    for layer in Layer:
        canvas.layers.set_style(layer, visible=True)
    assert not np.array_equal(grabbed(canvas), bare)
    canvas.layers.set_peeking(True)
    assert np.array_equal(grabbed(canvas), bare)


def test_another_image_has_no_prediction(compared: Hand) -> None:
    layers, told = compared.canvas.layers, []
    layers.changed.connect(lambda: told.append(layers.has_prediction))
    assert layers.has_prediction
    compared.open(make_document("two"))
    assert told == [False]
