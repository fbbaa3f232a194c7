from __future__ import annotations

import cv2
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.regions.clean import Cleaning, cleaned
from fcn_studio.core.regions.refine import refined
from tests.core.annotations import random_labels, seeds
from tests.tools.scripts import art_of, document_from

PATCH = """
    000000
    011110
    011110
    011110
    000000
"""


def after(art: str, way: Cleaning, n: int, classes: tuple[int, ...] = (1,)) -> list[str]:
    document = document_from(art)
    with document.edit("Clean") as edit:
        for region, value in cleaned(Labels(document.label_map, document.provenance), way, n, list(classes)):
            edit.write(region, value)
    return art_of(document).split()


def test_a_class_grows_over_others_and_over_unlabelled_pixels() -> None:
    assert after("000.. 001.. 000..", Cleaning.GROW, 1) == ["001..", "0111.", "001.."]


def test_a_class_shrinks_to_its_neighbours_and_not_at_the_border_of_the_image() -> None:
    assert after(PATCH, Cleaning.SHRINK, 1) == ["000000", "000000", "001100", "000000", "000000"]
    assert after("1110 1110 1110", Cleaning.SHRINK, 1) == ["1100", "1100", "1100"]


def test_what_a_class_loses_stays_where_there_is_no_other() -> None:
    assert after("11. 1.. ...", Cleaning.SHRINK, 1) == ["11.", "1..", "..."]


def test_small_regions_get_the_class_around_them() -> None:
    assert after("10000 00011 00011", Cleaning.ISLANDS, 4) == ["00000", "00011", "00011"]
    assert after("12000 00011 00011", Cleaning.ISLANDS, 4, (1, 2)) == ["00000", "00011", "00011"]


def test_holes_are_filled_but_no_bay_at_the_border_of_the_image() -> None:
    assert after("1111 1.01 1111 1101", Cleaning.HOLES, 9) == ["1111", "1111", "1111", "1101"]
    assert after("1111 1.01 1111", Cleaning.HOLES, 2) == ["1111", "1.01", "1111"]


def test_smoothing_takes_teeth_off_a_border() -> None:
    art = " ".join(["000111", "000111", "001111", "000111", "000111"])
    assert after(art, Cleaning.SMOOTH, 3) == ["000111"] * 5


def test_one_region_is_cleaned_and_others_of_its_class_are_not() -> None:
    labels = document_from("1000100 0000000 0222000 0222100")
    now = Labels(labels.label_map, labels.provenance)
    for way, n, at_xy, count in (
        (Cleaning.ISLANDS, 9, (4, 0), 1),
        (Cleaning.GROW, 1, (2, 2), 7),
        (Cleaning.SHRINK, 1, (2, 2), 5),
    ):
        assert sum(region.area for region, _ in cleaned(now, way, n, [0, 1], at_xy=at_xy)) == count
    image = two_colours(20)[:4, 12:19]
    changed = cleaned(now, Cleaning.REFINE, 1, [], image, at_xy=(0, 0))
    assert all(region.rect.intersect(Rect(0, 0, 2, 2)) == region.rect for region, _ in changed)


@pytest.mark.parametrize("way", [way for way in Cleaning if way is not Cleaning.REFINE])
@pytest.mark.parametrize("unlabelled", [True, False])
def test_looking_at_a_part_of_the_image_changes_nothing(
    way: Cleaning, unlabelled: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    label_map = cv2.resize(random_labels(7, 9, 11).label_map % 3, (110, 90), interpolation=cv2.INTER_CUBIC) % 3
    label_map[:, 60:][label_map[:, 60:] == 1] = 0
    label_map[40:45, 95:99] = 1
    provenance = np.full_like(label_map, Provenance.HUMAN)
    if unlabelled:
        where = (label_map == 0) & (np.arange(110) % 50 > 5)
        label_map[where], provenance[where] = 255, 0
    part = cleaned(Labels(label_map, provenance), way, 30 if way in (Cleaning.ISLANDS, Cleaning.HOLES) else 2, [1, 2])
    monkeypatch.setattr(Rect, "grown", lambda rect, _margin: rect.union(Rect(0, 0, 110, 90)))
    whole = cleaned(
        Labels(label_map, provenance), way, 30 if way in (Cleaning.ISLANDS, Cleaning.HOLES) else 2, [1, 2]
    )
    assert [(region.rect, value) for region, value in part] == [(region.rect, value) for region, value in whole]
    for (one, _), (other, _) in zip(part, whole, strict=True):
        assert np.array_equal(one.stencil, other.stencil)


@pytest.mark.parametrize("way", Cleaning)
@settings(max_examples=15, deadline=None)
@given(seed=seeds, n=st.integers(1, 6))
def test_nothing_is_unlabelled_and_void_is_no_class(way: Cleaning, seed: int, n: int) -> None:
    labels = random_labels(seed, 24, 31)
    for region, value in cleaned(labels, way, n, [0, 1, 2, 255], noise(seed, 24, 31)):
        assert value != 255
        changed = region.stencil != 0
        assert (labels.label_map[region.rect.slices][changed] != value).all()
        if way not in (Cleaning.GROW, Cleaning.HOLES):
            assert (labels.provenance[region.rect.slices][changed] != 0).all()
    assert cleaned(Labels.unlabelled(5, 5), way, n, [0, 1]) == []
    assert np.array_equal(labels.label_map, random_labels(seed, 24, 31).label_map)


def noise(seed: int, height: int, width: int) -> np.ndarray:
    return np.random.default_rng(seed).integers(0, 256, (height, width, 3)).astype(np.uint8)


def two_colours(edge: int) -> np.ndarray:
    """A picture of 40 x 30 pixels: leaves left of a column, soil from it on."""
    image = np.empty((30, 40, 3), np.uint8)
    image[:, :edge], image[:, edge:] = (60, 140, 50), (120, 90, 70)
    return image


@pytest.mark.parametrize("at", [18, 20, 22])
@pytest.mark.parametrize("tile", [512, 16])
def test_a_border_moves_to_the_edge_of_the_picture(at: int, tile: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcn_studio.core.regions.refine._TILE", tile)
    label_map = np.where(np.arange(40) < at, 1, 2)[None].repeat(30, 0).astype(np.uint8)
    label_map[:, :6] = 3  # no edge of the picture is near to its border
    found = refined(label_map, two_colours(20), 4, [1])
    assert (np.unique(found[:, 8:20]).tolist(), np.unique(found[:, 20:]).tolist()) == ([1], [2])
    assert (found[:, :4] == 3).all()
    assert np.array_equal(refined(label_map, two_colours(20), 4, [3])[:, 8:], label_map[:, 8:])


def test_the_parts_of_an_image_do_not_show(monkeypatch: pytest.MonkeyPatch) -> None:
    label_map, image = random_labels(3, 60, 70).label_map, noise(3, 60, 70)
    whole = refined(label_map, image, 2, [0, 1])
    monkeypatch.setattr("fcn_studio.core.regions.refine._TILE", 16)
    assert (
        refined(label_map, image, 2, [0, 1]) != whole
    ).mean() < 0.001  # sums of other pixels are rounded otherwise
    assert (whole != label_map).any()
