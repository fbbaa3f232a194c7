"""Keys that the user changed: what is in force, stored, and shown."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from PySide6.QtCore import QEvent, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from fcn_studio.settings import Settings
from fcn_studio.ui.actions import keys
from fcn_studio.ui.actions.key_file import as_table, from_table, read, write
from fcn_studio.ui.actions.keys import KeyChange, Keys
from fcn_studio.ui.actions.physical_keys import pressed_key
from fcn_studio.ui.actions.table import ACTIONS
from tests.ui.conftest import Studio

KEY, MODIFIER = Qt.Key, Qt.KeyboardModifier
OFFSET = {"linux": 8, "win32": 0}.get(sys.platform)
"""What is added to a number of linux/input-event-codes.h."""


@pytest.fixture(autouse=True)
def default_keys() -> Iterator[None]:
    yield
    keys.use(Keys())


def test_a_key_has_one_action_whatever_was_changed() -> None:
    changed = Keys().with_key("next", "B").with_key("fit", "B").with_key("next", "J").without_key("next", "D")
    assert (changed.of("fit"), changed.of("brush"), changed.of("next")) == (("F", "B"), (), ("PgDown", "J"))
    given = [key for spec in ACTIONS for key in changed.of(spec.name)]
    assert len(given) == len(set(given))
    assert changed.without_key("fit", "B").of("brush") == ("B",), "its default comes back"
    assert changed.reset("brush").of("brush") == ("B",)
    assert changed.reset("brush").of("fit") == ("F",)
    assert changed.reset("next").changes == {"fit": KeyChange(("B",))}


def test_only_differences_are_stored_so_that_new_defaults_arrive(tmp_path: Path) -> None:
    settings = Settings(tmp_path / "settings.toml")
    changed = Keys().with_key("next", "J").without_key("undo", "Ctrl+Z")
    settings.add_recent(tmp_path)
    settings.set_keys(as_table(changed, {"of_a_later_version": {"add": ["H"]}}))
    settings.add_recent(tmp_path / "other")
    again = Settings(settings.path)
    assert (len(again.recent), again.notice) == (2, "")
    assert again.keys == {
        "next": {"add": ["J"]}, "undo": {"remove": ["Ctrl+Z"]}, "of_a_later_version": {"add": ["H"]},
    }  # fmt: skip
    assert from_table(again.keys)[0].changes == changed.changes


def test_a_file_of_shortcuts_is_read_as_far_as_it_is_understood(tmp_path: Path) -> None:
    file = tmp_path / "shortcuts.toml"
    write(file, Keys().with_key("next", "J").without_key("next", "D"))
    assert "# Next; default: D, PgDown" in file.read_text()
    assert read(file)[0].of("next") == ("PgDown", "J")
    file.write_text(
        'fit = {add = ["j", "3", "Foo+B", "Space"]}\nnext = {add = ["J"], remove = ["H"]}\nno_action = {}\nundo = 3\n'
    )
    found, left_out = read(file)
    assert found.changes == {"fit": KeyChange(("J",))}
    assert [sentence.split(" is ")[0] for sentence in left_out] == [
        "Fit in window: 3", "Fit in window: “Foo+B”", "Fit in window: Space", "Next: J",
        "This version has no action “no_action”.", "“undo”",
    ]  # fmt: skip


def test_the_window_follows_changed_keys(studio: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    window = studio.window
    window.activateWindow()
    window.canvas.setFocus()
    qtbot.waitUntil(window.isActiveWindow)
    studio.settings.set_keys({"fine_tune": {"add": ["J"], "remove": ["Ctrl+T"]}, "peek": {"add": ["B"]}})
    assert window.training_dock.fine_tune_button.toolTip().endswith("(J)")
    assert window.actions_["fine_tune"].toolTip().endswith("(J)")
    assert window.actions_["brush"].toolTip() == "Paint with the active class", "its key was taken"
    heard: list[bool] = []
    monkeypatch.setattr(window._peek, "_held", heard.append)
    qtbot.keyPress(window.canvas, KEY.Key_B)
    qtbot.keyRelease(window.canvas, KEY.Key_B)
    assert heard == [True, False]
    assert keys.key_of("brush") == "“Brush”"


def pressed(code: int, key: int, text: str, modifier: Qt.KeyboardModifier = MODIFIER.NoModifier) -> QKeyEvent:
    """The press of the key in the place with this number in linux/input-event-codes.h."""
    if OFFSET is None:
        pytest.skip("key codes of places are known on Linux and Windows only")
    return QKeyEvent(QEvent.Type.KeyPress, key, modifier, code + OFFSET, 0, 0, text)


@pytest.mark.parametrize(
    ("code", "key", "text", "modifier", "expected"),
    [
        (48, 0x418, "и", MODIFIER.NoModifier, "B"),  # Russian
        (44, 0x42F, "\x1a", MODIFIER.ControlModifier, "Ctrl+Z"),  # Russian
        (52, 0x42E, "", MODIFIER.ControlModifier, "Ctrl+."),  # Russian
        (16, KEY.Key_A, "a", MODIFIER.NoModifier, "A"),  # French: the place of Q
        (41, KEY.Key_Dead_Circumflex, "", MODIFIER.NoModifier, "`"),  # German
        (3, KEY.Key_Eacute, "é", MODIFIER.NoModifier, "2"),  # French
        (3, KEY.Key_2, "2", MODIFIER.ShiftModifier, "2"),  # French
        (50, KEY.Key_Question, "?", MODIFIER.ShiftModifier, "?"),  # French
        (2, KEY.Key_Exclam, "!", MODIFIER.ShiftModifier, "!"),  # US
        (15, KEY.Key_Backtab, "\t", MODIFIER.ShiftModifier, "Shift+Tab"),
        (42, KEY.Key_Shift, "", MODIFIER.ShiftModifier, ""),
    ],
)
def test_a_pressed_key_is_named_as_a_shortcut_names_it(
    code: int, key: int, text: str, modifier: Qt.KeyboardModifier, expected: str
) -> None:
    assert pressed_key(pressed(code, key, text, modifier)) == expected


def test_lists_and_numbers_leave_letters_of_other_scripts_to_actions(studio: Studio, qtbot: QtBot) -> None:
    window = studio.window
    window.activateWindow()
    qtbot.waitUntil(window.isActiveWindow)
    window.training_dock.raise_()
    for place, code, key, text, tool in (
        (window.files_dock.view, 18, 0x423, "у", "eraser"),  # Russian, the place of E
        (window.training_dock._level, 48, 0x418, "и", "brush"),  # the place of B
        (window.training_dock._minutes, 18, 0x423, "у", "eraser"),
    ):
        place.setFocus()
        QApplication.sendEvent(place, pressed(code, key, text))
        assert studio.toolbox.tool_name == tool, type(place)
    window.classes_dock._view.setFocus()
    QApplication.sendEvent(window.classes_dock._view, pressed(4, KEY.Key_QuoteDbl, '"'))  # French, the place of 3
    assert studio.toolbox.class_index == 2
