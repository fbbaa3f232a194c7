"""The last place that knows Qt's mouse and pen: its events as the tools' `PointerEvent`."""

from __future__ import annotations

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


def tool_key(event: QKeyEvent) -> str | None:
    """The name by which a tool is offered this key: "Enter", "Backspace" or "Escape"; None for all others."""
    bare = event.modifiers() & ~Qt.KeyboardModifier.KeypadModifier == Qt.KeyboardModifier.NoModifier
    return _TOOL_KEYS.get(event.key()) if bare else None


def is_eraser(event: QTabletEvent) -> bool:
    """Whether the pen was turned to its eraser end."""
    return event.pointerType() == QPointingDevice.PointerType.Eraser


def pointer_event(event: QSinglePointEvent, point_xy: Point, *, clicks: int = 1, feel: bool = False) -> PointerEvent:
    """A mouse or pen event at a point in image coordinates. The eraser end of a pen is the right button.

    Args:
        event: Qt's.
        point_xy: where it is.
        clicks: 2 for a double click.
        feel: pass the pressure of a pen on; else it is 1.
    """
    held, modifiers = event.buttons(), event.modifiers()
    button = _BUTTONS.get(event.button(), "none")
    buttons = {name for qt, name in _BUTTONS.items() if held & qt}
    pressure = 1.0
    if isinstance(event, QTabletEvent):
        pressure = event.pressure() if feel else 1.0
        if is_eraser(event):
            button = "right" if button == "left" else button
            buttons = {"right" if name == "left" else name for name in buttons}
    return PointerEvent(
        *point_xy,
        button=button,
        buttons=frozenset(buttons),
        shift=bool(modifiers & Qt.KeyboardModifier.ShiftModifier),
        ctrl=bool(modifiers & Qt.KeyboardModifier.ControlModifier),
        alt=bool(modifiers & Qt.KeyboardModifier.AltModifier),
        pressure=pressure,
        clicks=clicks,
    )
