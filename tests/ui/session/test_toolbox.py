"""The toolbox: active tool and class, brush, paint rules."""

from __future__ import annotations

import numpy as np
import pytest
from pytestqt.qtbot import QtBot

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.region import StencilRegion
from fcn_studio.core.regions.selection import copied_labels
from fcn_studio.core.rules import Where
from fcn_studio.core.sample import Status
from fcn_studio.tools.base import PointerEvent
from fcn_studio.tools.options import BRUSH_SIZE
from fcn_studio.ui.session.toolbox import Toolbox

TABLE = ClassTable.from_names(["background", "cell", "debris"])


@pytest.fixture
def toolbox(qtbot: QtBot) -> Toolbox:
    made = Toolbox()
    made.set_table(TABLE)
    made.set_document(Document("a.png", Labels.unlabelled(48, 64), Status.NEW))
    made.set_class(1)
    return made


def document(toolbox: Toolbox) -> Document:
    assert toolbox.document is not None
    return toolbox.document


def press(toolbox: Toolbox, x: float = 10, y: float = 10) -> None:
    toolbox.tool.press(PointerEvent(x, y, "left"))


@pytest.mark.parametrize("name", ["eraser", "polygon", "fill", "picker"])
def test_another_tool_finishes_the_gesture_of_the_last(toolbox: Toolbox, qtbot: QtBot, name: str) -> None:
    press(toolbox)
    assert document(toolbox).editing
    with qtbot.waitSignal(toolbox.tool_changed):
        toolbox.use(name)
    assert toolbox.tool_name == name
    assert not document(toolbox).editing
    assert document(toolbox).label_map[10, 10] == 1
    with qtbot.assertNotEmitted(toolbox.tool_changed):
        toolbox.use(name)


def test_a_class_that_there_is_not_cannot_be_chosen(toolbox: Toolbox, qtbot: QtBot) -> None:
    with qtbot.assertNotEmitted(toolbox.class_changed):
        toolbox.set_class(9)
        toolbox.set_class(1)
    toolbox.set_class(VOID)
    assert toolbox.class_index == VOID


@pytest.mark.parametrize("name", ["brush", "fill", "polygon"])
def test_what_is_painted_is_shown(toolbox: Toolbox, name: str) -> None:
    toolbox.use(name)
    toolbox.toggle_hidden(1)
    toolbox.toggle_hidden(2)
    for x, y in ((10, 10), (20, 10), (20, 20)):
        press(toolbox, x, y)
        toolbox.tool.release(PointerEvent(x, y, "left"))
    toolbox.tool.settle()
    assert toolbox.hidden == {2}
    assert document(toolbox).label_map[12, 18] == 1


def test_erasing_shows_nothing(toolbox: Toolbox) -> None:
    toolbox.toggle_hidden(1)
    toolbox.tool.press(PointerEvent(10, 10, "right"))
    assert toolbox.hidden == {1}
    toolbox.tool.settle()


def test_another_class_begins_with_the_next_stroke(toolbox: Toolbox) -> None:
    press(toolbox)
    toolbox.set_class(2)
    assert not document(toolbox).editing
    toolbox.tool.move(PointerEvent(40, 10, buttons=frozenset({"left"})))
    assert document(toolbox).label_map[10, 10] == 1
    assert not (document(toolbox).label_map == 2).any()


def test_x_goes_to_background_and_back(toolbox: Toolbox) -> None:
    toolbox.set_class(2)
    toolbox.swap_with_background()
    assert toolbox.class_index == 0
    toolbox.swap_with_background()
    assert toolbox.class_index == 2
    toolbox.set_table(ClassTable.from_names(["road", "sky"]))
    assert toolbox.class_index == 0  # the class is gone: the first one
    toolbox.swap_with_background()
    assert toolbox.class_index == VOID


def test_the_brush_grows_by_a_fifth_and_always_by_a_pixel(toolbox: Toolbox) -> None:
    toolbox.set_option(BRUSH_SIZE, 100)
    toolbox.scale_brush(1.2)
    assert toolbox.option(BRUSH_SIZE) == 120
    toolbox.scale_brush(1 / 1.2)
    assert toolbox.option(BRUSH_SIZE) == 100
    toolbox.set_option(BRUSH_SIZE, 1)
    toolbox.scale_brush(1 / 1.2)
    assert toolbox.option(BRUSH_SIZE) == 1
    for expected in (2, 3, 4):
        toolbox.scale_brush(1.2)
        assert toolbox.option(BRUSH_SIZE) == expected
    toolbox.set_option(BRUSH_SIZE, 99_999)
    assert toolbox.option(BRUSH_SIZE) == 2000


def test_rules_reach_the_document_and_a_new_one(toolbox: Toolbox, qtbot: QtBot) -> None:
    with qtbot.waitSignal(toolbox.rules_changed):
        toolbox.toggle_hidden(1)
    toolbox.toggle_locked(2)
    toolbox.set_where(Where("unlabelled"))
    assert document(toolbox).rules == toolbox.rules
    other = Document("b.png", Labels.unlabelled(48, 64), Status.NEW)
    toolbox.set_document(other)
    assert (other.rules.hidden, other.rules.locked, other.rules.only_unlabelled) == ({1}, {2}, True)
    toolbox.toggle_hidden(1)
    assert toolbox.hidden == frozenset()
    toolbox.set_table(ClassTable.from_names(["road", "sky"]))
    assert toolbox.locked == frozenset()
    toolbox.reset_rules()
    assert toolbox.where == Where()


def test_a_locked_class_is_not_painted_over(toolbox: Toolbox) -> None:
    press(toolbox)
    toolbox.tool.settle()
    toolbox.toggle_locked(1)
    toolbox.set_class(2)
    press(toolbox)
    toolbox.tool.settle()
    assert document(toolbox).label_map[10, 10] == 1


def test_without_a_document_gestures_do_nothing(toolbox: Toolbox) -> None:
    toolbox.set_document(None)
    for name in ("brush", "eraser", "polygon", "fill", "picker"):
        toolbox.use(name)
        press(toolbox)
        toolbox.tool.release(PointerEvent(10, 10, "left"))
        toolbox.tool.settle()


def test_each_tool_has_its_own_choice_of_the_pixels_to_paint(toolbox: Toolbox) -> None:
    toolbox.set_class(1)
    toolbox.toggle_where("over")
    assert document(toolbox).rules.only_over == 1
    toolbox.toggle_where("unlabelled")
    assert (toolbox.rules.only_over, document(toolbox).rules.only_unlabelled) == (None, True)
    toolbox.use("polygon")
    assert not document(toolbox).rules.limited
    toolbox.set_where(Where("predicted", 2))
    toolbox.use("brush")
    assert document(toolbox).rules.only_unlabelled
    toolbox.toggle_where("unlabelled")
    assert toolbox.where == Where()
    toolbox.use("polygon")
    toolbox.set_table(ClassTable.from_names(["background", "road"]))
    assert not document(toolbox).rules.limited, "class 2 is gone"


def test_a_prediction_that_comes_later_opens_its_pixels(toolbox: Toolbox) -> None:
    toolbox.set_class(1)
    toolbox.toggle_where("predicted")
    press(toolbox)
    toolbox.tool.settle()
    assert not document(toolbox).provenance.any()
    said = np.ones((48, 64), np.uint8)
    toolbox.prediction = Prediction("a.png", said, said, "ab" * 32)
    press(toolbox)
    toolbox.tool.settle()
    assert document(toolbox).label_map[10, 10] == 1


def test_a_selection_limits_the_open_image_only(toolbox: Toolbox) -> None:
    region = StencilRegion(Rect(10, 0, 64, 48), np.ones((48, 54), np.uint8))
    toolbox.select(region)
    press(toolbox)
    toolbox.tool.settle()
    assert (document(toolbox).label_map[10, 9], document(toolbox).label_map[10, 10]) == (255, toolbox.class_index)
    toolbox.set_document(Document("b.png", Labels.unlabelled(48, 64), Status.NEW))
    assert toolbox.selection is None
    assert not document(toolbox).rules.limited


def test_what_is_pasted_obeys_the_tool_before_which_is_active_again(toolbox: Toolbox) -> None:
    document(toolbox)
    labels = Labels.unlabelled(48, 64)
    labels.label_map[:2, :2], labels.provenance[:2, :2] = 1, 2
    toolbox.copied = copied_labels(labels, None)
    toolbox.use("lasso")
    toolbox.set_where(Where("unlabelled"))
    toolbox.paste()
    toolbox.tool.key("Right")
    assert toolbox.rules.only_unlabelled
    toolbox.tool.settle()
    assert toolbox.tool_name == "lasso"
    assert np.argwhere(document(toolbox).label_map == 1).tolist() == [[0, 1], [0, 2], [1, 1], [1, 2]]
    toolbox.paste()
    toolbox.use("fill")
    assert toolbox.tool_name == "fill"
    assert document(toolbox).provenance[0, 0] == Provenance.UNKNOWN
    toolbox.set_table(ClassTable.from_names(["background"]))
    toolbox.paste()
    overlay = toolbox.tool.overlay()
    assert overlay.region is not None
    assert overlay.region.area == 0, "class 1 is gone"
    toolbox.begin(ClassTable.from_names(["background", "road"]))
    assert toolbox.copied is None
