"""A worker reports on the GUI thread, of the generator that runs and of no other."""

from __future__ import annotations

import sys
import threading
from collections.abc import Generator, Iterator

import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.errors import ProjectError
from fcn_studio.ui.runtime.worker import Worker


class Desk:
    """A worker and what it said, each with whether it was on the GUI thread."""

    def __init__(self) -> None:
        self.worker = Worker("test")
        self.said: list[tuple[str, object]] = []
        self.worker.stepped.connect(lambda value: self._hear("stepped", value))
        self.worker.finished.connect(lambda value: self._hear("finished", value))
        self.worker.failed.connect(lambda error: self._hear("failed", error))

    def _hear(self, what: str, value: object) -> None:
        assert threading.current_thread() is threading.main_thread()
        self.said.append((what, value))


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    made = Desk()
    yield made
    made.worker.close()


def counting(*, fail: Exception | None = None) -> Generator[int, None, str]:
    yield 1
    if fail is not None:
        raise fail
    yield 2
    return "done"


def test_steps_and_result_are_reported_in_order(desk: Desk, qtbot: QtBot) -> None:
    desk.worker.start(counting())
    assert desk.worker.running
    qtbot.waitUntil(lambda: len(desk.said) == 3)
    assert desk.said == [("stepped", 1), ("stepped", 2), ("finished", "done")]
    assert not desk.worker.running


def test_an_error_is_reported_and_the_next_runs(desk: Desk, qtbot: QtBot) -> None:
    error = ProjectError("disk full")
    desk.worker.start(counting(fail=error))
    qtbot.waitUntil(lambda: len(desk.said) == 2)
    assert desk.said[-1] == ("failed", error)
    desk.worker.start(counting())
    qtbot.waitUntil(lambda: desk.said[-1] == ("finished", "done"))


def test_a_bug_goes_to_the_excepthook_too(desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: reported.append(kind))
    desk.worker.start(counting(fail=ZeroDivisionError("oops")))
    qtbot.waitUntil(lambda: len(desk.said) == 2)
    assert reported == [ZeroDivisionError]
    assert desk.said[-1][0] == "failed"


@pytest.mark.parametrize("replaced", [False, True])
def test_a_cancelled_generator_is_closed_and_not_heard_of(desk: Desk, qtbot: QtBot, replaced: bool) -> None:
    gate, closed = threading.Event(), threading.Event()

    def held() -> Generator[str, None, None]:
        try:
            gate.wait(5)
            yield "late"
            pytest.fail("it was cancelled")
        finally:
            closed.set()

    desk.worker.start(held())
    if replaced:
        desk.worker.start(counting())
    else:
        desk.worker.cancel()
    gate.set()
    assert closed.wait(5)
    if replaced:
        qtbot.waitUntil(lambda: desk.said == [("stepped", 1), ("stepped", 2), ("finished", "done")])
    else:
        desk.worker.close()
        qtbot.wait(20)
        assert desk.said == []
        assert not desk.worker.running


def test_closing_waits_for_the_step_under_way(desk: Desk) -> None:
    begun, closed = threading.Event(), threading.Event()

    def slow() -> Generator[int, None, None]:
        begun.set()
        threading.Event().wait(0.05)
        try:
            yield 1
        finally:
            closed.set()

    desk.worker.start(slow())
    assert begun.wait(5)
    desk.worker.close()
    assert closed.is_set()
