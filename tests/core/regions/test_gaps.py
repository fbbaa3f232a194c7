from __future__ import annotations

import numpy as np
from hypothesis import given, settings

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import Labels
from fcn_studio.core.regions import gaps
from tests.core.annotations import random_labels, seeds
from tests.tools.scripts import art_of, document_from


def written(art: str, find: str) -> list[str]:
    document = document_from(art)
    labels = Labels(document.label_map, document.provenance)
    parts = gaps.from_nearest(labels) if find == "nearest" else gaps.unlabelled(labels, 7)
    with document.edit("Fill") as edit:
        for region, value in parts:
            edit.write(region, value)
    return art_of(document).split()


def test_gaps_get_the_class_of_the_nearest_label_and_void_does_not_spread() -> None:
    assert written("1....2 1....2 v....b", "nearest") == ["111222", "111222", "v1111b"]


def test_all_unlabelled_pixels_get_one_class_and_void_stays() -> None:
    assert written("1.v .b.", "unlabelled") == ["17v", "7b7"]


def test_classes_are_copied_where_there_is_no_label_and_void_is_no_class() -> None:
    mine, other = document_from("1.v..."), document_from("22b2v.")
    parts = gaps.copied(Labels(mine.label_map, mine.provenance), Labels(other.label_map, other.provenance))
    found = {(x, value) for region, value in parts for x in range(6) if region.holds((x, 0))}
    assert found == {(1, 2), (3, 2)}


def test_without_a_label_nothing_is_filled() -> None:
    assert gaps.from_nearest(Labels.unlabelled(3, 4)) == []


@settings(max_examples=30, deadline=None)
@given(seeds)
def test_gaps_are_filled_as_the_nearest_pixel_says(seed: int) -> None:
    labels = random_labels(seed, 12, 17)
    ys, xs = np.nonzero(labels.label_map != VOID)
    filled = labels.label_map.copy()
    for region, value in gaps.from_nearest(labels):
        filled[region.rect.slices][region.stencil != 0] = value
    for y, x in np.argwhere(labels.provenance == 0).tolist():
        away = np.hypot(ys - y, xs - x)
        # The distance of the 5 x 5 mask is right to some hundredths: pixels about as near may say either class.
        near = {int(labels.label_map[ys[i], xs[i]]) for i in np.flatnonzero(away <= away.min() * 1.1)}
        assert filled[y, x] in near
    kept = labels.provenance != 0
    assert np.array_equal(filled[kept], labels.label_map[kept])
