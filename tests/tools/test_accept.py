"""Accept region, and every other way to accept a prediction: what a human labelled stays as it is."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fcn_studio.core.document import ACCEPT_CLASS, ACCEPT_IMAGE, ACCEPT_REGION, auto_segment
from fcn_studio.core.labels import LabelMap, Provenance, trusted_label_map
from fcn_studio.core.prediction import Prediction, predicted_region
from fcn_studio.core.rules import PaintRules
from fcn_studio.core.sample import Status
from fcn_studio.tools.accept import AcceptRegion
from tests.core.annotations import document_of, inside, random_labels, rules, seeds
from tests.tools.scripts import Window, at, click, document_from, same

SIDE = 24


def predicted(*rows: str) -> Prediction:
    label_map = np.array([[255 if sign == "-" else int(sign) for sign in row] for row in rows], np.uint8)
    return Prediction("a.png", label_map, np.zeros_like(label_map), "ab" * 32)


def test_a_click_accepts_the_region_that_was_outlined_as_one_step() -> None:
    document = document_from("..3.\n..3.\n....")
    tool = AcceptRegion(Window(document, prediction=predicted("1122", "1122", "2-11")))
    tool.move(at(0, 0, "none"))
    outlined = tool.overlay().region
    assert outlined is not None
    assert outlined.area == 4
    tool.move(at(1, 1, "none"))
    assert tool.overlay().region is outlined  # the canvas repaints nothing
    click(tool, 1, 0)
    same(document, "bb3.\nbb3.\n....")
    assert (document.status, document.history.undo_title) == (Status.PRELABELLED, ACCEPT_REGION)
    click(tool, 3, 0)  # the human's pixels in it stay
    same(document, "bb3c\nbb3c\n....")
    click(tool, 1, 2)  # a class that the project does not have
    same(document, "bb3c\nbb3c\n....")
    document.undo()
    document.undo()
    same(document, "..3.\n..3.\n....")


def test_another_prediction_below_a_resting_pointer_is_outlined_anew() -> None:
    window = Window(document_from("...."), prediction=predicted("1122"))
    tool = AcceptRegion(window)
    tool.move(at(0, 0, "none"))
    window.prediction = predicted("1112")
    outlined = tool.overlay().region
    assert outlined is not None
    assert outlined.area == 3
    window.prediction = None
    assert tool.overlay().region is None


def test_a_finished_image_is_not_offered() -> None:
    tool = AcceptRegion(Window(document_from("22", Status.VERIFIED), prediction=predicted("11")))
    click(tool, 0, 0)
    assert tool.overlay().region is None


def label_map_of(seed: int) -> LabelMap:
    return random_labels(seed, SIDE, SIDE).label_map


@settings(max_examples=60, deadline=None)
@given(seeds, seeds, rules, st.sampled_from(["region", "class", "image"]), st.tuples(*[st.integers(0, SIDE - 1)] * 2))
def test_accepting_changes_no_human_pixel_and_teaches_nothing(
    seed: int, other: int, allowed: PaintRules, what: str, pixel_xy: tuple[int, int]
) -> None:
    labels, said = random_labels(seed, SIDE, SIDE), label_map_of(other)
    document = document_of(labels)
    document.rules = allowed
    prediction = Prediction("a.png", said, np.zeros_like(said), "ab" * 32)
    region = predicted_region(prediction, pixel_xy)
    where = np.ones(said.shape, np.bool_)
    if what == "image":
        auto_segment(document, prediction, title=ACCEPT_IMAGE)
    elif what == "class":
        auto_segment(document, prediction, title=ACCEPT_CLASS, only_class=1)
        where = said == 1
    elif region is not None:
        auto_segment(document, prediction, title=ACCEPT_REGION, region=region)
        where = inside(region, said.shape)
    after = document.labels_snapshot()
    np.testing.assert_array_equal(trusted_label_map(after), trusted_label_map(labels))  # all that training sees
    free = where & (labels.provenance <= Provenance.NETWORK)
    changed = (after.label_map != labels.label_map) | (after.provenance != labels.provenance)
    assert not (changed & ~free).any()
    protected = np.isin(labels.label_map, list(allowed.hidden | allowed.locked)) & (labels.provenance != 0)
    written = free & ~protected if what != "region" or region is not None else np.zeros_like(free)
    np.testing.assert_array_equal(after.label_map[written], said[written])
    document.undo()
    assert document.undo() is None
    before = document.labels_snapshot()
    np.testing.assert_array_equal(before.label_map, labels.label_map)
    np.testing.assert_array_equal(before.provenance, labels.provenance)
