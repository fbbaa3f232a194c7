from __future__ import annotations

import json

from pytestqt.qtbot import QtBot

from fcn_studio.core.sample import Split
from fcn_studio.core.splitting.groups import GroupBy
from fcn_studio.ui.commands.split_commands import SplitCommands
from fcn_studio.ui.dialogs.data_sets.splits_dialog import SplitsDialog
from fcn_studio.ui.docks.file_model import Column
from tests.ui.conftest import Studio


def test_splits_are_changed_by_hand_and_by_share(studio: Studio, qtbot: QtBot) -> None:
    window, project = studio.window, studio.session.project
    assert project is not None
    dock, (commands,) = window.files_dock, window.findChildren(SplitCommands)
    assert dock.view.isColumnHidden(Column.SPLIT)
    dock.view.selectRow(1)
    menu = commands.menu(window)
    assert [action.text() for action in menu.actions()[:3]] == ["Training", "Validation", "Test"]
    menu.actions()[2].trigger()
    name = project.samples[1].image_id
    stored = project.folder / ".fcn-studio" / "splits.json"
    assert json.loads(stored.read_bytes())[f"/test/{name}"] == "val"
    assert not dock.view.isColumnHidden(Column.SPLIT)
    assert dock.model.index(1, Column.SPLIT).data() == "Test"
    assert commands.menu(window).actions()[2].isChecked()
    dock.model.set_filter("split:test")
    assert [dock.model.sample_row(row) for row in range(dock.model.rowCount())] == [1]
    dock.model.set_filter("")

    dialog = SplitsDialog(project, window)
    qtbot.addWidget(dialog)
    qtbot.waitUntil(lambda: dialog.division is not None)
    assert dialog.accept_button is not None
    assert not dialog.accept_button.isEnabled(), "no image is verified"
    for box in (dialog._verified, dialog._duplicates):
        box.setChecked(False)
    dialog._val.setValue(50)
    qtbot.waitUntil(lambda: dialog.division is not None)
    assert dialog.division is not None
    assert dialog.division.after[name] is Split.TEST, "it has a split"
    assert set(dialog.division.after.values()) == set(Split)
    dialog._by.setCurrentIndex(2)
    assert dialog.choice().by is GroupBy.SEQUENCE
    qtbot.waitUntil(lambda: dialog.division is not None)
    assert set(dialog.division.after.values()) == {Split.TEST}, "the sequence has a test image"
    dialog._by.setCurrentIndex(0)
    qtbot.waitUntil(lambda: dialog.division is not None)
    row = dialog._table.topLevelItem(0)
    assert row is not None
    assert row.text(3) == "1"
    assert dialog.accept_button.isEnabled()
    dialog.reject()
