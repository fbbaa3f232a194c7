"""The walk through the window by keys. The picture has 64 x 48 pixels, three classes, and six squares of doubt."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from PySide6.QtCore import QAbstractAnimation, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from fcn_studio.core.classes import VOID
from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import Provenance
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.region import StencilRegion
from fcn_studio.core.sample import Status
from fcn_studio.ui.session.walk import Walk
from tests.ui.conftest import Studio

KEY, NO, SHIFT = Qt.Key, Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier
HUMAN, NETWORK = Provenance.HUMAN, Provenance.NETWORK
LEFTS = (4, 24, 44)
DOUBTS = ((160, 150, 140), (130, 120, 110))
"""Uncertainty of each square of 12 x 12 pixels, in two rows: the order of the walk."""


def predicted(image_id: str, sha: str = "c0") -> Prediction:
    """Class 1 everywhere, second guess 2, and six squares of doubt."""
    label_map, doubt = np.full((48, 64), 1, np.uint8), np.zeros((48, 64), np.uint8)
    for top, row in zip((4, 28), DOUBTS, strict=True):
        for left, value in zip(LEFTS, row, strict=True):
            doubt[top : top + 12, left : left + 12] = value
    return Prediction(image_id, label_map, doubt, sha * 32, np.full((48, 64), 2, np.uint8))


@pytest.fixture
def walking(studio: Studio) -> Studio:
    """A window with a prediction, and the keyboard on the canvas."""
    document = opened(studio)
    studio.session.set_prediction(predicted(document.image_id))
    studio.window.activateWindow()
    studio.window.canvas.setFocus()
    return studio


def opened(studio: Studio) -> Document:
    assert studio.session.document is not None
    return studio.session.document


def walk_of(studio: Studio) -> Walk:
    return studio.window._walk.walk


def hit(studio: Studio, *keys: KEY, modifier: Qt.KeyboardModifier = NO) -> None:
    for key in keys:
        QTest.keyClick(studio.window.focusWidget() or studio.window, key, modifier)


def corner(studio: Studio) -> tuple[int, int] | None:
    """The upper left corner of the region that is asked about."""
    current = walk_of(studio).current
    return None if current is None else current.rect[:2]


def square(studio: Studio, left: int, top: int) -> tuple[list[int], list[int]]:
    """Labels and provenance of one square of doubt."""
    where = np.s_[top : top + 12, left : left + 12]
    document = opened(studio)
    return np.unique(document.label_map[where]).tolist(), np.unique(document.provenance[where]).tolist()


def test_keys_go_through_the_regions_and_answer(walking: Studio) -> None:
    panel, walk = walking.window._walk._panel, walk_of(walking)
    hit(walking, KEY.Key_Tab)
    assert (corner(walking), walk.place) == ((4, 4), (1, 6))
    assert panel.isVisible()
    assert panel.text().startswith("<b>1 of 6</b>")
    assert "cell" in panel.text()
    assert "debris" in panel.text()  # the second guess
    hit(walking, KEY.Key_Return)
    assert square(walking, 4, 4) == ([1], [NETWORK])
    hit(walking, KEY.Key_R)
    assert square(walking, 24, 4) == ([2], [HUMAN])
    hit(walking, KEY.Key_1)
    assert square(walking, 44, 4) == ([0], [HUMAN])
    hit(walking, KEY.Key_Backspace)
    assert square(walking, 4, 28) == ([VOID], [0])
    assert (corner(walking), walk.place) == ((24, 28), (5, 6))
    hit(walking, KEY.Key_Tab)  # passes one by: it comes again at the end
    hit(walking, KEY.Key_Enter)
    assert (corner(walking), walk.place) == ((24, 28), (5, 6))
    hit(walking, KEY.Key_Tab, modifier=SHIFT)  # back, to an answered one as well
    assert corner(walking) == (4, 28)
    hit(walking, KEY.Key_Tab, KEY.Key_2)
    assert walk.current is None
    assert not panel.isVisible()
    assert walking.window._strip.text.endswith("last region. Press Ctrl+I to accept the rest of the prediction.")
    assert [walking.session.undo() for _ in range(5)]
    assert not opened(walking).provenance.any()
    assert (opened(walking).status, opened(walking).history.can_undo) == (Status.NEW, False)
    walking.session.step(+1)
    assert walking.window._strip.text == ""  # it was said of the image that was left


def test_outside_of_the_walk_its_keys_keep_their_meaning(walking: Studio) -> None:
    hit(walking, KEY.Key_3)
    assert walking.toolbox.class_index == 2
    hit(walking, KEY.Key_Tab, KEY.Key_Escape, KEY.Key_1)
    assert (corner(walking), walking.toolbox.class_index) == (None, 0)
    assert not opened(walking).history.can_undo
    hit(walking, KEY.Key_Tab)  # goes on: a region that was shown comes last
    assert corner(walking) == (24, 4)
    walking.window.files_dock.view.setFocus()  # elsewhere Tab moves the keyboard, and Enter is not the walk's
    before = QApplication.focusWidget()
    hit(walking, KEY.Key_Tab)
    assert QApplication.focusWidget() is not before
    walking.window.files_dock.view.setFocus()
    hit(walking, KEY.Key_Return)
    assert (corner(walking), opened(walking).history.can_undo) == ((24, 4), False)
    walking.window.canvas.setFocus()
    hit(walking, KEY.Key_F6)
    assert QApplication.focusWidget() is not walking.window.canvas


def test_a_half_done_polygon_gets_its_keys_first(walking: Studio) -> None:
    walking.toolbox.use("polygon")
    hit(walking, KEY.Key_Tab)
    canvas, view = walking.window.canvas, walking.window.canvas.view
    assert view is not None
    for point in ((1, 1), (3, 1), (3, 3)):
        x, y = (round(value / canvas.devicePixelRatioF()) for value in view.to_device(*point))
        QTest.mouseClick(canvas, Qt.MouseButton.LeftButton, NO, canvas.rect().topLeft() + type(canvas.pos())(x, y))
    hit(walking, KEY.Key_Return)
    assert opened(walking).provenance[:4].any()
    assert not opened(walking).provenance[4:].any()
    assert corner(walking) == (4, 4)


def test_a_newer_prediction_renews_the_queue_but_not_the_view(walking: Studio) -> None:
    canvas, walk = walking.window.canvas, walk_of(walking)
    hit(walking, KEY.Key_Tab, KEY.Key_Return, KEY.Key_Tab)  # one answered, one passed by
    view, newer = canvas.view, predicted(opened(walking).image_id, "d1")
    newer.label_map[:] = 2
    assert newer.second_guess is not None
    newer.second_guess[:] = 0
    newer.uncertainty[28:40, 24:36] = 0  # not doubted any more
    walking.session.set_prediction(newer)
    assert canvas.view == view
    assert walk.current is not None
    assert (corner(walking), walk.current.class_index, walk.current.second) == ((44, 4), 2, 0)
    corners = []
    while walk.current is not None:
        corners.append(corner(walking))
        hit(walking, KEY.Key_Backspace)
    assert corners == [(44, 4), (4, 28), (44, 28), (24, 4)]  # the one passed by comes last
    assert square(walking, 4, 4) == ([1], [NETWORK])
    hit(walking, KEY.Key_Tab)
    assert walk.current is None  # all are answered
    walking.session.set_prediction(None)
    hit(walking, KEY.Key_Tab)
    assert "There is no prediction" in walking.window.messages.history[-1].text


def test_what_a_person_painted_meanwhile_is_passed_by(walking: Studio) -> None:
    hit(walking, KEY.Key_Tab)
    with opened(walking).edit("Paint") as edit:
        edit.write(StencilRegion(Rect(4, 4, 36, 16), np.ones((12, 32), np.uint8)), 0)
    hit(walking, KEY.Key_Return)
    assert square(walking, 4, 4) == ([0], [HUMAN])
    assert corner(walking) == (44, 4)
    walking.session.step(+1)
    assert corner(walking) is None


def test_rules_and_finished_images_refuse_answers(walking: Studio) -> None:
    document, said = opened(walking), walking.window.messages.history
    with document.edit("Accept") as edit:
        edit.write(StencilRegion(Rect(0, 0, 64, 48), np.ones((48, 64), np.uint8)), 1, NETWORK)
    hit(walking, KEY.Key_Tab)
    walking.toolbox.toggle_where("unlabelled")
    hit(walking, KEY.Key_3)
    assert "Nothing was changed" in said[-1].text
    walking.session.toggle_skip()
    hit(walking, KEY.Key_Return)
    assert "Skipped" in said[-1].text
    assert corner(walking) == (4, 4)
    assert (document.provenance == NETWORK).all()


def test_the_view_moves_only_for_what_it_does_not_show(walking: Studio, qtbot: QtBot) -> None:
    canvas, motion = walking.window.canvas, walking.window._walk._motion
    fitted = canvas.view
    hit(walking, KEY.Key_Tab)
    assert canvas.view == fitted
    for _ in range(3):
        canvas.zoom_in()
    zoom = canvas.zoom
    canvas.centre_on(60, 44)
    hit(walking, KEY.Key_Tab, modifier=SHIFT)
    hit(walking, KEY.Key_Tab)
    qtbot.waitUntil(lambda: motion._animation.state() == QAbstractAnimation.State.Stopped)
    assert canvas.view is not None
    assert canvas.zoom == zoom
    left, top = canvas.view.to_device(4, 4)
    assert left >= 0
    assert top >= 0
    hit(walking, KEY.Key_Tab, KEY.Key_Tab)
    canvas.centre_on(60, 44)  # the user's own move ends the animation
    there = canvas.view
    qtbot.waitUntil(lambda: motion._animation.state() == QAbstractAnimation.State.Stopped)
    assert canvas.view == there


@settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    st.lists(
        st.sampled_from([KEY.Key_Tab, KEY.Key_Return, KEY.Key_R, KEY.Key_2, KEY.Key_Backspace, KEY.Key_Escape]),
        max_size=12,
    ),
    st.integers(0, 2**16),
)
def test_undo_of_all_is_the_start(walking: Studio, keys: list[KEY], seed: int) -> None:
    walking.session.step(+1)
    document = opened(walking)
    rng = np.random.default_rng(seed)
    with document.edit("Paint") as edit:
        pixels = (rng.random((48, 64)) < 0.3).astype(np.uint8)
        edit.write(StencilRegion(Rect(0, 0, 64, 48), pixels), 1)  # as predicted: no difference
    painted = document.provenance == HUMAN
    before = document.label_map.copy(), document.provenance.copy()
    walking.session.set_prediction(predicted(document.image_id))
    hit(walking, *keys)
    np.testing.assert_array_equal(document.label_map[painted], before[0][painted])
    assert (document.provenance[painted] == HUMAN).all()
    hit(walking, KEY.Key_Escape)
    while document.history.undo_title != "Paint":
        walking.session.undo()
    np.testing.assert_array_equal(document.label_map, before[0])
    np.testing.assert_array_equal(document.provenance, before[1])
