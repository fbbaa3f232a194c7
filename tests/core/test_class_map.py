"""Class maps: what was said comes before names, and nothing leads to a class that is not there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from fcn_studio.core.class_changes.change import ClassChange
from fcn_studio.core.class_map import can_help, check_class_map, map_classes, read_class_map, rows_for, suggestions
from fcn_studio.core.classes import VOID, ClassTable, voc_table
from fcn_studio.errors import UsageError

NETWORK = ClassTable.from_names(["Sky", "Car", "Truck", "Tree"])
PROJECT = ClassTable.from_names(["background", "vehicle", "tree", "sky"])


def test_what_is_not_said_goes_by_name() -> None:
    assert map_classes(NETWORK, PROJECT) == {0: 3, 3: 2}
    assert map_classes(NETWORK, PROJECT, {"Car": 1, "Truck": 1}) == {0: 3, 1: 1, 2: 1, 3: 2}


def test_what_is_said_comes_before_names() -> None:
    assert map_classes(NETWORK, PROJECT, {"Sky": VOID, "Tree": 0}) == {3: 0}


def test_a_class_that_is_gone_means_nothing_and_shifts_no_other() -> None:
    chosen = {"Car": 1, "Tree": 2}
    retired = ClassTable(tuple(replace(c, retired=c.index == 1) for c in PROJECT), PROJECT.next_index)
    assert map_classes(NETWORK, retired, chosen) == {0: 3, 3: 2}
    merged = ClassChange({1: 3, 2: VOID}).table(PROJECT)
    assert map_classes(NETWORK, merged, chosen) == {0: 3, 1: 3}, "Car follows what it meant, Tree is deleted"
    assert map_classes(NETWORK, ClassChange({2: 1}).table(PROJECT)) == {0: 3, 3: 1}, "a merged class follows by name"
    fewer = ClassTable(tuple(c for c in PROJECT if c.index != 1), PROJECT.next_index)
    assert map_classes(NETWORK, fewer, chosen) == {0: 3, 3: 2}
    assert map_classes(NETWORK, fewer, {"Tree": 200}) == {0: 3}, "its name is not asked: it was said otherwise"


def test_a_map_is_read_from_pairs_of_names() -> None:
    assert read_class_map(["Sky=sky, car = vehicle", "Truck="], NETWORK, PROJECT) == {
        "Sky": 3,
        "Car": 1,
        "Truck": VOID,
    }
    odd = ClassTable.from_names(["a, b", "c=d"])
    assert read_class_map(["a, b=c"], odd, ClassTable.from_names(["c"])) == {"a, b": 0}
    assert read_class_map([], NETWORK, PROJECT) == {}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("Sky", "is no pair"),
        ("Sky=sky,Car=vehicle,Truck", "'Truck' in --map is no pair"),
        ("boat=sky", "the network has no class 'boat'; its classes: Sky, Car, Truck, Tree"),
        ("Sky=heaven", "the project has no class 'heaven'; its classes: background, vehicle, tree, sky"),
        ("=sky", "the network has no class ''"),
    ],
)
def test_a_map_that_cannot_be_read_is_refused(text: str, words: str) -> None:
    with pytest.raises(UsageError, match=words):
        read_class_map([text], NETWORK, PROJECT)


def test_names_that_the_network_does_not_have_are_nothing() -> None:
    assert map_classes(NETWORK, PROJECT, {"car": 1, "Boat": 0}) == map_classes(NETWORK, PROJECT)


def test_of_several_that_mean_the_same_the_namesake_gives_its_score_row() -> None:
    assert rows_for(PROJECT, NETWORK, {"Car": 1, "Truck": 1, "Sky": 2}) == {1: 1, 2: 3}
    assert rows_for(PROJECT, NETWORK) == {3: 0, 2: 3}


def test_the_background_alone_is_no_help() -> None:
    cells = ClassTable.from_names(["Background", "cell"])
    assert not can_help(map_classes(voc_table(), cells), voc_table())
    assert can_help(map_classes(voc_table(), cells, {"bird": 1}), voc_table())
    assert not can_help({}, NETWORK)


def test_names_that_look_alike_are_suggested_and_only_where_none_is_the_same() -> None:
    network = ClassTable.from_names(["cars", "side_walk", "Bicyclist", "person", "glass", "dog", "traffic sign"])
    project = ClassTable.from_names(["Car", "sidewalk", "cyclists", "Pedestrian", "glas", "Dog", "sign", "car park"])
    assert suggestions(network, project) == {0: 0, 1: 1, 2: 2, 3: 3, 6: 6}
    assert suggestions(network, ClassTable.from_names(["背景", "轿车"])) == {0: 1}
    assert suggestions(ClassTable.from_names(["s", "-", "cat"]), ClassTable.from_names(["_", "x", "scat"])) == {}


@pytest.mark.parametrize(
    "value",
    [None, [], "Car", {"Car": "1"}, {"Car": True}, {"Car": 1.0}, {"Car": None}, {"Car": -1}, {"Car": 256},
     {"Car": 10**40}, {"x" * 300: 1}, {"Car": {}}],
)  # fmt: skip
def test_a_map_from_disk_is_checked(value: object) -> None:
    with pytest.raises((TypeError, ValueError), match="class_map"):
        check_class_map(value)


def test_a_sound_map_from_disk_is_taken() -> None:
    assert check_class_map({"Car": 0, "": 255, "é\ud800": 3}) == {"Car": 0, "": 255, "é\ud800": 3}
