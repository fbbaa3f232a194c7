"""The table of unsaved work: the newest of each image, and none is lost between two states."""

from __future__ import annotations

from dataclasses import dataclass

import pytest

from fcn_studio.core.history import History
from fcn_studio.core.sample import Sample
from fcn_studio.ui.saving.unsaved import UnsavedAnnotations, UnsavedState


@dataclass(eq=False)
class Note:
    """A write that is told apart by its text only."""

    name: str
    text: str = ""

    @property
    def sample(self) -> Sample:
        return Sample(self.name, self.name, self.name)

    def write(self) -> None:
        pytest.fail("the table writes nothing itself")


@pytest.fixture
def table() -> UnsavedAnnotations:
    return UnsavedAnnotations()


def states(table: UnsavedAnnotations) -> dict[str, str]:
    return {image_id: entry.state.value for image_id, entry in table.entries.items()}


def test_a_write_waits_is_written_and_is_gone(table: UnsavedAnnotations) -> None:
    note = Note("a")
    table.submit(note)
    assert (states(table), table.busy) == ({"a": "waiting"}, True)
    assert table.take() is note
    assert (states(table), table.busy) == ({"a": "writing"}, True)
    assert table.take() is None
    table.written(note)
    assert (states(table), table.busy) == ({}, False)


def test_what_comes_while_an_older_one_is_written_stays(table: UnsavedAnnotations) -> None:
    old, new = Note("a", "old"), Note("a", "new")
    for end in (table.written, lambda write: table.not_written(write, keep=True)):
        table.submit(old)
        assert table.take() is old
        table.submit(new)
        end(old)
        assert states(table) == {"a": "waiting"}
        assert table.take() is new
        table.written(new)
        assert states(table) == {}


def test_what_failed_stays_failed_while_it_is_tried_again(table: UnsavedAnnotations) -> None:
    note = Note("a")
    table.submit(note)
    table.take()
    table.not_written(note, keep=True)
    assert (table.failed, table.busy, table.take()) == (["a"], False, None)
    table.retry()
    table.retry()
    assert table.take() is note
    table.retry()  # it is under way
    assert table.take() is None
    assert (table.failed, table.busy) == (["a"], True)
    table.written(note)
    assert (states(table), table.busy) == ({}, False)


def test_a_prediction_that_failed_is_given_up(table: UnsavedAnnotations) -> None:
    note = Note("a")
    table.submit(note)
    table.take()
    table.not_written(note, keep=False)
    assert states(table) == {}


def test_a_newer_write_takes_the_place_of_a_failed_one(table: UnsavedAnnotations) -> None:
    old, new = Note("a", "old"), Note("a", "new")
    table.submit(old)
    table.take()
    table.not_written(old, keep=True)
    table.retry()
    table.submit(new)
    assert states(table) == {"a": "waiting"}
    assert table.take() is new
    assert table.take() is None, "once is enough"


def test_recovered_steps_wait_for_their_image_on_disk_or_not(table: UnsavedAnnotations) -> None:
    saved, lost = Note("saved"), Note("lost")
    steps = History(1 << 20)
    table.recover(saved, steps, on_disk=True)
    table.recover(lost, steps, on_disk=False)
    assert states(table) == {"saved": "recovered", "lost": "failed"}
    assert table.take() is lost
    assert table.take() is None
    table.written(lost)
    assert states(table) == {"saved": "recovered", "lost": "recovered"}
    entry = table.get("lost")
    assert entry is not None
    assert entry.history is steps
    table.forget_history("saved")
    table.forget_history("lost")
    table.forget_history("never there")
    assert states(table) == {}


def test_an_opened_image_stays_unsaved_without_its_recovered_steps(table: UnsavedAnnotations) -> None:
    note = Note("a")
    table.recover(note, History(1 << 20), on_disk=False)
    assert table.take() is note
    table.forget_history("a")
    entry = table.get("a")
    assert entry is not None
    assert (entry.history, entry.state) == (None, UnsavedState.FAILED)
    table.written(note)
    assert states(table) == {}


def test_a_closed_project_leaves_nothing_but_what_the_writer_has(table: UnsavedAnnotations) -> None:
    failed, waiting = Note("failed"), Note("waiting")
    table.submit(failed)
    table.take()
    table.not_written(failed, keep=True)
    table.recover(Note("back"), History(1 << 20), on_disk=True)
    table.retry()
    table.submit(waiting)
    table.clear()
    assert states(table) == {"waiting": "waiting"}
    assert table.take() is waiting
    assert table.take() is None
