"""The overview in the corner: what it shows, where a click goes, and that hidden it does nothing."""

from __future__ import annotations

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QPointF, Qt
from PySide6.QtGui import QEnterEvent, QImage
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.settings import Settings
from fcn_studio.ui.canvas.navigator import HIGHEST, WIDEST, Navigator
from tests.ui.canvas.test_canvas import HEIGHT, WIDTH, Hand, make_document
from tests.ui.conftest import Studio


class Counting(Navigator):
    """Counts how often it was composed."""

    composed = 0

    def _compose(self) -> None:
        self.composed += 1
        super()._compose()


def shown(navigator: Navigator) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Red, green and blue of what it shows."""
    image = navigator._picture.convertToFormat(QImage.Format.Format_RGB888)
    flat = np.frombuffer(image.constBits(), np.uint8).reshape(image.height(), image.bytesPerLine())
    return flat[:, : 3 * image.width()].reshape(image.height(), image.width(), 3).copy()


def test_it_has_the_shape_of_the_image_and_lies_in_the_corner(hand: Hand, qtbot: QtBot) -> None:
    navigator = Navigator(hand.canvas)
    navigator.set_wanted(True)
    assert navigator.width() <= WIDEST
    assert navigator.height() <= HIGHEST
    assert navigator.width() / navigator.height() == pytest.approx(WIDTH / HEIGHT, rel=0.02)
    hand.canvas.resize(500, 400)
    qtbot.waitUntil(lambda: navigator.geometry().bottomRight() == QPoint(500 - 13, 400 - 13))


def test_a_click_brings_the_place_to_the_middle(hand: Hand) -> None:
    canvas, navigator = hand.canvas, Navigator(hand.canvas)
    navigator.set_wanted(True)
    canvas.one_to_one()
    canvas.zoom_at(canvas.rect().center().toPointF(), 20)
    place = QPoint(round(navigator.width() * 0.75), round(navigator.height() * 0.25))
    QTest.mouseClick(navigator, Qt.MouseButton.LeftButton, pos=place)
    assert canvas.view is not None
    x, y = canvas.view.to_image(canvas.view.width / 2, canvas.view.height / 2)
    assert x == pytest.approx(WIDTH * 0.75, abs=0.8)
    assert y == pytest.approx(HEIGHT * 0.25, abs=0.8)
    frame = navigator._frame(navigator._view(make_document()))
    assert frame.center().x() == pytest.approx(place.x(), abs=2)
    assert frame.center().y() == pytest.approx(place.y(), abs=2)
    assert hand.document is not None
    assert hand.document.revision == 0


def test_labels_follow_when_the_hand_rests_and_not_before(hand: Hand, qtbot: QtBot) -> None:
    navigator = Counting(hand.canvas)
    navigator.set_wanted(True)
    qtbot.waitUntil(lambda: navigator.composed == 1)
    before = shown(navigator)
    assert hand.document is not None
    with hand.document.edit("all") as edit:
        labels = np.full((HEIGHT, WIDTH), VOID, np.uint8)
        labels[:, : WIDTH // 2] = 3
        edit.replace(Labels(labels, np.where(labels == VOID, 0, Provenance.HUMAN).astype(np.uint8)))
    assert np.array_equal(shown(navigator), before)
    qtbot.waitUntil(lambda: navigator.composed == 2)
    after = shown(navigator)
    half = after.shape[1] // 2
    assert not np.array_equal(after[:, : half - 2], before[:, : half - 2])
    assert np.array_equal(after[:, half + 2 :], before[:, half + 2 :])


def test_hidden_it_hears_nothing(hand: Hand, qtbot: QtBot) -> None:
    navigator = Counting(hand.canvas)
    document = hand.document
    assert document is not None
    listeners = len(document.changed._callbacks)
    navigator.set_wanted(True)
    qtbot.waitUntil(lambda: navigator.composed == 1)
    navigator.set_wanted(False)
    hand.click(hand.over(20, 20))
    qtbot.wait(300)
    assert navigator.composed == 1
    assert len(document.changed._callbacks) == listeners


def test_it_goes_with_the_image_and_comes_with_the_next(hand: Hand) -> None:
    navigator = Navigator(hand.canvas)
    navigator.set_wanted(True)
    assert navigator.isVisible()
    hand.open(None)
    assert not navigator.isVisible()
    hand.open(make_document("two"))
    assert navigator.isVisible()


def test_the_ring_leaves_the_canvas_for_it(hand: Hand) -> None:
    navigator = Navigator(hand.canvas)
    navigator.set_wanted(True)
    hand.move(hand.over(40, 30))
    assert hand.canvas._scene is not None
    assert hand.canvas._scene.overlay.ring is not None
    at = QPointF(5, 5)
    QApplication.sendEvent(navigator, QEnterEvent(at, at, at))
    assert hand.canvas._scene.overlay.ring is None


def test_the_key_shows_it_and_it_is_remembered(studio: Studio) -> None:
    action, navigator = studio.window.actions_["navigator"], studio.window._view._navigator
    assert not navigator.isVisible()
    action.trigger()
    assert navigator.isVisible()
    assert Settings().navigator
    action.trigger()
    assert not navigator.isVisible()
    assert not action.isChecked()
