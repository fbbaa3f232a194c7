from __future__ import annotations

import pytest

from fcn_studio.core.rules import PaintRules
from fcn_studio.tools.fill import Fill
from fcn_studio.tools.picker import Picker
from tests.tools.scripts import Window, at, click, document_from, drag, same

ART = """
    ..1vv
    ..1v.
    221..
    .2bb.
"""


@pytest.mark.parametrize(
    ("x", "y", "filled"),
    [
        (0, 0, "331vv 331v. 221.. .2bb."),
        (3, 1, "..133 ..13. 221.. .2bb."),
        (4, 3, "..1vv ..1v3 22133 .2bb3"),
        (2, 3, "..3vv ..3v. 223.. .233."),
        (1, 2, "..1vv ..1v. 331.. .3bb."),
    ],
)
def test_the_region_of_equal_label_is_filled_and_unlabelled_is_not_void(x: int, y: int, filled: str) -> None:
    document = document_from(ART)
    click(Fill(Window(document, class_index=3)), x, y)
    same(document, filled)
    assert document.undo() == "Fill"
    same(document, ART)


def test_diagonal_steps_count_with_eight_neighbours() -> None:
    document = document_from("1. .1")
    window = Window(document, class_index=2)
    click(Fill(window), 0, 0)
    same(document, "2. .1")
    document.undo()
    window.connectivity = 8
    click(Fill(window), 0, 0)
    same(document, "2. .2")


def test_not_contiguous_takes_all_of_the_image() -> None:
    document = document_from(ART)
    window = Window(document, class_index=3, contiguous=False)
    click(Fill(window), 0, 0)
    same(document, "331vv 331v3 22133 32bb3")
    click(Fill(window), 3, 0)
    same(document, "33133 33133 22133 32bb3")
    click(Fill(window), 0, 2)
    same(document, "33133 33133 33133 33bb3")


def test_fill_makes_pixels_of_the_network_human_and_nothing_twice() -> None:
    document = document_from("bbb")
    fill = Fill(Window(document, class_index=1))
    click(fill, 1, 0)
    same(document, "111")
    click(fill, 1, 0)
    assert document.revision == 1


def test_fill_obeys_the_rules_and_the_frame() -> None:
    document = document_from(ART)
    document.rules = PaintRules(locked=frozenset({2}))
    fill = Fill(Window(document, class_index=3))
    for x, y in ((0, 2), (-0.6, 0), (5, 0), (0, 4), (0, -0.6)):
        click(fill, x, y)
    click(fill, 0, 0, "right")
    same(document, ART)
    click(Fill(Window(None)), 0, 0)


def test_the_picker_picks_labelled_pixels_and_void() -> None:
    window = Window(document_from(ART))
    picker = Picker(window)
    for x, y in ((2, 0), (0, 2), (2, 3), (3, 0), (0, 0), (9, 9), (-1, 0)):
        click(picker, x, y)
    assert window.picked == [1, 2, 1, 255]
    click(picker, 2, 0, "right")
    picker.move(at(2, 0, "none"))
    assert window.picked == [1, 2, 1, 255]
    drag(picker, (2, 0), (1, 2))
    assert window.picked[4:] == [1, 2]
    click(Picker(Window(None)), 0, 0)
