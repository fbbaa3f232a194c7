"""Enter does what a dialog is for, whatever was changed in it."""

from __future__ import annotations

import importlib
import pkgutil
from collections.abc import Callable
from pathlib import Path

import pytest
from PySide6.QtCore import QPoint, Qt
from PySide6.QtTest import QTest
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QAbstractSpinBox,
    QApplication,
    QCheckBox,
    QComboBox,
    QDialog,
    QDialogButtonBox,
    QFileDialog,
    QHeaderView,
    QLineEdit,
    QPlainTextEdit,
    QRadioButton,
    QWidget,
)
from pytestqt.qtbot import QtBot
from shiboken6 import isValid

import fcn_studio.ui
from fcn_studio.ui.dialogs import questions
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.dialogs.class_map_dialog import ClassMapDialog
from fcn_studio.ui.dialogs.help_dialogs import ShortcutsDialog
from fcn_studio.ui.dialogs.networks_dialog import NetworksDialog
from fcn_studio.ui.dialogs.settings_dialog import SettingsDialog
from tests.ui.conftest import Studio
from tests.ui.test_pseudo_locale import (
    DIALOGS,
    TABLE,
    frames_dialog,
    import_dialog,
    opening_dialog,
    possible_dialog,
    splits_dialog,
    subclasses,
)

MAKERS: dict[str, Callable[[Studio, Path], Dialog]] = {
    **DIALOGS,
    "settings": lambda studio, folder: SettingsDialog(studio.settings),
    "shortcuts": lambda studio, folder: ShortcutsDialog(),
    "networks": lambda studio, folder: NetworksDialog(
        studio.window._commands.networks.rows, studio.network, studio.window.messages
    ),
    "batch without a choice": lambda studio, folder: questions.BatchDialog(3, 0, "cell"),
    "class map with suggestions": lambda studio, folder: ClassMapDialog(
        "cell", type(TABLE).from_names(["background", "cells", "debriss"]), TABLE, {}
    ),
}
HELPERS = import_dialog, frames_dialog, splits_dialog, opening_dialog, possible_dialog
"""Functions that makers call."""

CONTROLS = (QAbstractButton, QAbstractItemView, QAbstractSpinBox, QComboBox, QLineEdit, QPlainTextEdit)


def controls_of(dialog: Dialog) -> list[QWidget]:
    """What the user can change or press in the content, without what Qt made within it."""
    return [
        widget
        for widget in dialog.findChildren(QWidget)
        if isinstance(widget, CONTROLS)
        and not isinstance(widget, QHeaderView)
        and not isinstance(widget.parent(), (QAbstractSpinBox, QComboBox, QDialogButtonBox))
        and not widget.objectName().startswith("qt_")
        and widget.isVisible()
        and widget.isEnabled()
    ]


def change(control: QWidget) -> None:
    """Change a control by mouse or keys, as the user does."""
    if isinstance(control, (QCheckBox, QRadioButton)):
        QTest.mouseClick(control, Qt.MouseButton.LeftButton, pos=QPoint(10, control.height() // 2))
        control.setFocus()  # as the click does on most platforms
    elif isinstance(control, QAbstractButton):
        QTest.mouseClick(control, Qt.MouseButton.LeftButton)
        control.setFocus()
    elif isinstance(control, QPlainTextEdit):
        control.setFocus()
        QTest.keyClicks(control, "" if control.isReadOnly() else "road")
    elif isinstance(control, QLineEdit):
        control.setFocus()
        QTest.keyClicks(control, "x")
    else:
        control.setFocus()
        QTest.keyClick(control, Qt.Key.Key_Up)
        QTest.keyClick(control, Qt.Key.Key_Down)


@pytest.fixture
def done(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """What dialogs do in place of closing."""
    done: list[str] = []
    for what in ("accept", "reject"):
        monkeypatch.setattr(Dialog, what, lambda dialog, what=what: done.append(what))
    monkeypatch.setattr(QFileDialog, "getExistingDirectory", lambda *_: "")
    monkeypatch.setattr(QFileDialog, "getOpenFileName", lambda *_: ("", ""))
    monkeypatch.setattr(QFileDialog, "getSaveFileName", lambda *_: ("", ""))
    return done


@pytest.mark.parametrize("name", MAKERS)
def test_enter_does_the_main_action_after_any_change(
    shared_studio: Studio, name: str, tmp_path: Path, done: list[str], qtbot: QtBot
) -> None:
    dialog = MAKERS[name](shared_studio, tmp_path)
    qtbot.addWidget(dialog)
    with qtbot.waitActive(dialog):
        dialog.show()
        dialog.activateWindow()
    careful = isinstance(dialog, questions.ConfirmationDialog)
    main = "reject" if careful or dialog.accept_button is None else "accept"
    default = [button for button in dialog.buttons.buttons() if getattr(button, "isDefault", bool)()]
    assert len(default) == 1

    def press_enter(after: str) -> None:
        focus = dialog.focusWidget() or dialog
        if isinstance(focus, QPlainTextEdit) and not focus.isReadOnly():  # there it begins the next line
            QTest.keyClick(focus, Qt.Key.Key_Tab)
            focus = dialog.focusWidget() or dialog
        done.clear()
        QTest.keyClick(focus, Qt.Key.Key_Return)
        assert done == ([main] if default[0].isEnabled() else []), after

    press_enter("nothing was changed")
    for control in controls_of(dialog):
        if not isValid(control):  # a change before has put others in its place
            continue
        change(control)
        QApplication.processEvents()
        press_enter(f"{type(control).__name__} {control.accessibleName()}")
        if isinstance(control, (QCheckBox, QRadioButton)):
            change(control)
    dialog.done(0)  # ends its thread, if it has one


def test_enter_on_cancel_cancels(studio: Studio, tmp_path: Path, done: list[str], qtbot: QtBot) -> None:
    dialog = MAKERS["batch"](studio, tmp_path)
    qtbot.addWidget(dialog)
    with qtbot.waitActive(dialog):
        dialog.show()
        dialog.activateWindow()
    cancel = dialog.buttons.button(QDialogButtonBox.StandardButton.Cancel)
    cancel.setFocus()
    QTest.keyClick(cancel, Qt.Key.Key_Return)
    assert done == ["reject"]


def test_every_dialog_is_tried() -> None:
    for module in pkgutil.walk_packages(fcn_studio.ui.__path__, "fcn_studio.ui."):
        importlib.import_module(module.name)
    made = {name for make in (*MAKERS.values(), *HELPERS) for name in make.__code__.co_names}
    assert {kind.__name__ for kind in subclasses(Dialog)} - made == {"ConfirmationDialog"}
    ours = {kind for kind in QDialog.__subclasses__() if kind.__module__.startswith("fcn_studio")}
    assert ours == {Dialog}, "all dialogs have one base"


def test_tab_reaches_the_content_first_then_the_main_button(studio: Studio, tmp_path: Path, qtbot: QtBot) -> None:
    dialog = MAKERS["class table"](studio, tmp_path)
    qtbot.addWidget(dialog)
    with qtbot.waitActive(dialog):
        dialog.show()
        dialog.activateWindow()
    seen = []
    for _ in range(8):
        seen.append(dialog.focusWidget())
        QTest.keyClick(dialog.focusWidget(), Qt.Key.Key_Tab)
    buttons = [dialog.main_button, dialog.buttons.button(QDialogButtonBox.StandardButton.Cancel)]
    first = seen.index(buttons[0])
    assert first > 0
    assert not any(widget in buttons for widget in seen[:first])
    assert seen[first + 1] is buttons[1]
