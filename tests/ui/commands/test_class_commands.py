"""Classes are merged, deleted, retired and ordered in the window, and the project goes on."""

from __future__ import annotations

import math
from collections.abc import Callable

import numpy as np
import pytest
from PySide6.QtCore import QModelIndex, QPointF, Qt
from PySide6.QtGui import QEnterEvent
from PySide6.QtWidgets import QApplication, QTreeView
from pytestqt.qtbot import QtBot

from fcn_studio.core.classes import UNLABELLED
from fcn_studio.formats.project.project_file import read_project_file
from fcn_studio.ui.commands import class_commands
from fcn_studio.ui.dialogs.class_change_dialog import ClassChangeDialog
from fcn_studio.ui.dialogs.work_dialog import WorkDialog
from fcn_studio.ui.docks.class_model import ClassModel
from tests.helpers import paint
from tests.ui.conftest import Studio

CELL, DEBRIS = 1, 2


@pytest.fixture
def answers(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> Callable[[int], list[str]]:
    """Accepts the dialogs with a target once they have counted; what they had counted."""

    def answer(target: int) -> list[str]:
        counted: list[str] = []

        def asked(dialog: ClassChangeDialog) -> bool:
            qtbot.waitUntil(lambda: "this class" in dialog.counted.text())
            counted.append(dialog.counted.text())
            dialog.into.setCurrentIndex(dialog.into.findData(target))
            dialog.done(1)
            return True

        monkeypatch.setattr(ClassChangeDialog, "asked", asked)
        return counted

    return answer


def painted(studio: Studio) -> np.ndarray:
    """Paint cell and debris in the first image; its label map."""
    document = studio.session.document
    assert document is not None
    paint(document, CELL, at=(12, 12))
    paint(document, DEBRIS, at=(40, 30))
    studio.toolbox.set_class(CELL)
    return document.label_map.copy()


def shown(studio: Studio) -> np.ndarray:
    assert studio.session.document is not None
    return studio.session.document.label_map


def test_a_merged_class_is_gone_everywhere_and_comes_back(
    studio: Studio, answers: Callable[[int], list[str]]
) -> None:
    before = painted(studio)
    studio.session.go_to(1)
    counted = answers(DEBRIS)
    studio.toolbox.set_class(CELL)
    studio.window.actions_["merge_class"].trigger()
    assert counted == [f"1 image has this class. It covers {np.count_nonzero(before == CELL)} pixels."]
    assert studio.session.index == 1
    assert [info.name for info in studio.session.table.active] == ["background", "debris"]
    studio.session.go_to(0)
    assert np.array_equal(shown(studio), np.where(before == CELL, DEBRIS, before))
    assert not studio.window.actions_["undo"].isEnabled()
    studio.window.actions_["take_back_classes"].trigger()
    assert np.array_equal(shown(studio), before)
    assert len(studio.session.table.active) == 3
    studio.window.actions_["take_back_classes"].trigger()
    assert "no change of classes" in studio.window.messages.history[-1].text


def test_cancelling_changes_nothing_and_keeps_the_undo_steps(
    studio: Studio, answers: Callable[[int], list[str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    before = painted(studio)
    answers(UNLABELLED)

    def cancelled(dialog: WorkDialog[object]) -> None:
        next(dialog._steps)
        dialog._steps.close()

    monkeypatch.setattr(WorkDialog, "run", cancelled)
    studio.window.actions_["delete_class"].trigger()
    assert np.array_equal(shown(studio), before)
    assert studio.window.actions_["undo"].isEnabled()
    assert studio.session.table.find("cell") is not None


def test_classes_are_retired_used_again_and_ordered(studio: Studio) -> None:
    project = studio.session.project
    assert project is not None
    file = project.folder / "fcn-studio.toml"
    studio.toolbox.set_class(0)
    studio.window.actions_["retire_class"].trigger()
    assert "Verify" in studio.window.messages.history[-1].text, "background is what Verify writes"
    studio.toolbox.set_class(CELL)
    studio.window.actions_["retire_class"].trigger()
    assert [info.name for info in read_project_file(file).table.active] == ["background", "debris"]
    studio.session.classes.use_again(CELL)
    model = studio.window.classes_dock._view.model()
    assert isinstance(model, ClassModel)
    dragged = model.mimeData([model.index(2, 2)])  # debris, before background
    model.dropMimeData(dragged, Qt.DropAction.MoveAction, 0, 0, QModelIndex())
    assert [model.class_at(row) for row in range(3)] == [DEBRIS, 0, CELL]
    assert read_project_file(file).table.order == (DEBRIS, 0, CELL)
    assert [info.index for info in read_project_file(file).table.active] == [0, CELL, DEBRIS]
    studio.toolbox.set_class(DEBRIS)
    studio.window.classes_dock.move_active(+1)
    assert [model.class_at(row) for row in range(3)] == [0, DEBRIS, CELL]


def test_delete_over_the_list_removes_an_unused_class_at_once(
    studio: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(class_commands, "_COUNTED_S", math.inf)
    view = studio.window.classes_dock.findChild(QTreeView, "classList")
    painted(studio)
    studio.session.classes.add("stone")
    studio.window.canvas.setFocus()
    qtbot.keyClick(studio.window.canvas, Qt.Key.Key_Delete)
    assert studio.session.table.find("stone") is not None, "the pointer is elsewhere"
    QApplication.sendEvent(view, QEnterEvent(QPointF(), QPointF(), QPointF()))
    qtbot.keyClick(studio.window.canvas, Qt.Key.Key_Delete)
    assert studio.session.table.find("stone") is None
    assert studio.window._strip.text == "'stone' is deleted. No image has it."
    studio.window._strip.button.click()
    assert [info.name for info in studio.session.table.active][-1] == "stone"
    assert studio.toolbox.class_index == 3
