"""What an edit may write, what it leaves alone, what status follows."""

from __future__ import annotations

import tracemalloc
from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcn_studio.core.edit import Edit
from fcn_studio.core.geometry import EMPTY, Rect
from fcn_studio.core.labels import Labels, Provenance, made_by_human
from fcn_studio.core.raster import polygon
from fcn_studio.core.region import StencilRegion
from fcn_studio.core.rules import PaintRules
from fcn_studio.core.sample import Status
from tests.core.annotations import CLASSES, document_of, inside, on_image, random_labels, random_region, rules, seeds

SHAPE = (40, 60)
DOT = StencilRegion(Rect(3, 2, 5, 4), np.ones((2, 2), np.uint8))


def expected_paintable(labels: Labels, allowed: PaintRules) -> np.ndarray:
    """The rules once more, as a sentence for each pixel."""
    labelled = labels.provenance != Provenance.NOBODY
    free = ~(labelled & np.isin(labels.label_map, list(allowed.protected)))
    if allowed.only_unlabelled:
        free &= ~labelled
    if allowed.only_over is not None:
        free &= labelled & (labels.label_map == allowed.only_over)
    if allowed.only_predicted is not None:
        said = allowed.only_predicted.label_map
        free &= False if said is None else said == allowed.only_predicted.index
    if allowed.selection is not None:
        free &= inside(allowed.selection, labels.shape)
    return free


@settings(max_examples=150)
@given(seeds, rules, st.sampled_from(CLASSES), st.sampled_from([Provenance.HUMAN, Provenance.NETWORK]))
def test_write_obeys_every_rule(seed: int, allowed: PaintRules, value: int, provenance: Provenance) -> None:
    before = random_labels(seed, *SHAPE)
    document = document_of(before)
    document.rules = allowed = on_image(allowed, seed, *SHAPE)
    region = random_region(seed, *SHAPE)
    with document.edit("paint") as edit:
        edit.write(region, value, provenance)
    written = inside(region, SHAPE) & expected_paintable(before, allowed)
    if provenance == Provenance.NETWORK:
        written &= before.provenance <= Provenance.NETWORK
    assert np.array_equal(document.label_map, np.where(written, value, before.label_map))
    assert np.array_equal(document.provenance, np.where(written, provenance, before.provenance))


@given(seeds, rules)
def test_erase_obeys_every_rule_but_only_unlabelled(seed: int, allowed: PaintRules) -> None:
    before = random_labels(seed, *SHAPE)
    document = document_of(before)
    document.rules = allowed = on_image(allowed, seed, *SHAPE)
    region = random_region(seed, *SHAPE)
    with document.edit("erase") as edit:
        edit.erase(region)
    gone = inside(region, SHAPE) & expected_paintable(before, replace(allowed, only_unlabelled=False))
    assert np.array_equal(document.label_map, np.where(gone, 255, before.label_map))
    assert np.array_equal(document.provenance, np.where(gone, 0, before.provenance))


@given(seeds, rules)
def test_replace_can_respect_protected_classes(seed: int, allowed: PaintRules) -> None:
    before, new = random_labels(seed, *SHAPE), random_labels(seed + 1, *SHAPE)
    document = document_of(before)
    document.rules = allowed = on_image(allowed, seed, *SHAPE)
    with document.edit("replace") as edit:
        edit.replace(new, respect_rules=True)
    free = expected_paintable(before, allowed.unprotected())
    assert np.array_equal(document.label_map, np.where(free, new.label_map, before.label_map))
    assert np.array_equal(document.provenance, np.where(free, new.provenance, before.provenance))


@pytest.mark.parametrize("shape", [(1, 1), (1, 9), (9, 1), (4, 1), (1, 4), (300, 1), (257, 513)])
def test_every_size_of_image_can_be_painted_under_rules(shape: tuple[int, int]) -> None:
    before = random_labels(3, *shape)
    document = document_of(before)
    document.rules = PaintRules(locked=frozenset({1, 255}))
    whole = StencilRegion(Rect(0, 0, shape[1], shape[0]), np.ones(shape, np.uint8))
    with document.edit("paint") as edit:
        edit.write(whole, 7)
    free = expected_paintable(before, document.rules)
    assert np.array_equal(document.label_map, np.where(free, 7, before.label_map))


def test_a_write_reports_where_and_emptiness() -> None:
    document = document_of(Labels.unlabelled(*SHAPE))
    seen: list[Rect] = []
    document.changed.connect(seen.append)
    with document.edit("paint") as edit:
        assert edit.write(DOT, 1) == DOT.rect
    document.rules = PaintRules(locked=frozenset({1}))
    with document.edit("paint") as edit:
        assert edit.write(DOT, 2) == EMPTY
    assert seen == [DOT.rect]


def test_only_one_edit_is_open_and_a_closed_one_is_dead() -> None:
    document = document_of(Labels.unlabelled(*SHAPE))
    edit = document.edit("first")
    for refused in (lambda: document.edit("second"), document.undo, document.redo, document.labels_snapshot):
        with pytest.raises(RuntimeError, match="first"):
            refused()
    edit.cancel()
    writes = (lambda: edit.write(DOT, 1), lambda: edit.write_all([], 1))
    for dead in (edit.commit, edit.cancel, *writes, lambda: edit.set_status(Status.NEW)):
        with pytest.raises(RuntimeError, match="closed"):
            dead()
    document.edit("second").cancel()


def test_an_exception_cancels() -> None:
    document = document_of(Labels.unlabelled(*SHAPE))

    def fail() -> None:
        with document.edit("paint") as edit:
            edit.write(DOT, 1)
            raise KeyError("x")

    with pytest.raises(KeyError):
        fail()
    assert (document.label_map == 255).all()
    assert (document.revision, document.dirty, document.history.can_undo) == (0, False, False)


def test_painting_what_is_there_already_makes_no_step() -> None:
    document = document_of(made_by_human(np.full(SHAPE, 1, np.uint8)), Status.IN_PROGRESS)
    edit = document.edit("paint")
    edit.write(DOT, 2)
    edit.write(DOT, 1)
    assert edit.commit() is False
    assert not document.history.can_undo
    assert not document.dirty


@pytest.mark.parametrize("status", list(Status))
def test_a_human_stroke_puts_all_but_verified_images_in_progress(status: Status) -> None:
    document = document_of(made_by_human(np.full(SHAPE, 1, np.uint8)), status)
    with document.edit("paint") as edit:
        edit.write(DOT, 2)
    assert document.status == (Status.VERIFIED if status == Status.VERIFIED else Status.IN_PROGRESS)
    with document.edit("erase") as edit:
        edit.erase(DOT)
    assert document.status == Status.IN_PROGRESS
    document.undo()
    document.undo()
    assert document.status == status


def test_erasing_and_painting_again_in_one_edit_leaves_a_verified_image_verified() -> None:
    document = document_of(made_by_human(np.full(SHAPE, 1, np.uint8)), Status.VERIFIED)
    with document.edit("erase, paint") as edit:
        edit.erase(DOT)
        edit.write(DOT, 2)
    assert document.status == Status.VERIFIED


def test_a_status_alone_is_a_step() -> None:
    document = document_of(Labels.unlabelled(*SHAPE))
    with document.edit("skip") as edit:
        edit.set_status(Status.SKIPPED)
    assert (document.status, document.revision, document.undo(), document.status) == (
        Status.SKIPPED, 1, "skip", Status.NEW,
    )  # fmt: skip


def test_regions_outside_and_labels_of_another_size_are_refused() -> None:
    document = document_of(Labels.unlabelled(*SHAPE))
    edit = document.edit("paint")
    with pytest.raises(ValueError, match="not in the document"):
        edit.write(StencilRegion(Rect(59, 0, 61, 1), np.ones((1, 2), np.uint8)), 1)
    with pytest.raises(ValueError, match="new labels"):
        edit.replace(Labels.unlabelled(3, 3))


@pytest.mark.parametrize("in_shares", [False, True])
def test_a_polygon_larger_than_what_is_written_at_once(in_shares: bool) -> None:
    before = random_labels(8, 900, 1000)
    document = document_of(before)
    region = polygon([(20, 10), (990, 30), (500, 400), (970, 880), (5, 890)], (1000, 900))
    assert region is not None
    assert region.rect.area > 1 << 19
    with document.edit("polygon") as edit:
        if in_shares:
            assert len(list(edit.writing(region, 7))) == 4
        else:
            edit.write(region, 7)
    painted = inside(region, (900, 1000))
    assert np.array_equal(document.label_map, np.where(painted, 7, before.label_map))
    document.undo()
    assert np.array_equal(document.label_map, before.label_map)
    assert np.array_equal(document.provenance, before.provenance)


def test_a_flat_and_a_tall_write_need_little_memory() -> None:
    document = document_of(Labels.unlabelled(6000, 6000))
    tracemalloc.start()
    with document.edit("a cross") as edit:
        for rect in (Rect(0, 3000, 6000, 3005), Rect(3000, 0, 3005, 6000)):
            edit.write(StencilRegion(rect, np.ones((rect.height, rect.width), np.uint8)), 1)
        peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    document.history.close()
    assert peak < 2 << 20  # a constant as wide and as high as both would be 36 MB


def test_tiles_that_a_write_filled_are_known_until_the_next_write() -> None:
    before = random_labels(5, 520, 600)
    document = document_of(before)
    filled, part = Rect(0, 0, 600, 520), Rect(300, 300, 310, 320)
    with document.edit("fill and cut") as edit:
        edit.write(StencilRegion(filled, np.ones((520, 600), np.uint8)), 7)
        edit.erase(StencilRegion(part, np.ones((20, 10), np.uint8)))
    after = document.labels_snapshot()
    assert after.label_map[310, 305] == 255
    assert document.undo() == "fill and cut"
    assert np.array_equal(document.label_map, before.label_map)
    assert np.array_equal(document.provenance, before.provenance)
    document.redo()
    assert np.array_equal(document.label_map, after.label_map)
    assert np.array_equal(document.provenance, after.provenance)
    cancelled = document.edit("fill, replaced, and cancelled")
    cancelled.write(StencilRegion(filled, np.ones((520, 600), np.uint8)), 3)
    cancelled.replace(before)
    cancelled.cancel()
    assert np.array_equal(document.label_map, after.label_map)
    assert np.array_equal(document.provenance, after.provenance)


def test_what_was_written_before_a_failure_is_told_and_counts() -> None:
    document = document_of(Labels.unlabelled(*SHAPE))
    seen: list[Rect] = []
    document.changed.connect(seen.append)
    edit = document.edit("paint")
    outside = StencilRegion(Rect(59, 0, 61, 1), np.ones((1, 2), np.uint8))
    with pytest.raises(ValueError, match="not in the document"):
        edit.write_all([DOT, outside], 1)
    assert seen == [DOT.rect]
    edit.commit()
    assert document.status == Status.IN_PROGRESS


def test_several_regions_are_told_at_once() -> None:
    document = document_of(Labels.unlabelled(*SHAPE))
    told: list[tuple[Rect, ...]] = []
    document.changed.connect(lambda *rects: told.append(rects))
    other = StencilRegion(Rect(30, 20, 32, 22), DOT.pixels)
    with document.edit("paint") as edit:
        assert edit.write_all([DOT, other], 1) == Rect(3, 2, 32, 22)
        assert edit.erase_all([other, DOT]) == Rect(3, 2, 32, 22)
        assert edit.write_all([], 1) == EMPTY
    assert told == [(DOT.rect, other.rect), (other.rect, DOT.rect)]


def test_any_value_but_zero_is_inside_whatever_the_rules() -> None:
    document = document_of(Labels.unlabelled(*SHAPE))
    document.rules = PaintRules(locked=frozenset({9}))
    with document.edit("paint") as edit:
        edit.write(StencilRegion(DOT.rect, np.full((2, 2), 2, np.uint8)), 1)
    assert int(np.count_nonzero(document.label_map == 1)) == 4


def test_without_memory_neither_array_is_written(monkeypatch: pytest.MonkeyPatch) -> None:
    document = document_of(Labels.unlabelled(*SHAPE))
    edit = document.edit("paint")
    real = Edit._constant

    def short_of_memory(self: Edit, value: int, like: np.ndarray) -> np.ndarray:
        if value == Provenance.HUMAN:
            raise MemoryError
        return real(self, value, like)

    with monkeypatch.context() as broken:
        broken.setattr(Edit, "_constant", short_of_memory)
        with pytest.raises(MemoryError):
            edit.write(DOT, 1)
    assert (document.label_map == 255).all()
    assert edit.write(DOT, 1) == DOT.rect
    edit.commit()
