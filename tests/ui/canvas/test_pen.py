"""Pens and touchpads, by Qt's own events: pressure, the eraser end, scrolls that roll on."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QInputDevice, QPointingDevice, QPointingDeviceUniqueId, QTabletEvent, QWheelEvent
from PySide6.QtWidgets import QApplication, QToolButton

from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.settings import Settings
from fcn_studio.tools.brush import Brush
from fcn_studio.tools.options import PEN_PRESSURE
from fcn_studio.ui.canvas import Canvas
from tests.ui.canvas.test_canvas import CTRL, LEFT, NO_BUTTON, PLAIN, Hand, painted
from tests.ui.conftest import Studio

TIP, ERASER = QPointingDevice.PointerType.Pen, QPointingDevice.PointerType.Eraser
PRESS, MOVE, RELEASE = QEvent.Type.TabletPress, QEvent.Type.TabletMove, QEvent.Type.TabletRelease


class Pen:
    """A pen over a canvas, by its tip or its eraser end."""

    def __init__(self, canvas: Canvas) -> None:
        self.canvas = canvas
        self._devices = {
            end: QPointingDevice(
                "pen", number, QInputDevice.DeviceType.Stylus, end, QInputDevice.Capability.Pressure, 1, 1, "",
                QPointingDeviceUniqueId(),
            )
            for number, end in enumerate((TIP, ERASER), 1)
        }  # fmt: skip

    def do(
        self,
        kind: QEvent.Type,
        at: QPointF,
        pressure: float = 0.5,
        end: QPointingDevice.PointerType = TIP,
        held: bool = True,
    ) -> None:
        button = NO_BUTTON if kind == MOVE else LEFT
        buttons = LEFT if held and kind != RELEASE else NO_BUTTON
        event = QTabletEvent(
            kind, self._devices[end], at, at, pressure, 0.0, 0.0, 0.0, 0.0, 0.0, PLAIN, button, buttons
        )
        QApplication.sendEvent(self.canvas, event)
        assert event.isAccepted()


def widths(hand: Hand) -> list[int]:
    """How many painted pixels each column has."""
    assert hand.document is not None
    return [int(n) for n in (hand.document.provenance == Provenance.HUMAN).sum(axis=0)]


def draw(pen: Pen, hand: Hand, pressures: list[float]) -> None:
    for number, pressure in enumerate(pressures):
        pen.do(MOVE if number else PRESS, hand.over(15 + 8 * number, 30), pressure)
    pen.do(RELEASE, hand.over(15 + 8 * (len(pressures) - 1), 30), 0.0)


def test_pressure_sets_the_size_up_to_the_chosen_one(hand: Hand) -> None:
    canvas, pen = hand.canvas, Pen(hand.canvas)
    hand.brush_size = 20
    canvas.pen_pressure = True
    draw(pen, hand, [0.1, 0.3, 0.5, 0.8, 1.0])
    grown = widths(hand)
    assert grown[15] == pytest.approx(6, abs=1)  # the second segment reaches back over the first dab
    assert max(grown) == 20
    ahead = grown[13:58]
    assert all(b >= a for a, b in pairwise(ahead[:35]))


def test_without_the_option_a_pen_paints_like_a_mouse(hand: Hand) -> None:
    hand.brush_size = 20
    draw(Pen(hand.canvas), hand, [0.1, 0.3, 0.5])
    assert set(widths(hand)[16:30]) == {20}


def test_the_ring_shows_the_size_of_the_moment_and_the_full_one_at_rest(hand: Hand) -> None:
    canvas, pen = hand.canvas, Pen(hand.canvas)
    hand.brush_size = 20
    canvas.pen_pressure = True

    def ring() -> int:
        assert canvas._scene is not None
        assert canvas._scene.overlay.ring is not None
        return canvas._scene.overlay.ring.size

    pen.do(MOVE, hand.over(30, 30), 0.0, held=False)
    assert ring() == 20
    pen.do(PRESS, hand.over(30, 30), 0.25)
    assert ring() == 5
    pen.do(MOVE, hand.over(40, 30), 0.75)
    assert ring() == 15
    pen.do(RELEASE, hand.over(40, 30), 0.0)
    assert ring() == 20


def test_a_stroke_of_changing_pressure_is_one_step(hand: Hand) -> None:
    assert hand.document is not None
    hand.canvas.pen_pressure = True
    hand.brush_size = 12
    draw(Pen(hand.canvas), hand, [0.2, 1.0, 0.4])
    assert painted(hand.document)
    hand.document.undo()
    assert not painted(hand.document)
    hand.press(hand.over(40, 30))  # a mouse has its full size again
    hand.release()
    assert max(widths(hand)) == 12


def test_the_eraser_end_is_the_eraser_until_the_pen_is_turned_back(studio: Studio) -> None:
    canvas, toolbox, pen = studio.window.canvas, studio.toolbox, Pen(studio.window.canvas)
    document = studio.session.document
    assert document is not None
    assert not studio.window.options_bar._option_parts[PEN_PRESSURE][0].isVisible()
    toolbox.use("fill")
    middle = QPointF(canvas.width() / 2, canvas.height() / 2)
    with document.edit("all") as edit:
        ones = np.ones(document.label_map.shape, np.uint8)
        edit.replace(Labels(ones, np.full_like(ones, Provenance.HUMAN)))
    pen.do(MOVE, middle, 0.0, ERASER, held=False)
    assert toolbox.tool_name == "eraser"
    assert canvas._scene is not None
    assert canvas._scene.overlay.ring is not None
    assert canvas._scene.overlay.ring.erasing
    pen.do(PRESS, middle, 0.5, ERASER)
    pen.do(RELEASE, middle, 0.0, ERASER)
    assert (document.provenance == Provenance.NOBODY).any()
    pen.do(MOVE, middle, 0.0, held=False)
    assert toolbox.tool_name == "fill"
    toolbox.use("brush")
    assert studio.window.options_bar._option_parts[PEN_PRESSURE][0].isVisible()


def test_the_mouse_takes_the_tool_back_from_a_pen_laid_down(studio: Studio) -> None:
    pen, hand = Pen(studio.window.canvas), Hand(studio.window.canvas)
    middle = QPointF(100, 100)
    pen.do(MOVE, middle, 0.0, ERASER, held=False)
    assert studio.toolbox.tool_name == "eraser"
    hand.click(middle)
    assert studio.toolbox.tool_name == "brush"


def test_a_half_done_polygon_is_not_closed_by_turning_the_pen(studio: Studio) -> None:
    pen, hand = Pen(studio.window.canvas), Hand(studio.window.canvas)
    studio.toolbox.use("polygon")
    for x, y in ((100, 100), (200, 100), (200, 200), (150, 220)):
        hand.click(QPointF(x, y))
    pen.do(PRESS, QPointF(150, 150), 0.5, ERASER)
    assert studio.toolbox.tool_name == "polygon"
    assert len(studio.toolbox.tool.overlay().points) == 3


def test_the_option_is_in_the_bar_and_remembered(studio: Studio) -> None:
    bar, canvas = studio.window.options_bar, studio.window.canvas
    Pen(canvas).do(MOVE, QPointF(100, 100), 0.0, held=False)
    (pressure,) = bar._controls[PEN_PRESSURE].widgets
    assert isinstance(pressure, QToolButton)
    pressure.click()
    assert canvas.pen_pressure
    assert Settings().pen_pressure
    studio.settings.pen_pressure = False
    assert not canvas.pen_pressure
    assert not pressure.isChecked()


def roll(canvas: Canvas, phase: Qt.ScrollPhase, keys: Qt.KeyboardModifier = PLAIN) -> None:
    at = QPointF(200, 150)
    event = QWheelEvent(at, at, QPoint(0, 30), QPoint(0, 60), NO_BUTTON, keys, phase, False)
    QApplication.sendEvent(canvas, event)


def test_a_scroll_rolls_on_and_no_key_makes_it_a_zoom(hand: Hand) -> None:
    canvas = hand.canvas
    canvas.zoom_at(QPointF(200, 150), 4)
    before = canvas.view
    assert before is not None
    roll(canvas, Qt.ScrollPhase.ScrollBegin)
    roll(canvas, Qt.ScrollPhase.ScrollMomentum)
    roll(canvas, Qt.ScrollPhase.ScrollMomentum, CTRL)
    assert canvas.view == before.pan(0, 90)
    roll(canvas, Qt.ScrollPhase.NoScrollPhase, CTRL)
    assert canvas.zoom > before.scale


def test_a_stroke_stops_what_rolls_on(hand: Hand) -> None:
    canvas = hand.canvas
    canvas.set_tool(Brush(hand))  # type: ignore[arg-type]
    canvas.zoom_at(QPointF(200, 150), 4)
    roll(canvas, Qt.ScrollPhase.ScrollBegin)
    hand.press(QPointF(200, 150))
    view = canvas.view
    roll(canvas, Qt.ScrollPhase.ScrollMomentum)
    assert canvas.view == view
    hand.release()
    roll(canvas, Qt.ScrollPhase.ScrollMomentum)
    assert canvas.view != view
