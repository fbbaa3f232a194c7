from __future__ import annotations

import numpy as np
import pytest

from fcn_studio.tools.colour_wand import ColourWand
from tests.tools.scripts import Window, at, click, document_from, drag, same

BLANK = """
    ........
    ........
    ........
    ........
    ........
    ........
"""
PICTURE = """
    ggg.ggg.
    ggg.ggg.
    ggg.ggg.
    lll.....
    lll.....
    lll.....
"""
COLOURS = {"g": (40, 120, 40), "l": (80, 155, 55), ".": (120, 100, 80)}


@pytest.fixture
def window() -> Window:
    rows = PICTURE.split()
    picture = np.array([[COLOURS[sign] for sign in row] for row in rows], np.uint8)
    return Window(document_from(BLANK), image_rgb=picture)


def test_a_click_labels_what_is_connected_and_of_the_same_colour(window: Window) -> None:
    assert window.document is not None
    click(ColourWand(window), 1, 0)
    same(
        window.document,
        """
        111.....
        111.....
        111.....
        ........
        ........
        ........
        """,
    )
    assert window.document.undo() == "Colour wand"


def test_everywhere_labels_all_of_that_colour(window: Window) -> None:
    assert window.document is not None
    window.contiguous = False
    click(ColourWand(window), 1, 0)
    assert np.array_equal(window.document.label_map[:3], np.tile([1, 1, 1, 255], (3, 2)))
    assert (window.document.label_map[3:] == 255).all()


def test_dragging_to_the_right_takes_more_before_anything_is_written(window: Window) -> None:
    assert window.document is not None
    wand = ColourWand(window)
    drag(wand, (1, 0), (5, 0), release=False)
    region = wand.overlay().region
    assert region is not None
    assert region.area == 18
    same(window.document, BLANK)
    wand.move(at(1, 0, "none"))
    fewer = wand.overlay().region
    assert fewer is not None
    assert fewer.area == 9
    wand.move(at(5, 0, "none"))
    wand.release(at(5, 0))
    assert np.count_nonzero(window.document.label_map == 1) == 18
    assert wand.overlay().region is None


def test_nothing_happens_before_the_picture_is_read(window: Window) -> None:
    assert window.document is not None
    window.image_rgb = None
    wand = ColourWand(window)
    click(wand, 1, 0)
    assert not wand.busy
    same(window.document, BLANK)
