"""Lasso and rectangle."""

from __future__ import annotations

import pytest

from fcn_studio.tools.base import Overlay
from fcn_studio.tools.dragged import DraggedTool
from fcn_studio.tools.lasso import Lasso
from fcn_studio.tools.rectangle import Rectangle
from tests.tools.scripts import Window, at, click, document_from, drag, same

BLANK = """
    .......
    .......
    .......
    .......
"""


@pytest.fixture
def window() -> Window:
    return Window(document_from(BLANK))


@pytest.mark.parametrize(("start", "end"), [((1, 1), (4, 2)), ((4, 2), (1, 1)), ((1, 2), (4, 1))])
def test_a_rectangle_holds_the_pixels_at_both_corners(
    window: Window, start: tuple[int, int], end: tuple[int, int]
) -> None:
    assert window.document is not None
    drag(Rectangle(window), start, (2, 2), end)
    same(
        window.document,
        """
        .......
        .1111..
        .1111..
        .......
        """,
    )
    assert window.document.undo() == "Rectangle"


def test_shift_makes_a_square_within_the_image(window: Window) -> None:
    assert window.document is not None
    drag(Rectangle(window), (4, 2), (9, 1), shift=True)
    same(
        window.document,
        """
        ....111
        ....111
        ....111
        .......
        """,
    )


def test_a_lasso_fills_what_it_encloses(window: Window) -> None:
    assert window.document is not None
    lasso = Lasso(window)
    drag(lasso, (0.5, -0.5), (4.5, -0.5), (4.5, 2.5), (2.5, 2.5), release=False)
    assert lasso.overlay() == Overlay(points=((1, 0), (5, 0), (5, 3), (3, 3)), rubber_band=(1, 0), handles=False)
    same(window.document, BLANK)
    lasso.release(at(0.5, 0.5))
    same(
        window.document,
        """
        .1111..
        .1111..
        ..111..
        .......
        """,
    )
    assert window.document.undo() == "Lasso"


@pytest.mark.parametrize("tool", [Lasso, Rectangle])
def test_a_click_paints_nothing(window: Window, tool: type[DraggedTool]) -> None:
    assert window.document is not None
    click(tool(window), 2, 2)
    same(window.document, BLANK)


@pytest.mark.parametrize("tool", [Lasso, Rectangle])
def test_a_shape_is_dropped_or_kept_when_it_is_broken_off(window: Window, tool: type[DraggedTool]) -> None:
    assert window.document is not None
    made = tool(window)
    path = ((0, 0), (3, 0), (3, 3))
    drag(made, *path, release=False)
    assert made.key("Escape")
    assert not made.busy
    same(window.document, BLANK)
    drag(made, *path, release=False)
    made.settle()
    assert window.document.undo() == made.title
