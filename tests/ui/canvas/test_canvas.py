"""The widget, driven by Qt's own events."""

from __future__ import annotations

from typing import Any, TypeVar

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import (
    QFocusEvent,
    QImage,
    QInputDevice,
    QKeyEvent,
    QMouseEvent,
    QPointingDevice,
    QPointingDeviceUniqueId,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QApplication
from pytestqt.qtbot import QtBot

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.document import Document
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Status
from fcn_studio.tools.base import PointerEvent, Tool
from fcn_studio.tools.brush import Brush
from fcn_studio.tools.options import EDGES, Option
from fcn_studio.tools.polygon import Polygon
from fcn_studio.ui.canvas import Canvas, ImagePyramid, LabelStyle, Layer
from fcn_studio.ui.canvas.surface import REFINE_MS

TABLE = ClassTable.from_names(["background", "sky", "road", "pole"])
WIDTH, HEIGHT = 80, 60
NO_BUTTON, LEFT, RIGHT, MIDDLE = (
    Qt.MouseButton.NoButton,
    Qt.MouseButton.LeftButton,
    Qt.MouseButton.RightButton,
    Qt.MouseButton.MiddleButton,
)
PLAIN, SHIFT, CTRL, ALT = (
    Qt.KeyboardModifier.NoModifier,
    Qt.KeyboardModifier.ShiftModifier,
    Qt.KeyboardModifier.ControlModifier,
    Qt.KeyboardModifier.AltModifier,
)


T = TypeVar("T")


class Hand:
    """The window's side of the tools, and the user's hand on mouse, wheel and keys."""

    grab_radius = 2.0

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self.document: Document | None = None
        self.prediction: Prediction | None = None
        self.image_rgb: ImageRgb | None = None
        self.class_index = 1
        self.brush_size = 1.0
        self.brush_shape = "round"
        self.at = QPointF(0, 0)

    def option(self, option: Option[T]) -> T:
        value: T = getattr(self, option.name, option.default)
        return value

    def set_option(self, option: Option[T], value: T) -> None:
        setattr(self, option.name, value)

    def set_class(self, index: int) -> None:
        self.class_index = index

    def show_active(self) -> None: ...

    def open(self, document: Document | None) -> None:
        self.document = document
        self.canvas.set_document(document, None if document is None else make_picture())

    def over(self, x: int, y: int) -> QPointF:
        """The position in the widget of the middle of an image pixel."""
        assert self.canvas.view is not None
        dpr = self.canvas.devicePixelRatioF()
        left, top = self.canvas.view.to_device(x + 0.5, y + 0.5)
        return QPointF(left / dpr, top / dpr)

    def mouse(
        self,
        kind: QEvent.Type,
        position: QPointF,
        button: Qt.MouseButton,
        held: Qt.MouseButton,
        keys: Qt.KeyboardModifier = PLAIN,
    ) -> None:
        QApplication.sendEvent(self.canvas, QMouseEvent(kind, position, position, button, held, keys))
        self.at = position

    def press(self, position: QPointF, button: Qt.MouseButton = LEFT, keys: Qt.KeyboardModifier = PLAIN) -> None:
        self.mouse(QEvent.Type.MouseButtonPress, position, button, button, keys)

    def move(self, position: QPointF, held: Qt.MouseButton = NO_BUTTON) -> None:
        self.mouse(QEvent.Type.MouseMove, position, NO_BUTTON, held)

    def release(self, button: Qt.MouseButton = LEFT) -> None:
        self.mouse(QEvent.Type.MouseButtonRelease, self.at, button, NO_BUTTON)

    def click(self, position: QPointF, button: Qt.MouseButton = LEFT, keys: Qt.KeyboardModifier = PLAIN) -> None:
        self.press(position, button, keys)
        self.release(button)

    def wheel(self, position: QPointF, notches: int, keys: Qt.KeyboardModifier = PLAIN) -> None:
        event = QWheelEvent(
            position,
            position,
            QPoint(),
            QPoint(0, 120 * notches),
            NO_BUTTON,
            keys,
            Qt.ScrollPhase.NoScrollPhase,
            False,
        )
        QApplication.sendEvent(self.canvas, event)

    def key(self, key: Qt.Key, kind: QEvent.Type = QEvent.Type.KeyPress) -> bool:
        event = QKeyEvent(kind, key, PLAIN)
        QApplication.sendEvent(self.canvas, event)
        return event.isAccepted()


def make_picture() -> ImagePyramid:
    rng = np.random.default_rng(5)
    return ImagePyramid(rng.integers(0, 256, (HEIGHT, WIDTH, 3), np.uint8))


def make_document(image_id: str = "one") -> Document:
    return Document(image_id, Labels.unlabelled(HEIGHT, WIDTH), Status.NEW)


def document_of(hand: Hand) -> Document:
    assert hand.document is not None
    return hand.document


def painted(document: Document) -> set[tuple[int, int]]:
    rows, columns = np.nonzero(document.provenance)
    return set(zip(columns.tolist(), rows.tolist(), strict=True))


def grabbed(canvas: Canvas) -> np.ndarray[Any, np.dtype[np.uint32]]:
    """What the widget shows, 0xAARRGGBB in device pixels."""
    image = canvas.grab().toImage().convertToFormat(QImage.Format.Format_RGB32)
    stride = image.bytesPerLine() // 4
    pixels = np.frombuffer(image.constBits(), np.uint32).reshape(image.height(), stride)
    return pixels[:, : image.width()].copy()


# --- painting


@pytest.mark.parametrize("scale", [0.5, 1.0, 2.0, 3.3, 20.0])
def test_a_click_paints_the_pixel_under_the_cursor_and_shows_it(hand: Hand, scale: float) -> None:
    canvas, document = hand.canvas, document_of(hand)
    middle = QPointF(200, 150)
    for _ in range(2):  # the first step may stop at 100 %
        canvas.zoom_at(middle, scale / canvas.zoom)
    assert canvas.zoom == pytest.approx(scale)
    position = QPointF(203, 148)
    x, y = (int(v) for v in canvas.to_image(position))
    hand.click(position)
    assert painted(document) == {(x, y)}
    assert document.label_map[y, x] == 1
    canvas.set_tool(None)
    canvas.layers.set_style(Layer.LABELS, opacity=1)
    red, green, blue = TABLE.classes[1].colour
    assert grabbed(canvas)[148, 203] & 0xFFFFFF == red << 16 | green << 8 | blue


def test_a_stroke_is_shown_as_a_full_repaint_would_show_it(hand: Hand) -> None:
    canvas = hand.canvas
    grabbed(canvas)
    hand.brush_size = 5
    hand.press(hand.over(10, 10))
    for x in range(12, 60, 7):
        hand.move(hand.over(x, 10 + x // 2), LEFT)
        QApplication.processEvents()
    hand.release()
    incremental = grabbed(canvas)
    canvas.layers.set_table(TABLE)  # makes every cache stale
    assert np.array_equal(grabbed(canvas), incremental)


def test_right_button_erases(hand: Hand) -> None:
    document = document_of(hand)
    hand.click(hand.over(20, 20))
    assert painted(document)
    hand.click(hand.over(20, 20), RIGHT)
    assert not painted(document)


def test_pen_paints_and_its_eraser_erases(hand: Hand) -> None:
    document = document_of(hand)
    for end in (QPointingDevice.PointerType.Pen, QPointingDevice.PointerType.Eraser):
        device = QPointingDevice(
            "pen",
            1,
            QInputDevice.DeviceType.Stylus,
            end,
            QInputDevice.Capability.Pressure,
            1,
            1,
            "",
            QPointingDeviceUniqueId(),
        )
        for kind, button, held in (
            (QEvent.Type.TabletPress, LEFT, LEFT),
            (QEvent.Type.TabletRelease, LEFT, NO_BUTTON),
        ):
            at = hand.over(30, 30)
            event = QTabletEvent(kind, device, at, at, 0.5, 0.0, 0.0, 0.0, 0.0, 0.0, PLAIN, button, held)
            QApplication.sendEvent(hand.canvas, event)
            assert event.isAccepted()
        assert painted(document) == ({(30, 30)} if end == QPointingDevice.PointerType.Pen else set())


def test_losing_the_focus_keeps_the_stroke(hand: Hand) -> None:
    document = document_of(hand)
    hand.press(hand.over(20, 20))
    hand.move(hand.over(25, 20), LEFT)
    QApplication.sendEvent(hand.canvas, QFocusEvent(QEvent.Type.FocusOut))
    assert not document.editing
    assert document.revision == 1
    assert (25, 20) in painted(document)
    hand.move(hand.over(40, 40))
    assert (40, 40) not in painted(document)


def test_a_release_that_went_elsewhere_ends_the_stroke(hand: Hand) -> None:
    document = document_of(hand)
    hand.press(hand.over(20, 20))
    hand.move(hand.over(50, 50), NO_BUTTON)
    assert not document.editing
    assert painted(document) == {(20, 20)}


def test_losing_the_focus_leaves_a_half_done_polygon_open(hand: Hand) -> None:
    tool = Polygon(hand)  # type: ignore[arg-type]
    hand.canvas.set_tool(tool)
    for corner in ((10, 10), (40, 10), (40, 40)):
        hand.click(hand.over(*corner))
    QApplication.sendEvent(hand.canvas, QFocusEvent(QEvent.Type.FocusOut))
    assert tool.busy
    assert hand.key(Qt.Key.Key_Return)
    assert (35, 15) in painted(document_of(hand))


def test_escape_drops_the_polygon_and_is_left_to_the_window_otherwise(hand: Hand) -> None:
    tool = Polygon(hand)  # type: ignore[arg-type]
    hand.canvas.set_tool(tool)
    hand.click(hand.over(10, 10))
    assert hand.key(Qt.Key.Key_Escape)
    assert not tool.busy
    assert not hand.key(Qt.Key.Key_Escape)
    assert hand.canvas.isVisible()


def test_digits_and_letters_are_left_to_actions(hand: Hand) -> None:
    assert not any(hand.key(key) for key in (Qt.Key.Key_1, Qt.Key.Key_B, Qt.Key.Key_D, Qt.Key.Key_X))


# --- the view


def test_ctrl_wheel_zooms_at_the_cursor(hand: Hand) -> None:
    position = QPointF(150, 120)
    before = hand.canvas.to_image(position)
    scale = hand.canvas.zoom
    hand.wheel(position, 2, CTRL)
    assert hand.canvas.zoom == pytest.approx(scale * 1.25**2)
    assert hand.canvas.to_image(position) == pytest.approx(before, abs=1 / scale)


def test_wheel_scrolls_and_changes_size_and_edges_of_the_brush(hand: Hand, qtbot: QtBot) -> None:
    canvas = hand.canvas
    canvas.zoom_at(QPointF(200, 150), 3)
    before = canvas.view
    hand.wheel(QPointF(100, 100), 1)
    assert before is not None
    assert canvas.view == before.pan(0, 60)
    with qtbot.waitSignal(canvas.brush_resize) as resized:
        hand.wheel(QPointF(100, 100), 1, SHIFT)
    assert resized.args == [pytest.approx(1.2)]
    strengths = []
    for notches in (1, -1, -1):
        hand.wheel(QPointF(100, 100), notches, ALT)
        strengths.append(hand.option(EDGES))
    assert strengths == [30, 0, 0]
    canvas.set_tool(Polygon(hand))  # type: ignore[arg-type]
    hand.wheel(QPointF(100, 100), -1, SHIFT)
    assert canvas.view == before.pan(0, 60).pan(-60, 0)
    canvas.wheel.zooms = True
    hand.wheel(QPointF(100, 100), -1)
    assert canvas.zoom == pytest.approx(before.scale / 1.25)


@pytest.mark.parametrize("how", ["middle", "space"])
def test_drag_pans(hand: Hand, how: str) -> None:
    canvas = hand.canvas
    canvas.zoom_at(QPointF(200, 150), 3)
    before = canvas.view
    button = MIDDLE if how == "middle" else LEFT
    if how == "space":
        assert hand.key(Qt.Key.Key_Space)
    hand.press(QPointF(100, 100), button)
    hand.move(QPointF(90, 115), button)
    hand.release(button)
    assert before is not None
    assert canvas.view == before.pan(-10, 15)
    assert not painted(document_of(hand))
    hand.key(Qt.Key.Key_Space, QEvent.Type.KeyRelease)
    hand.click(QPointF(100, 100))
    assert painted(document_of(hand))


def test_a_fitted_view_stays_fitted_and_another_keeps_its_zoom(hand: Hand) -> None:
    canvas = hand.canvas
    scale = canvas.zoom
    canvas.resize(800, 600)
    assert canvas.zoom > 1.9 * scale
    canvas.one_to_one()
    canvas.resize(500, 400)
    assert canvas.zoom == 1


def test_keep_view_from_image_to_image(hand: Hand) -> None:
    canvas = hand.canvas
    canvas.zoom_in()
    view = canvas.view
    canvas.keep_view = True
    hand.open(make_document("two"))
    assert canvas.view == view
    canvas.keep_view = False
    hand.open(make_document("three"))
    assert canvas.view != view


# --- the ring, hovering, picking


def test_the_ring_follows_the_cursor_and_goes_with_it(hand: Hand) -> None:
    canvas = hand.canvas
    canvas.layers.set_style(Layer.IMAGE, visible=False)
    bare = grabbed(canvas)
    hand.brush_size = 9
    hand.move(hand.over(40, 30))
    QApplication.processEvents()
    first = grabbed(canvas)
    _, columns = np.nonzero(first != bare)
    assert canvas.view is not None
    left, right = (canvas.view.to_device(x, 0)[0] for x in (36, 45))
    assert columns.min() == pytest.approx(left, abs=3)
    assert columns.max() == pytest.approx(right, abs=3)
    hand.move(hand.over(20, 30))
    QApplication.processEvents()
    hand.move(hand.over(40, 30))
    QApplication.processEvents()
    assert np.array_equal(grabbed(canvas), first)
    QApplication.sendEvent(canvas, QEvent(QEvent.Type.Leave))
    QApplication.processEvents()
    assert np.array_equal(grabbed(canvas), bare)


def test_the_ring_lies_around_the_painted_pixels(hand: Hand) -> None:
    canvas, document = hand.canvas, document_of(hand)
    canvas.zoom_at(QPointF(200, 150), 10 / canvas.zoom)
    hand.brush_size = 4
    hand.move(QPointF(200, 150))
    hand.click(QPointF(200, 150))
    scene = canvas._scene
    assert scene is not None
    assert scene.overlay.ring is not None
    ring = scene.overlay.ring
    xs = [x for x, _ in painted(document)]
    assert (min(xs), max(xs) + 1) == (ring.x - 2, ring.x + 2)


def test_hovered_tells_the_pixel_once_and_none_outside(hand: Hand) -> None:
    told: list[object] = []
    hand.canvas.hovered.connect(told.append)
    hand.move(hand.over(3, 4))
    hand.move(hand.over(3, 4) + QPointF(0.5, 0))
    hand.move(QPointF(1, 1))
    hand.move(hand.over(79, 59))
    QApplication.sendEvent(hand.canvas, QEvent(QEvent.Type.Leave))
    assert told == [(3, 4), None, (79, 59), None]


def test_on_a_screen_of_another_pixel_ratio_all_is_drawn_for_it(hand: Hand, monkeypatch: pytest.MonkeyPatch) -> None:
    canvas = hand.canvas
    hand.move(hand.over(20, 20))
    grabbed(canvas)
    view = canvas.view
    assert view is not None
    ratio = canvas.devicePixelRatioF()
    monkeypatch.setattr(canvas, "devicePixelRatioF", lambda: 2 * ratio)
    canvas.repaint()
    assert canvas.view is not None
    assert (canvas.view.width, canvas.view.height) == (2 * view.width, 2 * view.height)
    assert canvas._scene is not None
    assert canvas._scene.dpr == 2 * ratio
    canvas.resize(canvas.width() * 2, canvas.height() * 2)  # the same device pixels again, of the first ratio
    monkeypatch.setattr(canvas, "devicePixelRatioF", lambda: 4 * ratio)
    canvas.resize(canvas.width() // 2, canvas.height() // 2)
    canvas.repaint()
    assert canvas._scene is not None
    assert canvas._scene.dpr == 4 * ratio


def test_a_listener_that_fails_leaves_the_canvas_right(hand: Hand) -> None:
    def fail(pixel: object) -> None:
        raise ZeroDivisionError

    hand.move(hand.over(20, 20))
    hand.canvas.hovered.connect(fail)
    document = make_document("two")
    hand.document = document
    with pytest.raises(ZeroDivisionError):
        hand.canvas.set_document(None)
    assert hand.canvas._scene is None
    assert hand.canvas.cursor().shape() == Qt.CursorShape.ArrowCursor


def test_alt_click_picks_labelled_pixels_only(hand: Hand) -> None:
    picked: list[int] = []
    hand.canvas.class_pick.connect(picked.append)
    hand.class_index = VOID
    hand.click(hand.over(5, 5))
    hand.click(hand.over(5, 5), keys=ALT)
    hand.click(hand.over(50, 50), keys=ALT)
    assert picked == [VOID]
    assert painted(document_of(hand)) == {(5, 5)}


def test_alt_right_drag_resizes_the_brush(hand: Hand, qtbot: QtBot) -> None:
    hand.press(QPointF(100, 100), RIGHT, ALT)
    with qtbot.waitSignal(hand.canvas.brush_resize) as resized:
        hand.move(QPointF(110, 100), RIGHT)
    hand.release(RIGHT)
    assert resized.args == [pytest.approx(1.01**10)]
    assert not painted(document_of(hand))


# --- layers


def test_peek_shows_the_bare_image(hand: Hand) -> None:
    canvas = hand.canvas
    canvas.set_tool(None)
    bare = grabbed(canvas)
    with document_of(hand).edit("all") as edit:
        labels = np.full((HEIGHT, WIDTH), 2, np.uint8)
        edit.replace(Labels(labels, np.full_like(labels, Provenance.HUMAN)))
    full = grabbed(canvas)
    assert not np.array_equal(full, bare)
    canvas.layers.set_peeking(True)
    assert np.array_equal(grabbed(canvas), bare)
    canvas.layers.set_peeking(False)
    assert np.array_equal(grabbed(canvas), full)
    canvas.layers.set_hidden(frozenset({2}))
    assert np.array_equal(grabbed(canvas), bare)


def test_layers_and_label_style_are_told(hand: Hand) -> None:
    layers, told = hand.canvas.layers, []
    layers.changed.connect(lambda: told.append((layers.styles[Layer.LABELS].visible, layers.label_style)))
    layers.set_style(Layer.LABELS, visible=False)
    layers.set_label_style(layers.label_style.next)
    layers.set_style(Layer.LABELS, visible=False)
    assert told == [(False, LabelStyle.FILL), (False, LabelStyle.OUTLINE)]


def test_prediction_and_uncertainty_are_drawn_when_asked_for(hand: Hand) -> None:
    canvas = hand.canvas
    canvas.set_tool(None)
    bare = grabbed(canvas)
    label_map = np.full((HEIGHT, WIDTH), VOID, np.uint8)
    label_map[:, :40] = 2
    uncertainty = np.zeros((HEIGHT, WIDTH), np.uint8)
    uncertainty[:, 60:] = 200
    canvas.layers.set_prediction(Prediction("one", label_map, uncertainty, "0" * 64))
    assert canvas.layers.has_prediction
    assert np.array_equal(grabbed(canvas), bare)
    canvas.layers.set_style(Layer.PREDICTION, visible=True)
    canvas.layers.set_style(Layer.UNCERTAINTY, visible=True)
    changed = (grabbed(canvas) != bare)[150]
    shown = [bool(changed[int(hand.over(x, 0).x())]) for x in (10, 30, 50, 70)]
    assert shown == [True, True, False, True]
    with pytest.raises(ValueError, match="prediction is"):
        canvas.layers.set_prediction(Prediction("one", label_map[1:], uncertainty, "0" * 64))


def test_without_a_document_a_text_is_shown_and_nothing_breaks(hand: Hand) -> None:
    canvas = hand.canvas
    hand.open(None)
    canvas.set_empty_text("")
    empty = grabbed(canvas)
    canvas.set_empty_text("Open a folder of images.")
    assert not np.array_equal(grabbed(canvas), empty)
    hand.click(QPointF(100, 100))
    hand.wheel(QPointF(100, 100), 1, CTRL)
    canvas.fit()
    canvas.zoom_in()
    assert canvas.zoom == 1


# --- robustness


class Broken(Tool):
    """Raises, from C, whatever is asked of it."""

    name = "broken"

    def press(self, event: PointerEvent) -> None:
        int("x")


def test_a_raising_tool_is_reported_and_the_window_lives(hand: Hand, qtbot: QtBot) -> None:
    hand.canvas.set_tool(Broken(hand))  # type: ignore[arg-type]
    with qtbot.captureExceptions() as raised:
        hand.click(hand.over(5, 5))
    assert [kind for kind, _, _ in raised] == [ValueError]
    hand.canvas.set_tool(Brush(hand))  # type: ignore[arg-type]
    hand.click(hand.over(5, 5))
    assert painted(document_of(hand)) == {(5, 5)}


def test_a_zoom_shows_the_old_frame_scaled_and_soon_the_exact_one(hand: Hand, qtbot: QtBot) -> None:
    canvas = hand.canvas
    hand.brush_size = 15
    hand.click(QPointF(200, 150))
    grabbed(canvas)
    canvas.zoom_at(QPointF(200, 150), 1.25)
    coarse = grabbed(canvas)
    qtbot.wait(REFINE_MS * 3)
    exact = grabbed(canvas)
    difference = np.abs(coarse.view(np.uint8).astype(int) - exact.view(np.uint8))
    assert not np.array_equal(coarse, exact), "the first frame is not composed anew"
    assert (difference > 40).mean() < 0.1, "and lies where the exact one does"
    canvas.zoom_at(QPointF(200, 150), 1.25)
    canvas.refine()
    at_once = grabbed(canvas)
    qtbot.wait(REFINE_MS * 3)
    assert np.array_equal(at_once, grabbed(canvas))


def test_a_stroke_right_after_a_zoom_is_shown_exactly(hand: Hand) -> None:
    canvas, document = hand.canvas, document_of(hand)
    grabbed(canvas)
    canvas.zoom_at(QPointF(200, 150), 1.25)
    grabbed(canvas)
    hand.brush_size = 9
    hand.click(QPointF(200, 150))
    assert painted(document)
    shown = grabbed(canvas)
    canvas.refine()
    assert np.array_equal(shown, grabbed(canvas))
