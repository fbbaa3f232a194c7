from __future__ import annotations

import pytest

from fcn_studio.tools.base import Overlay
from fcn_studio.tools.line import Line
from tests.tools.scripts import Window, at, click, document_from, drag, same

BLANK = """
    ......
    ......
    ......
    ......
"""
CORNER = """
    11111.
    ....1.
    ....1.
    ......
"""


@pytest.fixture
def window() -> Window:
    return Window(document_from(BLANK))


@pytest.fixture
def line(window: Window) -> Line:
    return Line(window)


def test_a_drag_draws_one_line_as_wide_as_the_brush(line: Line, window: Window) -> None:
    assert window.document is not None
    window.brush_size = 2
    drag(line, (0.5, 0.5), (3, 0.5), (4.5, 0.5), release=False)
    same(window.document, BLANK)
    assert line.overlay() == Overlay(points=((1.0, 1.0), (5.0, 1.0)), width=2)
    line.release(at(4.5, 0.5))
    same(
        window.document,
        """
        111111
        111111
        ......
        ......
        """,
    )
    assert (line.busy, window.document.undo()) == (False, "Line")
    same(window.document, BLANK)


@pytest.mark.parametrize("way", ["Enter", "last corner", "double click", "settle"])
def test_clicked_corners_make_one_line(line: Line, window: Window, way: str) -> None:
    assert window.document is not None
    for x, y in ((0, 0), (4, 0), (4, 2)):
        click(line, x, y)
    same(window.document, BLANK)
    if way == "last corner":
        line.move(at(4.2, 2.1, "none"))
        assert line.overlay().closing == 2
        click(line, 4.2, 2.1)
    elif way == "double click":
        line.double_click(at(4, 2, clicks=2))
    elif way == "Enter":
        line.key("Enter")
    else:
        line.settle()
    same(window.document, CORNER)
    assert window.document.undo() == "Line"
    assert window.document.undo() is None


def test_one_corner_draws_nothing(line: Line, window: Window) -> None:
    assert window.document is not None
    click(line, 1, 1)
    line.settle()
    same(window.document, BLANK)


def test_escape_drops_a_dragged_line(line: Line, window: Window) -> None:
    assert window.document is not None
    drag(line, (0, 0), (4, 0), release=False)
    assert line.key("Escape")
    line.release(at(4, 0))
    same(window.document, BLANK)
