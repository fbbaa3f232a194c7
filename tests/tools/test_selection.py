"""Selections made by tools, and copied labels."""

from __future__ import annotations

import numpy as np
import pytest

from fcn_studio.core.document import Document
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.regions.selection import CopiedLabels, copied_labels
from fcn_studio.tools.brush import Brush, Eraser
from fcn_studio.tools.colour_wand import ColourWand
from fcn_studio.tools.lasso import Lasso
from fcn_studio.tools.paste import Paste
from fcn_studio.tools.rectangle import Rectangle
from tests.tools.scripts import Window, at, document_from, drag, same

BLANK = """
    .......
    .......
    .......
    .......
"""


def selected(window: Window) -> str:
    """The selection as ASCII art."""
    document = window.document
    assert document is not None
    if window.selection is None:
        return "everything"
    rows = np.full((document.height, document.width), ".")
    rows[window.selection.rect.slices][window.selection.stencil != 0] = "s"
    return "/".join("".join(row) for row in rows)


def test_ctrl_drag_selects_and_labels_nothing() -> None:
    window = Window(document_from(BLANK))
    drag(Rectangle(window), (1, 1), (3, 2), ctrl=True)
    assert selected(window) == "......./.sss.../.sss.../......."
    assert window.document is not None
    assert window.document.revision == 0
    lasso = Lasso(window)
    lasso.press(at(4, 0, ctrl=True))
    for point in ((6.9, 0), (6.9, 1.9), (3.9, 1.9)):
        lasso.move(at(*point, "none"))
    lasso.release(at(3.9, 1.9))
    assert selected(window).startswith("....sss/....sss/")


def test_shapes_are_added_to_the_selection_and_taken_out_of_it() -> None:
    window = Window(document_from(BLANK))
    for purpose, start, end in (("add", (1, 1), (3, 2)), ("add", (5, 0), (6, 3)), ("remove", (2, 2), (5, 2))):
        window.purpose = purpose
        drag(Rectangle(window), start, end)
    assert selected(window) == ".....ss/.sss.ss/.s....s/.....ss"
    drag(Rectangle(window), (0, 0), (6, 3))
    assert selected(window) == "everything"


def test_the_wand_selects_pixels_of_a_similar_colour() -> None:
    image = np.zeros((4, 7, 3), np.uint8)
    image[1:3, 2:5] = 200
    window = Window(document_from(BLANK), image_rgb=image)
    drag(ColourWand(window), (3, 1), ctrl=True)
    assert selected(window) == "......./..sss../..sss../......."


def test_painting_and_erasing_stay_inside() -> None:
    document = document_from("""
        22.....
        22.....
        22.....
        22.....
    """)
    window = Window(document)
    drag(Rectangle(window), (1, 1), (3, 2), ctrl=True)
    drag(Brush(window), (0, 1), (6, 1))
    drag(Eraser(window), (0, 2), (6, 2))
    same(
        document,
        """
        22.....
        2111...
        2......
        22.....
        """,
    )


def paste(art: str, copied: CopiedLabels | None) -> tuple[Document, Window, Paste]:
    document = document_from(art)
    window = Window(document)
    tool = Paste(window)
    assert copied is not None
    tool.show(document, copied)
    return document, window, tool


@pytest.fixture
def source() -> Labels:
    document = document_from("""
        .......
        .12....
        .1v3...
        .......
    """)
    return Labels(document.label_map, document.provenance)


def test_copied_labels_are_moved_and_kept_as_one_step(source: Labels) -> None:
    document, window, tool = paste("""
        ....
        .4..
        ....
    """, copied_labels(source, None))  # fmt: skip
    for key in ("Right", "Up"):
        assert tool.key(key)
    assert tool.overlay().region is not None
    drag(tool, (3, 3), (2, 3))
    tool.key("Down")
    assert (document.revision, window.went_back) == (0, 0)
    assert tool.key("Enter")
    assert document.label_map.tolist() == [[255] * 4, [255, 1, 2, 255], [255, 1, 255, 3]]
    assert document.provenance.tolist() == [[0] * 4, [0, 3, 3, 0], [0, 3, 3, 3]]
    assert (document.undo(), window.went_back, tool.busy) == ("Paste", 1, False)
    assert not document.provenance[2].any()


def test_labels_beyond_the_border_are_left_out_and_those_of_a_selection_are_copied_alone(source: Labels) -> None:
    window = Window(document_from(BLANK))
    drag(Rectangle(window), (2, 1), (6, 3), ctrl=True)
    copied = copied_labels(source, window.selection)
    document, _, tool = paste("......", copied)
    tool.key("Shift+Left")
    for _ in range(12):
        tool.key("Right")
    tool.settle()
    assert (document.label_map[0].tolist(), document.provenance[0, 4]) == ([255, 255, 2, 255, 255, 255], 0)


def test_escape_and_undo_drop_what_is_pasted(source: Labels) -> None:
    for key in ("Escape", "Undo"):
        document, window, tool = paste(BLANK, copied_labels(source, None))
        assert tool.key(key)
        assert (document.revision, window.went_back, tool.busy) == (0, 1, False)
    assert copied_labels(Labels.unlabelled(3, 3), None) is None


def test_a_large_paste_is_written_in_shares(source: Labels, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcn_studio.tools.base.LARGE", 1)
    document, window, tool = paste(BLANK, copied_labels(source, None))
    tool.key("Enter")
    assert (tool.working, window.went_back) == (True, 0)
    tool.settle()
    assert (document.undo(), window.went_back) == ("Paste", 1)
    assert Provenance.UNKNOWN not in document.provenance
