from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.region import Region, StencilRegion
from fcn_studio.core.regions.clean import Cleaning
from fcn_studio.core.rules import PaintRules
from fcn_studio.core.sample import Status
from fcn_studio.errors import ProjectError
from fcn_studio.ui.commands.label_commands import LabelCommands
from fcn_studio.ui.dialogs import clean_dialog
from fcn_studio.ui.dialogs.clean_dialog import CleanDialog, What
from tests.core.annotations import document_of
from tests.ui.conftest import Studio


def painted(studio: Studio, columns: slice, value: int) -> None:
    document = studio.session.document
    assert document is not None
    labels = Labels(document.label_map.copy(), document.provenance.copy())
    labels.label_map[:, columns], labels.provenance[:, columns] = value, Provenance.HUMAN
    with document.edit("Brush stroke") as edit:
        edit.replace(labels, status=Status.IN_PROGRESS)


def run(studio: Studio, name: str) -> None:
    studio.window.actions_[name].trigger()


def test_gaps_are_filled_in_one_step(studio: Studio) -> None:
    document = studio.session.document
    assert document is not None
    painted(studio, slice(0, 2), 1)
    painted(studio, slice(document.width - 2, None), 2)
    run(studio, "fill_gaps")
    assert (document.label_map[:, document.width // 2 - 2] == 1).all()
    assert (document.label_map[:, document.width // 2 + 2] == 2).all()
    assert document.undo() == "Fill gaps"
    studio.session.toolbox.set_class(2)
    run(studio, "fill_unlabelled")
    assert np.unique(document.label_map[:, 2:]).tolist() == [2]
    assert (document.provenance == Provenance.HUMAN).all()
    run(studio, "fill_gaps")
    assert "Every pixel" in studio.window.messages.history[-1].text


def test_labels_are_copied_from_the_previous_image_where_there_are_none(studio: Studio) -> None:
    painted(studio, slice(0, 3), 1)
    studio.session.step(+1)
    painted(studio, slice(0, 1), 2)
    run(studio, "copy_previous")
    document = studio.session.document
    assert document is not None
    assert document.label_map[0, :4].tolist() == [2, 1, 1, 255]
    assert document.provenance[0, :4].tolist() == [2, 3, 3, 0]
    assert document.undo() == "Copy from the previous image"


def test_before_the_first_image_there_is_none_to_copy(studio: Studio) -> None:
    with pytest.raises(ProjectError, match="no previous image"):
        LabelCommands(studio.session, studio.window.messages, studio.window.canvas, studio.window).copy_previous()


def test_labels_are_cleaned_after_a_preview(studio: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    document = studio.session.document
    assert document is not None
    painted(studio, slice(0, None), 1)
    labels = Labels(document.label_map.copy(), document.provenance.copy())
    labels.label_map[5:8, 5:8] = 2
    with document.edit("Brush stroke") as edit:
        edit.replace(labels)
    outlined: list[Region | None] = []
    studio.session.toolbox.set_class(1)
    studio.session.toolbox.select(StencilRegion(Rect(0, 0, 7, 9), np.ones((9, 7), np.uint8)))

    def asked(dialog: CleanDialog) -> bool:
        dialog.show()
        dialog.way.setCurrentIndex(dialog.way.findData(Cleaning.ISLANDS))
        dialog.region.setChecked(True)
        qtbot.waitUntil(lambda: bool(outlined) and outlined[-1] is not None and outlined[-1].area == 6)
        dialog.accept()
        return True

    monkeypatch.setattr(CleanDialog, "asked", asked)
    monkeypatch.setattr(studio.window.canvas, "set_outlined", outlined.append)
    studio.window.canvas.hovered.emit((6, 6))
    run(studio, "clean")
    assert (document.label_map[:, :7] == 1).all(), "what is inside the selection"
    assert (document.label_map[5:8, 7] == 2).all()
    assert outlined[-1] is None
    assert document.undo() == "Clean"


def test_the_preview_begins_in_the_middle_of_the_view_and_ends_with_all(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(clean_dialog, "_FIRST", 8)
    label_map = np.zeros((20, 30), np.uint8)
    label_map[3::4, 3::4] = 1
    document = document_of(Labels(label_map, np.full_like(label_map, Provenance.HUMAN)))
    document.rules = PaintRules(selection=StencilRegion(Rect(0, 0, 30, 12), np.ones((12, 30), np.uint8)))
    what = What(Cleaning.ISLANDS, 5, [1], None)
    steps = clean_dialog._found(document, None, Rect(4, 4, 24, 16), what)
    shown = [next(steps), next(steps)]
    with pytest.raises(StopIteration) as end:
        next(steps)
    assert shown[0] is None
    assert shown[1] is not None
    assert (shown[1].rect, shown[1].area) == (Rect(11, 7, 16, 12), 4)
    assert end.value.value.area == np.count_nonzero(label_map[:12])
