"""The Layers dock: what it shows of the canvas, and what it does to it."""

from __future__ import annotations

import numpy as np
from PySide6.QtWidgets import QLabel

from fcn_studio.core.prediction import Prediction
from fcn_studio.settings import Settings
from fcn_studio.ui.canvas.adjust import UNADJUSTED, Adjustment
from fcn_studio.ui.canvas.layers import LabelStyle, Layer
from fcn_studio.ui.commands.view_commands import no_prediction
from fcn_studio.ui.docks.adjust_panel import AdjustPanel
from tests.ui.conftest import Studio


def test_adjusting_the_image_is_said_even_when_folded_away(studio: Studio) -> None:
    dock, canvas = studio.window.layers_dock, studio.window.canvas
    panel = dock.findChild(AdjustPanel)
    assert panel is not None
    assert not panel._body.isVisible()
    panel._heading.click()
    assert panel._body.isVisible()
    assert any("network uses the original image" in label.text() for label in panel.findChildren(QLabel))
    panel._sliders[0].setValue(50)
    panel._sliders[2].setValue(50)
    assert canvas.layers.adjustment == Adjustment(brightness=0.5, gamma=2.0)
    panel._heading.click()
    assert panel._heading.text() == "Image is adjusted"
    panel._reset.click()
    assert canvas.layers.adjustment == UNADJUSTED
    assert [slider.value() for slider in panel._sliders] == [0, 0, 0]
    assert panel._heading.text() == "Adjust image"


def test_the_key_goes_round_the_label_styles_and_the_dock_shows_which(studio: Studio) -> None:
    dock, canvas = studio.window.layers_dock, studio.window.canvas
    seen = []
    for _ in range(3):
        studio.window.actions_["label_style"].trigger()
        seen.append(canvas.layers.label_style)
        assert [style for style, button in dock._styles.items() if button.isChecked()] == [canvas.layers.label_style]
    assert seen == [LabelStyle.OUTLINE, LabelStyle.HATCH, LabelStyle.FILL]
    dock._styles[LabelStyle.HATCH].click()
    assert canvas.layers.label_style == LabelStyle.HATCH


def test_differences_are_offered_once_there_is_a_prediction(studio: Studio) -> None:
    dock, canvas = studio.window.layers_dock, studio.window.canvas
    eye, document = dock._eyes[Layer.DISAGREEMENT], studio.session.document
    assert document is not None
    assert not eye.isEnabled()
    said: list[str] = []
    studio.window.messages.notice.connect(said.append)
    studio.window.actions_["disagreement"].trigger()
    assert said == [no_prediction()]
    blank = np.zeros((document.height, document.width), np.uint8)
    canvas.layers.set_prediction(Prediction(document.image_id, blank, blank, "0" * 64))
    assert eye.isEnabled()
    assert eye.isChecked()
    eye.click()
    assert not canvas.layers.styles[Layer.DISAGREEMENT].visible
    assert not studio.window.actions_["disagreement"].isChecked()


def test_the_wipe_is_told_and_the_label_style_is_remembered(studio: Studio) -> None:
    canvas, action = studio.window.canvas, studio.window.actions_["compare"]
    said: list[str] = []
    studio.window.messages.notice.connect(said.append)
    action.trigger()
    assert canvas.layers.divider is not None
    assert action.isChecked()
    assert said
    action.trigger()
    assert canvas.layers.divider is None
    assert len(said) == 1
    canvas.layers.set_label_style(LabelStyle.HATCH)
    assert Settings().label_style == "hatch"
