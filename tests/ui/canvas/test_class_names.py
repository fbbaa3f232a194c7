"""Tests of the names of classes on the canvas."""

from __future__ import annotations

import numpy as np
from pytestqt.qtbot import QtBot

from fcn_studio.core.geometry import Rect
from fcn_studio.core.region import StencilRegion
from tests.ui.canvas.test_canvas import TABLE, Hand


def test_names_are_drawn_follow_edits_and_name_what_the_pointer_is_over(hand: Hand, qtbot: QtBot) -> None:
    canvas, document = hand.canvas, hand.document
    assert document is not None
    before = canvas.grab().toImage()
    canvas.class_names.set_shown(True)
    with document.edit("paint") as edit:
        edit.write(
            StencilRegion(
                Rect(0, 0, document.width // 2, document.height),
                np.ones((document.height, document.width // 2), np.uint8),
            ),
            1,
        )
    painted = canvas.grab().toImage()
    assert not canvas.class_names._points, "regions are looked for after a pause"
    qtbot.waitUntil(lambda: bool(canvas.class_names._points))
    assert canvas.grab().toImage() not in (before, painted)
    assert canvas.view is not None
    (_, rect), *_ = canvas.class_names._placed[2]  # type: ignore[index]
    x, y = canvas.view.to_device(document.width / 4, document.height / 2)
    assert rect.x0 < x < rect.x1
    assert rect.y0 < y < rect.y1
    canvas.hovered.emit((1, 1))
    assert TABLE.name_of(1) in canvas.toolTip()
    canvas.hovered.emit((document.width - 1, 1))
    assert canvas.toolTip() == "", "nothing is labelled there"
    canvas.layers.set_peeking(True)
    assert canvas.grab(canvas.rect()).toImage() != painted
    canvas.layers.set_peeking(False)
    canvas.class_names.set_shown(False)
    assert canvas.grab().toImage() == painted
