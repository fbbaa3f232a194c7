"""The scheduler: one long job, interactive ones between its steps, cancelling, failing."""

from __future__ import annotations

import pytest

from fcn_studio import i18n
from fcn_studio.core.metrics import Figures
from fcn_studio.core.training import TrainProgress
from fcn_studio.errors import DeviceError
from fcn_studio.jobs.process.child import _take
from fcn_studio.jobs.process.scheduler import JobScheduler
from fcn_studio.jobs.protocol import Cancel, Cancelled, Done, Failed, Progress, Reply, Started, Submit
from fcn_studio.jobs.run import JobRunner
from tests.jobs.helpers import ScriptedRunner, Work, job, news


class Diary:
    """Generators that write down what happens to them."""

    def __init__(self) -> None:
        self.lines: list[str] = []

    def long(self) -> Work:
        self.lines.append("begin")
        try:
            for step in range(1, 4):
                if (yield news(step)):
                    self.lines.append(f"asked to end at {step}")
                    return f"best of {step}"
        except GeneratorExit:
            self.lines.append("closed")
            raise
        return "all"

    def short(self) -> Work:
        yield news(1, 1)
        return "one"

    def refused(self) -> Work:
        yield news(1)
        raise DeviceError("no memory left; close other programs")

    def buggy(self) -> Work:
        yield news(1)
        raise ZeroDivisionError("oops")

    def broken_at_once(self) -> Work:
        raise RuntimeError("never began")
        yield news()

    def stubborn(self) -> Work:
        try:
            yield news(1)
            yield news(2)
        finally:
            raise OSError("disk full while cleaning up")

    def training(self) -> Work:
        for step in range(1, 100):
            figures = Figures(0.5, 0.5, 0.5, 0.5, {}, {}) if step == 50 else None
            yield TrainProgress(step, 99, step / 99, 0.5, 1.0, 1.0, figures)
        return "trained"


@pytest.fixture
def diary() -> Diary:
    return Diary()


class ListeningBench(JobScheduler):
    """A scheduler whose replies are kept."""

    def __init__(self, runner: JobRunner) -> None:
        self.replies: list[Reply] = []
        super().__init__(runner, self.replies.append)


@pytest.fixture
def scheduler(diary: Diary) -> ListeningBench:
    names = ("long", "short", "refused", "buggy", "broken_at_once", "stubborn", "training")
    return ListeningBench(ScriptedRunner(**{name: getattr(diary, name) for name in names}))


def drain(scheduler: ListeningBench) -> list[Reply]:
    replies = list(scheduler.replies)
    scheduler.replies.clear()
    return replies


def run_out(scheduler: ListeningBench) -> list[Reply]:
    while not scheduler.idle:
        scheduler.step()
    return drain(scheduler)


def kinds(replies: list[Reply]) -> list[tuple[str, int]]:
    return [(type(reply).__name__, reply.job_id) for reply in replies if not isinstance(reply, str)]  # type: ignore[union-attr]


def test_a_job_is_started_told_of_and_done(scheduler: ListeningBench) -> None:
    scheduler.take(Submit(1, job("long")))
    replies = run_out(scheduler)
    assert kinds(replies) == [("Started", 1), *[("Progress", 1)] * 3, ("Done", 1)]
    assert isinstance(replies[-1], Done)
    assert replies[-1].result == "all"


def test_long_jobs_run_one_after_the_other(scheduler: ListeningBench) -> None:
    for number in (1, 2):
        scheduler.take(Submit(number, job("long")))
    order = [number for _, number in kinds(run_out(scheduler))]
    assert order == sorted(order)


def test_an_interactive_job_is_served_whole_between_two_steps_of_a_long_one(scheduler: ListeningBench) -> None:
    scheduler.take(Submit(1, job("long")))
    scheduler.step()
    scheduler.take(Submit(2, job("short"), interactive=True))
    scheduler.step()
    assert kinds(drain(scheduler)) == [("Started", 1), ("Progress", 1), ("Started", 2), ("Progress", 2), ("Done", 2)]
    assert kinds(run_out(scheduler))[-1] == ("Done", 1)


def test_cancelling_the_running_job_closes_it_at_once(scheduler: ListeningBench, diary: Diary) -> None:
    scheduler.take(Submit(1, job("long")))
    scheduler.step()
    scheduler.take(Cancel(1))
    assert kinds(drain(scheduler)) == [("Started", 1), ("Progress", 1), ("Cancelled", 1)]
    assert diary.lines == ["begin", "closed"]
    assert scheduler.idle


@pytest.mark.parametrize("keep", [False, True])
@pytest.mark.parametrize("interactive", [False, True])
def test_cancelling_a_waiting_job_takes_it_out(
    scheduler: ListeningBench, diary: Diary, keep: bool, interactive: bool
) -> None:
    scheduler.take(Submit(1, job("long")))
    scheduler.step()
    scheduler.take(Submit(2, job("long"), interactive))
    scheduler.take(Cancel(2, keep))
    assert ("Cancelled", 2) in kinds(drain(scheduler))
    assert kinds(run_out(scheduler)) == [("Progress", 1), ("Progress", 1), ("Done", 1)]
    assert diary.lines == ["begin"]


def test_keep_ends_early_with_the_result_so_far_and_only_that_job(scheduler: ListeningBench, diary: Diary) -> None:
    scheduler.take(Submit(1, job("long")))
    scheduler.take(Submit(2, job("long")))
    scheduler.step()
    scheduler.take(Cancel(1, keep=True))
    ends = [reply for reply in run_out(scheduler) if isinstance(reply, Done)]
    assert [(end.job_id, end.result) for end in ends] == [(1, "best of 1"), (2, "all")]
    assert diary.lines == ["begin", "asked to end at 1", "begin"]


def test_an_error_for_the_user_is_its_sentence_and_the_next_job_runs(scheduler: ListeningBench) -> None:
    scheduler.take(Submit(1, job("refused")))
    scheduler.take(Submit(2, job("short")))
    replies = run_out(scheduler)
    assert Failed(1, "no memory left; close other programs", "") in replies
    assert kinds(replies)[-1] == ("Done", 2)


@pytest.mark.parametrize("name", ["buggy", "broken_at_once"])
@pytest.mark.parametrize("interactive", [False, True])
def test_a_bug_costs_its_job_and_brings_a_trace(scheduler: ListeningBench, name: str, interactive: bool) -> None:
    scheduler.take(Submit(1, job(name), interactive))
    scheduler.take(Submit(2, job("short")))
    replies = run_out(scheduler)
    failed = next(reply for reply in replies if isinstance(reply, Failed))
    assert "Please report it" in failed.sentence
    assert name in failed.trace
    assert kinds(replies)[-1] == ("Done", 2)


def test_what_a_cancelled_job_raises_while_it_cleans_up_costs_only_a_line_in_the_log(
    scheduler: ListeningBench, caplog: pytest.LogCaptureFixture
) -> None:
    scheduler.take(Submit(1, job("stubborn")))
    scheduler.step()
    scheduler.take(Cancel(1))
    scheduler.take(Submit(2, job("short")))
    replies = run_out(scheduler)
    assert kinds(replies) == [
        ("Started", 1),
        ("Progress", 1),
        ("Cancelled", 1),
        ("Started", 2),
        ("Progress", 2),
        ("Done", 2),
    ]
    assert "disk full while cleaning up" in caplog.text


def test_an_unknown_job_is_cancelled_in_vain(scheduler: ListeningBench) -> None:
    scheduler.take(Cancel(99))
    assert scheduler.idle
    assert not drain(scheduler)


def test_news_of_a_job_bear_its_number(scheduler: ListeningBench) -> None:
    scheduler.take(Submit(7, job("short")))
    replies = run_out(scheduler)
    assert replies[0] == Started(7)
    assert isinstance(replies[1], Progress)
    assert not any(isinstance(reply, Cancelled) for reply in replies)


def test_a_fast_training_does_not_drown_the_window_in_reports(scheduler: ListeningBench) -> None:
    scheduler.report_interval = 60
    scheduler.take(Submit(1, job("training")))
    replies = run_out(scheduler)
    steps = [r.news.step for r in replies if isinstance(r, Progress) and isinstance(r.news, TrainProgress)]
    assert steps == [1, 50, 99], "the first, the one with figures, the last"
    assert replies[-1] == Done(1, "trained", scheduler.runner.device_words)
    scheduler.report_interval = 0
    scheduler.take(Submit(2, job("training")))
    assert sum(isinstance(reply, Progress) for reply in run_out(scheduler)) == 99


def test_the_process_speaks_the_language_of_the_last_request(scheduler: ListeningBench) -> None:
    try:
        _take(scheduler, Submit(1, job("long"), language="zh_CN"))
        assert i18n.language() == "zh_CN"
        _take(scheduler, Cancel(1))
        assert i18n.language() == "zh_CN"
    finally:
        i18n.use("en")
