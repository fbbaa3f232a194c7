"""A hand on a canvas with an image, bare or with labels and a prediction to compare."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.prediction import Prediction
from fcn_studio.tools.brush import Brush
from fcn_studio.ui.canvas import Canvas
from tests.ui.canvas.test_canvas import HEIGHT, TABLE, WIDTH, Hand, make_document


@pytest.fixture
def hand(qtbot: QtBot) -> Hand:
    canvas = Canvas()
    qtbot.addWidget(canvas)
    canvas.resize(400, 300)
    canvas.layers.set_table(TABLE)
    hand = Hand(canvas)
    hand.open(make_document())
    canvas.set_tool(Brush(hand))  # type: ignore[arg-type]
    with qtbot.waitExposed(canvas):
        canvas.show()
    QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))  # wherever the platform has its pointer
    return hand


def make_prediction(image_id: str = "one") -> Prediction:
    label_map = np.full((HEIGHT, WIDTH), 1, np.uint8)
    label_map[:, WIDTH // 2 :] = 2
    return Prediction(image_id, label_map, np.full((HEIGHT, WIDTH), 90, np.uint8), "0" * 64)


@pytest.fixture
def compared(hand: Hand) -> Hand:
    """An image all of class 1, a prediction that says 2 on the right, and no tool."""
    assert hand.document is not None
    hand.canvas.set_tool(None)
    with hand.document.edit("all") as edit:
        ones = np.full((HEIGHT, WIDTH), 1, np.uint8)
        edit.replace(Labels(ones, np.full_like(ones, Provenance.HUMAN)))
    hand.canvas.layers.set_prediction(make_prediction())
    return hand
