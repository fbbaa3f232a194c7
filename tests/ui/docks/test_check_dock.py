"""The Check dock: made when it is first shown, lists faults, goes to them and fixes them."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PySide6.QtCore import Qt
from PySide6.QtWidgets import QDialog, QSpinBox
from pytestqt.qtbot import QtBot

from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import made_by_human
from fcn_studio.core.review.hotspots import Hotspot, Reason
from fcn_studio.core.review.suspects import Suspects
from fcn_studio.core.sample import Status
from fcn_studio.formats.images.images import image_size
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs.protocol import Done, Judged, Progress, SuspectsJob
from fcn_studio.ui.dialogs.confusion_dialog import ConfusionDialog
from fcn_studio.ui.dialogs.questions import ConfirmationDialog
from fcn_studio.ui.dialogs.settings_dialog import ThresholdsDialog
from tests.ui.conftest import Studio, draw_project


@pytest.fixture
def faulty(welcome: Studio, tmp_path: Path) -> Studio:
    """A window with a project whose first three images have an island each, the third one of three pixels."""
    folder = draw_project(tmp_path / "project")
    label_map = np.where(np.arange(64) < 32, np.uint8(1), np.uint8(2)) + np.zeros((48, 1), np.uint8)
    with ProjectFolder.open(folder, writable=True) as project:
        for number, sample in enumerate(project.samples):
            size = image_size(sample.image_path)
            project.annotations.load(sample, size)
            mask = label_map.copy()
            mask[20, 10 : 13 if number == 2 else 11] = 1 if number == 3 else 2
            project.annotations.save(sample, made_by_human(mask), Status.VERIFIED)
    welcome.window.open_folder(folder)
    return welcome


def test_faults_are_listed_shown_and_fixed(faulty: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    session, window = faulty.session, faulty.window
    assert window.check.dock is None
    window.actions_["check"].trigger()
    dock = window.check.dock
    assert dock is not None
    qtbot.mouseClick(dock.start, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.tree.topLevelItemCount() == 2)  # the islands, and the class that no image has
    islands = dock.tree.topLevelItem(0)
    assert islands is not None
    assert islands.childCount() == 3

    def asked(dialog: ThresholdsDialog) -> bool:
        dialog.findChildren(QSpinBox)[0].setValue(2)
        return True

    monkeypatch.setattr(ThresholdsDialog, "asked", asked)
    dock.thresholds_wanted.emit()
    qtbot.waitUntil(lambda: dock.tree.topLevelItemCount() == 2)
    islands = dock.tree.topLevelItem(0)
    assert islands is not None
    assert islands.childCount() == 2

    second = islands.child(1)
    assert second is not None
    dock.tree.setCurrentItem(second)
    qtbot.keyClick(dock.tree, Qt.Key.Key_Return)
    document = session.document
    assert document is not None
    assert document.image_id == session.samples[1].image_id
    qtbot.mouseClick(dock.here, Qt.MouseButton.LeftButton)
    assert document.label_map[20, 10] == 1
    assert (document.status, document.history.undo_title) == (Status.VERIFIED, "Fix small regions")
    session.undo()
    assert document.label_map[20, 10] == 2
    session.redo()

    monkeypatch.setattr(ConfirmationDialog, "asked", lambda _: True)
    qtbot.mouseClick(dock.all, Qt.MouseButton.LeftButton)
    qtbot.waitUntil(lambda: dock.tree.topLevelItemCount() == 1)
    session.drain()
    project = session.project
    assert project is not None
    for row, value, versions in ((0, 1, 1), (1, 1, 1), (2, 2, 0)):
        labels = project.annotations.load(session.samples[row], (64, 48), peek=True).labels
        assert labels.label_map[20, 10] == value
        assert len(project.annotations.earlier(session.samples[row], (64, 48))) == versions

    window.actions_["toggle_docks"].trigger()
    assert dock.isHidden()
    window.actions_["toggle_docks"].trigger()
    assert not dock.isHidden()
    qtbot.keyClick(dock.tree, Qt.Key.Key_Escape)
    assert window.focusWidget() is window.canvas


def test_label_errors_are_searched_by_the_network_and_listed(
    faulty: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    session, window = faulty.session, faulty.window
    window.actions_["label_errors"].trigger()
    qtbot.waitUntil(lambda: any(isinstance(job, SuspectsJob) for job in faulty.process.jobs.values()))
    (job_id,) = (job_id for job_id, job in faulty.process.jobs.items() if isinstance(job, SuspectsJob))
    region = Hotspot(Reason.SUSPECT, Rect(30, 8, 50, 28), np.ones((20, 20), np.bool_), 1, 255, 2, 0.9, 400.0)
    judged = Suspects(session.samples[2].image_id, 0.1, (region,), {(2, 2): 1136, (2, 1): 400})
    faulty.process.replied.emit(Progress(job_id, Judged(judged, 1, 4)))
    faulty.process.replied.emit(Done(job_id, None))
    dock = window.check.dock
    assert dock is not None
    kind = dock.tree.topLevelItem(0)
    assert kind is not None
    suspect = kind.child(0)
    assert suspect is not None
    assert suspect.text(0) == f"{session.samples[2].image_id}: debris may be cell (90%)."
    dock.tree.setCurrentItem(suspect)
    qtbot.keyClick(dock.tree, Qt.Key.Key_Return)
    assert session.document is not None
    assert session.document.image_id == session.samples[2].image_id
    assert not dock.here.isEnabled()

    other = Hotspot(Reason.SUSPECT, Rect(0, 0, 9, 9), np.ones((9, 9), np.bool_), 2, 255, 1, 0.8, 81.0)
    found = [judged, Suspects(session.samples[1].image_id, 0.2, (other,), {(1, 2): 81, (1, 1): 919})]
    window.check.list_suspects(found)

    def choose(dialog: ConfusionDialog) -> bool:
        texts = [[cell.text() for column in (0, 1) if (cell := dialog.cells.item(row, column))] for row in (0, 1)]
        assert texts == [["91.9", "8.1"], ["26.0", "74.0"]]
        dialog.cells.setCurrentCell(0, 0)  # where nothing may be wrong
        assert dialog.accept_button is not None
        assert not dialog.accept_button.isEnabled()
        dialog.cells.setCurrentCell(0, 1)
        assert dialog.accept_button.isEnabled()
        qtbot.mouseClick(dialog.accept_button, Qt.MouseButton.LeftButton)
        return dialog.result() == QDialog.DialogCode.Accepted

    def listed() -> int:
        kind = dock.tree.topLevelItem(0)
        return 0 if kind is None else kind.childCount()

    assert listed() == 2
    monkeypatch.setattr(ConfusionDialog, "asked", choose)
    qtbot.mouseClick(dock.matrix, Qt.MouseButton.LeftButton)
    assert listed() == 1
    assert session.document.image_id == session.samples[1].image_id
    qtbot.mouseClick(dock.every, Qt.MouseButton.LeftButton)
    assert listed() == 2
