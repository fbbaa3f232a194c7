from __future__ import annotations

import pytest
from PySide6.QtCore import SIGNAL
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QToolBar, QToolButton
from pytestqt.qtbot import QtBot

from fcn_studio.ui.widgets.bar_buttons import DuplicateConnectionFilter


@pytest.fixture
def bar(qtbot: QtBot) -> QToolBar:
    bar = QToolBar()
    qtbot.addWidget(bar)
    bar.addAction(QAction("Undo", bar))
    return bar


def change(bar: QToolBar) -> tuple[QAction, QToolButton]:
    [action] = bar.actions()
    for number in range(20):
        action.setText(f"Undo stroke {number}")
        action.setEnabled(number % 2 == 0)
    button = bar.widgetForAction(action)
    assert isinstance(button, QToolButton)
    return action, button


def test_a_button_is_connected_once_and_still_follows_its_action(bar: QToolBar) -> None:
    DuplicateConnectionFilter(bar)
    action, button = change(bar)
    assert action.receivers(SIGNAL("changed()")) <= 2
    assert (button.text(), button.isEnabled()) == ("Undo stroke 19", False)
    action.setEnabled(True)
    button.click()
    assert button.isEnabled()


def test_without_it_this_qt_may_pile_connections_up(bar: QToolBar) -> None:
    action, _ = change(bar)
    if action.receivers(SIGNAL("changed()")) <= 2:
        pytest.skip("this Qt does not: OneConnection can go once no supported Qt does")
