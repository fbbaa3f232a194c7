from __future__ import annotations

import subprocess
import sys
import threading
from collections.abc import Callable, Generator, Iterator
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image
from PySide6.QtCore import QMimeData, QPoint, QPointF, Qt, QUrl
from PySide6.QtGui import QDropEvent, QKeyEvent, QWheelEvent
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractSlider,
    QAbstractSpinBox,
    QApplication,
    QComboBox,
    QLabel,
    QLineEdit,
    QStyle,
    QStyleOptionSpinBox,
    QToolButton,
    QWidget,
)
from pytestqt.qtbot import QtBot

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.sample import Split, Status
from fcn_studio.errors import ClassTableNeeded, ProjectError, YearsFound
from fcn_studio.formats.exporters.base import ExportResult
from fcn_studio.formats.exporters.pairs import Pair
from fcn_studio.formats.images.images import image_size
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs.protocol import Progress
from fcn_studio.tools.base import PointerEvent
from fcn_studio.tools.options import BRUSH_SHAPE, BRUSH_SIZE
from fcn_studio.ui.actions.table import ACTIONS
from fcn_studio.ui.canvas.layers import Layer
from fcn_studio.ui.dialogs import questions
from fcn_studio.ui.dialogs.data_sets.export_dialog import ExportChoice
from fcn_studio.ui.network.job_list import Kind
from fcn_studio.ui.saving.autosave import SaveState
from fcn_studio.ui.widgets.size_box import SizeBox
from fcn_studio.ui.window.main_window import MainWindow
from fcn_studio.ui.window.status_line import cursor_words, saved_words
from tests.jobs.helpers import job, news
from tests.ui.conftest import Studio, draw_project

KEY, MODIFIER = Qt.Key, Qt.KeyboardModifier


def press(qtbot: QtBot, studio: Studio, key: Qt.Key, modifier: Qt.KeyboardModifier = MODIFIER.NoModifier) -> None:
    qtbot.keyClick(studio.window.focusWidget() or studio.window, key, modifier)


@pytest.fixture
def active(studio: Studio, qtbot: QtBot) -> Studio:
    """The project window with the keyboard on the canvas."""
    studio.window.activateWindow()
    studio.window.canvas.setFocus()
    qtbot.waitUntil(studio.window.isActiveWindow)
    return studio


# --- first sight ----------------------------------------------------------------------------------------------


def test_without_a_folder_the_window_says_what_can_be_done(welcome: Studio, qtbot: QtBot) -> None:
    window = welcome.window
    assert window._pages.currentWidget() is window._welcome
    assert not window.classes_dock.isVisible()
    assert not window.options_bar.isVisible()
    assert window.windowTitle() == "FCN Studio"
    enabled = {spec.name for spec in ACTIONS if window.actions_[spec.name].isEnabled()}
    assert {"open_folder", "demo", "settings", "quit", "shortcuts", "report", "about"} <= enabled
    assert not enabled & {"brush", "verify", "export", "auto_segment", "fine_tune", "undo"}
    with qtbot.waitSignal(window.demo_requested):
        window.actions_["demo"].trigger()


def test_a_project_shows_everything(studio: Studio) -> None:
    window = studio.window
    assert window._pages.currentWidget() is window.canvas
    assert all(dock.isVisible() for dock in (window.classes_dock, window.layers_dock, window.files_dock))
    assert window.windowTitle() == "project — picture-000.png[*] — FCN Studio"
    assert studio.settings.recent == [studio.session.project.folder]
    assert [a.text() for a in window._recent._menu.actions()] == [str(studio.session.project.folder)]


def test_every_action_does_something_and_says_so(studio: Studio) -> None:
    window = studio.window
    commands = (
        window._commands, window._view, window._labels, window._files, window._live, window._walk, window._classes,
        window.check, window._keys, window._training,
    )  # fmt: skip
    bound = {name for part in commands for name in part.table()} | {
        "demo", "quit", "add_class", "find_class", "canvas_only", "toggle_docks", "reset_layout", "peek",
        "next_part", "splits",
    }  # fmt: skip
    assert bound == {spec.name for spec in ACTIONS}
    for spec in ACTIONS:
        action = studio.window.actions_[spec.name]
        assert all(key and key in (s.toString() for s in action.shortcuts()) for key in spec.shortcuts)


def test_every_control_has_a_name_and_a_tip(studio: Studio) -> None:
    kinds = (QAbstractButton, QAbstractSlider, QAbstractSpinBox, QComboBox, QLineEdit)
    for widget in studio.window.findChildren(QWidget):
        inner = widget.objectName().startswith("qt_") or type(widget).__name__ in ("QScrollBar", "QTabBar")
        if not isinstance(widget, kinds) or inner or "QLineEditIconButton" in type(widget).__name__:
            continue
        if isinstance(widget.parent(), (QLineEdit, QAbstractSpinBox, QComboBox)) or "CloseButton" in repr(widget):
            continue
        named = widget.accessibleName() or (
            isinstance(widget, QAbstractButton) and (widget.text() or widget.toolTip())
        )
        assert named or type(widget.parent()).__name__.startswith("QDock"), widget


def test_a_read_only_folder_offers_nothing_that_must_fail(welcome: Studio, tmp_path: Path) -> None:
    folder, window = draw_project(tmp_path / "project"), welcome.window
    names = ("fine_tune", "segment_folder", "add_class")
    with ProjectFolder.open(folder, writable=True):
        window.open_folder(folder)
        assert welcome.session.read_only
        assert not any(window.actions_[name].isEnabled() for name in names)
        assert not window.classes_dock._new_name.isEnabled()
    window.open_folder(folder)
    assert not welcome.session.read_only
    assert all(window.actions_[name].isEnabled() for name in names)
    assert window.classes_dock._new_name.isEnabled()


def test_a_folder_is_called_by_its_name(welcome: Studio, tmp_path: Path) -> None:
    window = welcome.window
    window.open_folder(draw_project(tmp_path / "R&D"))
    assert window._recent._menu.actions()[0].text().replace("&&", "&") == str(tmp_path / "R&D")
    assert "R&&D" in window._recent._menu.actions()[0].text()
    welcome.session.close_project()
    assert "R&D" in [label.text() for label in window._welcome.recent.findChildren(QLabel)]


def size_box(window: MainWindow) -> SizeBox:
    (box,) = window.options_bar._controls[BRUSH_SIZE].widgets
    assert isinstance(box, SizeBox)
    return box


# --- keys -----------------------------------------------------------------------------------------------------


def test_keys_choose_tools_classes_and_images(active: Studio, qtbot: QtBot) -> None:
    toolbox, session = active.toolbox, active.session
    for key, tool in ((KEY.Key_E, "eraser"), (KEY.Key_P, "polygon"), (KEY.Key_G, "fill"), (KEY.Key_I, "picker"),
                      (KEY.Key_B, "brush")):  # fmt: skip
        press(qtbot, active, key)
        assert toolbox.tool_name == tool
        assert active.window.actions_[tool].isChecked()
    press(qtbot, active, KEY.Key_3)
    assert toolbox.class_index == 2
    press(qtbot, active, KEY.Key_X)
    assert toolbox.class_index == 0
    press(qtbot, active, KEY.Key_D)
    press(qtbot, active, KEY.Key_PageDown)
    assert session.index == 2
    press(qtbot, active, KEY.Key_A)
    assert session.index == 1
    size = toolbox.option(BRUSH_SIZE)
    press(qtbot, active, KEY.Key_BracketRight)
    assert toolbox.option(BRUSH_SIZE) == round(size * 1.2)
    press(qtbot, active, KEY.Key_U)
    assert active.window.canvas.layers.styles[Layer.UNCERTAINTY].visible


def test_lists_and_number_fields_do_not_swallow_keys(active: Studio, qtbot: QtBot) -> None:
    window = active.window
    for widget in (window.files_dock.view, window.classes_dock._view, size_box(window).number):
        widget.setFocus()
        press(qtbot, active, KEY.Key_B)
        press(qtbot, active, KEY.Key_E)
        assert active.toolbox.tool_name == "eraser", widget
    for widget in (window.files_dock.view, window.classes_dock._view):
        widget.setFocus()
        row = active.session.index
        press(qtbot, active, KEY.Key_D)
        assert active.session.index == row + 1, widget
        press(qtbot, active, KEY.Key_2)
        assert active.toolbox.class_index == 1


def turn_wheel(widget: QWidget) -> None:
    """One notch towards the user, with the pointer over the widget, as the window system reports it."""
    at = QPointF(widget.rect().center())
    turn = Qt.ScrollPhase.NoScrollPhase
    buttons = Qt.MouseButton.NoButton
    place = widget.mapToGlobal(at)
    event = QWheelEvent(at, place, QPoint(), QPoint(0, -120), buttons, MODIFIER.NoModifier, turn, False)
    QApplication.sendEvent(widget, event)


def click_arrow(qtbot: QtBot, field: QAbstractSpinBox) -> None:
    option = QStyleOptionSpinBox()
    field.initStyleOption(option)
    style = QStyle.SubControl.SC_SpinBoxUp
    up = field.style().subControlRect(QStyle.ComplexControl.CC_SpinBox, option, style, field)
    qtbot.mouseClick(field, Qt.MouseButton.LeftButton, pos=up.center())


def test_a_number_field_keeps_the_keyboard_only_for_typing(active: Studio, qtbot: QtBot) -> None:
    window, dock, toolbox = active.window, active.window.training_dock, active.toolbox
    window.layout_.show_below(dock)
    size = size_box(window).number
    for field, value in ((size, lambda: toolbox.option(BRUSH_SIZE)), (dock._minutes, dock._minutes.value)):
        before = value()
        click_arrow(qtbot, field)
        assert value() == before + 1
        qtbot.waitUntil(window.canvas.hasFocus)
        toolbox.set_class(0)
        press(qtbot, active, KEY.Key_3)
        assert (toolbox.class_index, value()) == (2, before + 1)
        field.setFocus()
        field.selectAll()
        qtbot.keyClicks(field, "7")
        assert field.hasFocus()
        press(qtbot, active, KEY.Key_Return)
        assert value() == 7
        assert window.canvas.hasFocus()
    size.setFocus()
    window.files_dock.raise_()
    window.files_dock._filter.setFocus()
    assert window.focusWidget() is window.files_dock._filter, "who went elsewhere stays there"
    window.canvas.setFocus()
    turn_wheel(size)
    assert toolbox.option(BRUSH_SIZE) < 7
    assert window.canvas.hasFocus()


def test_the_wheel_scrolls_and_chooses_nothing(active: Studio) -> None:
    dock, bar = active.window.training_dock, active.window.options_bar
    active.window.layout_.show_below(dock)
    dock._level.setCurrentIndex(1)
    dock._minutes.setValue(3)
    for field in (dock._level, dock._device, dock._minutes, bar._where):
        turn_wheel(field)
    assert (dock._level.currentIndex(), dock._device.currentIndex(), dock._minutes.value()) == (1, 0, 3)
    assert not active.toolbox.rules.limited
    for field in (dock._level, dock._device, dock._minutes, bar._where, size_box(active.window).number):
        assert field.focusPolicy() != Qt.FocusPolicy.WheelFocus, "the wheel does not take the keyboard"


def test_typing_a_filter_is_not_a_command(active: Studio, qtbot: QtBot) -> None:
    window = active.window
    window.classes_dock._filter.setFocus()
    qtbot.keyClicks(window.classes_dock._filter, "debt1")
    assert window.classes_dock._filter.text() == "debt1"
    assert (active.toolbox.tool_name, active.session.index) == ("brush", 0)
    qtbot.keyClick(window.classes_dock._filter, KEY.Key_Return)
    assert window.focusWidget() is window.canvas


def test_peek_lasts_as_long_as_the_key_is_held(active: Studio, qtbot: QtBot, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bool] = []
    monkeypatch.setattr(active.window._peek, "_held", heard.append)
    view = active.window.files_dock.view
    view.setFocus()
    qtbot.keyPress(view, KEY.Key_V)
    assert heard == [True]
    qtbot.keyRelease(view, KEY.Key_V)
    assert heard == [True, False]


def test_digits_are_found_by_place_on_other_layouts(active: Studio) -> None:
    first = {"linux": 10, "win32": 2}.get(sys.platform)
    if first is None:
        pytest.skip("key codes of places are known on Linux and Windows only")
    event = QKeyEvent(QKeyEvent.Type.KeyPress, KEY.Key_Eacute, MODIFIER.NoModifier, first + 1, 0, 0, "é")
    assert active.window.actions_.key_by_place(event)
    assert active.toolbox.class_index == 1
    letter = QKeyEvent(QKeyEvent.Type.KeyPress, KEY.Key_Q, MODIFIER.NoModifier, first + 20, 0, 0, "q")
    assert not active.window.actions_.key_by_place(letter)


def _pressed_at(
    code: int, key: int, text: str = "", modifier: Qt.KeyboardModifier = MODIFIER.NoModifier, *, up: bool = False
) -> QKeyEvent:
    """A key event of the place with this number in linux/input-event-codes.h."""
    offset = {"linux": 8, "win32": 0}.get(sys.platform)
    if offset is None:
        pytest.skip("key codes of places are known on Linux and Windows only")
    kind = QKeyEvent.Type.KeyRelease if up else QKeyEvent.Type.KeyPress
    return QKeyEvent(kind, key, modifier, code + offset, 0, 0, text)


@pytest.mark.parametrize(
    ("smaller", "larger"),
    [
        (KEY.Key_Udiaeresis, KEY.Key_Plus),  # German
        (KEY.Key_Dead_Circumflex, KEY.Key_Dollar),  # French
        (0x425, 0x42A),  # Russian
    ],
)
def test_brackets_are_found_by_place_on_other_layouts(active: Studio, smaller: int, larger: int) -> None:
    size = active.toolbox.option(BRUSH_SIZE)
    QApplication.sendEvent(active.window.canvas, _pressed_at(26, smaller, "x"))
    assert active.toolbox.option(BRUSH_SIZE) < size
    for _ in range(2):
        QApplication.sendEvent(active.window.canvas, _pressed_at(27, larger, "x"))
    assert active.toolbox.option(BRUSH_SIZE) > size


def test_letters_of_other_scripts_are_found_by_place(active: Studio) -> None:
    canvas = active.window.canvas
    QApplication.sendEvent(canvas, _pressed_at(18, 0x423, "у"))  # the place of E, Russian
    assert active.toolbox.tool_name == "eraser"
    QApplication.sendEvent(canvas, _pressed_at(48, 0x392, "β"))  # the place of B, Greek
    assert active.toolbox.tool_name == "brush"
    QApplication.sendEvent(canvas, _pressed_at(37, 0x41B, "", MODIFIER.ControlModifier))  # Ctrl+K
    assert active.session.document.status is Status.SKIPPED
    QApplication.sendEvent(canvas, _pressed_at(44, 0x42F, "", MODIFIER.ControlModifier))  # Ctrl+Z
    assert active.session.document.status is Status.NEW


def test_letters_of_latin_layouts_mean_what_is_printed_on_them(active: Studio) -> None:
    for key in (KEY.Key_Eacute, KEY.Key_Odiaeresis, KEY.Key_Dead_Acute, KEY.Key_E, KEY.Key_Alt):
        assert not active.window.actions_.key_by_place(_pressed_at(18, key, "x"))
    assert not active.window.actions_.key_by_place(_pressed_at(26, KEY.Key_Z, "z")), "a letter in a bracket's place"


def test_peek_ends_with_its_key_on_a_cyrillic_layout(active: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    heard: list[bool] = []
    monkeypatch.setattr(active.window._peek, "_held", heard.append)
    QApplication.sendEvent(active.window.canvas, _pressed_at(47, 0x41C, "м"))
    QApplication.sendEvent(active.window.canvas, _pressed_at(47, 0x41C, "м", up=True))
    assert heard == [True, False]


def test_escape_leaves_a_number_field(active: Studio, qtbot: QtBot) -> None:
    number = size_box(active.window).number
    number.setFocus()
    qtbot.keyClick(number, KEY.Key_Escape)
    assert active.window.canvas.hasFocus()


@pytest.mark.parametrize("name", ["classes_filter", "new_class", "files_filter"])
def test_escape_clears_a_text_field_and_gives_the_keyboard_back(active: Studio, qtbot: QtBot, name: str) -> None:
    classes, files = active.window.classes_dock, active.window.files_dock
    field = {"classes_filter": classes._filter, "new_class": classes._new_name, "files_filter": files._filter}[name]
    field.setFocus()
    qtbot.keyClicks(field, "bed")
    assert (field.text(), active.toolbox.tool_name) == ("bed", "brush")
    qtbot.keyClick(field, KEY.Key_Escape)
    assert field.text() == ""
    assert active.window.canvas.hasFocus()
    press(qtbot, active, KEY.Key_E)
    assert active.toolbox.tool_name == "eraser"


# --- what is kept -----------------------------------------------------------------------------------------------


def test_zoom_and_centre_stay_between_images_of_one_size(active: Studio) -> None:
    canvas = active.window.canvas
    active.session.go_to(1)
    assert canvas._fitted, "an image that was fitted stays fitted"
    canvas.zoom_in()
    canvas.pan(12, -7)
    view = canvas.view
    active.session.go_to(2)
    assert canvas.view == view
    active.settings.keep_view = False
    active.session.go_to(3)
    assert canvas._fitted


def test_tool_class_and_image_are_those_of_last_time(
    make_studio: Callable[[], Studio], tmp_path: Path, qtbot: QtBot
) -> None:
    one, other = draw_project(tmp_path / "one"), draw_project(tmp_path / "other")
    first = make_studio()
    first.window.open_folder(one)
    first.toolbox.use("fill")
    first.toolbox.set_class(2)
    first.session.go_to(3)
    first.window.open_folder(other)
    assert (first.session.index, first.toolbox.class_index) == (0, 1), "another project"
    first.window.open_folder(one)
    assert (first.session.index, first.toolbox.class_index) == (3, 2)
    first.window.close()
    second = make_studio()
    assert second.toolbox.tool_name == "fill"
    assert second.window.actions_["fill"].isChecked()
    second.window.open_folder(one)
    assert (second.session.index, second.toolbox.class_index) == (3, 2)
    assert {p.name for p in one.iterdir() if not p.name.startswith("picture")} == {".fcn-studio", "fcn-studio.toml"}


def test_undo_says_what_it_undoes(active: Studio, qtbot: QtBot) -> None:
    undo, redo = active.window.actions_["undo"], active.window.actions_["redo"]
    assert not undo.isEnabled()
    press(qtbot, active, KEY.Key_K, MODIFIER.ControlModifier)
    assert active.session.document.status is Status.SKIPPED
    assert (undo.isEnabled(), undo.text()) == (True, "&Undo Skip")
    press(qtbot, active, KEY.Key_Z, MODIFIER.ControlModifier)
    assert active.session.document.status is Status.NEW
    assert (undo.isEnabled(), redo.text()) == (False, "&Redo Skip")


def test_a_stroke_asks_nothing_about_jobs(active: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[bool] = []
    monkeypatch.setattr(type(active.network.job_list), "views", property(lambda _: asked.append(True) or []))
    active.session.toggle_skip()
    assert active.window.actions_["undo"].isEnabled()
    assert active.window.isWindowModified()
    assert asked == []
    active.network.job_list.changed.emit()
    assert asked


def test_undo_takes_corners_back_on_a_fresh_image_and_saving_fills_nothing(active: Studio, qtbot: QtBot) -> None:
    undo, document = active.window.actions_["undo"], active.session.document
    press(qtbot, active, KEY.Key_P)
    tool = active.toolbox.tool
    for x, y in ((5, 5), (30, 5), (30, 30), (5, 30)):
        tool.press(PointerEvent(x, y, "left"))
    assert (undo.isEnabled(), undo.text()) == (True, "&Undo Corner")
    press(qtbot, active, KEY.Key_Z, MODIFIER.ControlModifier)
    assert len(tool.overlay().points) == 3
    press(qtbot, active, KEY.Key_S, MODIFIER.ControlModifier)
    assert len(tool.overlay().points) == 3
    assert not document.provenance.any()
    for _ in range(3):
        press(qtbot, active, KEY.Key_Z, MODIFIER.ControlModifier)
    assert not tool.busy
    assert (undo.isEnabled(), undo.text()) == (False, "&Undo")


def test_saving_waits_for_the_end_of_a_stroke(active: Studio, qtbot: QtBot) -> None:
    tool, document = active.toolbox.tool, active.session.document
    active.session.autosave.idle_ms = 10
    tool.press(PointerEvent(10, 10, "left"))
    press(qtbot, active, KEY.Key_S, MODIFIER.ControlModifier)
    assert document.editing
    tool.release(PointerEvent(10, 10, "left"))
    qtbot.waitUntil(lambda: active.session.save_state == "saved")
    assert active.session.project.annotations.status(active.session.samples[0]) is Status.IN_PROGRESS


def test_verify_goes_on_to_the_next(active: Studio, qtbot: QtBot) -> None:
    press(qtbot, active, KEY.Key_Return, MODIFIER.ControlModifier)
    assert (active.session.index, active.session.status_scan.status(0)) == (1, Status.VERIFIED)
    selected = active.window.files_dock._view.selectionModel().selectedRows()
    assert [index.row() for index in selected] == [1]  # Ctrl is held, and adds nothing to the selection
    qtbot.waitUntil(lambda: active.window.status_line._project.words.text() == "1 verified of 4")


# --- options, status line -------------------------------------------------------------------------------------


def test_options_follow_the_tool_and_set_it(studio: Studio) -> None:
    bar, toolbox = studio.window.options_bar, studio.toolbox
    shown = [bar._class_parts[0], bar._option_parts[BRUSH_SIZE][0], bar._paint_parts[1]]
    for tool, expected in (
        ("brush", [True, True, True]),
        ("polygon", [True, False, True]),
        ("eraser", [False, True, True]),
        ("accept", [False, False, False]),
        ("picker", [False, False, False]),
    ):
        toolbox.use(tool)
        assert [part.isVisible() for part in shown] == expected, tool
    toolbox.use("brush")
    size_box(studio.window).number.setValue(77)
    assert toolbox.option(BRUSH_SIZE) == 77
    toolbox.set_option(BRUSH_SIZE, 500)
    assert size_box(studio.window).number.value() == 500
    _round, square = bar._controls[BRUSH_SHAPE].widgets
    assert isinstance(square, QToolButton)
    square.click()
    assert toolbox.option(BRUSH_SHAPE) == "square"
    studio.window.actions_["only_unlabelled"].trigger()
    assert toolbox.rules.only_unlabelled
    assert bar._where.currentText() == "Paint only unlabelled"
    studio.window.actions_["only_over"].trigger()
    assert bar._where.currentText() == f"Paint only over {studio.session.table.name_of(toolbox.class_index)}"
    bar._where.activated.emit(2)
    assert toolbox.rules.only_over == studio.session.table.active[0].index
    studio.window.actions_["only_over"].trigger()
    assert bar._where.currentText() == "Paint everywhere"


def test_the_slider_reaches_every_end(studio: Studio) -> None:
    size = size_box(studio.window)
    size.slider.setValue(size.slider.minimum())
    assert studio.toolbox.option(BRUSH_SIZE) == 1
    size.slider.setValue(size.slider.maximum())
    assert studio.toolbox.option(BRUSH_SIZE) == 2000


def test_words_of_the_status_line(studio: Studio) -> None:
    line = studio.window.status_line
    line.show_cursor((3, 4))
    assert line._cursor.text() == "3, 4   unlabelled"
    line.show_cursor(None)
    assert line._cursor.text() == ""
    line.show_zoom(0.0456)
    assert line._zoom.text() == "4.6 %"
    assert saved_words(SaveState.SAVED, 100.0, 102.5) == "saved 2 s ago"
    assert saved_words(SaveState.SAVED, 100.0, 400.0) == "saved 5 min ago"
    assert saved_words(SaveState.UNSAVED, None, 0) == "not saved yet"
    assert cursor_words(1, 2, None) == "1, 2"


def test_a_job_is_shown_and_cancelled(studio: Studio) -> None:
    line, job_list = studio.window.status_line, studio.network.job_list
    assert line._bar.isHidden()
    for stop in (line.cancel_button.click, studio.window.actions_["stop"].trigger):
        job_list.submit(Kind.BATCH, job("x"), "Label all")
        job_id = len(studio.process.jobs)
        studio.process.replied.emit(Progress(job_id, news(1, 4)))
        assert line._job_words.text() == "Label all   1 of 4"
        assert line._bar.value() == 250
        stop()
        assert studio.process.cancelled[-1] == (job_id, False)
        assert line._bar.isHidden()


# --- opening and closing --------------------------------------------------------------------------------------


def test_a_dropped_folder_or_image_opens(welcome: Studio, tmp_path: Path) -> None:
    folder = draw_project(tmp_path / "dropped")
    data = QMimeData()
    data.setUrls([QUrl.fromLocalFile(str(folder / "picture-002.png"))])
    event = QDropEvent(QPointF(5, 5), Qt.DropAction.CopyAction, data, Qt.MouseButton.LeftButton, MODIFIER.NoModifier)
    welcome.window.dropEvent(event)
    assert welcome.session.project.folder == folder.resolve()
    assert welcome.session.document.image_id == "picture-002.png"


def test_an_image_opens_its_project_at_that_image(welcome: Studio, tmp_path: Path) -> None:
    tree = draw_project(tmp_path / "tree" / "JPEGImages").parent
    (tree / "notes.txt").write_text("no image")
    for name in ("fcn-studio.toml", ".fcn-studio"):
        (tree / "JPEGImages" / name).rename(tree / name)
    welcome.window.open_folder(tree / "JPEGImages" / "picture-003.png")
    assert welcome.session.project.folder == tree.resolve()
    assert welcome.session.document.image_id == "picture-003.png"
    welcome.window.open_folder(tree / "JPEGImages" / "picture-001.png")  # of the folder that is open
    assert welcome.session.document.image_id == "picture-001.png"
    welcome.window.open_folder(tree / "fcn-studio.toml")  # as the desktop does
    assert welcome.session.document.image_id == "picture-001.png"
    assert "is not an image" not in welcome.window._strip.text
    welcome.window.open_folder(tree / "notes.txt")
    assert welcome.session.project.folder == tree.resolve()
    assert welcome.session.document.image_id == "picture-001.png"


def test_what_cannot_be_opened_is_told_and_forgotten(welcome: Studio, tmp_path: Path) -> None:
    gone = tmp_path / "gone"
    welcome.settings.add_recent(gone)
    welcome.window.open_folder(gone)
    assert str(gone) in welcome.window._strip.text
    assert welcome.settings.recent == []
    assert welcome.session.project is None


def test_opening_asks_what_only_the_user_knows(
    welcome: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    errors = [
        YearsFound("two years", (tmp_path / "VOC2007", tmp_path / "VOC2012")),
        ClassTableNeeded("no names"),
    ]
    calls: list[tuple[str, ClassTable | None]] = []

    def open_folder(folder: Path, *, table: ClassTable | None) -> None:
        calls.append((folder.name, table))
        if errors:
            raise errors.pop(0)

    monkeypatch.setattr(welcome.session, "open_folder", open_folder)
    for name in ("YearDialog", "ClassTableDialog"):
        monkeypatch.setattr(getattr(questions, name), "asked", lambda self: True)
    welcome.window.open_folder(tmp_path)
    names = [(name, table and len(table)) for name, table in calls]
    assert names == [(tmp_path.name, None), ("VOC2012", None), ("VOC2012", 21)]


def save_grey_mask(image: Path) -> None:
    (image.parent / "class_names.txt").write_text("background\nthing\n")
    (image.parent / "SegmentationClass").mkdir(exist_ok=True)
    width, height = image_size(image)
    grey = np.zeros((height, width), np.uint8)
    grey[:9] = 255
    Image.fromarray(grey).save(image.parent / "SegmentationClass" / image.name)


def grey_answer(monkeypatch: pytest.MonkeyPatch, answer: bool) -> list[str]:
    """Answer the question how grey masks are meant; what was asked."""
    asked: list[str] = []
    monkeypatch.setattr(questions.GreyMaskDialog, "asked", lambda self: bool(asked.append("?")) or answer)
    return asked


@pytest.mark.parametrize("answer", [True, False])
def test_a_grey_mask_is_asked_about_once(
    welcome: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, answer: bool
) -> None:
    folder = draw_project(tmp_path / "project")
    images = sorted(folder.glob("*.png"))
    for path in images[:2]:
        save_grey_mask(path)
    asked = grey_answer(monkeypatch, answer)
    welcome.window.open_folder(folder)
    session = welcome.session
    for row in range(len(session.samples)):
        session.open_from(row, +1, lambda _row: True)
    assert asked == ["?"]
    session.open_from(0, +1, lambda _row: True)
    assert session.document is not None
    opened = session.document.image_id
    assert opened == images[0].name if answer else opened == images[2].name


@pytest.mark.parametrize("answer", [True, False])
def test_a_grey_mask_that_is_clicked_in_the_list_is_asked_about(
    welcome: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot, answer: bool
) -> None:
    folder = draw_project(tmp_path / "project")
    save_grey_mask(folder / "picture-002.png")
    asked = grey_answer(monkeypatch, answer)
    welcome.window.open_folder(folder)
    view = welcome.window.files_dock.view
    place = view.visualRect(welcome.window.files_dock.model.index(2, 0)).center()
    qtbot.mouseClick(view.viewport(), Qt.MouseButton.LeftButton, MODIFIER.NoModifier, place)
    assert asked == ["?"]
    assert welcome.session.index == (2 if answer else 0)
    assert view.currentIndex().row() == welcome.session.index


def test_cancelling_a_question_leaves_things_as_they_are(
    studio: Studio, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def open_folder(folder: Path, **_: object) -> None:
        raise ClassTableNeeded("no names")

    before = studio.session.project
    monkeypatch.setattr(studio.session, "open_folder", open_folder)
    monkeypatch.setattr(questions.ClassTableDialog, "asked", lambda self: False)
    studio.window.open_folder(tmp_path)
    assert studio.session.project is before


def test_closing_saves_without_asking(make_studio: Callable[[], Studio], tmp_path: Path, qtbot: QtBot) -> None:
    folder = draw_project(tmp_path / "project")
    first = make_studio()
    first.window.open_folder(folder)
    first.session.verify()
    first.toolbox.set_option(BRUSH_SIZE, 123)
    with qtbot.waitSignal(first.window.closed):
        assert first.window.close()
    assert first.session.project is None
    second = make_studio()
    assert second.toolbox.option(BRUSH_SIZE) == 123
    second.window.open_folder(folder)
    assert second.session.status_scan.status(0) is Status.VERIFIED


def test_work_that_cannot_be_saved_keeps_the_window_open(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    tries: list[bool] = []

    def close_project(*, discard: bool = False) -> bool:
        tries.append(discard)
        return discard

    monkeypatch.setattr(studio.session, "close_project", close_project)
    monkeypatch.setattr("fcn_studio.ui.dialogs.questions.LossDialog.asked", lambda self: False)
    assert not studio.window.close()
    assert tries == [False]
    assert studio.window.isVisible()
    monkeypatch.setattr("fcn_studio.ui.dialogs.questions.LossDialog.asked", lambda self: True)
    assert studio.window.close()
    assert tries == [False, False, True]


@pytest.mark.parametrize(("part", "closes"), [("session", False), ("layout", True)])
def test_a_bug_on_closing_keeps_the_window_open_if_work_could_be_lost(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, part: str, closes: bool
) -> None:
    def fail() -> None:
        raise ZeroDivisionError("oops")

    reported: list[object] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, *rest: reported.append(kind))
    with monkeypatch.context() as broken:
        if part == "layout":
            broken.setattr(studio.window.layout_, "save", fail)
        else:
            broken.setattr(studio.session.autosave, "finish", fail)
        assert studio.window.close() is closes
    assert reported == [ZeroDivisionError]
    assert studio.window.isVisible() is not closes
    assert (studio.session.project is None) is closes
    assert studio.window.close()


def test_a_signal_while_closing_asks_is_not_a_second_closing(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    asked: list[str] = []

    def ask() -> bool:
        asked.append("?")
        studio.window.close()
        return False

    monkeypatch.setattr(studio.session.autosave, "finish", lambda: ["picture-000.png"])
    monkeypatch.setattr(studio.window, "_close_and_lose", ask)
    assert not studio.window.close()
    assert asked == ["?"]
    assert studio.window.isVisible()
    monkeypatch.undo()
    assert studio.window.close()


def test_a_damaged_layout_file_does_no_harm(make_studio: Callable[[], Studio], tmp_path: Path) -> None:
    (tmp_path / "config").mkdir(exist_ok=True)
    (tmp_path / "config" / "window.ini").write_bytes(b"\x00[General]\nstate=@ByteArray(garbage)\ngeometry=7\n")
    assert make_studio().window.isVisible()


# --- the rest -------------------------------------------------------------------------------------------------


def test_canvas_only_and_back(studio: Studio) -> None:
    window = studio.window
    window.actions_["canvas_only"].trigger()
    assert not any(part.isVisible() for part in (window.menuBar(), window.options_bar, window.classes_dock))
    window.actions_["canvas_only"].trigger()
    assert all(part.isVisible() for part in (window.menuBar(), window.options_bar, window.classes_dock))
    window.actions_["toggle_docks"].trigger()
    assert not window.files_dock.isVisible()
    for _ in range(2):
        window.actions_["canvas_only"].trigger()
    assert not window.files_dock.isVisible(), "what the user has hidden stays so"
    window.actions_["reset_layout"].trigger()
    assert window.files_dock.isVisible()
    assert window.actions_["toggle_docks"].isChecked()


def test_dock_sizes_are_as_they_were_left(make_studio: Callable[[], Studio], tmp_path: Path, qtbot: QtBot) -> None:
    folder = draw_project(tmp_path / "project")
    heights: list[int] = []
    for turn in range(2):
        window = make_studio().window
        window.open_folder(folder)
        qtbot.wait(50)
        if turn == 0:
            window.layout_._changed_by_user = True
            window.resize(780, 760)  # a screen of these tests is small, and a larger window comes back smaller
            window.resizeDocks([window.classes_dock], [200], Qt.Orientation.Vertical)
            qtbot.wait(50)
        heights.append(window.classes_dock.height())
        window.close()
    assert heights[0] < 300
    assert abs(heights[0] - heights[1]) <= 2


VERIFIED = ExportChoice(Path(), frozenset({Status.VERIFIED}), frozenset(Split))


def test_an_export_takes_the_last_stroke(studio: Studio, tmp_path: Path, qtbot: QtBot) -> None:
    studio.session.verify()
    commands, out = studio.window._commands, tmp_path / "out"
    with qtbot.waitSignal(commands.exporter.finished):
        commands.start_export(replace(VERIFIED, out=out))
    masks = list((out / "VOCdevkit" / "VOC2012" / "SegmentationClass").iterdir())
    assert [m.name for m in masks] == ["picture-000.png"]
    assert "1 image exported" in studio.window._strip.text
    with qtbot.waitSignal(commands.exporter.failed):
        commands.start_export(ExportChoice(tmp_path / "none", frozenset({Status.SKIPPED}), frozenset(Split)))


@dataclass
class SlowExport:
    """An export whose images each wait until somebody lets them go on."""

    go_on: threading.Event
    threads: list[threading.Thread]


@pytest.fixture
def slow_export(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> Iterator[SlowExport]:
    for row in range(3):
        studio.session.go_to(row)
        studio.session.verify()
    slow, honest = SlowExport(threading.Event(), []), Pair.write_image

    def write_image(pair: Pair, place: str) -> None:
        slow.threads.append(threading.current_thread())
        assert slow.go_on.wait(120)
        honest(pair, place)

    monkeypatch.setattr(Pair, "write_image", write_image)
    yield slow
    slow.go_on.set()


def test_an_export_does_not_hold_the_window_up_and_is_one(
    studio: Studio, slow_export: SlowExport, tmp_path: Path, qtbot: QtBot
) -> None:
    window, commands = studio.window, studio.window._commands
    commands.start_export(replace(VERIFIED, out=tmp_path / "out"))
    qtbot.waitUntil(lambda: bool(slow_export.threads))
    assert slow_export.threads[0] is not threading.main_thread()
    assert commands.exporter.running
    window.actions_["export"].trigger()
    assert "running already" in window._strip.text
    window.actions_["stop"].trigger()
    assert not commands.exporter.running
    commands.start_export(replace(VERIFIED, out=tmp_path / "other"))
    with qtbot.waitSignal(commands.exporter.finished):
        slow_export.go_on.set()
    assert not list((tmp_path / "out").iterdir())
    assert (tmp_path / "other" / "VOCdevkit").is_dir()


def test_an_export_ends_with_its_project_and_blames_no_other(
    studio: Studio, slow_export: SlowExport, tmp_path: Path, qtbot: QtBot
) -> None:
    project = studio.session.project
    assert project is not None
    studio.session.autosave.drain()
    project.annotations.mask_path(project.samples[0]).write_bytes(b"damaged")
    commands, exporter = studio.window._commands, studio.window._commands.exporter
    commands.start_export(replace(VERIFIED, out=tmp_path / "out"))
    qtbot.waitUntil(lambda: bool(slow_export.threads))
    studio.window.open_folder(draw_project(tmp_path / "other"))
    assert not exporter.running
    assert any("was cancelled" in said.text for said in studio.window.messages.history)
    with qtbot.assertNotEmitted(exporter.finished):
        slow_export.go_on.set()
        exporter.close()
        qtbot.wait(20)
    assert not studio.session.failures
    assert not list((tmp_path / "out").iterdir())


def test_closing_waits_until_nothing_is_left_of_an_unfinished_export(
    studio: Studio, slow_export: SlowExport, tmp_path: Path, qtbot: QtBot
) -> None:
    commands = studio.window._commands
    commands.start_export(replace(VERIFIED, out=tmp_path / "out"))
    qtbot.waitUntil(lambda: bool(slow_export.threads))
    commands.exporter.changed.connect(slow_export.go_on.set)  # told once it is cancelled, before it is waited for
    studio.window.close_at_once()
    assert not studio.window.isVisible()
    assert not commands.exporter.running
    assert len(slow_export.threads) == 1
    assert not list((tmp_path / "out").iterdir())


def test_a_fault_in_an_export_does_not_leave_it_running(
    studio: Studio, monkeypatch: pytest.MonkeyPatch, qtbot: QtBot
) -> None:
    def steps() -> Generator[tuple[int, int], None, ExportResult]:
        yield 1, 2
        raise ZeroDivisionError("oops")

    reported: list[object] = []
    monkeypatch.setattr(sys, "excepthook", lambda kind, *rest: reported.append(kind))
    exporter = studio.window._commands.exporter
    with qtbot.waitSignal(exporter.failed):
        exporter.start(steps())
    assert reported == [ZeroDivisionError]
    assert not exporter.running


def test_settings_take_effect(studio: Studio) -> None:
    studio.settings.wheel_zooms = True
    assert studio.window.canvas.wheel.zooms
    studio.settings.theme = "dark"
    assert "#262626" in studio.window.styleSheet()
    studio.settings.theme = "light"
    studio.settings.device = "cpu"
    assert studio.network.device.name == "cpu"


def test_errors_of_actions_are_told(studio: Studio, monkeypatch: pytest.MonkeyPatch) -> None:
    def save() -> None:
        raise ProjectError("The disk is full.")

    studio.window.actions_.bind("about", save)
    monkeypatch.setattr(studio.window._commands, "show_about", lambda: None)
    studio.window._door.run(save)
    assert studio.window._strip.text == "The disk is full."


def test_importing_the_window_is_light() -> None:
    code = (
        "import sys, fcn_studio.ui.window.main_window;"
        "print(*[m for m in ('torch', 'torchvision', 'pyqtgraph') if m in sys.modules])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.split() == []
