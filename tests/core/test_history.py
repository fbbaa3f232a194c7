"""Undo and redo against a list of whole snapshots; the budget."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pytest
from hypothesis import settings
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, initialize, invariant, precondition, rule

from fcn_studio.core.document import Document, auto_segment, skip, verify
from fcn_studio.core.edit import Edit
from fcn_studio.core.geometry import Rect
from fcn_studio.core.history import History
from fcn_studio.core.labels import Labels
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.region import StencilRegion
from fcn_studio.core.sample import Status
from tests.core.annotations import CLASSES, document_of, random_labels, random_region, rules, seeds

SHAPE = (300, 1400)  # two rows of six tiles, so that whole-image steps go through the thread


@dataclass(frozen=True)
class Snapshot:
    label_map: bytes
    provenance: bytes
    status: Status
    prelabelled_by: str

    @classmethod
    def of(cls, document: Document) -> Snapshot:
        return cls(
            document.label_map.tobytes(), document.provenance.tobytes(), document.status, document.prelabelled_by
        )


class UndoMachine(RuleBasedStateMachine):
    """The document must agree with a model that keeps every state whole, and tell a screen of all that changes."""

    document: Document
    edit: Edit | None = None

    @initialize(seed=seeds, blank=st.booleans())
    def begin(self, seed: int, blank: bool) -> None:
        self.document = document_of(Labels.unlabelled(*SHAPE) if blank else random_labels(seed, *SHAPE))
        self.states = [Snapshot.of(self.document)]
        self.at = 0
        self.shown = self.document.labels_snapshot().copy()
        self.document.changed.connect(self.show)

    def show(self, *rects: Rect) -> None:
        assert rects
        for rect in rects:
            self.shown.label_map[rect.slices] = self.document.label_map[rect.slices]
            self.shown.provenance[rect.slices] = self.document.provenance[rect.slices]

    def teardown(self) -> None:
        if hasattr(self, "document"):
            self.document.history.close()

    def stepped(self) -> None:
        now = Snapshot.of(self.document)
        if now != self.states[self.at]:
            self.states[self.at + 1 :] = [now]
            self.at += 1

    @precondition(lambda self: self.edit is None)
    @rule(new=rules)
    def choose_rules(self, new: object) -> None:
        self.document.rules = new  # type: ignore[assignment]

    @precondition(lambda self: self.edit is None)
    @rule()
    def press(self) -> None:
        self.edit = self.document.edit("stroke")

    @precondition(lambda self: self.edit is not None)
    @rule(seed=seeds, value=st.sampled_from(CLASSES))
    def write(self, seed: int, value: int) -> None:
        assert self.edit is not None
        self.edit.write(random_region(seed, *SHAPE), value)

    @precondition(lambda self: self.edit is not None)
    @rule(corners=st.lists(st.tuples(st.integers(0, 1390), st.integers(0, 290)), min_size=1, max_size=5))
    def write_apart(self, corners: list[tuple[int, int]]) -> None:
        assert self.edit is not None
        dot = np.ones((9, 7), np.uint8)
        self.edit.write_all([StencilRegion(Rect(x, y, x + 7, y + 9), dot) for x, y in corners], 2)

    @precondition(lambda self: self.edit is not None)
    @rule(seed=seeds)
    def erase(self, seed: int) -> None:
        assert self.edit is not None
        self.edit.erase(random_region(seed, *SHAPE))

    @precondition(lambda self: self.edit is not None)
    @rule()
    def commit(self) -> None:
        assert self.edit is not None
        made = self.edit.commit()
        self.edit = None
        assert made == (Snapshot.of(self.document) != self.states[self.at])
        self.stepped()

    @precondition(lambda self: self.edit is not None)
    @rule()
    def cancel(self) -> None:
        assert self.edit is not None
        self.edit.cancel()
        self.edit = None

    @precondition(lambda self: self.edit is None)
    @rule(seed=seeds)
    def predict(self, seed: int) -> None:
        if self.document.status in (Status.NEW, Status.PRELABELLED, Status.IN_PROGRESS):
            label_map = random_labels(seed, *SHAPE).label_map
            auto_segment(self.document, Prediction("a.png", label_map, label_map, f"{seed:064x}"))
            self.stepped()

    @precondition(lambda self: self.edit is None)
    @rule(index=st.sampled_from(CLASSES))
    def verify(self, index: int) -> None:
        verify(self.document, index)
        self.stepped()

    @precondition(lambda self: self.edit is None)
    @rule()
    def skip(self) -> None:
        skip(self.document)
        self.stepped()

    @precondition(lambda self: self.edit is None)
    @rule()
    def undo(self) -> None:
        assert (self.document.undo() is not None) == (self.at > 0)
        self.at = max(self.at - 1, 0)

    @precondition(lambda self: self.edit is None)
    @rule()
    def redo(self) -> None:
        assert (self.document.redo() is not None) == (self.at < len(self.states) - 1)
        self.at = min(self.at + 1, len(self.states) - 1)

    @precondition(lambda self: self.edit is None)
    @rule()
    def compressed(self) -> None:
        self.document.history.settle()

    @invariant()
    def is_shown(self) -> None:
        if hasattr(self, "document"):
            assert np.array_equal(self.shown.label_map, self.document.label_map)
            assert np.array_equal(self.shown.provenance, self.document.provenance)

    @precondition(lambda self: self.edit is None)
    @invariant()
    def agrees(self) -> None:
        if hasattr(self, "document"):
            assert Snapshot.of(self.document) == self.states[self.at]
            counts = np.bincount(self.document.label_map.ravel(), minlength=256)
            counts[255] -= np.count_nonzero(self.document.provenance == 0)
            assert np.array_equal(self.document.class_shares(), counts)
            assert self.document.history.can_undo == (self.at > 0)
            assert self.document.history.can_redo == (self.at < len(self.states) - 1)


TestUndo = UndoMachine.TestCase
TestUndo.settings = settings(max_examples=25, stateful_step_count=30, deadline=None)


def noise(document: Document, seed: int, title: str) -> None:
    """A step over the whole image that does not compress."""
    height, width = document.label_map.shape
    label_map = np.random.default_rng(seed).integers(0, 255, (height, width), np.uint8)
    with document.edit(title) as edit:
        edit.replace(Labels(label_map, np.full_like(label_map, 2)))


def test_the_oldest_steps_go_when_the_budget_is_spent() -> None:
    document = document_of(Labels.unlabelled(600, 700), history=History(budget_bytes=1_500_000))
    for n in range(8):
        noise(document, n, f"step {n}")
    assert document.history.bytes <= 1_500_000
    undone = []
    while (title := document.undo()) is not None:
        undone.append(title)
    assert undone == ["step 7", "step 6", "step 5"]  # 420,000 bytes each
    expected = np.random.default_rng(4).integers(0, 255, (600, 700), np.uint8)
    assert np.array_equal(document.label_map, expected)
    document.history.close()


def test_the_newest_step_stays_even_if_it_alone_is_over_the_budget() -> None:
    document = document_of(Labels.unlabelled(600, 700), history=History(budget_bytes=10))
    noise(document, 0, "first")
    noise(document, 1, "second")
    assert document.history.undo_title == "second"
    assert document.undo() == "second"
    assert document.undo() is None
    document.history.close()


def test_a_new_step_ends_redo_and_titles_follow() -> None:
    document = document_of(Labels.unlabelled(20, 20))
    history = document.history
    assert (history.undo_title, history.redo_title) == (None, None)
    noise(document, 0, "one")
    noise(document, 1, "two")
    document.undo()
    assert (history.undo_title, history.redo_title) == ("one", "two")
    noise(document, 2, "three")
    assert (history.undo_title, history.redo_title) == ("three", None)


def test_only_touched_tiles_are_kept_and_even_ones_cost_nothing() -> None:
    document = document_of(Labels.unlabelled(2000, 2000))
    with document.edit("diagonal") as edit:
        stencil = np.eye(2000, dtype=np.uint8)
        edit.write(StencilRegion(Rect(0, 0, 2000, 2000), stencil), 1)
    assert document.history.bytes < 8 * 1024  # eight tiles on the diagonal, compressed


def test_a_closed_history_forgets_and_still_works() -> None:
    document = document_of(Labels.unlabelled(600, 1200))
    noise(document, 0, "one")
    document.history.close()
    assert document.undo() is None
    noise(document, 1, "two")
    assert document.undo() == "two"
    document.history.close()


@pytest.mark.parametrize("shape", [(1, 1), (1, 2), (2, 1), (1, 4), (4, 1), (1, 257), (257, 1), (3, 2)])
def test_images_of_few_pixels_go_back_and_forth(shape: tuple[int, int]) -> None:
    document = document_of(random_labels(3, *shape))
    before = Snapshot.of(document)
    with document.edit("all") as edit:
        edit.write(StencilRegion(Rect(0, 0, shape[1], shape[0]), np.ones(shape, np.uint8)), 1)
        edit.erase(StencilRegion(Rect(0, 0, 1, 1), np.ones((1, 1), np.uint8)))
    after = Snapshot.of(document)
    assert after != before
    document.undo()
    assert Snapshot.of(document) == before
    document.redo()
    assert Snapshot.of(document) == after


@pytest.mark.parametrize(
    "places", [((0, 0), (1390, 290)), tuple((x, y) for x in range(0, 1400, 300) for y in (0, 290))]
)
@pytest.mark.parametrize("compressed", [False, True])
def test_undo_and_redo_tell_of_all_that_they_change(places: tuple[tuple[int, int], ...], compressed: bool) -> None:
    document = document_of(random_labels(1, *SHAPE))
    shown = document.labels_snapshot().copy()

    def show(*rects: Rect) -> None:
        for rect in rects:
            shown.label_map[rect.slices] = document.label_map[rect.slices]

    document.changed.connect(show)
    dot = np.ones((9, 7), np.uint8)
    with document.edit("dots") as edit:
        edit.write_all([StencilRegion(Rect(x, y, x + 7, y + 9), dot) for x, y in places], 2)
    for move in (document.undo, document.redo, document.undo):
        if compressed:
            document.history.settle()
        before = document.label_map.copy()
        move()
        assert not np.array_equal(before, document.label_map)
        assert np.array_equal(shown.label_map, document.label_map)
    document.history.close()
