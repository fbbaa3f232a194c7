"""The image stays where it is on the screen, whatever comes and goes around it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import QPoint, QSize, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from fcn_studio.core.training import Adoption, TrainOutcome, Verdict
from fcn_studio.i18n import message as sentence
from fcn_studio.tools.options import BRUSH_SIZE
from fcn_studio.ui.network.job_list import Kind
from fcn_studio.ui.window.main_window import MainWindow
from tests.jobs.helpers import job
from tests.ui.conftest import Studio

LONG = "A sentence of many words that has to be wrapped because no window is wide enough for all of it. " * 4


def settle(window: MainWindow) -> None:
    """Let the layouts take effect."""
    for _ in range(3):
        QApplication.processEvents()
        QTest.qWait(1)


def message(window: MainWindow) -> None:
    window.messages.fail(LONG)


def no_message(window: MainWindow) -> None:
    window._strip.dismiss()


def docks(window: MainWindow) -> None:
    window.actions_["toggle_docks"].trigger()


def bare(window: MainWindow) -> None:
    window.actions_["canvas_only"].trigger()


def smaller(window: MainWindow) -> None:
    window.resize(window.size() - QSize(150, 120))


def zoom(window: MainWindow) -> None:
    window.actions_["zoom_in"].trigger()
    window.actions_["one_to_one"].trigger()
    window.actions_["fit"].trigger()


@pytest.mark.parametrize(
    "happen",
    [(message, no_message), (docks, docks), (bare, bare), (smaller, smaller), (message, docks, bare), (zoom, zoom)],
    ids=["a message", "the docks", "canvas only", "the window", "all", "zoom keys"],
)
def test_a_straight_line_is_straight_to_the_pixel(
    studio: Studio, happen: tuple[Callable[[MainWindow], None], ...], qtbot: QtBot
) -> None:
    window, canvas, document = studio.window, studio.window.canvas, studio.session.document
    assert document is not None
    settle(window)
    studio.toolbox.set_option(BRUSH_SIZE, 1)
    assert canvas.view is not None
    scale = canvas.zoom
    x, y = canvas.view.to_device(8.5, 20.5)
    row = canvas.mapTo(window, QPoint(round(x), round(y)) / round(canvas.devicePixelRatioF()))

    def at(step: int) -> QPoint:  # the pointer goes straight over the screen
        return canvas.mapFrom(window, row + QPoint(step * 40, 0))

    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at(0))
    for step, act in enumerate(happen):
        QTest.mouseMove(canvas, at(2 * step + 1))
        act(window)
        settle(window)
        QTest.mouseMove(canvas, at(2 * step + 2))
    last = at(2 * len(happen))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, last)
    assert canvas.zoom == scale
    rows, columns = np.nonzero(document.provenance)
    assert set(rows.tolist()) == {20}
    length = round(2 * len(happen) * 40 / (scale / canvas.devicePixelRatioF()))
    assert columns.min() == 8
    assert abs(int(columns.max()) - 8 - length) <= 1
    assert len(columns) == columns.max() - 7, "no gap"


def test_nothing_that_comes_by_itself_moves_the_image(studio: Studio) -> None:
    window, canvas = studio.window, studio.window.canvas
    settle(window)
    before = canvas.view, canvas.mapTo(window, QPoint()), canvas.size(), window.size()

    def steady() -> bool:
        settle(window)
        return (canvas.view, canvas.mapTo(window, QPoint()), canvas.size(), window.size()) == before

    window.messages.say("Batch done.")
    assert window._strip.isVisible()
    assert steady()
    window.messages.offer(LONG, "Do something about it", lambda: None, ("Do something else", lambda: None))
    assert steady()
    window.messages.fail(LONG)
    assert steady()
    window._strip.dismiss()
    window._strip.dismiss()
    assert steady()
    studio.network.job_list.submit(Kind.BATCH, job("all"), "Label all", words=LONG)
    assert window.status_line.cancel_button.isVisible()
    assert steady()
    studio.network.job_list.forget_all()
    assert steady()
    adoption = Adoption(Verdict.ADOPTED, (sentence(LONG),))
    window.training_dock._finished(adoption, TrainOutcome("a.safetensors", None, None, ("a",), 3, 10, 1.0))
    window.training_dock.raise_()
    assert steady()
    window.actions_["fine_tune"].trigger()
    assert steady()


def test_fine_tune_leaves_hidden_docks_hidden(studio: Studio) -> None:
    window = studio.window
    docks(window)
    settle(window)
    size = window.canvas.size()
    window.actions_["fine_tune"].trigger()
    settle(window)
    assert window.training_dock.isHidden()
    assert window.canvas.size() == size


def test_a_message_is_as_wide_as_the_image_area_and_as_high_as_its_words(welcome: Studio, tmp_path: Path) -> None:
    window = welcome.window
    window.messages.fail(LONG)
    settle(window)
    assert window._strip.geometry().topLeft() == QPoint()
    assert window._strip.width() == window.centralWidget().width()
    high = window._strip.height()
    window.resize(900, 700)
    settle(window)
    assert window._strip.width() == window.centralWidget().width()
    assert window._strip.height() >= high
    window.messages.fail("Short.")
    settle(window)
    assert window._strip.height() < high
