"""The dialogs of keys and the command palette, used by keys and mouse."""

from __future__ import annotations

from pathlib import Path

import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QToolButton
from pytestqt.qtbot import QtBot

from fcn_studio.ui.actions.keys import Keys
from fcn_studio.ui.actions.possible import Moment, possible_now
from fcn_studio.ui.dialogs.keys.keys_dialog import KeysDialog
from fcn_studio.ui.dialogs.keys.palette_dialog import Entry, PaletteDialog, match, ranked
from fcn_studio.ui.dialogs.keys.possible_dialog import PossibleDialog, balanced
from tests.ui.conftest import Studio

KEY, MODIFIER = Qt.Key, Qt.KeyboardModifier


def test_a_key_is_added_taken_and_removed(qtbot: QtBot, tmp_path: Path) -> None:
    dialog = KeysDialog(Keys())
    qtbot.addWidget(dialog)
    dialog.show()
    qtbot.keyClicks(dialog.words, "fit window")
    assert dialog.list.currentItem().text(0) == "Fit in window"
    qtbot.keyClick(dialog.new_key, KEY.Key_J)
    assert dialog.keys.of("fit") == ("F", "J")
    qtbot.keyClick(dialog.new_key, KEY.Key_3)
    assert "3 is fixed" in dialog.message.text()
    qtbot.keyClick(dialog.new_key, KEY.Key_Z, MODIFIER.ControlModifier)
    assert (dialog.message.text(), dialog.take_button.text()) == ("Ctrl+Z is the key of Undo.", "Take it from Undo")
    assert dialog.keys.of("undo") == ("Ctrl+Z",), "not before it is confirmed"
    dialog.take_button.click()
    assert (dialog.keys.of("fit"), dialog.keys.of("undo")) == (("F", "J", "Ctrl+Z"), ())
    dialog.words.clear()
    qtbot.keyClick(dialog.key, KEY.Key_Z, MODIFIER.ControlModifier)
    assert dialog.list.currentItem().text(0) == "Fit in window", "found by its key"
    dialog.key.pressed.emit("")
    file = tmp_path / "shortcuts.toml"
    dialog.write(file)
    first = next(button for button in dialog.findChildren(QToolButton) if button.text().startswith("F "))
    first.click()
    assert dialog.keys.of("fit") == ("J", "Ctrl+Z")
    dialog.reset_button.click()
    assert (dialog.keys.of("fit"), dialog.keys.of("undo")) == (("F",), ("Ctrl+Z",))
    dialog.read(file)
    assert dialog.keys.of("fit") == ("F", "J", "Ctrl+Z")


def test_the_palette_ranks_the_better_match_then_what_is_possible_then_what_was_used_last() -> None:
    def entry(title: str, english: str = "", *, enabled: bool = True) -> Entry:
        return Entry(title, title, english or title, "Edit", "", lambda: None, enabled)

    entries = [entry("Undo", enabled=False), entry("Pinsel", "Brush"), entry("Unlabelled"), entry("Fill unlabelled")]
    assert [e.title for e in ranked(entries, "un", [])] == ["Unlabelled", "Undo", "Fill unlabelled"]
    assert [e.title for e in ranked(entries, "lab", ["Fill unlabelled"])] == ["Fill unlabelled", "Unlabelled"]
    assert [e.title for e in ranked(entries, "brush", [])] == ["Pinsel"]
    assert [match(typed, "Fill unlabelled") for typed in ("fil", "unl", "unl fill", "fllbl", "xq")] == [4, 3, 2, 1, 0]


def test_the_palette_runs_what_was_chosen_and_remembers_it(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[list[str]] = []
    typed = ["eras", "class: debris", "picture-002", "redo"]

    def asked(dialog: PaletteDialog) -> bool:
        seen.append([dialog.list.topLevelItem(row).text(0) for row in range(2)])
        dialog.line.setText(typed.pop(0))
        return dialog.chosen is not None

    monkeypatch.setattr(PaletteDialog, "asked", asked)
    for _ in range(len(typed)):
        studio.window.actions_["palette"].trigger()
    assert studio.toolbox.tool_name == "eraser"
    assert studio.toolbox.class_index == 2
    assert studio.session.document.image_id == "picture-002.png"
    assert seen[1][0] == "Eraser"
    assert seen[2] == ["Class: debris", "Eraser"]
    assert studio.settings.palette_used == "eraser", "redo was not possible"


def test_what_works_now_depends_on_the_moment(studio: Studio, qtbot: QtBot) -> None:
    moment = Moment(
        lambda name: name != "redo",
        "polygon",
        prediction=False,
        live=False,
        walking=False,
        class_keys=("1", "2", "4", "Z, A"),
    )
    groups = dict(possible_now(moment))
    assert ("Enter or double-click, Backspace, Esc", "Polygon and line: finish, remove the last corner, cancel") in (
        groups["Polygon"]
    )
    edit = [keys for keys, _what in groups["Edit"]]
    assert "Ctrl+Z" in edit
    assert "Ctrl+Shift+Z, Ctrl+Y" not in edit
    assert "At a doubtful region" not in groups
    assert [keys for keys, _what in groups["Prediction"]] == ["Ctrl+I, F5"]
    assert [keys for keys, _what in groups["Classes"]] == ["1 … 4", "Z, A"]
    assert [len(column) for column in balanced([("a", [("", "")] * 4)] * 6, 3)] == [2, 2, 2]
    studio.window.actions_["possible_now"].trigger()
    dialog = studio.window.findChild(PossibleDialog)
    assert dialog.isVisible()
    qtbot.keyClick(dialog, KEY.Key_Question, MODIFIER.ShiftModifier)
    assert not dialog.isVisible()
