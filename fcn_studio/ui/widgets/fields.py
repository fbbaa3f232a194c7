"""Fields that leave the wheel and the keyboard to others.

They do not take the wheel from lists or the keyboard from the canvas.
"""

from __future__ import annotations

from typing import TypeVar

from PySide6.QtCore import QEvent, QObject, Qt, QTimer, Signal
from PySide6.QtGui import QKeyEvent, QWheelEvent
from PySide6.QtWidgets import QAbstractSpinBox, QComboBox, QDoubleSpinBox, QLineEdit, QSpinBox

from fcn_studio.ui.runtime.guard import guarded

_Number = TypeVar("_Number", QSpinBox, QDoubleSpinBox)


def padded(field: _Number) -> _Number:
    """Indent the text of a number field as in other fields; a style sheet cannot."""
    field.lineEdit().setTextMargins(5, 0, 0, 0)
    return field


class Choice(QComboBox):
    """Combo box that ignores the wheel.

    What the box lies in scrolls instead.
    """

    @guarded
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.ignore()


_ROWS = {Qt.Key.Key_Up: -1, Qt.Key.Key_Down: 1, Qt.Key.Key_PageUp: -10, Qt.Key.Key_PageDown: 10}
"""Rows of a list that a key goes down; lines of text have no use for these keys."""


class TextField(QLineEdit):
    """Line for text, which Escape clears and leaves.

    Signals:
        left(): the user pressed Escape.
        stepped(int): the user pressed an arrow or page key; the rows of a list to go down.
    """

    left = Signal()
    stepped = Signal(int)

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.clear()
            self.left.emit()
        elif Qt.Key(event.key()) in _ROWS:
            self.stepped.emit(_ROWS[Qt.Key(event.key())])
        else:
            super().keyPressEvent(event)


class NumberFieldKeyboard(QObject):
    """Event filter that limits the keyboard focus of a number field.

    The field has the keyboard only while the user types into it, and never takes letters.

    Args:
        field: the number field, the parent of this filter.
        wheel: whether the wheel changes the value without the keyboard focus.

    Signals:
        done(): the user finished typing.
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
        if self._field.hasFocus():  # finished by Enter; else another widget has the keyboard already
            self.done.emit()

    @guarded(fallback=False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        escape = isinstance(event, QKeyEvent) and event.key() == Qt.Key.Key_Escape
        if escape and event.type() == QEvent.Type.KeyPress:
            self.done.emit()
        elif event.type() == QEvent.Type.MouseButtonRelease:  # on the arrows: the digits are a separate widget
            QTimer.singleShot(0, self, self.done.emit)
        elif (event.type() in (QEvent.Type.ShortcutOverride, QEvent.Type.KeyPress) and _is_letter(event)) or (
            event.type() == QEvent.Type.Wheel and not self._wheel and not self._field.hasFocus()
        ):
            event.ignore()
            return True
        return False


def _is_letter(event: QEvent) -> bool:
    """Return whether a key is a letter, and thus a shortcut."""
    plain = (Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ShiftModifier)
    return isinstance(event, QKeyEvent) and event.text().isalpha() and event.modifiers() in plain
