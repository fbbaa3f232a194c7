"""The wipe: what is seen on either side, how it moves, and that the hand goes on painting."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PySide6.QtCore import QPointF, Qt
from PySide6.QtWidgets import QApplication

from fcn_studio.core.geometry import Rect
from fcn_studio.tools.brush import Brush
from fcn_studio.ui.canvas import Layer
from fcn_studio.ui.canvas.compare import Divider
from tests.ui.canvas.conftest import make_prediction
from tests.ui.canvas.test_canvas import LEFT, Hand, grabbed, make_document

VIEWPORT = Rect(0, 0, 400, 300)


@pytest.mark.usefixtures("qapp")
@given(st.floats(-50, 500), st.sampled_from([1.0, 1.25, 1.5, 2.0]))
def test_sides_share_the_viewport_and_other_layers_have_all_of_it(x: float, dpr: float) -> None:
    divider = Divider().moved_to(x, 400)
    left, right = (divider.shown(layer, VIEWPORT) for layer in (Layer.PREDICTION, Layer.LABELS))
    assert left.x1 == right.x0
    assert left.area + right.area == VIEWPORT.area
    assert divider.shown(Layer.IMAGE, VIEWPORT) == divider.shown(Layer.UNCERTAINTY, VIEWPORT) == VIEWPORT
    assert abs(divider.grip(400, dpr).x0 + divider.grip(400, dpr).x1 - 2 * left.x1) <= 1


def test_each_side_is_what_its_layer_alone_would_be(compared: Hand) -> None:
    canvas = compared.canvas
    only = {}
    for layer in (Layer.PREDICTION, Layer.LABELS):
        for other in (Layer.PREDICTION, Layer.LABELS):
            canvas.layers.set_style(other, visible=other == layer)
        only[layer] = grabbed(canvas)
    canvas.layers.set_style(Layer.LABELS, visible=False)
    canvas.layers.set_divider(Divider(0.6))
    wiped = grabbed(canvas)
    assert np.array_equal(wiped[40:, :235], only[Layer.PREDICTION][40:, :235])
    assert np.array_equal(wiped[40:, 245:], only[Layer.LABELS][40:, 245:])
    assert (wiped[200, 239:241] & 0xFFFFFF == 0xFFFFFF).all()
    canvas.layers.set_peeking(True)
    peeked = grabbed(canvas)
    canvas.layers.set_peeking(False)
    canvas.layers.set_divider(None)
    canvas.layers.set_style(Layer.PREDICTION, visible=False)
    assert np.array_equal(grabbed(canvas), peeked)


def test_dragging_the_grip_moves_the_line_and_paints_nothing(compared: Hand) -> None:
    hand, canvas = compared, compared.canvas
    canvas.set_tool(Brush(hand))  # type: ignore[arg-type]
    canvas.layers.set_divider(Divider())
    assert hand.document is not None
    before = hand.document.revision
    hand.move(QPointF(200, 20))
    assert canvas.cursor().shape() == Qt.CursorShape.SplitHCursor
    assert canvas._scene is not None
    assert canvas._scene.overlay.ring is None
    hand.press(QPointF(200, 20))
    for x in (220, 260, 300):
        hand.move(QPointF(x, 60), LEFT)
        QApplication.processEvents()
    assert canvas.layers.divider == Divider(0.75)
    hand.release()
    assert hand.document.revision == before
    hand.move(QPointF(330, 100))
    assert canvas.cursor().shape() == Qt.CursorShape.CrossCursor


def test_painting_goes_on_under_the_line(compared: Hand) -> None:
    hand, canvas, document = compared, compared.canvas, compared.document
    canvas.set_tool(Brush(hand))  # type: ignore[arg-type]
    canvas.layers.set_divider(Divider())
    assert document is not None
    hand.class_index, hand.brush_size = 3, 5
    hand.press(QPointF(150, 150))
    hand.move(QPointF(250, 150), LEFT)
    hand.release()
    assert (document.label_map == 3).sum() > 50
    shown = grabbed(canvas)
    canvas.layers.set_table(canvas.layers.table)
    assert np.array_equal(grabbed(canvas), shown)


def test_a_wipe_between_two_networks_shows_both_and_ends_with_the_wipe_or_the_image(compared: Hand) -> None:
    layers, canvas = compared.canvas.layers, compared.canvas
    layers.set_style(Layer.LABELS, visible=False)
    layers.set_style(Layer.PREDICTION, visible=True)
    prediction = make_prediction()
    only = {}
    for name in ("left", "right"):
        label_map = prediction.label_map[:, ::-1] if name == "left" else prediction.label_map
        only[name] = replace(prediction, label_map=np.ascontiguousarray(label_map))
        layers.set_prediction(only[name])
        only[f"{name} alone"] = grabbed(canvas)
    layers.set_prediction(None)
    layers.set_style(Layer.PREDICTION, visible=False)
    bare = grabbed(canvas)
    for end in (lambda: layers.set_divider(None), lambda: compared.open(make_document("two"))):
        layers.wipe_between(only["left"], only["right"], ("run 0001", "a very long name of a network of mine"))
        assert layers.divider is not None
        assert layers.divider.moved_to(9, 400).words == ("run 0001", "a very long name of a netwo…")
        wiped = grabbed(canvas)
        assert np.array_equal(wiped[40:, :195], only["left alone"][40:, :195])
        assert np.array_equal(wiped[40:, 205:], only["right alone"][40:, 205:])
        end()
        assert layers.divider is None
    assert np.array_equal(grabbed(canvas), bare)
    with pytest.raises(ValueError, match="the document"):
        layers.wipe_between(prediction, replace(prediction, label_map=prediction.label_map[1:]), ("a", "b"))
    assert layers.divider is None
