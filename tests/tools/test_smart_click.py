from __future__ import annotations

import threading
from collections.abc import Iterator
from concurrent.futures import Future
from typing import Any

import numpy as np
import pytest

from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.region import Region, StencilRegion
from fcn_studio.core.regions.clicks import clicked_region
from fcn_studio.tools.smart_click import SmartClick
from tests.tools.scripts import Window, click, document_from, same

BLANK = """
    ........
    ........
    ........
    ........
    ........
    ........
"""


def answer(*rows: int) -> Future[LabelMap | None]:
    """The network finds three columns likely in some rows, and one pixel apart from them."""
    likely = np.zeros((6, 8), np.uint8)
    likely[list(rows), :3] = 200
    likely[5, 7] = 255
    future: Future[LabelMap | None] = Future()
    future.set_result(likely)
    return future


@pytest.fixture
def window() -> Window:
    image = np.random.default_rng(0).integers(0, 255, (6, 8, 3), np.uint8)
    return Window(document_from(BLANK), image_rgb=image, answer=answer(0, 1, 2))


def clicked(window: Window, *places: tuple[float, float, str]) -> SmartClick:
    """A tool that has found what these clicks are on."""
    tool = SmartClick(window)
    for x, y, button in places:
        click(tool, x, y, button)  # type: ignore[arg-type]
        while tool.work() is not None:
            pass
    return tool


def test_what_is_likely_and_connected_with_a_click_is_outlined_and_enter_labels_it(window: Window) -> None:
    assert window.document is not None
    tool = clicked(window, (1, 1, "left"), (6, 1, "right"))
    assert window.asked[-1].inside_xy == ((1.5, 1.5),)
    assert window.asked[-1].outside_xy == ((6.5, 1.5),)
    region = tool.overlay().region
    assert region is not None
    assert region.area == 9
    assert [inside for _, _, inside in tool.overlay().clicks] == [True, False]
    same(window.document, BLANK)
    assert tool.key("Enter")
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
    assert (tool.busy, tool.hint, tool.overlay().clicks) == (False, "", ())
    assert window.document.undo() == "Smart click"


def test_a_click_with_shift_labels_it_and_is_no_click(window: Window) -> None:
    assert window.document is not None
    tool = clicked(window, (1, 1, "left"))
    click(tool, 7, 5, shift=True)
    assert len(window.asked) == 1
    assert np.count_nonzero(window.document.label_map == 1) == 9


def test_undo_removes_the_last_click_and_escape_all(window: Window) -> None:
    assert window.document is not None
    tool = clicked(window, (1, 1, "left"), (6, 1, "right"))
    assert tool.undo_title == "Click"
    assert tool.key("Undo")
    assert window.asked[-1].outside_xy == ()
    assert tool.key("Escape")
    assert not tool.busy
    tool.settle()
    same(window.document, BLANK)


def test_a_click_drops_what_is_still_asked(window: Window) -> None:
    first: Future[LabelMap | None] = Future()
    window.answer = first
    tool = SmartClick(window)
    click(tool, 1, 0)
    window.answer = answer(0)
    click(tool, 2, 0)
    assert first.cancelled()
    while tool.work() is not None:
        pass
    region = tool.overlay().region
    assert region is not None
    assert region.area == 3


@pytest.fixture
def goes_on(monkeypatch: pytest.MonkeyPatch) -> Iterator[threading.Event]:
    """The exact region is looked for as soon as this is set; the rough one is another."""
    event = threading.Event()

    def find(*asked: Any, rough: bool = False) -> Region | None:
        if rough:
            return StencilRegion(Rect(4, 0, 8, 3), np.ones((3, 4), np.uint8))
        event.wait()
        return clicked_region(*asked)

    monkeypatch.setattr("fcn_studio.core.regions.clicks.clicked_region", find)
    yield event
    event.set()


def outlined(window: Window) -> SmartClick:
    """A tool that shows a rough outline."""
    tool = SmartClick(window)
    click(tool, 1, 1)
    while tool.overlay().region is None:
        tool.work()
    return tool


def test_a_rough_outline_is_shown_first_and_never_labelled(window: Window, goes_on: threading.Event) -> None:
    assert window.document is not None
    tool = outlined(window)
    assert tool.key("Enter")
    click(tool, 7, 5)  # too late for this object, too early for the next
    goes_on.set()
    while tool.work() is not None:
        pass
    assert len(window.asked) == 1
    assert window.document.label_map[:3, :3].tolist() == [[1, 1, 1]] * 3
    assert np.count_nonzero(window.document.label_map == 1) == 9
    assert (tool.busy, window.document.undo()) == (False, "Smart click")


def test_a_rough_outline_goes_with_the_next_click_which_nobody_waits_for(
    window: Window, goes_on: threading.Event
) -> None:
    assert window.document is not None
    tool = outlined(window)
    window.answer, drawn = Future(), []
    tool.overlay_changed.connect(lambda: drawn.append(tool.overlay()))
    click(tool, 2, 0)
    assert (drawn[-1].region, len(drawn[-1].clicks)) == (None, 2)
    tool.settle()
    same(window.document, BLANK)


def test_without_a_network_the_object_is_found_by_its_colours(window: Window) -> None:
    image = np.full((40, 60, 3), (120, 100, 80), np.uint8)
    image[10:30, 20:40] = (40, 140, 40)
    noise = np.random.default_rng(0).integers(-6, 7, image.shape)
    window.document = document_from("\n".join(["." * 60] * 40))
    window.image_rgb, window.answer = (image + noise).astype(np.uint8), None
    tool = clicked(window, (30, 20, "left"))
    region = tool.overlay().region
    assert region is not None
    assert (region.rect, region.area) == ((20, 10, 40, 30), 400)
    assert "without a network" in tool.hint
