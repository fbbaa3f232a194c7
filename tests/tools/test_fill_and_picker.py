from __future__ import annotations

import numpy as np
import pytest

from fcn_studio.core.document import Document
from fcn_studio.core.labels import Labels
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.rules import PaintRules
from fcn_studio.core.sample import Status
from fcn_studio.tools.base import Overlay, PointerEvent, Tool
from fcn_studio.tools.fill import Fill
from fcn_studio.tools.picker import Picker
from fcn_studio.tools.polygon import Polygon
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


# --- large ones, in shares


@pytest.fixture
def large(monkeypatch: pytest.MonkeyPatch) -> Window:
    monkeypatch.setattr("fcn_studio.tools.base.LARGE", 1000)
    return Window(Document("a.png", Labels.unlabelled(900, 700), Status.NEW))


def work_all(tool: Tool) -> int:
    """Work until it is done; how many shares that took."""
    shares = 0
    while tool.work() is not None:
        shares += 1
    return shares


def pressed(tool: Tool) -> Tool:
    tool.press(PointerEvent(5, 5, "left"))
    return tool


def test_a_large_fill_is_done_in_shares_and_is_one_step(large: Window) -> None:
    document, tool = large.document, Fill(large)
    assert document is not None
    told: list[bool] = []
    tool.working_changed.connect(lambda: told.append(tool.working))
    tool.press(PointerEvent(5, 5, "left"))
    assert (tool.working, tool.busy, document.editing) == (True, True, True)
    tool.press(PointerEvent(6, 6, "left"))  # one at a time
    assert work_all(tool) >= 3  # bands of 256 rows
    assert (document.label_map == 1).all()
    assert (document.provenance == 2).all()
    assert (told, tool.working, document.editing, document.history.undo_title) == (
        [True, False],
        False,
        False,
        "Fill",
    )
    document.undo()
    assert not document.provenance.any()


def test_escape_takes_a_large_fill_back_wherever_it_is(large: Window) -> None:
    document, tool = large.document, Fill(large)
    assert document is not None
    shares = 0
    while True:
        tool.press(PointerEvent(5, 5, "left"))
        for _ in range(shares):
            if tool.work() is None:
                break
        if not tool.working:
            break
        assert tool.key("Escape")
        assert (document.editing, document.history.can_undo, bool(document.provenance.any())) == (False, False, False)
        shares += 1
    assert shares > 3
    assert (document.label_map == 1).all()


def test_what_comes_next_waits_for_a_large_fill(large: Window) -> None:
    document, tool = large.document, Fill(large)
    assert document is not None
    tool.press(PointerEvent(5, 5, "left"))
    tool.work()
    tool.settle()
    assert (document.label_map == 1).all()
    assert document.history.undo_title == "Fill"


def test_a_large_polygon_is_filled_in_shares(large: Window) -> None:
    document, tool = large.document, Polygon(large)
    assert document is not None
    for x, y in ((0, 0), (700, 0), (700, 900), (0, 900)):
        tool.press(PointerEvent(x, y, "left"))
    assert tool.key("Enter")
    assert tool.working
    tool.press(PointerEvent(9, 9, "left"))  # no corner while it is filled
    assert work_all(tool) >= 3
    assert (document.label_map == 1).all()
    assert tool.overlay() == Overlay()


def test_an_error_in_large_work_ends_it_and_takes_it_back(large: Window, monkeypatch: pytest.MonkeyPatch) -> None:
    document, tool = large.document, Fill(large)
    assert document is not None

    def fail(*_: object, **__: object) -> None:
        raise MemoryError

    monkeypatch.setattr("fcn_studio.tools.fill.equal_region", fail)
    with pytest.raises(MemoryError):  # at once, or as soon as the thread has failed
        work_all(pressed(tool))
    assert (tool.working, document.editing, document.history.can_undo) == (False, False, False)


def test_fill_outlines_the_region_before_it_is_filled() -> None:
    document = document_from(
        """
        11..
        1...
        """
    )
    fill = Fill(Window(document, class_index=2))
    fill.move(at(3, 1, "none"))
    region = fill.overlay().region
    assert region is not None
    assert region.area == 5
    fill.move(at(2, 0, "none"))
    assert fill.overlay().region is region
    fill.move(at(0, 1, "none"))
    outlined = fill.overlay().region
    assert outlined is not None
    assert outlined.area == 3
    fill.move(at(9, 9, "none"))
    assert fill.overlay().region is None


def test_with_ctrl_fill_gives_a_region_of_the_prediction_the_class() -> None:
    document = document_from(
        """
        1...
        ....
        """
    )
    predicted = np.array([[4, 4, 5, 5], [4, 5, 5, 5]], np.uint8)
    window = Window(document, class_index=2)
    window.prediction = Prediction("a.png", predicted, np.zeros_like(predicted), "0" * 64)
    click(Fill(window), 1, 0, ctrl=True)
    same(
        document,
        """
        22..
        2...
        """,
    )
