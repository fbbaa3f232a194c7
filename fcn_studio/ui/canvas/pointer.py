"""Conversion of Qt's mouse and pen events to the tools' `PointerEvent`."""

from __future__ import annotations

from functools import lru_cache

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent, QPointingDevice, QSinglePointEvent, QTabletEvent

from fcn_studio.core.raster import Point
from fcn_studio.tools.base import Button, PointerEvent

_BUTTONS: dict[Qt.MouseButton, Button] = {
    Qt.MouseButton.LeftButton: "left",
    Qt.MouseButton.RightButton: "right",
    Qt.MouseButton.MiddleButton: "middle",
}

_TOOL_KEYS: dict[int, str] = {
    Qt.Key.Key_Return: "Enter",
    Qt.Key.Key_Enter: "Enter",
    Qt.Key.Key_Backspace: "Backspace",
    Qt.Key.Key_Escape: "Escape",
}

_ARROWS: dict[int, str] = {
    Qt.Key.Key_Left: "Left",
    Qt.Key.Key_Right: "Right",
    Qt.Key.Key_Up: "Up",
    Qt.Key.Key_Down: "Down",
}


def tool_key(event: QKeyEvent) -> str | None:
    """Return a tool's name of a key, or None.

    Names are "Enter", "Backspace" and "Escape"; "Left", "Right", "Up" and "Down", and these with "Shift+" before.
    """
    held = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier
    if held == Qt.KeyboardModifier.ShiftModifier and event.key() in _ARROWS:
        return f"Shift+{_ARROWS[event.key()]}"
    return (_TOOL_KEYS | _ARROWS).get(event.key()) if held == Qt.KeyboardModifier.NoModifier else None


def is_eraser(event: QTabletEvent) -> bool:
    """Return whether a pen event comes from its eraser end."""
    return event.pointerType() == QPointingDevice.PointerType.Eraser


def pointer_event(event: QSinglePointEvent, point_xy: Point, *, clicks: int = 1, feel: bool = False) -> PointerEvent:
    """Return a mouse or pen event in image coordinates.

    The eraser end of a pen is the right button.

    Args:
        event: the event of Qt.
        point_xy: its position in image coordinates.
        clicks: 2 for a double click.
        feel: use the pressure of a pen; otherwise the pressure is 1.
    """
    button, buttons, pressure = _BUTTONS.get(event.button(), "none"), _held(event.buttons()), 1.0
    shift, ctrl, alt = _keys(event.modifiers())
    if isinstance(event, QTabletEvent):
        pressure = event.pressure() if feel else 1.0
        if is_eraser(event):
            button = "right" if button == "left" else button
            buttons = frozenset("right" if name == "left" else name for name in buttons)
    return PointerEvent(
        *point_xy,
        button=button,
        buttons=buttons,
        shift=shift,
        ctrl=ctrl,
        alt=alt,
        pressure=pressure,
        clicks=clicks,
    )


@lru_cache(maxsize=64)  # for each event asks, and asking a flag of Qt's takes a microsecond
def _held(held: Qt.MouseButton) -> frozenset[Button]:
    return frozenset(name for qt, name in _BUTTONS.items() if held & qt)


@lru_cache(maxsize=64)
def _keys(held: Qt.KeyboardModifier) -> tuple[bool, bool, bool]:
    """Return whether Shift, Ctrl and Alt are held."""
    keys = Qt.KeyboardModifier
    return bool(held & keys.ShiftModifier), bool(held & keys.ControlModifier), bool(held & keys.AltModifier)
