"""The watch: silence is told once, then ended; slow work is left alone; a suspended computer is no silence."""

from __future__ import annotations

import pytest

from fcn_studio.jobs.process import hang_detector as watch_module
from fcn_studio.jobs.process.hang_detector import LOOK, Verdict, Watch
from fcn_studio.jobs.protocol import Alive, Ready


def looks(watch: Watch, seconds: float) -> list[Verdict]:
    """What the looks of so many seconds of silence say."""
    return [watch.look() for _ in range(round(seconds / LOOK))]


@pytest.fixture
def watch() -> Watch:
    """A watch of a process that is ready."""
    made = Watch()
    made.hear(Ready("CPU"))
    assert made.look() is Verdict.WELL
    return made


def test_silence_is_told_once_and_then_ended(watch: Watch) -> None:
    said = looks(watch, 10)
    assert said[:3] == [Verdict.WELL] * 3
    assert said[3] is Verdict.SILENT
    assert said[4:19] == [Verdict.WELL] * 15
    assert said[19] is Verdict.HANGS
    assert watch.seconds_left == 0


def test_one_sign_ends_the_silence(watch: Watch) -> None:
    assert looks(watch, 9.5)[3] is Verdict.SILENT
    watch.hear(Alive(0, 1.0))
    assert watch.look() is Verdict.BACK
    assert looks(watch, 1.5) == [Verdict.WELL] * 3


def test_signs_that_come_late_are_no_silence(watch: Watch) -> None:
    for _ in range(100):
        assert looks(watch, 1.0) == [Verdict.WELL] * 2
        watch.hear(Alive(0, 1.0))


def test_a_computer_that_slept_counts_as_one_look(watch: Watch) -> None:
    # Whatever the clock says: the process and its watch slept together, and neither missed anything.
    watch.hear(Alive(0, 1.0))
    assert [watch.look(), watch.look(), watch.look()] == [Verdict.WELL] * 3
    watch.hear(Alive(0, 1.0))
    assert watch.look() is Verdict.WELL


def test_loading_torch_may_take_its_time() -> None:
    watch = Watch()
    assert set(looks(watch, watch_module.TOLD_WHILE_LOADING - LOOK)) == {Verdict.WELL}
    assert watch.look() is Verdict.SILENT
    rest = looks(watch, watch_module.ENDED_WHILE_LOADING - watch_module.TOLD_WHILE_LOADING)
    assert rest[-1] is Verdict.HANGS
    assert set(rest[:-1]) == {Verdict.WELL}


def signs(watch: Watch, seconds: float, *, step: int, cpu: float) -> Verdict:
    """Signs of one step for so long, each with so much more CPU time; the last verdict."""
    verdict = Verdict.WELL
    for number in range(1, round(seconds / LOOK) + 1):
        watch.hear(Alive(step, cpu * number))
        verdict = watch.look()
        if verdict is not Verdict.WELL:
            break
    return verdict


def test_a_step_that_uses_no_time_of_the_processor_is_stuck(watch: Watch) -> None:
    assert signs(watch, watch_module.STUCK_AFTER + 1, step=7, cpu=0.0003) is Verdict.STUCK


def test_a_step_that_works_for_hours_is_not(watch: Watch) -> None:
    assert signs(watch, 3600, step=7, cpu=0.05) is Verdict.WELL


def test_a_process_without_work_may_rest_for_ever(watch: Watch) -> None:
    assert signs(watch, 3600, step=0, cpu=0.0) is Verdict.WELL


def test_steps_are_progress_even_where_another_device_does_the_work(watch: Watch) -> None:
    for step in range(1, 1000):
        watch.hear(Alive(step, 1.0))
        assert watch.look() is Verdict.WELL
