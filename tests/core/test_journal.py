"""The journal in memory: whatever was done, and whatever part of it was saved, replaying gives the same document."""

from __future__ import annotations

from collections.abc import Sequence

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcn_studio.core.document import Document, skip, unskip, verify
from fcn_studio.core.history import AnnotationState, Motion, Step
from fcn_studio.core.journal import Entry, Recorder, changed_pixels, joined, replay
from fcn_studio.core.labels import Labels
from fcn_studio.core.sample import Status
from fcn_studio.core.tiles import TILE
from tests.core.annotations import CLASSES, document_of, random_labels, random_region, seeds

SHAPE = (300, 700)
BUDGET = 1 << 30


class Book:
    """A document under a recorder, with every state that it went through."""

    def __init__(self, document: Document) -> None:
        self.document = document
        self.begun = AnnotationState(document.status, document.prelabelled_by)
        self.entries: list[Entry] = []
        self.states = [document.labels_snapshot()]
        self.recorder = Recorder()
        document.stepped.connect(self.note)

    def note(self, motion: Motion, step: Step) -> None:
        labels = Labels(self.document.label_map, self.document.provenance)
        self.entries.append(self.recorder.entry(motion, step, labels).packed())
        self.states.append(labels.frozen())


def act(document: Document, what: str, seed: int) -> None:
    if what == "paint":
        with document.edit("Brush stroke") as edit:
            for part in range(2):
                edit.write(random_region(seed + part, *SHAPE), CLASSES[seed % len(CLASSES)])
    elif what == "erase":
        with document.edit("Erase") as edit:
            edit.erase(random_region(seed, *SHAPE))
    elif what == "verify":
        verify(document, 0)
    elif what == "skip":
        (unskip if document.status is Status.SKIPPED else skip)(document)
    else:
        getattr(document, what)()


def same(labels: Labels, other: Labels) -> bool:
    return labels.label_map.tobytes() == other.label_map.tobytes() and (
        labels.provenance.tobytes() == other.provenance.tobytes()
    )


def check(entries: Sequence[Entry], on_disk: Labels, begun: AnnotationState, document: Document) -> None:
    """What comes back equals the document, and so do all its steps backwards and forwards."""
    found = replay(entries, on_disk.copy(), begun, BUDGET)
    assert same(found.labels, document.labels_snapshot())
    assert found.state == AnnotationState(document.status, document.prelabelled_by)
    again = Document("a.png", found.labels, found.state.status, prelabelled_by="", history=found.history)
    for name in ("undo", "redo"):
        while (title := getattr(document, name)()) is not None:
            assert getattr(again, name)() == title
            assert same(again.labels_snapshot(), document.labels_snapshot())
            assert again.status is document.status
        assert getattr(again, name)() is None


ACTS = st.sampled_from(["paint"] * 5 + ["erase", "verify", "skip", "undo", "undo", "redo"])


@given(seed=seeds, blank=st.booleans(), acts=st.lists(st.tuples(ACTS, seeds), max_size=14), saved=st.integers(0, 20))
@settings(max_examples=60, deadline=None)
def test_replaying_on_any_saved_state_gives_the_document_and_its_history(
    seed: int, blank: bool, acts: list[tuple[str, int]], saved: int
) -> None:
    book = Book(document_of(Labels.unlabelled(*SHAPE) if blank else random_labels(seed, *SHAPE)))
    for what, number in acts:
        act(book.document, what, number)
    book_entries = list(book.entries)
    on_disk = book.states[min(saved, len(book.states) - 1)]
    check(book_entries, on_disk, book.begun, book.document)
    book.document.history.close()


@given(acts=st.lists(st.tuples(ACTS, seeds), min_size=1, max_size=10), cut=st.integers(0, 10))
@settings(max_examples=30, deadline=None)
def test_a_journal_cut_short_gives_an_earlier_state(acts: list[tuple[str, int]], cut: int) -> None:
    book = Book(document_of(random_labels(1, *SHAPE)))
    for what, number in acts:
        act(book.document, what, number)
    kept = min(cut, len(book.entries))
    found = replay(book.entries[:kept], book.states[0].copy(), book.begun, BUDGET)
    assert same(found.labels, book.states[kept])
    book.document.history.close()


@given(
    before=st.lists(st.tuples(ACTS, seeds), max_size=6),
    after=st.lists(st.tuples(ACTS, seeds), min_size=1, max_size=8),
)
@settings(max_examples=40, deadline=None)
def test_a_journal_begun_late_still_gives_the_labels_when_earlier_steps_are_undone(
    before: list[tuple[str, int]], after: list[tuple[str, int]]
) -> None:
    document = document_of(Labels.unlabelled(*SHAPE))
    for what, number in before:
        act(document, what, number)
    book = Book(document)
    for what, number in after:
        act(document, what, number)
    found = replay(book.entries, book.states[0].copy(), book.begun, BUDGET)
    assert same(found.labels, document.labels_snapshot())
    assert found.state.status is document.status
    again = Document("a.png", found.labels, found.state.status, history=found.history)
    while (title := again.redo()) is not None:  # what was undone since comes back undone
        assert document.redo() == title
        assert same(again.labels_snapshot(), document.labels_snapshot())
        assert again.status is document.status
    while (title := again.undo()) is not None:
        assert document.undo() == title
        assert same(again.labels_snapshot(), document.labels_snapshot())
    again.history.close()
    document.history.close()


def test_the_strokes_alone_can_be_told_from_what_they_were_made_on() -> None:
    book = Book(document_of(random_labels(3, *SHAPE)))
    act(book.document, "paint", 4)
    after, changed = changed_pixels(book.entries, *SHAPE)
    now, was = book.document, book.states[0]
    expected = (now.label_map != was.label_map) | (now.provenance != was.provenance)
    assert expected.any()
    assert (changed == expected).all()
    assert (after.label_map[changed] == now.label_map[changed]).all()
    assert (after.provenance[changed] == now.provenance[changed]).all()


def test_entries_of_another_size_are_refused() -> None:
    book = Book(document_of(Labels.unlabelled(*SHAPE)))
    act(book.document, "verify", 0)
    with pytest.raises(ValueError, match="is not in an annotation"):
        replay(book.entries, Labels.unlabelled(30, 70), book.begun, BUDGET)


def test_a_tile_is_noted_whole_only_the_first_time() -> None:
    book = Book(document_of(random_labels(5, *SHAPE)))
    for number in range(3):
        act(book.document, "paint", 10 + number)
        act(book.document, "undo", 0)
    met = [tile for entry in book.entries for tile in entry.first]
    assert len(met) == len(set(met)) > 0


@given(seed=seeds, acts=st.lists(st.tuples(ACTS, seeds), max_size=5), parts=st.lists(seeds, min_size=1, max_size=6))
@settings(max_examples=30, deadline=None)
def test_a_stroke_that_has_not_ended_is_its_parts_as_one_step(
    seed: int, acts: list[tuple[str, int]], parts: list[int]
) -> None:
    book = Book(document_of(random_labels(seed, *SHAPE)))
    document = book.document
    for what, number in acts:
        act(document, what, number)
    before = document.labels_snapshot()
    stroke = document.edit("Brush stroke", keeps_parts=True)
    assert document.stroke is stroke
    labels = Labels(document.label_map, document.provenance)
    so_far = None
    for number in parts:
        tiles = stroke.write(random_region(number, *SHAPE), CLASSES[number % len(CLASSES)]).tiles(TILE)
        part = book.recorder.part(stroke, set(tiles), labels).packed()
        assert all(tile not in entry.first for entry in book.entries for tile in part.first), "each is met once"
        so_far = joined(so_far, part)
    assert so_far is not None
    for on_disk in (book.states[0], before):  # whatever was saved before the stroke
        found = replay([*book.entries, so_far], on_disk.copy(), book.begun, BUDGET)
        assert same(found.labels, labels)
        assert found.state == stroke.after
        found.history.undo(found.labels)
        assert same(found.labels, before), "one step, whatever the number of its parts"
    stroke.commit()  # its entry has all that the parts had, because it supersedes them
    check(book.entries, before, book.begun, document)
    document.history.close()
