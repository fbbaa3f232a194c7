"""The effect of a mouse wheel and of scrolling on a touchpad."""

from __future__ import annotations

from enum import Enum, auto

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QWheelEvent

NOTCH = 120
"""Qt's angle delta of one notch of a wheel, eighths of a degree."""

SCROLL_STEP = 60
"""Logical pixels scrolled by one notch."""


class WheelAction(Enum):
    """Effects of the wheel."""

    ZOOM = auto()
    BRUSH_SIZE = auto()
    EDGES = auto()
    PAN = auto()


class Wheel:
    """Rule for the effect of the wheel.

    Ctrl zooms, Shift resizes a brush or scrolls sideways, Alt changes how a tool follows edges, the wheel alone
    scrolls, or zooms if ``zooms`` is set.

    Attributes:
        zooms: whether the wheel alone zooms.
    """

    def __init__(self) -> None:
        self.zooms = False
        self._keys = Qt.KeyboardModifier.NoModifier
        self._turned = 0.0  # notches that were no whole step yet

    def turn(self, event: QWheelEvent, *, brush: bool, edges: bool) -> WheelAction:
        """Return the effect of an event.

        A scroll that goes on by momentum keeps its effect.

        Args:
            event: the event of Qt.
            brush: whether there is a brush to resize.
            edges: whether the tool can follow edges.
        """
        if event.phase() != Qt.ScrollPhase.ScrollMomentum:
            self._keys = event.modifiers()
        if edges and self._keys == Qt.KeyboardModifier.AltModifier:
            return WheelAction.EDGES
        shift = bool(self._keys & Qt.KeyboardModifier.ShiftModifier)
        if self._keys & Qt.KeyboardModifier.ControlModifier or (self.zooms and not shift):
            return WheelAction.ZOOM
        return WheelAction.BRUSH_SIZE if shift and brush else WheelAction.PAN

    def steps(self, event: QWheelEvent) -> int:
        """Return the whole notches of an event and of what was left of those before."""
        self._turned += notches(event)
        steps = int(self._turned)
        self._turned -= steps
        return steps

    def distance(self, event: QWheelEvent) -> tuple[float, float]:
        """Return the distance of a `WheelAction.PAN` in logical pixels."""
        if self._keys & Qt.KeyboardModifier.ShiftModifier:
            return notches(event) * SCROLL_STEP, 0.0
        moved: QPoint = event.pixelDelta()
        if not moved.isNull():
            return moved.x(), moved.y()
        angle = event.angleDelta()
        return angle.x() / NOTCH * SCROLL_STEP, angle.y() / NOTCH * SCROLL_STEP


def notches(event: QWheelEvent) -> float:
    """Return the number of notches of an event.

    Some platforms report a sideways turn while Shift or Alt is held.
    """
    angle = event.angleDelta()
    return (angle.y() or angle.x()) / NOTCH
