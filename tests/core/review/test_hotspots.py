"""Hotspots on small drawings: letters are classes, digits tenths of doubt."""

from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from fcn_studio.core.classes import VOID
from fcn_studio.core.document import Document, verify
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.review.answers import name_class, take_prediction
from fcn_studio.core.review.hotspots import GRID_PIXELS, MOST, Hotspot, Reason, hotspots
from fcn_studio.core.review.suspects import confusion, suspects
from fcn_studio.core.sample import Status

HUMAN, NETWORK, NOBODY = Provenance.HUMAN, Provenance.NETWORK, Provenance.NOBODY


def drawn(text: str) -> np.ndarray:
    """Letters to classes 0, 1, ..., and '.' to 255; each a square of 4 x 4 pixels."""
    rows = [[VOID if c == "." else ord(c) - ord("a") for c in row] for row in text.split()]
    return np.array(rows, np.uint8).repeat(4, 0).repeat(4, 1)


def doubtful(text: str) -> np.ndarray:
    """Digits to tenths of doubt, and '.' to none."""
    rows = [[0 if c == "." else round(25.5 * int(c)) for c in row] for row in text.split()]
    return np.array(rows, np.uint8).repeat(4, 0).repeat(4, 1)


def predicted(classes: str, doubts: str, second: str = "") -> Prediction:
    return Prediction("a.png", drawn(classes), doubtful(doubts), "c0" * 32, drawn(second) if second else None)


def labelled(classes: str, provenance: Provenance) -> Labels:
    label_map = drawn(classes)
    return Labels(label_map, np.where(label_map == VOID, NOBODY, provenance).astype(np.uint8))


def shown(spot: Hotspot, like: np.ndarray) -> str:
    """The region on the image, one character for each square of 4 x 4 pixels that is mostly inside."""
    whole = np.zeros(like.shape)
    whole[spot.rect.slices] = spot.inside
    squares = whole.reshape(like.shape[0] // 4, 4, -1, 4).mean((1, 3))
    return "\n".join("".join("#" if share > 0.5 else "." for share in row) for row in squares)


EMPTY = Labels.unlabelled(24, 48)
TREES = """
aaaaaabbbbbb
aaaaaabbbbbb
aaaaaabbbbbb
aaaaaabbbbbb
aaaaaabbbbbb
aaaaaabbbbbb"""


def test_a_doubtful_region_ends_at_the_border_of_its_class() -> None:
    doubt = """
    .....55.....
    ..44466666..
    ..44466666..
    ..44466666..
    .....55.....
    .....55....."""
    second = TREES.translate(str.maketrans("ab", "bc"))
    found = hotspots(predicted(TREES, doubt, second), EMPTY)
    assert [(spot.reason, spot.class_index, spot.second) for spot in found] == [
        (Reason.DOUBT, 1, 2),  # the most doubt
        (Reason.DOUBT, 0, 1),
    ]
    assert shown(found[1], EMPTY.label_map).split() == [
        ".....#......",
        "..####......",
        "..####......",
        "..####......",
        ".....#......",
        ".....#......",
    ]
    assert found[0].gain > found[1].gain
    assert abs(found[1].probability - 0.55) < 0.03


def test_the_band_along_borders_and_small_specks_are_no_hotspots() -> None:
    doubt = np.zeros((24, 48), np.uint8)
    doubt[:, 21:27] = 130
    doubt[4:9, 4:9] = 130
    assert hotspots(Prediction("a.png", drawn(TREES), doubt, ""), EMPTY) == []


def test_people_are_asked_about_what_a_sure_network_contradicts() -> None:
    own = """
    ............
    aaaaaaaaaa..
    aaaaaaaaaa..
    aaaaaaaaaa..
    aaaaaaaaaa..
    ............"""
    sure = predicted(TREES, "............ " * 6)
    (found,) = hotspots(sure, labelled(own, HUMAN))
    assert (found.reason, found.class_index, found.own) == (Reason.DIFFERENCE, 1, 0)
    assert (found.rect, found.area) == ((24, 4, 40, 20), 256)
    assert hotspots(sure, labelled(own, NETWORK)) == []
    assert hotspots(predicted(TREES, "444444444444 " * 6), labelled(own, HUMAN))[0].reason is Reason.DOUBT


def test_nothing_is_found_where_a_human_labelled_or_answered_or_the_network_has_no_class() -> None:
    everywhere = predicted(TREES, "888888888888 " * 6)
    assert len(hotspots(everywhere, EMPTY)) == 2
    assert hotspots(everywhere, labelled(TREES, HUMAN)) == []
    assert hotspots(everywhere, EMPTY, np.ones((24, 48), bool)) == []
    assert hotspots(predicted("............ " * 6, "888888888888 " * 6), EMPTY) == []


def test_a_region_that_is_too_large_falls_apart_at_the_next_level() -> None:
    doubt = "444444444444 " * 2 + "477744447774 " * 2 + "444444444444 " * 2
    found = hotspots(predicted("aaaaaaaaaaaa " * 6, doubt), EMPTY)
    assert [spot.rect for spot in found] == [(4, 8, 16, 16), (32, 8, 44, 16)]


def test_large_images_are_searched_on_a_grid() -> None:
    shape = 1200, 2000
    assert shape[0] * shape[1] > 2 * GRID_PIXELS
    doubt = np.zeros(shape, np.uint8)
    doubt[301:403, 501:707] = 150
    for top in range(0, 1200, 90):
        doubt[top : top + 40, 1000:1040] = 90
        doubt[top : top + 40, 1200:1240] = 90
        doubt[top : top + 40, 1400:1440] = 90
        doubt[top : top + 40, 1600:1640] = 90
    found = hotspots(Prediction("a.png", np.zeros(shape, np.uint8), doubt, ""), Labels.unlabelled(*shape))
    assert (found[0].rect, found[0].area) == ((501, 301, 707, 403), 102 * 206)
    assert len(found) == MOST


def test_a_newer_prediction_is_read_in_the_same_region() -> None:
    old, new = TREES, TREES.translate(str.maketrans("ab", "cb"))
    (spot,) = hotspots(predicted(old, "..55........ " * 6), EMPTY)
    again = spot.reread(predicted(new, "..22........ " * 6, "bbbbbbbbbbbb " * 6))
    assert (again.class_index, again.second, again.rect) == (2, 1, spot.rect)
    assert again.probability > spot.probability
    assert spot.reread(predicted("............ " * 6, "222222222222 " * 6)) is spot  # no class of the project


@settings(max_examples=40)
@given(st.integers(0, 2**32 - 1), st.lists(st.sampled_from(["take", "name", "undo"]), max_size=8))
def test_no_answer_of_the_network_changes_a_humans_pixels(seed: int, answers: list[str]) -> None:
    rng = np.random.default_rng(seed)
    classes, doubt, own, by = (
        rng.integers(0, top, (6, 8)).astype(np.uint8).repeat(8, 0).repeat(8, 1) for top in (2, 256, 3, 4)
    )
    own[by == NOBODY] = VOID
    labels = Labels(own, by)
    prediction = Prediction("a.png", classes, doubt, "c0" * 32)
    document = Document("a.png", labels, Status.IN_PROGRESS)
    found = hotspots(prediction, labels)
    for number, answer in enumerate(answers[: len(found)]):
        spot, before = found[number], Labels(document.label_map.copy(), document.provenance.copy())
        by_people = before.provenance > NETWORK
        if answer == "take":
            changed = take_prediction(document, spot, prediction)
        elif answer == "name":
            changed = name_class(document, spot, 2)
        else:
            changed = document.undo() is not None
            continue
        assert changed == bool(
            (before.label_map != document.label_map).any() or (before.provenance != document.provenance).any()
        )
        if spot.reason is Reason.DOUBT:
            np.testing.assert_array_equal(document.label_map[by_people], before.label_map[by_people])
            np.testing.assert_array_equal(document.provenance[by_people], before.provenance[by_people])
        else:  # a person's answer about their own label
            assert (document.provenance[by_people] >= before.provenance[by_people].clip(max=HUMAN)).all()
    while document.undo():
        pass
    np.testing.assert_array_equal(document.label_map, own)
    np.testing.assert_array_equal(document.provenance, by)
    assert document.status == Status.IN_PROGRESS


def test_answers_say_who_labelled() -> None:
    prediction = predicted(TREES, "..55........ " * 6)
    (spot,) = hotspots(prediction, EMPTY)
    document = Document("a.png", EMPTY, Status.NEW)
    assert take_prediction(document, spot, prediction)
    assert (document.status, document.prelabelled_by) == (Status.PRELABELLED, "c0" * 32)
    assert np.unique(document.provenance[spot.rect.slices]).tolist() == [NETWORK]
    assert not take_prediction(document, spot, prediction)  # no step for nothing
    assert spot.is_open(Labels(document.label_map, document.provenance))
    assert name_class(document, spot, 1)
    assert np.unique(document.provenance[spot.rect.slices]).tolist() == [HUMAN]
    assert document.status == Status.IN_PROGRESS
    assert not spot.is_open(Labels(document.label_map, document.provenance))
    assert not name_class(document, spot, 0)  # what a human painted meanwhile stays
    assert [document.undo() for _ in range(3)] == ["Name a region", "Accept region", None]
    assert (document.status, document.provenance.any()) == (Status.NEW, False)


def test_taking_a_difference_is_the_persons_own_answer() -> None:
    document = Document("a.png", labelled("aaaaaaaaaaaa " * 6, HUMAN), Status.IN_PROGRESS)
    verify(document, VOID)
    prediction = predicted(TREES, "............ " * 6)
    (spot,) = hotspots(prediction, Labels(document.label_map, document.provenance))
    assert take_prediction(document, spot, prediction)
    assert (document.label_map == drawn(TREES)).all()
    assert (document.provenance == HUMAN).all()
    assert (document.status, document.prelabelled_by) == (Status.VERIFIED, "")


def test_a_suspect_region_has_another_label_than_the_network_predicts() -> None:
    """A small wrong label in a large region that is right; next to it the labels are the network's."""
    prediction = predicted("bbbbbbbb\n" * 8, "........\n" * 8)
    labels = labelled("bbbbbbbb\n" * 3 + "bbbaaabb\n" * 3 + "bbbbbbbb\n" * 2, HUMAN)
    likely = np.where(labels.label_map == 0, 5, 250).astype(np.uint8)
    found = suspects(prediction, likely, labels)
    (region,) = found.regions
    assert (region.reason, region.own, region.class_index) == (Reason.SUSPECT, 0, 1)
    assert tuple(region.rect) == (12, 12, 24, 24)
    assert found.score < 0.1
    assert found.confusion.keys() == {(0, 1), (1, 1)}
    assert found.confusion[0, 1] < found.confusion[1, 1] < labels.label_map.size  # none next to borders
    assert confusion([found, found])[0, 1] == 2 * found.confusion[0, 1]
    assert not suspects(prediction, np.full_like(likely, 250), labels).regions
