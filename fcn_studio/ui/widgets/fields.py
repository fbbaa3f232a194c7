"""Fields that leave the wheel to what scrolls and the keyboard to the canvas."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QComboBox

from fcn_studio.ui.runtime.guard import guarded


class Choice(QComboBox):
    """A choice in a list: the wheel scrolls what it lies in and does not choose."""

    @guarded
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


class NumberFieldKeyboard(QObject):
    """Makes a number field hold the keyboard only while somebody types into it, and claim no letters then.

    Args:
        field: the number field; it keeps this.
        wheel: whether the wheel changes it where it has not the keyboard.

    Signals:
        done(): the user is through with it.
    """

    done = Signal()

    def __init__(self, field: QAbstractSpinBox, *, wheel: bool = False) -> None:
        super().__init__(field)
        self._field, self._wheel = field, wheel
        field.setFocusPolicy(Qt.FocusPolicy.StrongFocus)  # Qt's default lets the wheel take the keyboard
        field.setKeyboardTracking(False)
        field.installEventFilter(self)
        field.editingFinished.connect(self._finished)

    def _finished(self) -> None:
        if self._field.hasFocus():  # by Enter: else the keyboard is elsewhere already, and stays there
            self.done.emit()

    @guarded(fallback=False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.MouseButtonRelease:  # on the arrows: the digits are a widget of their own
            QTimer.singleShot(0, self, self.done.emit)
        elif (event.type() == QEvent.Type.ShortcutOverride and _is_letter(event)) or (
            event.type() == QEvent.Type.Wheel and not self._wheel and not self._field.hasFocus()
        ):
            event.ignore()
            return True
        return False


def _is_letter(event: QEvent) -> bool:
    """Whether a key is a letter, which is a tool's or an action's."""
    plain = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier)
    return isinstance(event, QKeyEvent) and event.text().isalpha() and event.modifiers() in plain
