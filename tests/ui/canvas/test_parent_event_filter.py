"""A pinch zooms, and a half-done gesture has its keys before the shortcuts of the window."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from PySide6.QtCore import QEvent, QPointF, Qt
from PySide6.QtGui import QAction, QKeyEvent, QNativeGestureEvent, QPointingDevice
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication, QLineEdit, QMainWindow, QStackedWidget, QWidget
from pytestqt.qtbot import QtBot

from fcn_studio.tools.polygon import Polygon
from tests.ui.canvas.test_canvas import MIDDLE, Hand

ZOOM, ROTATE = Qt.NativeGestureType.ZoomNativeGesture, Qt.NativeGestureType.RotateNativeGesture


@pytest.fixture
def window(hand: Hand, qtbot: QtBot) -> Iterator[QMainWindow]:
    """The canvas as it stands in the program: a page of a window."""
    window, pages = QMainWindow(), QStackedWidget()
    pages.addWidget(QWidget())
    pages.addWidget(hand.canvas)
    window.setCentralWidget(pages)
    window.resize(500, 400)
    qtbot.addWidget(window)
    pages.setCurrentWidget(hand.canvas)
    with qtbot.waitExposed(window):
        window.show()
    hand.canvas.setFocus()
    yield window
    hand.canvas.setParent(None)


def pinch(widget: QWidget, at: QPointF, value: float, kind: Qt.NativeGestureType = ZOOM) -> bool:
    device, globally = QPointingDevice.primaryPointingDevice(), widget.mapToGlobal(at)
    event = QNativeGestureEvent(kind, device, 2, at, at, globally, value, QPointF())
    QApplication.sendEvent(widget, event)
    return event.isAccepted()


def wants(hand: Hand, key: Qt.Key) -> bool:
    event = QKeyEvent(QEvent.Type.ShortcutOverride, key, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(hand.canvas, event)
    return event.isAccepted()


def test_a_pinch_zooms_where_it_is(window: QMainWindow, hand: Hand) -> None:
    at, zoom = hand.over(20, 30), hand.canvas.zoom
    assert pinch(hand.canvas, at, 0.5)
    assert hand.canvas.zoom == pytest.approx(1.5 * zoom)
    assert hand.canvas.to_image(at) == pytest.approx((20.5, 30.5), abs=0.5)


def test_other_gestures_do_nothing(window: QMainWindow, hand: Hand) -> None:
    zoom = hand.canvas.zoom
    pinch(hand.canvas, hand.over(20, 30), 0.5, ROTATE)
    assert hand.canvas.zoom == zoom


def test_a_pinch_during_a_drag_or_beside_the_canvas_does_nothing(window: QMainWindow, hand: Hand) -> None:
    zoom, beside = hand.canvas.zoom, QPointF(window.centralWidget().width() + 5, 5)
    hand.press(hand.over(20, 30), MIDDLE)
    assert pinch(hand.canvas, hand.over(20, 30), 0.5)
    hand.release(MIDDLE)
    assert not pinch(window.centralWidget(), beside, 0.5)
    hand.canvas.hide()
    assert not pinch(window.centralWidget(), QPointF(50, 50), 0.5)
    assert hand.canvas.zoom == zoom


def test_a_half_done_polygon_has_its_keys_before_shortcuts(window: QMainWindow, hand: Hand, qtbot: QtBot) -> None:
    tool, triggered = Polygon(hand), list[str]()  # type: ignore[arg-type]
    action = QAction(window, shortcut=Qt.Key.Key_Escape)
    action.triggered.connect(lambda: triggered.append("action"))
    window.addAction(action)
    window.activateWindow()
    qtbot.waitUntil(hand.canvas.hasFocus)
    hand.canvas.set_tool(tool)
    assert not wants(hand, Qt.Key.Key_Escape)
    hand.click(hand.over(10, 10))
    assert wants(hand, Qt.Key.Key_Escape)
    assert not wants(hand, Qt.Key.Key_B)
    QTest.keyClick(hand.canvas, Qt.Key.Key_Escape)
    assert (tool.busy, triggered) == (False, [])
    QTest.keyClick(hand.canvas, Qt.Key.Key_Escape)
    assert triggered == ["action"]


def test_a_key_that_another_widget_is_asked_for_is_left_to_it(window: QMainWindow, hand: Hand, qtbot: QtBot) -> None:
    tool, field = Polygon(hand), QLineEdit(window.centralWidget())  # type: ignore[arg-type]
    hand.canvas.set_tool(tool)
    hand.click(hand.over(10, 10))
    field.show()
    window.activateWindow()
    field.setFocus()
    qtbot.waitUntil(field.hasFocus)
    event = QKeyEvent(QEvent.Type.ShortcutOverride, Qt.Key.Key_Escape, Qt.KeyboardModifier.NoModifier)
    QApplication.sendEvent(window.centralWidget(), event)
    assert not event.isAccepted()
    assert tool.busy


def test_in_another_window_the_old_one_is_forgotten(window: QMainWindow, hand: Hand, qtbot: QtBot) -> None:
    pages, host = window.centralWidget(), QWidget()
    qtbot.addWidget(host)
    host.move(pages.mapToGlobal(pages.rect().topLeft()))
    host.resize(pages.size())
    hand.canvas.setParent(host)
    hand.canvas.show()
    with qtbot.waitExposed(host):
        host.show()
    zoom, at = hand.canvas.zoom, QPointF(50, 50)
    assert hand.canvas.rect().contains(hand.canvas.mapFromGlobal(pages.mapToGlobal(at)).toPoint())
    assert not pinch(pages, at, 0.5)
    assert hand.canvas.zoom == zoom
    assert pinch(hand.canvas, at, 0.5)
    assert hand.canvas.zoom == pytest.approx(1.5 * zoom)
    hand.canvas.setParent(None)  # the host goes first
