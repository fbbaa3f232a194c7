"""A session against a model that keeps every state whole: paint, undo, predict, verify, change images, reload, crash.

Holds at any point (R3, R21, R22): the document is what the model says; undo and redo are exact to the byte, after
other images and after a crash too; no network ever changed a human's pixel; training would see human pixels only.
"""

from __future__ import annotations

import os
import shutil
import tempfile
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from hypothesis import HealthCheck, settings
from hypothesis import strategies as st
from hypothesis.stateful import (
    RuleBasedStateMachine,
    initialize,
    invariant,
    precondition,
    rule,
    run_state_machine_as_test,
)
from PySide6.QtCore import QCoreApplication
from pytestqt.qtbot import QtBot

from fcn_studio.core.classes import VOID
from fcn_studio.core.document import Document, auto_segment
from fcn_studio.core.labels import Labels, Provenance, trusted_label_map
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Status
from fcn_studio.settings import Settings
from fcn_studio.tools.base import PointerEvent
from fcn_studio.ui.saving.writer import Accept
from fcn_studio.ui.session.session import Session
from fcn_studio.ui.session.toolbox import Toolbox
from tests.helpers import paint
from tests.ui.conftest import draw_project

IMAGES = 3
SIZE = (64, 48)
seeds = st.integers(0, 2**31)


@dataclass(frozen=True)
class State:
    label_map: bytes
    provenance: bytes
    status: Status

    @classmethod
    def of(cls, document: Document) -> State:
        return cls(document.label_map.tobytes(), document.provenance.tobytes(), document.status)

    @property
    def labels(self) -> Labels:
        arrays = (np.frombuffer(part, np.uint8).reshape(SIZE[::-1]) for part in (self.label_map, self.provenance))
        return Labels(*arrays)


@dataclass
class Past:
    """The states of one image that undo and redo lead to.

    Attributes:
        states: oldest first.
        at: which of them is now.
        low: the oldest that a journal surely leads back to: the oldest since it was begun.
        high: likewise the newest.
    """

    states: list[State]
    at: int = 0
    low: int = 0
    high: int = 0

    def move(self, by: int) -> None:
        self.at += by
        self.low, self.high = min(self.low, self.at), max(self.high, self.at)

    def push(self, state: State) -> None:
        self.states[self.at + 1 :] = [state]
        self.at += 1
        self.high = self.at


class SessionMachine(RuleBasedStateMachine):
    """Rules are what a person, a network and fate can do."""

    session: Session | None = None

    @initialize()
    def begin(self) -> None:
        self.home = Path(tempfile.mkdtemp(prefix="fcn-studio-machine-"))
        patch = pytest.MonkeyPatch()
        patch.setenv("FCN_STUDIO_STATE_DIR", str(self.home / "state"))
        patch.setenv("FCN_STUDIO_CONFIG_DIR", str(self.home / "config"))
        self.patch = patch
        self.folder = draw_project(self.home / "project", images=IMAGES)
        self.latest: dict[str, State] = {}
        self.open()

    def open(self) -> None:
        self.session = Session(Settings(), Toolbox())
        self.problems: list[str] = []
        self.session.problem.connect(self.problems.append)
        self.session.refused.connect(lambda error: self.problems.append(str(error)))
        self.session.open_folder(self.folder)
        self.pasts: dict[str, Past] = {}
        self.learn()

    def learn(self) -> None:
        """The open image was not open in this sitting: what there is to undo and redo came out of a journal."""
        here = State.of(self.document)
        back: list[State] = []
        while self.document.undo() is not None:
            back.insert(0, State.of(self.document))
        for state in [*back[1:], here] if back else []:
            self.document.redo()
            assert State.of(self.document) == state
        forth: list[State] = []
        while self.document.redo() is not None:
            forth.append(State.of(self.document))
        for _ in forth:
            self.document.undo()
        assert State.of(self.document) == here
        states = [*back, here, *forth]
        self.past = Past(states, len(back), 0, len(states) - 1)
        self.latest.setdefault(self.document.image_id, here)

    @property
    def past(self) -> Past:
        return self.pasts[self.document.image_id]

    @past.setter
    def past(self, past: Past) -> None:
        self.pasts[self.document.image_id] = past

    @property
    def document(self) -> Document:
        assert self.session is not None
        assert self.session.document is not None, self.problems
        return self.session.document

    def teardown(self) -> None:
        if self.session is not None:
            assert self.session.close_project(), self.problems
            self.session.shut_down()
            self.patch.undo()
            shutil.rmtree(self.home)

    def stepped(self) -> None:
        now = State.of(self.document)
        if now != self.past.states[self.past.at]:
            self.past.push(now)
        self.latest[self.document.image_id] = now

    # --- a person ---------------------------------------------------------------------------------------------

    @rule(seed=seeds)
    def stroke(self, seed: int) -> None:
        rng = np.random.default_rng(seed)
        at = float(rng.uniform(0, SIZE[0])), float(rng.uniform(0, SIZE[1]))
        paint(self.document, int(rng.choice([0, 1, 2, VOID])), at=at, size=int(rng.integers(1, 20)))
        self.stepped()

    @rule(seed=seeds, tool=st.sampled_from(["eraser", "fill", "polygon"]))
    def tool(self, seed: int, tool: str) -> None:
        assert self.session is not None
        rng = np.random.default_rng(seed)
        toolbox = self.session.toolbox
        toolbox.use(tool)
        toolbox.set_class(int(rng.integers(3)))
        for _ in range(4 if tool == "polygon" else 1):
            x, y = float(rng.uniform(1, SIZE[0] - 1)), float(rng.uniform(1, SIZE[1] - 1))
            toolbox.tool.press(PointerEvent(x, y, "left", frozenset(["left"])))
            toolbox.tool.release(PointerEvent(x, y, "left"))
        self.session.settle()
        self.stepped()

    @rule()
    def undo(self) -> None:
        assert self.session is not None
        self.session.undo()
        self.past.move(-1 if self.past.at > 0 else 0)
        self.latest[self.document.image_id] = self.past.states[self.past.at]

    @rule()
    def redo(self) -> None:
        assert self.session is not None
        self.session.redo()
        self.past.move(+1 if self.past.at + 1 < len(self.past.states) else 0)
        self.latest[self.document.image_id] = self.past.states[self.past.at]

    @rule()
    def verify(self) -> None:
        assert self.session is not None
        self.session.verify()
        self.stepped()

    @rule()
    def skip(self) -> None:
        assert self.session is not None
        self.session.toggle_skip()
        self.stepped()

    @rule()
    def save(self) -> None:
        assert self.session is not None
        self.session.autosave.save_soon()

    @rule(row=st.integers(0, IMAGES - 1))
    def change_image(self, row: int) -> None:
        self.go_to(row)

    def go_to(self, row: int) -> None:
        assert self.session is not None
        if row == self.session.index:
            return
        books, image_id = self.session.autosave.journal._books, self.session.samples[row].image_id
        book = books.get(image_id)
        self.session.go_to(row)
        assert State.of(self.document) == self.latest.get(image_id, State.of(self.document)), image_id
        past = self.pasts.get(image_id)
        if past is None:
            self.learn()
        elif book is None or books[image_id] is not book:
            past.low = past.high = past.at  # a new journal begins here

    @rule()
    def walk(self) -> None:
        """Every step back and forth gives what the model has."""
        document, past = self.document, self.past
        states, at = past.states, past.at
        for state in reversed(states[:at]):
            assert document.undo() is not None
            assert State.of(document) == state
        assert document.undo() is None
        for state in states[1:]:
            assert document.redo() is not None
            assert State.of(document) == state
        assert document.redo() is None
        for _ in states[at + 1 :]:
            document.undo()
        past.low, past.high = 0, len(states) - 1

    # --- a network --------------------------------------------------------------------------------------------

    def prediction(self, image_id: str, seed: int) -> Prediction:
        rng = np.random.default_rng(seed)
        label_map = rng.choice(np.array([0, 1, 2, VOID], np.uint8), SIZE[::-1])
        return Prediction(image_id, label_map, np.zeros_like(label_map), "c0" * 32)

    @precondition(lambda self: self.document.status not in (Status.VERIFIED, Status.SKIPPED))
    @rule(seed=seeds)
    def predict(self, seed: int) -> None:
        before = State.of(self.document).labels
        auto_segment(self.document, self.prediction(self.document.image_id, seed))
        self.untouched(before, State.of(self.document).labels)
        self.stepped()

    @rule(seed=seeds, row=st.integers(0, IMAGES - 1), again=st.booleans())
    def batch(self, seed: int, row: int, again: bool) -> None:
        assert self.session is not None
        assert self.session.project is not None
        sample = self.session.samples[row]
        if row == self.session.index:
            return
        old = self.latest.get(sample.image_id)
        prediction = self.prediction(sample.image_id, seed)
        self.session.autosave.write_other(Accept(self.session.project, sample, prediction, again))
        self.session.autosave.drain()
        found = self.session.project.annotations.load(sample, SIZE)
        new = State(found.labels.label_map.tobytes(), found.labels.provenance.tobytes(), found.status)
        if old is not None:
            self.untouched(old.labels, new.labels)
            if (old.labels.provenance >= Provenance.HUMAN).any() or old.status in (Status.VERIFIED, Status.SKIPPED):
                assert new == old, "a batch wrote an image that a human had touched"
        self.latest[sample.image_id] = new
        if new != old:
            self.pasts[sample.image_id] = Past([new])  # steps are never applied to other pixels

    @staticmethod
    def untouched(before: Labels, after: Labels) -> None:
        human = before.provenance >= Provenance.HUMAN
        assert (after.label_map[human] == before.label_map[human]).all()
        assert (after.provenance[human] == before.provenance[human]).all()

    # --- fate -------------------------------------------------------------------------------------------------

    @rule()
    def reload(self) -> None:
        assert self.session is not None
        assert self.session.close_project(), self.problems
        self.session.shut_down()
        self.open()
        self.all_as_left()

    @rule(saved=st.booleans())
    def crash(self, saved: bool) -> None:
        """The process is gone, with or without what it was just saving; its undo steps come back too."""
        assert self.session is not None
        autosave, here = self.session.autosave, self.document.image_id
        if saved:
            autosave.save()
        autosave._writer.close()
        autosave.journal.flush()
        past = self.past
        unsaved = self.document.dirty and len(past.states) > 1
        self.session.pictures.close()
        self.session.annotation_prefetch.close()
        for lock in (self.folder / ".fcn-studio" / "lock", *self.home.glob("state/journals/*/lock")):
            lock.unlink()
        self.session.blockSignals(True)
        dead, self.session = self.session, None
        QCoreApplication.removePostedEvents(dead.autosave)  # news of the writer that nobody is there to hear
        dead.autosave._disconnect()
        dead.autosave._idle.stop()
        dead.autosave._longest.stop()
        dead.autosave.journal.shut_down()
        dead.autosave.histories.close()
        for book in dead.autosave.journal._books.values():
            book.close()
        # Which image was worked on last must not depend on the ticks of the clock: no run could be repeated.
        for number, journal in enumerate(sorted(self.home.glob("state/journals/*/*.journal"))):
            os.utime(journal, (1e9 + number, 1e9 + number))
        self.open()
        assert self.problems == []
        back = [found.image_id for found in self.session.recovery.came_back]
        assert here in back or not unsaved
        if here in back:
            self.go_to(self.session.row_of(here) or 0)
            self.compare(past)
        self.all_as_left()

    def compare(self, past: Past) -> None:
        """What came back are the states of the model, all those that the journal knows of among them."""
        back = self.past
        first = past.at - back.at
        assert 0 <= first <= past.low
        assert first + len(back.states) > past.high
        assert back.states == past.states[first : first + len(back.states)]

    def all_as_left(self) -> None:
        assert self.session is not None
        here = self.session.index
        for row, sample in enumerate(self.session.samples):
            if sample.image_id in self.latest:
                self.go_to(row)
        self.go_to(here)
        assert State.of(self.document) == self.latest.get(self.document.image_id, State.of(self.document))

    # --- always -----------------------------------------------------------------------------------------------

    @invariant()
    def agrees(self) -> None:
        if self.session is None:
            return
        state = self.past.states[self.past.at]
        assert State.of(self.document) == state
        labels = state.labels
        trusted = trusted_label_map(labels)
        assert (trusted[labels.provenance != Provenance.HUMAN] == VOID).all()
        assert self.problems == []


def test_whatever_happens_every_image_is_as_it_was_left(qtbot: QtBot) -> None:
    run_state_machine_as_test(
        SessionMachine,
        settings=settings(
            max_examples=25, stateful_step_count=30, deadline=None, suppress_health_check=list(HealthCheck)
        ),
    )


def test_the_machine_notices_a_network_that_paints_over_a_human(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    def rude(labels: Labels, prediction: Prediction) -> Labels:
        return Labels(prediction.label_map, np.full_like(labels.provenance, Provenance.NETWORK))

    monkeypatch.setattr("fcn_studio.core.document.prelabelled", rude)
    machine = SessionMachine()
    machine.begin()
    machine.stroke(seed=1)
    with pytest.raises(AssertionError):
        machine.predict(seed=2)
    machine.teardown()


def test_the_machine_notices_steps_that_a_crash_lost(qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcn_studio.ui.saving.journal_writer.JournalWriter._note", lambda *_: None)
    machine = SessionMachine()
    machine.begin()
    machine.stroke(seed=1)
    with pytest.raises(AssertionError):
        machine.crash(saved=False)
    machine.teardown()


def test_the_machine_notices_steps_that_are_applied_to_other_pixels(
    qtbot: QtBot, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fcn_studio.core.history_cache.fingerprint", lambda *_: b"any")
    monkeypatch.setattr("fcn_studio.ui.saving.autosave.fingerprint", lambda *_: b"any")
    machine = SessionMachine()
    machine.begin()
    machine.predict(seed=1)
    machine.change_image(row=1)
    assert machine.session is not None
    machine.session.autosave.drain()
    machine.batch(seed=2, row=0, again=True)
    machine.change_image(row=0)
    with pytest.raises(AssertionError):
        machine.walk()
    machine.teardown()
