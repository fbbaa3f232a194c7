"""Predictions are back after a restart, in the layers and in the numbers of the list."""

from __future__ import annotations

import threading
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.core.prediction import Prediction
from fcn_studio.errors import ProjectError
from fcn_studio.formats.project import prediction_cache
from fcn_studio.ui.network import stored_predictions
from fcn_studio.ui.session.session import Session
from tests.helpers import paint
from tests.ui.conftest import Studio, draw_project


def offer(studio: Studio, index: int, *, seed: int = 0) -> Prediction:
    """Let the network in use have predicted the open image, one class everywhere."""
    network, session = studio.network.current.info, studio.session
    assert network is not None
    assert session.document is not None
    shape = session.document.label_map.shape
    uncertainty = np.random.default_rng(seed).integers(0, 255, shape).astype(np.uint8)
    own = Prediction(session.document.image_id, np.full(shape, index, np.uint8), uncertainty, network.sha256)
    mapped = own.mapped(studio.network.current.index_map)
    studio.network.predictions.keep(mapped)
    session.set_prediction(mapped)
    studio.network.stored.write(own, mapped)
    return mapped


def differences(session: Session, studio: Studio, row: int = 0) -> float | None:
    found = studio.network.stored.summary(session.samples[row])
    return None if found is None else found.differences


@pytest.fixture
def street(make_studio: Callable[[], Studio], tmp_path: Path) -> Callable[[], Studio]:
    """Opens a project with two classes of the bundled network, again and again."""
    folder = draw_project(tmp_path / "project", names=("Road", "Sky"))

    def again() -> Studio:
        studio = make_studio()
        studio.session.open_folder(folder)
        assert studio.network.current.can_prelabel
        return studio

    return again


def test_a_prediction_is_back_after_a_restart(street: Callable[[], Studio], qtbot: QtBot) -> None:
    studio = street()
    index = next(own for own, mapped in studio.network.current.index_map.items() if mapped == 1)
    made = offer(studio, index)
    assert studio.session.document is not None
    paint(studio.session.document, 1, at=(20, 20))
    qtbot.waitUntil(lambda: differences(studio.session, studio) == 0.0)
    paint(studio.session.document, 0, at=(20, 20))
    qtbot.waitUntil(lambda: differences(studio.session, studio) == 1.0)
    assert studio.session.close_project()

    studio = street()
    qtbot.waitUntil(lambda: studio.session.prediction is not None)
    found = studio.session.prediction
    assert found is not None
    assert np.array_equal(found.label_map, made.label_map)
    assert np.array_equal(found.uncertainty, made.uncertainty)
    qtbot.waitUntil(lambda: differences(studio.session, studio) == 1.0)
    studio.session.go_to(1)
    assert studio.session.prediction is None
    assert differences(studio.session, studio, 1) is None

    info = studio.network.current.info
    assert info is not None
    studio.session.go_to(0)
    studio.network.predictions.forget()  # as after another meaning, which is read again
    studio.network.current.changed.emit()
    qtbot.waitUntil(lambda: studio.session.prediction is not None)


def test_who_cannot_write_predictions_is_told_once(
    street: Callable[[], Studio], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(path: Path, data: bytes) -> None:
        raise ProjectError(f"{path} cannot be written: No space left on device")

    studio, problems = street(), []
    studio.network.predictions.problem.connect(problems.append)
    with monkeypatch.context() as patch:
        patch.setattr(prediction_cache, "write_atomically", full)
        offer(studio, 0)
        qtbot.waitUntil(lambda: bool(problems))
        offer(studio, 0)
    assert len(problems) == 1
    assert "Predictions are not kept" in problems[0]
    second = street()  # the first window has the project
    assert second.session.read_only
    offer(second, 0)
    assert second.network.stored.summary(second.session.samples[0]) is None


def test_predictions_that_arrive_faster_than_they_are_written_take_bounded_memory(
    street: Callable[[], Studio], qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(stored_predictions, "PENDING_BYTES", 1)
    both_are_offered, write = threading.Event(), stored_predictions._write

    def write_then(*arguments: object) -> object:
        both_are_offered.wait()
        return write(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(stored_predictions, "_write", write_then)
    studio = street()
    offer(studio, 0, seed=1)
    offer(studio, 0, seed=2)
    both_are_offered.set()
    assert studio.session.close_project()
    studio = street()
    qtbot.waitUntil(lambda: studio.session.prediction is not None)
    first = np.random.default_rng(1).integers(0, 255, (48, 64)).astype(np.uint8)
    assert studio.session.prediction is not None
    assert np.array_equal(studio.session.prediction.uncertainty, first)
