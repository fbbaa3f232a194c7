"""Histories of images that were left: given back to the very same annotation, within the budget, without threads."""

from __future__ import annotations

import threading
from collections.abc import Iterator

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcn_studio.core.document import Document, auto_segment
from fcn_studio.core.history import AnnotationState, History
from fcn_studio.core.history_cache import HistoryCache, fingerprint
from fcn_studio.core.labels import Labels
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Status
from tests.core.annotations import random_region, seeds

SHAPE = (600, 1400)
BUDGET = 64 << 20


@pytest.fixture
def kept() -> Iterator[HistoryCache]:
    made = HistoryCache()
    made.limit(BUDGET)
    yield made
    made.close()


def document_of(name: str, labels: Labels, state: AnnotationState, history: History | None) -> Document:
    return Document(name, labels, state.status, prelabelled_by=state.prelabelled_by, history=history)


def fresh(name: str) -> Document:
    return document_of(name, Labels.unlabelled(*SHAPE), AnnotationState(Status.NEW), None)


def left(kept: HistoryCache, document: Document) -> tuple[str, Labels, AnnotationState]:
    """Leave an image; what is on disk of it then."""
    on_disk = document.labels_snapshot(), AnnotationState(document.status, document.prelabelled_by)
    kept.keep(document)
    return document.image_id, *on_disk


def reopened(kept: HistoryCache, name: str, labels: Labels, state: AnnotationState) -> Document:
    return document_of(name, labels, state, kept.take(name, fingerprint(labels, state)))


def noise(document: Document, seed: int) -> None:
    """A step that keeps noise, which does not compress."""
    rng = np.random.default_rng(seed)
    label_map = rng.integers(0, 200, SHAPE, np.uint8)
    with document.edit("Noise") as edit:
        edit.replace(Labels(label_map, np.full(SHAPE, 2, np.uint8)))


@given(
    acts=st.lists(
        st.tuples(st.integers(0, 2), st.sampled_from(["paint", "paint", "undo", "redo"]), seeds), max_size=25
    )
)
@settings(max_examples=25, deadline=None)
def test_every_image_can_be_undone_to_the_bottom_after_any_switches(acts: list[tuple[int, str, int]]) -> None:
    kept = HistoryCache()
    kept.limit(BUDGET)
    files = {f"{row}.png": (Labels.unlabelled(*SHAPE), AnnotationState(Status.NEW)) for row in range(3)}
    states: dict[str, list[bytes]] = {name: [fingerprint(*found)] for name, found in files.items()}
    at = dict.fromkeys(files, 0)
    document = reopened(kept, "0.png", *files["0.png"])

    def switch(name: str) -> Document:
        left_name, labels, state = left(kept, document)
        files[left_name] = labels, state
        return reopened(kept, name, *files[name])

    for row, what, seed in acts:
        name = f"{row}.png"
        if name != document.image_id:
            document = switch(name)
        if what == "paint":
            with document.edit("Brush stroke") as edit:
                edit.write(random_region(seed, *SHAPE), seed % 3)
        else:
            getattr(document, what)()
            at[name] += {"undo": -(at[name] > 0), "redo": at[name] + 1 < len(states[name])}[what]
        now = fingerprint(document.labels_snapshot(), AnnotationState(document.status))
        if what == "paint" and now != states[name][at[name]]:
            states[name][at[name] + 1 :] = [now]
            at[name] += 1
        assert now == states[name][at[name]]
    for name in files:
        document = switch(name) if name != document.image_id else document
        for state in reversed(states[name][: at[name]]):
            assert document.undo() is not None
            assert fingerprint(document.labels_snapshot(), AnnotationState(document.status)) == state
        assert document.undo() is None
        at[name] = 0
    document.history.close()
    kept.close()


def test_steps_of_other_pixels_are_dropped(kept: HistoryCache) -> None:
    document = fresh("a.png")
    noise(document, 1)
    name, labels, state = left(kept, document)
    changed = labels.copy()
    changed.provenance[3, 5] = 1
    assert kept.take(name, fingerprint(changed, state)) is None
    assert not kept.has(name)
    assert kept.take(name, fingerprint(labels, state)) is None, "dropped for good"


@pytest.mark.parametrize("other", [AnnotationState(Status.VERIFIED), AnnotationState(Status.IN_PROGRESS, "c0")])
def test_another_status_or_origin_is_another_annotation(kept: HistoryCache, other: AnnotationState) -> None:
    document = fresh("a.png")
    noise(document, 1)
    name, labels, _ = left(kept, document)
    assert kept.take(name, fingerprint(labels, other)) is None


def test_the_image_left_the_longest_ago_is_forgotten_first(kept: HistoryCache) -> None:
    kept.limit(2_800_000)
    found = {}
    for name in "abcd":
        document = fresh(name)
        noise(document, 1)  # keeps 0.84 MB
        found[name] = left(kept, document)
    assert reopened(kept, *found["d"]).undo() == "Noise"  # once it rests, all do
    assert kept.size_bytes <= 2_800_000
    assert kept.take("a", fingerprint(*found["a"][1:])) is None
    for name in "bc":
        assert reopened(kept, *found[name]).undo() == "Noise"


def test_a_smaller_budget_is_kept_at_once(kept: HistoryCache) -> None:
    document = fresh("a.png")
    for seed in range(2):
        noise(document, seed)
    name, labels, state = left(kept, document)
    kept.limit(1000)
    assert kept.take(name, fingerprint(labels, state)) is None
    assert kept.size_bytes == 0


def test_what_rests_has_no_thread_and_images_without_steps_cost_nothing(kept: HistoryCache) -> None:
    found = []
    for number in range(5):
        document = fresh(f"{number}.png")
        noise(document, number)  # large enough for the history's own thread
        found.append(left(kept, document))
    for one in found:
        assert kept.take(one[0], fingerprint(*one[1:])) is not None
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("history")]
    kept.keep(fresh("empty.png"))
    assert not kept.has("empty.png")


def test_an_auto_segment_is_one_step_after_switches_too(kept: HistoryCache) -> None:
    document = fresh("a.png")
    noise_map = np.random.default_rng(1).integers(0, 3, SHAPE, np.uint8)
    assert auto_segment(document, Prediction("a.png", noise_map, np.zeros(SHAPE, np.uint8), "c0" * 32))
    again = reopened(kept, *left(kept, document))
    assert (again.status, again.prelabelled_by) == (Status.PRELABELLED, "c0" * 32)
    assert again.undo() == "Auto-segment"
    assert again.undo() is None
    blank, new = Labels.unlabelled(*SHAPE), AnnotationState(Status.NEW)
    assert fingerprint(again.labels_snapshot(), AnnotationState(again.status)) == fingerprint(blank, new)
    assert again.redo() == "Auto-segment"
    assert (again.label_map == noise_map).all()
    again.history.close()
