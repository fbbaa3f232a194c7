"""The job board: replies become views, results and sentences; what was dropped is not heard again."""

from __future__ import annotations

import math
from dataclasses import replace
from pathlib import Path

import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.core.training import TrainProgress
from fcn_studio.errors import ProjectError
from fcn_studio.jobs.protocol import Answers, Cancelled, Done, Evaluated, Failed, Progress, Ready, Silent, Started
from fcn_studio.ui.network.job_list import JobFault, JobList, JobView, Kind
from tests.jobs.helpers import job, news
from tests.ui.conftest import IdleProcess


class Board:
    """A board at an engine that answers only what a test says."""

    def __init__(self) -> None:
        self.process = IdleProcess()
        self.job_list = JobList(self.process)  # type: ignore[arg-type]
        self.said: list[str] = []
        self.devices: list[str] = []
        self.views: list[JobView] = []
        self.results: list[object] = []
        self.heard: list[object] = []
        self.job_list.notice.connect(self.said.append)
        self.job_list.problem.connect(self.said.append)
        self.job_list.device.connect(self.devices.append)
        self.job_list.progress.connect(self.views.append)

    def submit(self, kind: Kind = Kind.BATCH, title: str = "Label all") -> int:
        self.job_list.submit(kind, job("x"), title, on_progress=self.heard.append, on_done=self.results.append)
        return len(self.process.jobs)

    def reply(self, reply: object) -> None:
        self.process.replied.emit(reply)


@pytest.fixture
def desk(qtbot: QtBot) -> Board:
    return Board()


def test_a_job_is_shown_until_it_is_done(desk: Board) -> None:
    job_id = desk.submit()
    assert desk.job_list.views == [JobView(job_id, "Label all")]
    assert desk.job_list.running(Kind.BATCH)
    assert not desk.job_list.running(Kind.FINE_TUNE)
    desk.reply(Ready("CPU, 2 threads"))
    desk.reply(Started(job_id))
    desk.reply(Progress(job_id, news(1, 4)))
    assert (desk.views[-1].fraction, desk.views[-1].words) == (0.25, "1 of 4")
    desk.reply(Progress(job_id, Evaluated(2, 4)))
    assert desk.views[-1].words == "scoring 2 of 4"
    desk.reply(Done(job_id, "result", "CUDA: H200"))
    assert desk.results == ["result"]
    assert len(desk.heard) == 2
    assert desk.devices == ["CPU, 2 threads", "CUDA: H200"]
    assert not desk.job_list.views


def test_training_says_how_long_it_will_take(desk: Board) -> None:
    job_id = desk.submit(Kind.FINE_TUNE)
    desk.reply(Progress(job_id, TrainProgress(0, 10, 0.0, math.nan, 1.0, 1.0)))
    assert desk.views[-1].words == "step 0"
    desk.reply(Progress(job_id, TrainProgress(5, 10, 0.5, 0.25, 60.0, 60.0)))
    assert desk.views[-1].words == "step 5, loss 0.25, 1.0 min left"
    desk.reply(Progress(job_id, TrainProgress(10, 10, 1.0, 0.25, 120.0, 120.0)))
    assert desk.views[-1].words == "step 10, loss 0.25, 0.1 min left", "nothing runs for 0.0 min"


def test_the_time_that_is_left_counts_from_the_end_of_the_preparations(desk: Board) -> None:
    job_id = desk.submit(Kind.FINE_TUNE)
    # As a fine-tune of three minutes tells: features are cached for 45 s, then the training begins.
    for fraction, elapsed in ((0.0, 2.0), (0.2, 36.0), (0.0, 45.0)):
        desk.reply(Progress(job_id, TrainProgress(0, 100, fraction, math.nan, elapsed, elapsed)))
    desk.reply(Progress(job_id, TrainProgress(1, 100, 0.011, 0.5, 46.5, 46.5)))
    assert "left" not in desk.views[-1].words
    desk.reply(Progress(job_id, TrainProgress(3, 100, 0.03, 0.5, 49.05, 49.05)))
    assert desk.views[-1].words.endswith("2.2 min left")


def test_only_an_auto_segment_goes_ahead(desk: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    lanes: list[bool] = []
    monkeypatch.setattr(desk.process, "submit", lambda job, *, interactive: lanes.append(interactive) or len(lanes))
    for kind in Kind:
        desk.job_list.submit(kind, job("x"), kind.name)
    assert dict(zip(Kind, lanes, strict=True)) == {kind: kind is Kind.SEGMENT for kind in Kind}


def test_a_dropped_job_is_not_heard_again(desk: Board) -> None:
    job_id = desk.submit()
    desk.job_list.stop(job_id)
    assert desk.process.cancelled == [(job_id, False)]
    for reply in (Progress(job_id, news()), Done(job_id, "late"), Failed(job_id, "late"), Cancelled(job_id)):
        desk.reply(reply)
    assert [*desk.heard, *desk.results, *desk.said] == []
    desk.job_list.stop(job_id)
    assert desk.process.cancelled == [(job_id, False)]


def test_a_fine_tune_is_stopped_with_its_best_and_shown_until_then(desk: Board) -> None:
    job_id = desk.submit(Kind.FINE_TUNE)
    desk.job_list.stop(job_id)
    assert desk.process.cancelled == [(job_id, True)]
    assert desk.views[-1].words == "stopping, keeping the best"
    assert desk.job_list.views[0].stopping
    desk.reply(Progress(job_id, TrainProgress(5, 10, 0.5, 0.25, 60.0, 60.0)))
    assert desk.views[-1].words == "stopping, keeping the best"
    desk.reply(Done(job_id, "outcome"))
    assert desk.results == ["outcome"]
    assert not desk.said


def test_a_fine_tune_that_is_stopped_twice_is_thrown_away_with_a_word(desk: Board) -> None:
    job_id = desk.submit(Kind.FINE_TUNE)
    desk.job_list.stop(job_id)
    desk.job_list.stop(job_id)
    assert desk.process.cancelled == [(job_id, True), (job_id, False)]
    assert desk.said == ["Label all was stopped at once: its network is not judged."]


def test_closing_the_project_forgets_a_fine_tune_too(desk: Board) -> None:
    job_id = desk.submit(Kind.FINE_TUNE)
    desk.job_list.forget_all()
    assert desk.process.cancelled == [(job_id, False)]
    assert not desk.job_list.views


def test_a_failure_is_its_sentence_under_the_title_of_the_job(desk: Board) -> None:
    desk.reply(Failed(desk.submit(), "no memory left"))
    assert desk.said == ["Label all: no memory left"]
    desk.reply(Failed(0, "the process died"))
    assert desk.said[-1] == "the process died"
    desk.reply(Cancelled(desk.submit()))
    assert desk.said[-1] == "Label all was cancelled."
    assert not desk.job_list.views


def test_memory_that_ran_out_is_told(desk: Board) -> None:
    job_id = desk.submit()
    desk.reply(Progress(job_id, replace(news(1, 4), notes=("out of memory: in tiles",))))
    desk.reply(Progress(job_id, Evaluated(2, 4, ("out of memory: on the CPU",))))
    desk.reply(Progress(job_id, news(3, 4)))
    assert desk.said == ["Label all: out of memory: in tiles.", "Label all: out of memory: on the CPU."]


def test_a_process_that_hangs_is_told_of_and_costs_no_job_yet(desk: Board) -> None:
    desk.submit()
    desk.reply(Silent("it does not answer"))
    withdrawn: list[str] = []
    desk.job_list.withdrawn.connect(withdrawn.append)
    desk.reply(Answers("it answers again"))
    assert withdrawn == ["it does not answer"]
    assert desk.said == ["it does not answer", "it answers again"]
    assert desk.job_list.running(Kind.BATCH)


def test_a_bug_of_the_process_is_reported_as_a_bug(desk: Board, qtbot: QtBot) -> None:
    job_id = desk.submit()
    with qtbot.captureExceptions() as bugs:
        desk.reply(Failed(job_id, "a fault of the program", "Traceback: where it was"))
    assert desk.said == ["Label all: a fault of the program"]
    assert [(kind, str(error)) for kind, error, _ in bugs] == [(JobFault, "Traceback: where it was")]
    assert not desk.job_list.views


def test_a_result_that_cannot_be_used_is_a_sentence(desk: Board, tmp_path: Path) -> None:
    def refuse(result: object) -> None:
        raise ProjectError("the run cannot be written")

    desk.job_list.submit(Kind.FINE_TUNE, job("x"), "Fine-tune", on_done=refuse)
    desk.reply(Done(1, None))
    assert desk.said == ["the run cannot be written"]
    assert not desk.job_list.views
