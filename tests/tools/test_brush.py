from __future__ import annotations

import gc
import weakref
from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from fcn_studio.core.document import Document
from fcn_studio.core.edit import Edit
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import Labels, made_by_human
from fcn_studio.core.raster import capsule
from fcn_studio.core.region import StencilRegion
from fcn_studio.core.regions.edge_stop import stopped
from fcn_studio.core.rules import PaintRules, Predicted
from fcn_studio.core.sample import Status
from fcn_studio.tools.base import Overlay, PointerEvent, Ring
from fcn_studio.tools.brush import Brush, Eraser
from tests.tools.scripts import Window, at, click, document_from, drag, same

BLANK = """
    .......
    .......
    .......
    .......
"""


def test_a_stroke_is_live_and_one_step() -> None:
    document = document_from(BLANK)
    brush = Brush(Window(document))
    seen: list[Rect] = []
    document.changed.connect(seen.append)
    drag(brush, (1, 1), (4, 1), (4, 3), release=False)
    art = """
        .......
        .1111..
        ....1..
        ....1..
    """
    same(document, art)
    assert seen == [Rect(1, 1, 2, 2), Rect(1, 1, 5, 2), Rect(4, 1, 5, 4)]
    assert brush.busy
    assert document.revision == 0
    brush.release(at(4, 3))
    same(document, art)
    assert document.revision == 1
    assert document.status == Status.IN_PROGRESS
    assert document.undo() == "Brush stroke"
    same(document, BLANK)
    assert document.undo() is None


def test_size_shape_and_class_come_from_the_window() -> None:
    document = document_from(BLANK)
    window = Window(document, class_index=255, brush_size=3, brush_shape="square")
    click(Brush(window), 2, 1)
    window.class_index, window.brush_size = 2, 2.2
    click(Brush(window), 5.6, 2.6)
    same(
        document,
        """
        .vvv...
        .vvv...
        .vvv.22
        .....22
        """,
    )


def test_the_right_button_erases_while_held() -> None:
    document = document_from("""
        1111111
        bbbbbbb
    """)
    brush = Brush(Window(document, class_index=2))
    drag(brush, (1, 0), (3, 0), button="right")
    drag(brush, (2, 1), (4, 1), button="right")
    click(brush, 6, 0)
    same(
        document,
        """
        1...112
        bb...bb
        """,
    )
    assert document.history.undo_title == "Brush stroke"
    document.undo()
    assert document.history.undo_title == "Erase"


def test_a_second_button_during_a_stroke_changes_nothing() -> None:
    document = document_from(BLANK)
    brush = Brush(Window(document))
    drag(brush, (0, 0), (2, 0), release=False)
    brush.press(at(2, 0, "right"))
    brush.release(at(2, 0, "right"))
    brush.move(at(4, 0, "none"))
    brush.release(at(4, 0))
    same(
        document,
        """
        11111..
        .......
        .......
        .......
        """,
    )
    assert document.revision == 1


def test_shift_click_draws_a_line_from_the_last_point() -> None:
    document = document_from(BLANK)
    brush = Brush(Window(document))
    click(brush, 0, 0, shift=True)
    click(brush, 3, 3, shift=True)
    click(brush, 6, 3, shift=True)
    click(brush, 6, 0)
    same(
        document,
        """
        1.....1
        .1.....
        ..1....
        ...1111
        """,
    )
    assert document.revision == 4


def test_shift_click_does_not_reach_over_from_another_image_or_a_cancelled_stroke() -> None:
    first, second = document_from(BLANK), document_from(BLANK)
    window = Window(first)
    brush = Brush(window)
    click(brush, 0, 0)
    window.document = second
    click(brush, 6, 0, shift=True)
    drag(brush, (0, 3), release=False)
    assert brush.key("Escape")
    click(brush, 6, 3, shift=True)
    same(
        second,
        """
        ......1
        .......
        .......
        ......1
        """,
    )


def test_escape_takes_the_stroke_back() -> None:
    document = document_from(BLANK)
    brush = Brush(Window(document))
    assert not brush.key("Escape")
    drag(brush, (0, 0), (6, 3), release=False)
    assert brush.key("Escape")
    same(document, BLANK)
    brush.release(at(6, 3))
    same(document, BLANK)
    assert document.revision == 0


def test_settle_keeps_a_half_done_stroke() -> None:
    document = document_from(BLANK)
    brush = Brush(Window(document))
    drag(brush, (0, 0), (2, 0), release=False)
    brush.settle()
    document.settle()
    brush.release(at(6, 0))
    same(
        document,
        """
        111....
        .......
        .......
        .......
        """,
    )


def test_a_stroke_may_begin_and_end_outside() -> None:
    document = document_from(BLANK)
    drag(Brush(Window(document)), (-5, 1), (20, 1))
    same(
        document,
        """
        .......
        1111111
        .......
        .......
        """,
    )
    drag(Brush(Window(document)), (-5, -1), (-5, 9))
    assert document.revision == 1


def green_and_brown(edge: int) -> np.ndarray:
    """A picture of 24 x 12 pixels: leaves left of a column, soil from it on."""
    image = np.empty((12, 24, 3), np.uint8)
    image[:, :edge], image[:, edge:] = (60, 140, 50), (120, 90, 70)
    return image


@pytest.mark.parametrize(("edges", "columns"), [(0, (4, 12)), (30, (4, 9))])
@pytest.mark.parametrize("tool", [Brush, Eraser])
def test_a_stroke_stops_at_the_edge_it_runs_along(tool: type[Brush], edges: int, columns: tuple[int, int]) -> None:
    document = Document("a.png", Labels.unlabelled(12, 24), Status.NEW)
    with document.edit("Fill") as edit:
        edit.write(StencilRegion(Rect(0, 0, 24, 12), np.ones((12, 24), np.uint8)), 3)
    window = Window(document, image_rgb=green_and_brown(10), brush_size=9, brush_shape="square", edges=edges)
    drag(tool(window), (8, 0), (8, 5), (8, 11))
    written = document.label_map != 3
    assert written.all(axis=0).nonzero()[0][[0, -1]].tolist() == list(columns)
    assert not written[:, columns[1] + 1 :].any()
    assert document.undo() is not None
    assert (document.label_map == 3).all()


def test_where_there_is_no_edge_a_brush_that_stops_at_edges_covers_all_of_it() -> None:
    image = green_and_brown(24)
    image[:, 12:] += 5  # shade
    for way in (((6, 5), (14, 7)), ((-3, 2), (26, 2)), ((30, 30), (40, 40))):
        plain, stops = (Window(document_from(("." * 24 + "\n") * 12), image_rgb=image, brush_size=9, edges=edges)
                        for edges in (0, 12))  # fmt: skip
        for window in (plain, stops):
            drag(Brush(window), *way)
        assert plain.document is not None
        assert stops.document is not None
        missing = (plain.document.label_map == 1) & (stops.document.label_map != 1)
        assert missing.sum() <= 0.02 * (plain.document.label_map == 1).sum()  # its dabs are a few pixels apart
        assert not ((stops.document.label_map == 1) & (plain.document.label_map != 1)).any()


def test_a_brush_that_stops_at_edges_looks_only_at_the_pixels_below_it() -> None:
    rng = np.random.default_rng(0)
    image = rng.integers(0, 256, (60, 90, 3)).astype(np.uint8)
    around = rng.integers(0, 256, image.shape).astype(np.uint8)
    around[20:41, 30:61] = image[20:41, 30:61]  # what a brush of 20 px touches between (40, 30) and (50, 30)
    found = [stopped(picture, (40, 30), (50, 30), 20, "round", 12) for picture in (image, around)]
    assert found[0] is not None
    assert found[1] is not None
    assert found[0].rect == found[1].rect
    assert np.array_equal(found[0].stencil, found[1].stencil)


def test_the_ring_shows_what_the_rules_keep() -> None:
    document = document_from("23.")
    brush = Brush(Window(document))

    def looks() -> list[tuple[bool, bool]]:
        rings = []
        for x in range(3):
            brush.move(at(x, 0, "none"))
            ring = brush.overlay().ring
            assert ring is not None
            rings.append((ring.limited, ring.blocked))
        return rings

    assert looks() == [(False, False)] * 3
    document.rules = PaintRules(locked=frozenset({2}))
    assert looks() == [(False, True), (False, False), (False, False)]
    document.rules = PaintRules(only_unlabelled=True)
    assert looks() == [(True, True), (True, True), (True, False)]
    document.rules = PaintRules(only_predicted=Predicted(1, np.array([[1, 0, 0]], np.uint8)))
    assert looks() == [(True, False), (True, True), (True, True)]


def test_locked_and_hidden_classes_are_not_painted_over() -> None:
    document = document_from("""
        2.3.vb.
        2.3.vb.
    """)
    document.rules = PaintRules(hidden=frozenset({2}), locked=frozenset({255}))
    drag(Brush(Window(document)), (0, 0), (6, 0))
    drag(Eraser(Window(document)), (0, 1), (6, 1))
    same(
        document,
        """
        2111v11
        2...v..
        """,
    )


def test_the_eraser_erases_with_both_buttons() -> None:
    document = document_from("1111111")
    eraser = Eraser(Window(document, brush_size=2))
    click(eraser, 0.5, 0)
    drag(eraser, (4, 0), (5, 0), button="right")
    same(document, "..11...")
    assert document.history.undo_title == "Erase"


def test_the_ring_shows_where_the_brush_lands_and_flips_while_erasing() -> None:
    window = Window(document_from(BLANK), brush_size=3.4, brush_shape="square")
    brush = Brush(window)
    heard: list[Overlay] = []
    brush.overlay_changed.connect(lambda: heard.append(brush.overlay()))
    assert brush.overlay() == Overlay()
    brush.move(at(2.3, 1.2, "none"))
    assert heard[-1].ring == Ring(2.5, 1.5, 3, "square", erasing=False)
    brush.press(at(2, 1, "right"))
    assert heard[-1].ring == Ring(2.5, 1.5, 3, "square", erasing=True)
    brush.release(at(2, 1, "right"))
    assert heard[-1].ring == Ring(2.5, 1.5, 3, "square", erasing=False)
    brush.leave()
    assert heard[-1] == Overlay()
    eraser = Eraser(window)
    eraser.move(at(0, 0, "none"))
    ring = eraser.overlay().ring
    assert ring is not None
    assert ring.erasing


def test_without_an_image_nothing_happens() -> None:
    brush = Brush(Window(None))
    drag(brush, (0, 0), (2, 2))
    brush.settle()
    brush.cancel()
    assert brush.overlay() == Overlay()


def test_a_brush_does_not_keep_a_closed_image_alive() -> None:
    window = Window(document_from(BLANK))
    assert window.document is not None
    gone = weakref.ref(window.document)
    brush = Brush(window)
    click(brush, 1, 1)
    window.document = None
    gc.collect()
    assert gone() is None
    click(brush, 2, 2, shift=True)


@given(st.lists(st.tuples(st.integers(-200, 1200), st.integers(-200, 1000), st.sampled_from([150, 700, 900])),
                min_size=2, max_size=6), st.sampled_from([PaintRules(), PaintRules(locked=frozenset({3}))]),
       st.booleans())  # fmt: skip
@settings(max_examples=25, deadline=None)
def test_a_large_brush_paints_what_whole_capsules_would(
    way: list[tuple[int, int, int]], rules: PaintRules, erases: bool
) -> None:
    label_map = np.zeros((800, 1000), np.uint8)
    label_map[300:500, 200:800] = 3
    window = Window(Document("a.png", made_by_human(label_map), Status.NEW))
    expected = Document("a.png", made_by_human(label_map), Status.NEW)
    assert window.document is not None
    window.document.rules = expected.rules = rules
    tool = Eraser(window) if erases else Brush(window)
    (x, y, window.brush_size), *rest = way
    tool.press(PointerEvent(x, y, "left"))
    with expected.edit("by capsules") as edit:
        for (xa, ya, _), (xb, yb, size) in pairwise([way[0], *way]):
            region = capsule((xa, ya), (xb, yb), size, "round", (1000, 800))
            if region is not None:
                edit.erase(region) if erases else edit.write(region, 1)
    for x, y, window.brush_size in rest:
        tool.move(PointerEvent(x, y))
    tool.release(PointerEvent(x, y, "left"))
    assert np.array_equal(window.document.label_map, expected.label_map)
    assert np.array_equal(window.document.provenance, expected.provenance)


def test_the_next_move_makes_up_for_one_that_failed(monkeypatch: pytest.MonkeyPatch) -> None:
    document = document_from(BLANK)
    brush = Brush(Window(document))
    drag(brush, (1, 1), (2, 1), release=False)

    def no_memory(*_: object) -> None:
        raise MemoryError

    with monkeypatch.context() as broken:
        broken.setattr(Edit, "write_all", no_memory)
        with pytest.raises(MemoryError):
            brush.move(at(4, 1))
    brush.move(at(4, 3))
    brush.release(at(4, 3))
    whole = capsule((2, 1), (4, 3), 1, "round", (7, 4))
    assert whole is not None
    assert document.label_map[whole.rect.slices][whole.stencil != 0].tolist() == [1] * whole.area
    assert document.revision == 1


def test_with_shift_the_line_is_shown_before_it_is_drawn() -> None:
    window = Window(document_from(BLANK), brush_size=2)
    brush = Brush(window)
    brush.move(at(3, 3, "none", shift=True))
    assert not brush.overlay().points
    click(brush, 0.5, 0.5)
    brush.move(at(4.5, 0.5, "none", shift=True))
    overlay = brush.overlay()
    assert (overlay.points, overlay.rubber_band, overlay.width) == (((1.0, 1.0),), (5.0, 1.0), 2)
    brush.move(at(4.5, 0.5, "none"))
    assert not brush.overlay().points
