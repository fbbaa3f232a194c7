"""What turning a wheel or scrolling on a touchpad means."""

from __future__ import annotations

from enum import Enum, auto

from PySide6.QtCore import QPoint, Qt
from PySide6.QtGui import QWheelEvent

NOTCH = 120
"""Qt's angle delta of one notch of a wheel, eighths of a degree."""

SCROLL_STEP = 60
"""Logical pixels scrolled by one notch."""


class WheelAction(Enum):
    """What the user wants by it."""

    ZOOM = auto()
    BRUSH_SIZE = auto()
    PAN = auto()


class Wheel:
    """Ctrl zooms, Shift resizes a brush or scrolls sideways, the bare wheel scrolls, or zooms if it is told to.

    Attributes:
        zooms: whether the bare wheel zooms.
    """

    def __init__(self) -> None:
        self.zooms = False
        self._keys = Qt.KeyboardModifier.NoModifier

    def turn(self, event: QWheelEvent, *, brush: bool) -> WheelAction:
        """What an event means, if there is a brush to resize or not. A scroll that rolls on stays what it was."""
        if event.phase() != Qt.ScrollPhase.ScrollMomentum:
            self._keys = event.modifiers()
        shift = bool(self._keys & Qt.KeyboardModifier.ShiftModifier)
        if self._keys & Qt.KeyboardModifier.ControlModifier or (self.zooms and not shift):
            return WheelAction.ZOOM
        return WheelAction.BRUSH_SIZE if shift and brush else WheelAction.PAN

    def distance(self, event: QWheelEvent) -> tuple[float, float]:
        """How far a `WheelAction.PAN` goes, in logical pixels."""
        if self._keys & Qt.KeyboardModifier.ShiftModifier:
            return notches(event) * SCROLL_STEP, 0.0
        moved: QPoint = event.pixelDelta()
        if not moved.isNull():
            return moved.x(), moved.y()
        angle = event.angleDelta()
        return angle.x() / NOTCH * SCROLL_STEP, angle.y() / NOTCH * SCROLL_STEP


def notches(event: QWheelEvent) -> float:
    """How many notches it was turned; some platforms turn the wheel sideways while Shift or Alt is held."""
    angle = event.angleDelta()
    return (angle.y() or angle.x()) / NOTCH
