"""Live, beside a process that answers when the test says so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PySide6.QtCore import QPoint, Qt
from pytestqt.qtbot import QtBot

from fcn_studio.core.document import ACCEPT_CLASS, ACCEPT_IMAGE, ACCEPT_REGION
from fcn_studio.core.grey_levels import BY_FILE, GreyLevels
from fcn_studio.core.labels import Provenance
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Status
from fcn_studio.formats.images.images import write_png
from fcn_studio.jobs.protocol import Done, Failed, FeaturesJob, LiveJob, LivePrediction
from fcn_studio.settings import Settings
from fcn_studio.ui.canvas.layers import Layer
from fcn_studio.ui.dialogs.questions import NotAcceptedDialog
from fcn_studio.ui.network.network_parts import NetworkParts
from fcn_studio.ui.session.session import Session
from fcn_studio.ui.session.toolbox import Toolbox
from tests.helpers import InlineProcess, paint
from tests.ui.conftest import Studio, draw_project


def live_jobs(studio: Studio) -> dict[int, LiveJob]:
    return {number: job for number, job in studio.process.jobs.items() if isinstance(job, LiveJob)}


def labelled(studio: Studio) -> None:
    """Two classes in the open image."""
    assert studio.session.document is not None
    paint(studio.session.document, 1, at=(10, 10), size=5)
    paint(studio.session.document, 2, at=(40, 30), size=5)


def wait_for_jobs(studio: Studio, qtbot: QtBot, count: int) -> tuple[int, LiveJob]:
    """The latest of so many live jobs, and its id."""
    qtbot.waitUntil(lambda: len(live_jobs(studio)) == count)
    return list(live_jobs(studio).items())[-1]


def answer(studio: Studio, job_id: int, *, index: int = 1, image_id: str = "") -> Prediction:
    """The process predicts a class everywhere in the open image."""
    document = studio.session.document
    assert document is not None
    label_map = np.full(document.label_map.shape, index, np.uint8)
    label_map[:, 32:] = 2
    prediction = Prediction(image_id or document.image_id, label_map, np.zeros_like(label_map), "cd" * 32)
    studio.process.replied.emit(Done(job_id, LivePrediction(prediction, 1, 0.1)))
    return prediction


def words(studio: Studio) -> str:
    return studio.window.status_line._live_words.text()


def test_it_is_on_where_no_network_knows_the_classes_and_remembered_otherwise(
    make_studio: Callable[[], Studio], tmp_path: Path
) -> None:
    studio, actions = (made := make_studio()), made.window.actions_
    unknown, known = draw_project(tmp_path / "cells"), draw_project(tmp_path / "animals", names=("background", "cat"))
    assert not studio.network.live.on
    studio.window.open_folder(known)
    assert (studio.network.live.on, words(studio)) == (False, "")
    studio.window.open_folder(unknown)
    assert studio.network.live.on
    assert actions["live"].isChecked()
    assert studio.window.canvas.layers.styles[Layer.PREDICTION].visible
    actions["live"].trigger()
    assert (studio.network.live.on, actions["live"].isChecked(), studio.settings.live) == (False, False, "off")
    assert not studio.window.canvas.layers.styles[Layer.PREDICTION].visible
    actions["live"].trigger()
    studio.window.open_folder(known)
    assert studio.network.live.on  # as the user said
    studio.session.close_project()
    assert (studio.network.live.on, studio.process.jobs) == (False, {})


def test_there_is_one_job_at_a_time_and_the_latest_state_wins(studio: Studio, qtbot: QtBot) -> None:
    document = studio.session.document
    assert document is not None
    paint(document, 1, at=(10, 10), size=5)
    qtbot.waitUntil(lambda: words(studio) == "Live: paint 1 more class")
    (features,) = studio.process.jobs.values()
    assert isinstance(features, FeaturesJob)  # while the person still paints
    assert features.images[0].image_id == document.image_id
    studio.process.replied.emit(Done(1, None))
    paint(document, 2, at=(40, 30), size=5)
    first, job = wait_for_jobs(studio, qtbot, 1)
    assert (job.image.label_map() == document.label_map).all()
    paint(document, 1, at=(20, 20), size=5)
    paint(document, 2, at=(50, 40), size=5)
    edit = document.edit("a stroke under way")
    answer(studio, first)
    assert studio.session.prediction is None  # nothing changes under the hand
    assert len(live_jobs(studio)) == 1
    edit.cancel()
    assert studio.session.prediction is not None
    assert words(studio).startswith("Live: learned from 1 image and 2 strokes, ")
    second, job = wait_for_jobs(studio, qtbot, 2)
    assert (job.image.label_map() == document.label_map).all()
    answer(studio, second)
    assert words(studio).startswith("Live: learned from 1 image and 4 strokes, ")
    shown = studio.session.prediction
    ahead = list(studio.process.jobs.values())[-1]
    assert isinstance(ahead, FeaturesJob)  # nothing is left to learn: the next image is prepared
    assert ahead.images[0].image_id == studio.session.samples[1].image_id
    assert len(live_jobs(studio)) == 2
    for _ in range(3):
        studio.session.undo()
    qtbot.waitUntil(lambda: words(studio) == "Live: paint 1 more class")
    assert shown is not None
    assert studio.session.prediction is None  # nothing is left that it was learned from


def test_a_prediction_that_waits_for_a_stroke_is_dropped_when_live_is_switched_off(
    studio: Studio, qtbot: QtBot
) -> None:
    labelled(studio)
    first, _ = wait_for_jobs(studio, qtbot, 1)
    assert studio.session.document is not None
    edit = studio.session.document.edit("a stroke under way")
    answer(studio, first)
    assert not studio.network.live.idle
    studio.network.live.toggle()
    assert studio.network.live.idle
    edit.cancel()
    assert studio.session.prediction is None


def test_other_grey_levels_of_the_project_are_learned_from(studio: Studio, qtbot: QtBot) -> None:
    labelled(studio)
    first, job = wait_for_jobs(studio, qtbot, 1)
    grey = studio.session.grey_display
    studio.session.pictures.levels = GreyLevels((0, 1023))  # as the Layers dock sets them
    grey.use_for_project()
    assert (first, False) in studio.process.cancelled
    _, again = wait_for_jobs(studio, qtbot, 2)
    assert (job.image.levels, again.image.levels) == (BY_FILE, GreyLevels((0, 1023)))


def test_the_result_of_an_image_that_was_left_is_dropped(studio: Studio, qtbot: QtBot) -> None:
    labelled(studio)
    left = studio.session.samples[0].image_id
    first, _ = wait_for_jobs(studio, qtbot, 1)
    studio.session.step(+1)
    assert (first, False) in studio.process.cancelled
    answer(studio, first, image_id=left)
    assert studio.session.prediction is None
    second, job = wait_for_jobs(studio, qtbot, 2)
    assert [other.image_id for other in job.others] == [left]  # the strokes of the one before are learned from
    assert (job.image.label_map() == 255).all()
    answer(studio, second)
    assert words(studio).startswith("Live: learned from 1 image and 2 strokes, ")
    studio.session.step(-1)
    assert studio.session.prediction is None


def test_the_doubt_of_an_image_that_was_left_is_kept(
    studio: Studio, qtbot: QtBot, make_studio: Callable[[], Studio]
) -> None:
    def numbers(studio: Studio) -> tuple[float, float | None] | None:
        found = studio.network.stored.summary(studio.session.samples[0])
        return None if found is None else (found.doubt, found.differences)

    labelled(studio)
    first, _ = wait_for_jobs(studio, qtbot, 1)
    answer(studio, first, index=2)
    folder = studio.session.samples[0].image_path.parent
    studio.session.step(+1)
    qtbot.waitUntil(lambda: numbers(studio) == (0.0, 0.5))  # one of two dabs is of class 1
    assert studio.session.close_project()
    assert not list(folder.rglob("predictions/*"))
    again = make_studio()
    again.session.open_folder(folder)
    qtbot.waitUntil(lambda: numbers(again) == (0.0, 0.5))


def test_a_failure_is_told_once_and_the_next_stroke_tries_again(studio: Studio, qtbot: QtBot) -> None:
    told: list[str] = []
    studio.network.live.problem.connect(told.append)
    labelled(studio)
    for count in (1, 2):
        job_id, _ = wait_for_jobs(studio, qtbot, count)
        studio.process.replied.emit(Failed(job_id, "no memory"))
        assert not studio.network.live._soon.isActive()
        assert studio.session.document is not None
        paint(studio.session.document, 1, at=(20 * count, 40), size=5)
    assert told == ["Live: no memory"]


def test_the_network_does_not_replace_what_live_shows(studio: Studio, qtbot: QtBot) -> None:
    labelled(studio)
    job_id, _ = wait_for_jobs(studio, qtbot, 1)
    shown = answer(studio, job_id)
    predictions, document = studio.network.predictions, studio.session.document
    assert document is not None
    other = Prediction(document.image_id, np.zeros_like(shown.label_map), shown.uncertainty, "ef" * 32)
    predictions.keep(other)
    predictions.offer(other, frozenset({Status.NEW}))
    assert studio.session.prediction is shown


def test_an_image_that_is_only_predicted_is_not_verified_without_a_question(
    studio: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def answered(as_it_is: bool | None) -> None:
        def asked(dialog: NotAcceptedDialog) -> bool:
            dialog.as_it_is = bool(as_it_is)
            return as_it_is is not None

        monkeypatch.setattr(NotAcceptedDialog, "asked", asked)
        studio.window.actions_["verify"].trigger()

    session = studio.session
    labelled(studio)
    answer(studio, wait_for_jobs(studio, qtbot, 1)[0])
    document = session.document
    assert document is not None
    answered(None)
    assert (session.document, document.status) == (document, Status.IN_PROGRESS)
    answered(False)
    assert document.status is Status.VERIFIED
    assert set(np.unique(document.label_map)) == {1, 2}, "as predicted"
    assert session.document is not document


def test_what_is_accepted_is_one_step_of_the_network(studio: Studio, qtbot: QtBot) -> None:
    labelled(studio)
    job_id, _ = wait_for_jobs(studio, qtbot, 1)
    answer(studio, job_id)
    canvas, document, actions = studio.window.canvas, studio.session.document, studio.window.actions_
    assert document is not None
    human = document.provenance == Provenance.HUMAN
    before = document.labels_snapshot()
    assert canvas.view is not None
    place = QPoint(*(round(value / canvas.devicePixelRatioF()) for value in canvas.view.to_device(50.5, 10.5)))
    studio.toolbox.set_class(2)
    canvas.setFocus()
    qtbot.mouseMove(canvas, place)
    qtbot.waitUntil(lambda: canvas._hovered == (50, 10))
    right = np.zeros_like(human)
    right[:, 32:] = True  # where the prediction says class 2

    def accepted(title: str, where: NDArray[np.bool_]) -> None:
        assert (document.revision, document.history.undo_title) == (revision + 1, title)
        changed = where & ~human
        assert (document.provenance[changed] == Provenance.NETWORK).all()
        np.testing.assert_array_equal(document.label_map[~changed], before.label_map[~changed])
        studio.session.undo()
        np.testing.assert_array_equal(document.label_map, before.label_map)
        np.testing.assert_array_equal(document.provenance, before.provenance)

    revision = document.revision
    qtbot.keyClick(canvas, Qt.Key.Key_Return)
    accepted(ACCEPT_REGION, right)
    revision = document.revision
    actions["auto_segment"].trigger()
    accepted(ACCEPT_IMAGE, np.ones_like(human))
    revision = document.revision
    actions["accept_class"].trigger()
    accepted(ACCEPT_CLASS, right)
    revision = document.revision
    actions["accept"].trigger()
    qtbot.mouseClick(canvas, Qt.MouseButton.LeftButton, pos=place)
    accepted(ACCEPT_REGION, right)
    assert (len(live_jobs(studio)), studio.network.live._wanted) == (1, False)  # nothing is learned from it


@pytest.mark.filterwarnings("ignore:Initializing zero-element")  # the trunk has no classes
def test_two_dabs_segment_the_image_and_the_next_one(qtbot: QtBot, tmp_path: Path) -> None:
    """With the real job, in this process."""
    folder = draw_project(tmp_path / "halves", names=("left", "right"))
    rng = np.random.default_rng(2)
    for number in range(4):
        image_rgb = rng.integers(0, 9, (48, 64, 3), np.uint8)
        image_rgb[:, 32:] += 150
        write_png(folder / f"picture-{number:03}.png", image_rgb)
    session, process = Session(Settings(), Toolbox()), InlineProcess()
    network = NetworkParts.make(session, process)
    try:
        session.open_folder(folder)
        truth = np.arange(64) >= 32
        assert session.document is not None
        paint(session.document, 0, at=(12, 14), size=15)
        paint(session.document, 1, at=(50, 30), size=15)
        for learned in ("this", "the one before"):
            qtbot.waitUntil(lambda: session.prediction is not None and network.live.shows)
            assert session.prediction is not None
            assert (session.prediction.label_map == truth).mean() > 0.7, learned
            assert network.live.learned is not None
            assert network.live.learned.images == 1
            session.step(+1)
    finally:
        session.close_project(discard=True)
        network.shut_down()
        session.shut_down()


def test_a_large_image_is_learned_from_after_a_rest_and_a_larger_one_not_at_all(
    studio: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    live, document = studio.network.live, studio.session.document
    assert document is not None
    qtbot.waitUntil(lambda: words(studio) == "Live: paint 2 classes")
    monkeypatch.setattr("fcn_studio.ui.network.live.LARGE", 48 * 64)
    paint(document, 1, at=(10, 10), size=5)
    assert (live._soon.isActive(), live._rest.isActive()) == (False, True)
    monkeypatch.setattr("fcn_studio.ui.network.live.LARGEST", 48 * 64 - 1)
    paint(document, 2, at=(40, 30), size=5)
    qtbot.waitUntil(lambda: not live._rest.isActive())
    live.changed.emit()
    assert (words(studio), live_jobs(studio)) == ("Live: this image is too large", {})


def test_one_class_is_enough_if_the_network_in_use_knows_others(
    make_studio: Callable[[], Studio], tmp_path: Path, qtbot: QtBot
) -> None:
    studio = make_studio()
    studio.settings.live = "on"
    studio.window.open_folder(draw_project(tmp_path / "street", names=("Road", "Sky", "lamp")))
    document = studio.session.document
    assert document is not None
    qtbot.waitUntil(lambda: words(studio) == "Live: paint 1 more class")
    paint(document, 2, at=(10, 10), size=5)  # a lamp, which the network does not know
    first, job = wait_for_jobs(studio, qtbot, 1)
    assert Path(job.base).stem == "street"
    answer(studio, first)
    studio.session.undo()
    paint(document, 0, at=(10, 10), size=5)
    _, job = wait_for_jobs(studio, qtbot, 2)
    assert set(np.unique(job.image.label_map())) == {0, 255}
