"""Tests of `fcn_studio.core.colours.screen_colours`."""

from __future__ import annotations

import numpy as np
import pytest

from fcn_studio.core.classes import ClassTable, voc_colour, voc_table
from fcn_studio.core.colours.screen_colours import (
    NEAR,
    ScreenColours,
    chosen_colour,
    colour_of_new,
    distances,
    farthest,
    oklab,
    on_screen,
    seen,
)

STREET = ClassTable.from_names(
    ["sky", "building", "pole", "road", "pavement", "tree", "sign", "fence", "car", "pedestrian", "bicyclist"]
)
MANY = ClassTable.from_names([f"class {number}" for number in range(150)])
CHOSEN = [ScreenColours.BRIGHT, ScreenColours.COLOUR_BLIND]


def least_apart(table: ClassTable, palette: ScreenColours, reach: int = 255) -> float:
    """Return the least distance of two classes that are at most ``reach`` rows apart."""
    spaces = seen([info.colour for info in table], palette)
    rows = (distances(spaces[row + 1 : row + 1 + reach], spaces[row]) for row in range(len(spaces) - 1))
    return min(float(row.min()) for row in rows)


def test_oklab_and_simulation_agree_with_published_values() -> None:
    assert oklab(np.array([1.0, 0, 0])) == pytest.approx([0.62796, 0.22486, 0.12585], abs=1e-4)  # Source: CSS Color 4
    ways = np.linalg.norm(np.subtract(*seen([(0, 160, 0), (200, 120, 0)], ScreenColours.COLOUR_BLIND)), axis=-1)
    for normal, red_blind, green_blind in ways.reshape(2, 3):
        assert max(red_blind, green_blind) < normal / 2, "these eyes confuse green and orange"


@pytest.mark.parametrize("palette", CHOSEN)
def test_classes_are_farther_apart_than_in_the_palette_of_voc(palette: ScreenColours) -> None:
    shown = on_screen(STREET, palette)
    assert least_apart(shown, palette) > 2 * least_apart(STREET, palette)
    assert [info.index for info in shown] == [info.index for info in STREET]
    many = on_screen(MANY, palette)
    assert len({info.colour for info in many}) == 150
    assert least_apart(many, palette, reach=6) > 1.5 * least_apart(many, palette), "neighbours are farther apart"


def test_background_and_chosen_colours_stay_and_others_keep_away() -> None:
    bright = on_screen(STREET, ScreenColours.BRIGHT)
    of_car = bright.classes[8].colour
    table = STREET.changed(3, colour=of_car)
    shown = on_screen(table, ScreenColours.BRIGHT)
    assert [c.index for c in table if chosen_colour(c)] == [3]
    assert shown.classes[3].colour == of_car
    apart = distances(seen([shown.classes[8].colour], ScreenColours.BRIGHT), seen([of_car], ScreenColours.BRIGHT)[0])
    assert apart[0] > NEAR, "the car has given way"
    same = [index for index in range(11) if shown.classes[index].colour == bright.classes[index].colour]
    assert same == [0, 1, 2, 4, 5, 6, 7, 9, 10], "no other class has changed its colour"
    assert on_screen(voc_table(), ScreenColours.BRIGHT).classes[0].colour == (0, 0, 0)
    assert on_screen(table, ScreenColours.FILE) is table


def test_a_new_class_gets_a_far_colour_and_changes_no_other() -> None:
    for palette in CHOSEN:
        assert colour_of_new(STREET, palette) is None, "the file keeps VOC's"
        before, after = on_screen(STREET, palette), on_screen(STREET.added("van"), palette)
        assert after.classes[:-1] == before.classes
        assert least_apart(after, palette) > 0.03
    table = STREET.changed(0, colour=voc_colour(11))
    colour = colour_of_new(table, ScreenColours.FILE)
    assert colour == farthest([info.colour for info in table], ScreenColours.BRIGHT), "VOC's 11 is taken"
    assert colour_of_new(ClassTable((), 0), ScreenColours.FILE) is None
