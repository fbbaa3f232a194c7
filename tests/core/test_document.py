"""Views, revisions, shares; accepting a prediction, verifying, skipping."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from fcn_studio.core.document import Document, auto_segment, skip, unskip, verify
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import Labels, Provenance, made_by_human
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.region import StencilRegion
from fcn_studio.core.rules import PaintRules
from fcn_studio.core.sample import Status
from fcn_studio.errors import FcnStudioError
from tests.core.annotations import CLASSES, document_of, random_labels, random_region, seeds

SHAPE = (40, 60)
DOT = StencilRegion(Rect(3, 2, 5, 4), np.ones((2, 2), np.uint8))


def prediction_of(seed: int, shape: tuple[int, int] = SHAPE) -> Prediction:
    label_map = np.random.default_rng(seed).choice(np.array([*CLASSES, 9], np.uint8), shape)
    return Prediction("a.png", label_map, np.zeros(shape, np.uint8), "c" * 64)


def counted(document: Document) -> np.ndarray:
    labelled = document.label_map[document.provenance != Provenance.NOBODY]
    return np.bincount(labelled.ravel(), minlength=256)


def test_views_are_read_only_and_always_the_same_memory() -> None:
    document = document_of(random_labels(1, *SHAPE))
    label_map, provenance = document.label_map, document.provenance
    for view in (label_map, provenance):
        with pytest.raises(ValueError, match="read-only"):
            view[0, 0] = 1
    with document.edit("replace") as edit:
        edit.replace(random_labels(2, *SHAPE))
    document.undo()
    document.redo()
    assert np.array_equal(label_map, random_labels(2, *SHAPE).label_map)
    assert document.label_map is label_map
    assert document.provenance is provenance


def test_the_document_owns_its_arrays() -> None:
    labels = Labels.unlabelled(*SHAPE)
    document = document_of(labels)
    snapshot = document.labels_snapshot()
    labels.label_map[:] = 4
    with document.edit("paint") as edit:
        edit.write(DOT, 1)
    assert (snapshot.label_map == 255).all()
    assert (document.label_map != 4).all()
    with pytest.raises(ValueError, match="read-only"):
        snapshot.provenance[0, 0] = 1


def test_dirty_means_another_revision_than_the_saved_one() -> None:
    document = document_of(Labels.unlabelled(*SHAPE))
    heard: list[int] = []
    document.committed.connect(lambda: heard.append(document.revision))
    with document.edit("paint") as edit:
        edit.write(DOT, 1)
        assert not document.dirty
    assert document.dirty
    document.mark_saved(document.revision)
    assert not document.dirty
    document.undo()
    assert document.dirty
    document.redo()
    assert heard == [1, 2, 3]
    assert document.redo() is None


@given(seeds)
def test_class_shares_follow_every_change(seed: int) -> None:
    shape = (530, 20)
    document = document_of(random_labels(seed, *shape))
    assert np.array_equal(document.class_shares(), counted(document))
    edit = document.edit("paint")
    edit.write(random_region(seed, *shape), 7)
    assert np.array_equal(document.class_shares(), counted(document))
    edit.commit()
    with document.edit("replace") as edit:
        edit.replace(random_labels(seed + 1, *shape))
    assert np.array_equal(document.class_shares(), counted(document))
    document.undo()
    edit = document.edit("erase")
    edit.erase(random_region(seed + 2, *shape))
    edit.cancel()
    assert np.array_equal(document.class_shares(), counted(document))
    assert document.class_shares().dtype == np.int64


@given(
    seeds,
    st.sampled_from([Status.NEW, Status.PRELABELLED, Status.IN_PROGRESS]),
    st.frozensets(st.sampled_from(CLASSES)),
    st.sampled_from([None, 1, 255]),
)
def test_auto_segment_never_touches_human_unknown_or_protected_pixels(
    seed: int, status: Status, locked: frozenset[int], only_class: int | None
) -> None:
    before = random_labels(seed, *SHAPE)
    document = document_of(before, status)
    document.rules = PaintRules(locked=locked, only_over=1)
    prediction = prediction_of(seed)
    auto_segment(document, prediction, only_class=only_class)
    kept = before.provenance >= Provenance.HUMAN
    kept |= np.isin(before.label_map, list(locked)) & (before.provenance != Provenance.NOBODY)
    if only_class is not None:
        kept |= prediction.label_map != only_class
    assert np.array_equal(document.label_map[kept], before.label_map[kept])
    assert np.array_equal(document.provenance[kept], before.provenance[kept])
    assert np.array_equal(document.label_map[~kept], prediction.label_map[~kept])
    said = np.where(prediction.label_map == 255, Provenance.NOBODY, Provenance.NETWORK)
    assert np.array_equal(document.provenance[~kept], said[~kept])


def test_auto_segment_is_one_step_with_status_and_origin() -> None:
    document = document_of(Labels.unlabelled(*SHAPE))
    assert auto_segment(document, prediction_of(1))
    assert (document.status, document.prelabelled_by) == (Status.PRELABELLED, "c" * 64)
    assert not auto_segment(document, prediction_of(1))
    assert document.undo() == "Auto-segment"
    assert (document.status, document.prelabelled_by) == (Status.NEW, "")
    assert (document.provenance == 0).all()
    assert document.undo() is None
    assert document.redo() == "Auto-segment"
    assert (document.status, document.prelabelled_by) == (Status.PRELABELLED, "c" * 64)


def test_auto_segment_leaves_an_image_in_progress_in_progress() -> None:
    document = document_of(Labels.unlabelled(*SHAPE), Status.IN_PROGRESS)
    assert auto_segment(document, prediction_of(1))
    assert document.status == Status.IN_PROGRESS


@pytest.mark.parametrize("status", [Status.VERIFIED, Status.SKIPPED])
def test_auto_segment_refuses_finished_images_with_a_sentence(status: Status) -> None:
    document = document_of(Labels.unlabelled(*SHAPE), status)
    with pytest.raises(FcnStudioError, match=rf"a\.png is {status.words}"):
        auto_segment(document, prediction_of(1))
    assert document.revision == 0


def test_auto_segment_refuses_a_prediction_of_another_image() -> None:
    document = document_of(Labels.unlabelled(4, 4))
    with pytest.raises(ValueError, match="annotation"):
        auto_segment(document, prediction_of(1))
    with pytest.raises(ValueError, match="prediction of"):
        auto_segment(document, Prediction("b.png", np.zeros((4, 4), np.uint8), np.zeros((4, 4), np.uint8), ""))


@given(seeds, st.sampled_from(CLASSES))
def test_verify_makes_every_pixel_human_in_one_step_with_the_status(seed: int, unlabelled_index: int) -> None:
    before = random_labels(seed, *SHAPE)
    document = document_of(before, Status.PRELABELLED)
    document.rules = PaintRules(locked=frozenset(CLASSES))
    verify(document, unlabelled_index)
    assert document.status == Status.VERIFIED
    assert (document.provenance == Provenance.HUMAN).all()
    nobody = before.provenance == Provenance.NOBODY
    assert np.array_equal(document.label_map, np.where(nobody, unlabelled_index, before.label_map))
    assert document.undo() == "Verify"
    assert document.status == Status.PRELABELLED
    assert np.array_equal(document.label_map, before.label_map)
    assert np.array_equal(document.provenance, before.provenance)


def test_verifying_twice_is_one_step() -> None:
    document = document_of(Labels.unlabelled(*SHAPE))
    verify(document, 0)
    verify(document, 0)
    assert document.revision == 1


@pytest.mark.parametrize(
    ("labels", "status"),
    [
        (Labels.unlabelled(2, 2), Status.NEW),
        (Labels(np.ones((2, 2), np.uint8), np.ones((2, 2), np.uint8)), Status.PRELABELLED),
        (made_by_human(np.ones((2, 2), np.uint8)), Status.IN_PROGRESS),
    ],
)
def test_taking_back_an_earlier_skip_gives_the_status_that_the_pixels_say(labels: Labels, status: Status) -> None:
    document = document_of(labels)
    unskip(document)
    assert document.revision == 0
    document = Document("a.png", labels, Status.SKIPPED)
    unskip(document)
    assert document.status == status


def test_taking_back_a_skip_gives_the_status_of_before() -> None:
    document = document_of(made_by_human(np.ones((2, 2), np.uint8)))
    verify(document, 0)
    for _ in range(2):
        skip(document)
        assert document.status == Status.SKIPPED
        unskip(document)
        assert document.status == Status.VERIFIED
    document.undo()
    assert document.status == Status.SKIPPED
    unskip(document)
    assert document.status == Status.VERIFIED
