"""Autosave: when it saves, and what it holds on to."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.core.document import Document
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Status
from fcn_studio.errors import ProjectError
from fcn_studio.formats.project.annotations import AnnotationStore
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.ui.saving import autosave as autosave_module
from fcn_studio.ui.saving.autosave import Autosave
from fcn_studio.ui.saving.writer import Accept
from tests.helpers import paint
from tests.ui.conftest import draw_project


@pytest.fixture
def project(tmp_path: Path) -> Iterator[ProjectFolder]:
    with ProjectFolder.open(draw_project(tmp_path / "project"), writable=True) as opened:
        yield opened


@pytest.fixture
def autosave(qtbot: QtBot) -> Iterator[Autosave]:
    made = Autosave()
    yield made
    made.shut_down()


def watched(autosave: Autosave, project: ProjectFolder, row: int = 0) -> Document:
    sample = project.samples[row]
    document = Document(sample.image_id, Labels.unlabelled(48, 64), Status.NEW)
    autosave.watch(project, sample, document)
    document.committed.connect(autosave.touched)
    return document


def test_a_busy_painter_is_saved_too(
    autosave: Autosave, project: ProjectFolder, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autosave_module, "LONGEST_MS", 50)
    autosave.idle_ms = 50
    autosave._idle.timeout.disconnect()  # never a pause
    document = watched(autosave, project)
    written: list[str] = []
    autosave.saved.connect(written.append)
    paint(document)
    qtbot.waitUntil(lambda: bool(written))
    assert project.annotations.status(project.samples[0]) is Status.IN_PROGRESS


def test_a_stroke_under_way_is_waited_for(autosave: Autosave, project: ProjectFolder, qtbot: QtBot) -> None:
    autosave.idle_ms = 50
    document = watched(autosave, project)
    paint(document)
    edit = document.edit("Brush stroke")
    autosave.save()
    qtbot.wait(120)
    assert document.dirty
    edit.commit()
    qtbot.waitUntil(lambda: not document.dirty)


def test_a_failed_save_is_tried_again(
    autosave: Autosave, project: ProjectFolder, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(autosave_module, "RETRY_MS", 100)
    tries: list[int] = []
    real = AnnotationStore.write

    def save_labels(self: AnnotationStore, *arguments: object, **options: object) -> object:
        tries.append(1)
        if len(tries) < 3:
            raise ProjectError("disk full")
        return real(self, *arguments, **options)  # type: ignore[arg-type]

    monkeypatch.setattr(AnnotationStore, "write", save_labels)
    problems: list[str] = []
    autosave.problem.connect(problems.append)
    document = watched(autosave, project)
    paint(document)
    autosave.drain()
    assert document.dirty
    assert autosave.state == "unsaved"
    assert autosave.reopened(document.image_id) is not None
    qtbot.waitUntil(lambda: autosave.state == "saved")
    assert len(tries) == 3
    assert not document.dirty
    assert problems == ["disk full"]
    assert autosave.finish() == []


def test_a_newer_stroke_takes_the_place_of_a_failed_save(
    autosave: Autosave, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = AnnotationStore.write

    def refuse(self: AnnotationStore, *arguments: object, **options: object) -> object:
        raise ProjectError("disk full")

    monkeypatch.setattr(AnnotationStore, "write", refuse)
    document = watched(autosave, project)
    paint(document, 1)
    autosave.drain()
    paint(document, 2)
    monkeypatch.setattr(AnnotationStore, "write", real)
    assert autosave.finish() == []
    labels = project.annotations.load(project.samples[0], (64, 48)).labels
    assert labels.label_map[10, 10] == 2
    assert not document.dirty


def test_a_prediction_does_not_overtake_unsaved_human_work(
    autosave: Autosave, project: ProjectFolder, monkeypatch: pytest.MonkeyPatch
) -> None:
    real = AnnotationStore.write

    def refuse(self: AnnotationStore, *arguments: object, **options: object) -> object:
        raise ProjectError("disk full")

    monkeypatch.setattr(AnnotationStore, "write", refuse)
    document = watched(autosave, project)
    paint(document, 2)
    autosave.drain()
    autosave.watch(None, None, None)
    monkeypatch.setattr(AnnotationStore, "write", real)
    ones = np.ones((48, 64), np.uint8)
    for row in (0, 1):
        sample = project.samples[row]
        autosave.write_other(Accept(project, sample, Prediction(sample.image_id, ones, ones, "c0" * 32), False))
    assert autosave.finish() == []
    first = project.annotations.load(project.samples[0], (64, 48))
    assert first.status is Status.IN_PROGRESS
    assert first.labels.provenance.max() == Provenance.HUMAN
    assert (first.labels.label_map == 1).sum() == 0
    assert project.annotations.status(project.samples[1]) is Status.PRELABELLED
