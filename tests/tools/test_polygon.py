from __future__ import annotations

import numpy as np
import pytest
from numpy.typing import NDArray

from fcn_studio.core.document import Document
from fcn_studio.core.labels import Labels
from fcn_studio.core.rules import PaintRules
from fcn_studio.core.sample import Status
from fcn_studio.tools.base import Overlay
from fcn_studio.tools.polygon import Polygon
from tests.tools.scripts import Window, at, click, document_from, drag, same

BLANK = """
    .......
    .......
    .......
    .......
    .......
"""
TRIANGLE = """
    1......
    11.....
    111....
    1111...
    .......
"""


def corner(tool: Polygon, x: float, y: float, button: str = "left") -> None:
    """Click exactly on a lattice point, so that the art is easy to predict."""
    click(tool, x - 0.5, y - 0.5, button)  # type: ignore[arg-type]


@pytest.fixture
def window() -> Window:
    return Window(document_from(BLANK))


@pytest.fixture
def polygon(window: Window) -> Polygon:
    tool = Polygon(window)
    for x, y in ((0, 0), (4.2, 4), (0, 4)):
        corner(tool, x, y)
    return tool


def closed(polygon: Polygon, way: str) -> None:
    if way == "Enter":
        assert polygon.key("Enter")
    elif way == "double click":
        polygon.double_click(at(-0.5, 3.5, clicks=2))
    elif way == "first corner":
        corner(polygon, 0.4, 0.3)
    else:
        polygon.settle()


@pytest.mark.parametrize("way", ["Enter", "double click", "first corner", "settle"])
def test_every_way_to_close_fills_it_in_one_step(polygon: Polygon, window: Window, way: str) -> None:
    assert window.document is not None
    same(window.document, BLANK)
    closed(polygon, way)
    same(window.document, TRIANGLE)
    assert not polygon.busy
    assert window.document.undo() == "Polygon"
    same(window.document, BLANK)
    assert polygon.overlay() == Overlay()


def test_a_press_far_from_the_first_corner_adds_one(polygon: Polygon, window: Window) -> None:
    corner(polygon, 1, 1)
    assert len(polygon.overlay().points) == 4


@pytest.mark.parametrize("way", ["Backspace", "Undo", "right"])
def test_the_last_corner_can_be_taken_back(polygon: Polygon, window: Window, way: str) -> None:
    corner(polygon, 7, 5)
    if way == "right":
        corner(polygon, 3, 3, "right")
    else:
        assert polygon.key(way)
    polygon.settle()
    assert window.document is not None
    same(window.document, TRIANGLE)


def test_keys_are_left_to_others_when_there_is_no_corner(window: Window) -> None:
    tool = Polygon(window)
    assert not any(tool.key(name) for name in ("Enter", "Backspace", "Undo", "Escape"))


def test_escape_drops_all_corners(polygon: Polygon, window: Window) -> None:
    assert polygon.key("Escape")
    polygon.settle()
    assert window.document is not None
    assert window.document.revision == 0


def test_fewer_than_three_corners_do_not_close(window: Window) -> None:
    tool = Polygon(window)
    corner(tool, 0, 0)
    corner(tool, 4, 4)
    assert tool.key("Enter")
    tool.double_click(at(4, 4, clicks=2))
    assert tool.busy
    tool.settle()
    assert not tool.busy
    assert window.document is not None
    assert window.document.revision == 0


def test_the_corners_belong_to_the_image_they_were_set_on(polygon: Polygon, window: Window) -> None:
    first, window.document = window.document, document_from(BLANK)
    polygon.settle()
    assert first is not None
    same(first, TRIANGLE)
    same(window.document, BLANK)


def test_it_obeys_the_rules() -> None:
    document = document_from("""
        22222
        ccc..
        ..111
    """)
    document.rules = PaintRules(locked=frozenset({2}), only_over=None)
    tool = Polygon(Window(document, class_index=3))
    for x, y in ((-5, -5), (4, -5), (4, 9), (-5, 9)):
        corner(tool, x, y)
    tool.settle()
    same(
        document,
        """
        22222
        ccc3.
        33331
        """,
    )


def test_the_overlay_has_the_corners_and_snaps_to_the_first_when_a_click_would_close(polygon: Polygon) -> None:
    heard: list[Overlay] = []
    polygon.overlay_changed.connect(lambda: heard.append(polygon.overlay()))
    polygon.move(at(2.5, 0.5, "none"))
    points = ((0.0, 0.0), (4.2, 4.0), (0.0, 4.0))
    assert heard[-1] == Overlay(points=points, rubber_band=(3.0, 1.0))
    polygon.move(at(-0.5, -0.1, "none"))
    assert heard[-1] == Overlay(points=points, rubber_band=(0.0, 0.0), closing=0)
    polygon.leave()
    assert heard[-1] == Overlay(points=points)


def test_without_an_image_nothing_happens() -> None:
    tool = Polygon(Window(None))
    corner(tool, 1, 1)
    assert not tool.busy
    tool.settle()


def test_a_corner_is_dragged_to_another_place(polygon: Polygon, window: Window) -> None:
    drag(polygon, (-0.5, 3.5), (3, 2), (3.7, -0.5))
    assert len(polygon.overlay().points) == 3
    polygon.settle()
    assert window.document is not None
    same(
        window.document,
        """
        .111...
        ..11...
        ...1...
        .......
        .......
        """,
    )


def test_a_first_corner_that_is_dragged_does_not_close(polygon: Polygon) -> None:
    drag(polygon, (-0.5, -0.5), (3, 0), (-0.5, -0.5))
    assert polygon.busy


def test_a_right_click_removes_the_corner_under_it(polygon: Polygon) -> None:
    corner(polygon, 0.2, 0.2, "right")
    assert polygon.overlay().points == ((4.2, 4.0), (0.0, 4.0))


def test_with_snapping_the_border_follows_the_edges_of_the_picture() -> None:
    ys, xs = np.mgrid[:60, :60] + 0.5
    disc = np.hypot(xs - 30, ys - 30) < 20
    picture = np.where(disc[..., None], np.uint8(200), np.uint8(40)).repeat(3, axis=2)
    document = Document("a.png", Labels.unlabelled(60, 60), Status.NEW)
    window = Window(document, grab_radius=2, image_rgb=picture)
    polygon = Polygon(window)
    straight = labelled(polygon, document)
    assert polygon.edge_option is None
    vars(window)["snap_to_edges"] = True
    snapped = labelled(polygon, document)
    assert polygon.edge_option is not None
    assert polygon.edge_option.stepped(5, 9) == 10
    assert np.count_nonzero(straight != disc) > 4 * np.count_nonzero(snapped != disc)


def labelled(polygon: Polygon, document: Document) -> NDArray[np.bool_]:
    """What four corners on the edge of a disc enclose, if the last line is shown before it is drawn."""
    for x, y in ((10, 30), (30, 10), (50, 30), (30, 50)):
        polygon.move(at(x - 0.5, y - 0.5, "none"))
        polygon.overlay()
        corner(polygon, x, y)
    polygon.key("Enter")
    found = document.label_map == 1
    document.undo()
    return found
