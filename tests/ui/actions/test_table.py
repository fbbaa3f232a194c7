from __future__ import annotations

import subprocess
import sys
from dataclasses import replace

import pytest
from PySide6.QtCore import Qt
from pytestqt.qtbot import QtBot

from fcn_studio import paths
from fcn_studio.core.classes import ClassInfo, ClassTable
from fcn_studio.ui.actions.table import ACTIONS, BY_NAME, MENUS, class_keys, conflicts, shortcut_table
from fcn_studio.ui.dialogs.class_key_dialog import ClassKeyDialog
from tests.ui.conftest import Studio


def test_no_shortcut_means_two_things() -> None:
    assert conflicts() == {}


def test_a_conflict_is_found_whatever_its_case() -> None:
    clash = replace(BY_NAME["fit"], name="other", shortcuts=("b",))
    assert conflicts([*ACTIONS, clash]) == {"b": ["brush", "other"]}
    assert conflicts([replace(clash, shortcuts=("Ctrl+3",))]) == {"ctrl+3": ["class Ctrl+3", "other"]}


def test_names_are_unique_menus_and_icons_exist() -> None:
    assert len(BY_NAME) == len(ACTIONS)
    for spec in ACTIONS:
        assert spec.menu in MENUS
        assert spec.tip
        if spec.icon:
            assert paths.resource("icons", f"{spec.icon}.svg").is_file()


def test_a_held_key_repeats_only_what_is_small(studio: Studio) -> None:
    repeating = {spec.name for spec in ACTIONS if studio.window.actions_[spec.name].autoRepeat()}
    assert repeating == {
        "undo", "redo", "brush_smaller", "brush_larger", "zoom_in", "zoom_out",
        "next", "previous", "next_unverified", "previous_unverified",
    }  # fmt: skip


def test_every_icon_is_drawn_in_one_recolourable_line() -> None:
    for file in paths.resource("icons").glob("*.svg"):
        text = file.read_text()
        assert 'stroke="currentColor"' in text, file
        assert 'stroke-width="1.75"' in text, file


def test_class_keys_go_to_digits_then_ctrl_digits() -> None:
    keys = class_keys(ClassTable.from_names([f"c{i}" for i in range(25)]))
    assert (keys["1"], keys["0"], keys["Ctrl+1"], keys["Ctrl+0"]) == (0, 9, 10, 19)
    assert len(keys) == 20


def test_classes_without_a_key_get_the_free_ones() -> None:
    named = ClassTable(
        (ClassInfo(0, "a", (0, 0, 0)), ClassInfo(1, "b", (1, 1, 1), "1"), ClassInfo(2, "c", (2, 2, 2))), 3
    )
    assert class_keys(named) == {"1": 1, "2": 0, "3": 2}


def test_a_class_is_given_two_keys(studio: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    window, toolbox = studio.window, studio.toolbox
    toolbox.set_class(2)

    def choose(dialog: ClassKeyDialog) -> bool:
        assert dialog.key() == "3"
        assert dialog.choice.itemText(dialog.choice.findData("1")) == "1 (now background)"
        dialog.choice.setCurrentIndex(dialog.choice.findData("Z, D"))
        return True

    monkeypatch.setattr(ClassKeyDialog, "asked", choose)
    window._classes.give_key()
    assert class_keys(studio.session.table) == {"1": 0, "2": 1, "Z, D": 2}
    project = studio.session.project
    assert project is not None
    assert 'key = "Z, D"' in (project.folder / "fcn-studio.toml").read_text()
    toolbox.set_class(1)
    image = studio.session.index
    window.canvas.setFocus()
    for key in (Qt.Key.Key_Z, Qt.Key.Key_D):
        qtbot.keyClick(window.canvas, key)
    assert (toolbox.class_index, studio.session.index) == (2, image), "D alone would open the next image"
    table = studio.session.table.with_key(1, "Z, D")
    assert [info.key for info in table] == ["1", "Z, D", ""]
    assert class_keys(table) == {"1": 0, "Z, D": 1, "2": 2}


def test_the_readme_table_is_made_without_qt() -> None:
    code = (
        "import sys; from fcn_studio.ui.actions.table import shortcut_table; print(shortcut_table());"
        "assert not any(m.startswith('PySide6') for m in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    assert done.stdout.strip() == shortcut_table().strip()
    assert "| Ctrl+I, F5 |" in done.stdout
