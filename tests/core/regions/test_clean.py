from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcn_studio.core.labels import Labels
from fcn_studio.core.regions.clean import Cleaning, cleaned
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


@pytest.mark.parametrize("way", Cleaning)
@settings(max_examples=15, deadline=None)
@given(seed=seeds, n=st.integers(1, 6))
def test_nothing_is_unlabelled_and_void_is_no_class(way: Cleaning, seed: int, n: int) -> None:
    labels = random_labels(seed, 24, 31)
    for region, value in cleaned(labels, way, n, [0, 1, 2, 255]):
        assert value != 255
        changed = region.stencil != 0
        assert (labels.label_map[region.rect.slices][changed] != value).all()
        if way not in (Cleaning.GROW, Cleaning.HOLES):
            assert (labels.provenance[region.rect.slices][changed] != 0).all()
    assert cleaned(Labels.unlabelled(5, 5), way, n, [0, 1]) == []
    assert np.array_equal(labels.label_map, random_labels(seed, 24, 31).label_map)
