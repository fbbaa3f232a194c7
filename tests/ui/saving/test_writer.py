"""The writer: in order, newest wins, and whatever goes wrong is told."""

from __future__ import annotations

import sys
import threading
import time
from collections.abc import Iterator
from dataclasses import dataclass, field

import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.core.sample import Sample
from fcn_studio.errors import ProjectError
from fcn_studio.ui.saving.unsaved import UnsavedAnnotations, Write
from fcn_studio.ui.saving.writer import AnnotationWriter
from tests.patience import PATIENCE_S


@dataclass
class Note:
    """Writes its text into a list, or fails; waits for a gate first."""

    name: str
    text: str
    done: list[str]
    error: Exception | None = None
    gate: threading.Event = field(default_factory=threading.Event)

    @property
    def sample(self) -> Sample:
        return Sample(self.name, self.name, self.name)

    def write(self) -> None:
        self.gate.wait(PATIENCE_S)
        if self.error is not None:
            raise self.error
        self.done.append(self.text)


class Desk:
    """A writer, what it wrote and what it said."""

    def __init__(self) -> None:
        self.unsaved = UnsavedAnnotations()
        self.writer = AnnotationWriter(self.unsaved)
        self.done: list[str] = []
        self.said: list[tuple[str, str]] = []
        self.writer.saved.connect(self.hear_saved)
        self.writer.failed.connect(self.hear_failed)

    def hear_saved(self, write: Write) -> None:
        self.said.append(("saved", write.sample.image_id))

    def hear_failed(self, write: Write, sentence: str) -> None:
        self.said.append(("failed", sentence))

    def submit(self, name: str, text: str, error: Exception | None = None, *, held: bool = False) -> Note:
        note = Note(name, text, self.done, error)
        if not held:
            note.gate.set()
        self.unsaved.submit(note)
        self.writer.wake()
        return note


@pytest.fixture
def desk(qtbot: QtBot) -> Iterator[Desk]:
    made = Desk()
    yield made
    made.writer.close()


def test_a_newer_save_replaces_a_waiting_one_of_the_same_image(desk: Desk) -> None:
    first = desk.submit("a", "a1", held=True)
    while desk.unsaved._writing is not first:
        time.sleep(0.01)
    desk.submit("b", "b1")
    desk.submit("a", "a2")
    desk.submit("b", "b2")
    desk.submit("a", "a3")
    assert desk.unsaved.busy
    assert desk.unsaved.get("b")
    first.gate.set()
    desk.writer.flush()
    assert desk.done == ["a1", "b2", "a3"]
    assert not desk.unsaved.busy


def test_failures_are_told_and_the_next_is_written(desk: Desk, qtbot: QtBot) -> None:
    desk.submit("a", "a1", ProjectError("disk full; free some space"))
    desk.writer.flush()
    desk.submit("a", "a2", OSError(5, "Input/output error"))
    desk.writer.flush()
    desk.submit("a", "a3")
    qtbot.waitUntil(lambda: len(desk.said) == 3)
    assert desk.said[0] == ("failed", "disk full; free some space")
    assert "Input/output error" in desk.said[1][1]
    assert desk.said[2] == ("saved", "a")


def test_a_bug_is_reported_and_told_as_a_failure(desk: Desk, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    reported: list[type[BaseException]] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, error, trace: reported.append(kind))
    desk.submit("a", "a1", ZeroDivisionError("oops"))
    qtbot.waitUntil(lambda: len(desk.said) == 1)
    assert reported == [ZeroDivisionError]
    assert desk.said[0][0] == "failed"
    assert not desk.unsaved.busy
    desk.submit("a", "a2")
    desk.writer.flush()
    assert desk.done == ["a2"]


def test_closing_writes_what_waits(qtbot: QtBot) -> None:
    desk = Desk()
    for number in range(20):
        desk.submit(f"{number}", str(number))
    desk.writer.close()
    assert desk.done == [str(number) for number in range(20)]
