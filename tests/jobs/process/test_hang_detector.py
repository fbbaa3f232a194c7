"""The watch: silence is told once, then ended; slow work is left alone; a suspended computer is no silence."""

from __future__ import annotations

import pytest

from fcn_studio.jobs.process import hang_detector
from fcn_studio.jobs.process.hang_detector import CHECK_INTERVAL, HangDetector, Health
from fcn_studio.jobs.protocol import Alive, Ready


def looks(detector: HangDetector, seconds: float) -> list[Health]:
    """What the looks of so many seconds of silence say."""
    return [detector.check() for _ in range(round(seconds / CHECK_INTERVAL))]


@pytest.fixture
def detector() -> HangDetector:
    """A watch of a process that is ready."""
    made = HangDetector()
    made.hear(Ready("CPU"))
    assert made.check() is Health.WELL
    return made


def test_silence_is_told_once_and_then_ended(detector: HangDetector) -> None:
    said = looks(detector, 10)
    assert said[:3] == [Health.WELL] * 3
    assert said[3] is Health.SILENT
    assert said[4:19] == [Health.WELL] * 15
    assert said[19] is Health.HANGS
    assert detector.seconds_left == 0


def test_one_sign_ends_the_silence(detector: HangDetector) -> None:
    assert looks(detector, 9.5)[3] is Health.SILENT
    detector.hear(Alive(0, 1.0))
    assert detector.check() is Health.BACK
    assert looks(detector, 1.5) == [Health.WELL] * 3


def test_signs_that_come_late_are_no_silence(detector: HangDetector) -> None:
    for _ in range(100):
        assert looks(detector, 1.0) == [Health.WELL] * 2
        detector.hear(Alive(0, 1.0))


def test_a_computer_that_slept_counts_as_one_look(detector: HangDetector) -> None:
    # Whatever the clock says: the process and its watch slept together, and neither missed anything.
    detector.hear(Alive(0, 1.0))
    assert [detector.check(), detector.check(), detector.check()] == [Health.WELL] * 3
    detector.hear(Alive(0, 1.0))
    assert detector.check() is Health.WELL


def test_loading_torch_may_take_its_time() -> None:
    detector = HangDetector()
    assert set(looks(detector, hang_detector.TOLD_WHILE_LOADING - CHECK_INTERVAL)) == {Health.WELL}
    assert detector.check() is Health.SILENT
    rest = looks(detector, hang_detector.ENDED_WHILE_LOADING - hang_detector.TOLD_WHILE_LOADING)
    assert rest[-1] is Health.HANGS
    assert set(rest[:-1]) == {Health.WELL}


def signs(detector: HangDetector, seconds: float, *, step: int, cpu: float) -> Health:
    """Signs of one step for so long, each with so much more CPU time; the last verdict."""
    verdict = Health.WELL
    for number in range(1, round(seconds / CHECK_INTERVAL) + 1):
        detector.hear(Alive(step, cpu * number))
        verdict = detector.check()
        if verdict is not Health.WELL:
            break
    return verdict


def test_a_step_that_uses_no_time_of_the_processor_is_stuck(detector: HangDetector) -> None:
    assert signs(detector, hang_detector.STUCK_AFTER + 1, step=7, cpu=0.0003) is Health.STUCK


def test_a_step_that_works_for_hours_is_not(detector: HangDetector) -> None:
    assert signs(detector, 3600, step=7, cpu=0.05) is Health.WELL


def test_a_process_without_work_may_rest_for_ever(detector: HangDetector) -> None:
    assert signs(detector, 3600, step=0, cpu=0.0) is Health.WELL


def test_steps_are_progress_even_where_another_device_does_the_work(detector: HangDetector) -> None:
    for step in range(1, 1000):
        detector.hear(Alive(step, 1.0))
        assert detector.check() is Health.WELL
