from __future__ import annotations

import cv2
import numpy as np
import pytest

from fcn_studio.core.labels import Labels
from fcn_studio.core.regions.similar import SimilarPixels
from fcn_studio.tools.colour_wand import TOLERANCE, ColourWand
from tests.core.annotations import document_of
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


@pytest.mark.parametrize("contiguous", [True, False])
def test_what_is_shown_first_and_what_is_labelled_in_the_end(
    window: Window, contiguous: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fcn_studio.core.regions.similar.NEAR", 4)
    image = np.random.default_rng(0).integers(90, 120, (60, 80, 3), np.uint8)
    window.document, window.image_rgb, window.contiguous = document_of(Labels.unlabelled(60, 80)), image, contiguous
    wand = ColourWand(window)
    for tolerance in (1, 10, 9):
        drag(wand, (40, 30), (40 + (tolerance - 12) * window.grab_radius / 3, 30), release=False)
        first = wand.overlay().region
        assert first is not None
        wanted = similar(image, (40, 30), tolerance, contiguous=contiguous)
        rows, columns = np.arange(1, 60, 7), np.arange(2, 80, 3)
        if not contiguous:
            assert np.array_equal(first.sampled(rows, columns) > 0, wanted[rows][:, columns])
        wand.release(at(40, 30))
        complete = SimilarPixels(image, (40, 30), contiguous=contiguous).first(tolerance)[1]
        assert complete is not (contiguous and tolerance > 1), "the rest is looked for in a thread"
        wand.settle()
        assert np.array_equal(window.document.label_map == 1, wanted)
        assert window.document.undo() == "Colour wand"
        window.set_option(TOLERANCE, 12)


def similar(image: np.ndarray, seed_xy: tuple[int, int], tolerance: int, *, contiguous: bool) -> np.ndarray:
    """The pixels that are near in Lab, by the definition."""
    lab = cv2.cvtColor(image, cv2.COLOR_RGB2LAB).astype(int)
    away = np.abs(lab - lab[seed_xy[1], seed_xy[0]])
    near = (away <= tolerance * np.array([1.5, 1, 1])).all(axis=2)
    _, number = cv2.connectedComponents(near.view(np.uint8), connectivity=4)
    return near & (number == number[seed_xy[1], seed_xy[0]]) if contiguous else near


def test_a_dragged_tolerance_stays_and_escape_takes_it_back(window: Window) -> None:
    wand = ColourWand(window)
    drag(wand, (1, 0), (5, 0), release=False)
    assert window.option(TOLERANCE) == 27
    assert wand.key("Escape")
    assert window.option(TOLERANCE) == 12
    drag(wand, (1, 0), (5, 0))
    assert window.option(TOLERANCE) == 27


def test_nothing_happens_before_the_picture_is_read(window: Window) -> None:
    assert window.document is not None
    window.image_rgb = None
    wand = ColourWand(window)
    click(wand, 1, 0)
    assert not wand.busy
    same(window.document, BLANK)
