from __future__ import annotations

import numpy as np
import pytest

from fcn_studio.core.geometry import Rect
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.region import Region, StencilRegion
from fcn_studio.core.regions.grabcut import cut_within
from fcn_studio.core.rules import PaintRules
from fcn_studio.tools.grabcut import GrabCut
from tests.tools.scripts import Window, click, document_from, drag, same

PICTURE = """
    ................
    ................
    ................
    .....ggggg......
    .....ggggg......
    .....ggggg......
    .....ggggg......
    .....ggggg......
    ................
    ................
    ................
    ................
"""
FOUND = PICTURE.replace("g", "1")
BLANK = PICTURE.replace("g", ".")


@pytest.fixture
def window() -> Window:
    rows = PICTURE.split()
    colours = {"g": (40, 140, 40), ".": (120, 100, 80)}
    picture = np.array([[colours[sign] for sign in row] for row in rows], np.uint8)
    noise = np.random.default_rng(0).integers(-6, 7, picture.shape)
    return Window(document_from(BLANK), image_rgb=(picture + noise).astype(np.uint8))


def marked(window: Window, *path: tuple[float, float], **more: object) -> GrabCut:
    """A tool that has looked for the object in what was dragged out."""
    tool = GrabCut(window)
    drag(tool, *path, **more)
    while tool.work() is not None:
        pass
    return tool


def test_the_object_in_a_rectangle_is_outlined_and_a_click_on_it_labels_it(window: Window) -> None:
    assert window.document is not None
    tool = marked(window, (3, 1), (11, 9))
    region = tool.overlay().region
    assert region is not None
    assert region.area == 25
    assert "Enter" in tool.hint
    same(window.document, BLANK)
    click(tool, 7, 5)
    same(window.document, FOUND)
    assert not tool.busy
    assert window.document.undo() == "GrabCut"


def test_enter_labels_the_object_in_a_free_shape_under_the_rules(window: Window) -> None:
    half = "\n".join("3" * 7 + row[7:] for row in BLANK.split())
    window.document = document = document_from(half)
    document.rules = PaintRules(locked=frozenset({3}))
    tool = marked(window, (4, 1), (12, 1), (12, 9), (3, 9), ctrl=True)
    assert tool.key("Enter")
    assert (document.label_map[:, :7] == 3).all()
    assert np.count_nonzero(document.label_map == 1) == 15


def test_a_rough_outline_is_shown_first_and_never_labelled(window: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    assert window.document is not None
    at_first = StencilRegion(Rect(6, 4, 8, 6), np.ones((2, 2), np.uint8))

    def cut(image: ImageRgb, outline: Region, *, rough: bool = False) -> Region | None:
        return at_first if rough else cut_within(image, outline)

    monkeypatch.setattr("fcn_studio.core.regions.grabcut.cut_within", cut)
    tool = GrabCut(window)
    outlined: list[Region | None] = []
    tool.overlay_changed.connect(lambda: outlined.append(tool.overlay().region))
    tool.overlay_changed.connect(lambda: tool.overlay().region is at_first and tool.key("Enter"))
    drag(tool, (3, 1), (11, 9))
    while tool.work() is not None:
        pass
    assert at_first in outlined
    same(window.document, FOUND)
    assert (tool.busy, window.document.undo()) == (False, "GrabCut")
    region = cut_within(window.image_rgb, StencilRegion(Rect(3, 1, 12, 10), np.ones((9, 9), np.uint8)), rough=True)
    assert region is not None
    assert region.area == 25


@pytest.mark.parametrize("key", ["Escape", "Undo"])
def test_escape_and_undo_drop_it(window: Window, key: str) -> None:
    assert window.document is not None
    tool = marked(window, (3, 1), (11, 9))
    assert tool.key(key)
    tool.settle()
    assert (tool.overlay().region, tool.busy, tool.hint) == (None, False, "")
    same(window.document, BLANK)


def test_another_drag_drops_what_is_still_being_looked_for(window: Window) -> None:
    assert window.document is not None
    tool = GrabCut(window)
    drag(tool, (3, 1), (11, 9))
    drag(tool, (0, 9), (4, 11), release=False)
    assert not tool.working
    tool.settle()
    same(window.document, BLANK)
