"""Field that takes a key in place of text."""

from __future__ import annotations

from PySide6.QtCore import QEvent, Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QLineEdit, QWidget

from fcn_studio.i18n import tr
from fcn_studio.ui.actions.physical_keys import pressed_key
from fcn_studio.ui.runtime.guard import guarded

_OF_DIALOG = (
    Qt.Key.Key_Return, Qt.Key.Key_Enter, Qt.Key.Key_Escape, Qt.Key.Key_Tab, Qt.Key.Key_Backtab,
)  # fmt: skip


class KeyField(QLineEdit):
    """Field that shows the key that was pressed last.

    Enter, Esc and Tab without Ctrl, Alt or Meta work as everywhere in a dialog. Backspace clears the field.

    Signals:
        pressed(str): a key was pressed, in Qt's portable spelling; "" if the field was cleared.
    """

    pressed = Signal(str)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent, placeholderText=tr("Press a key"), clearButtonEnabled=True)
        self.setContextMenuPolicy(Qt.ContextMenuPolicy.NoContextMenu)
        self.textEdited.connect(self._edited)

    def _edited(self, text: str) -> None:
        """Take a clear by the button; an input method cannot write here."""
        self.setText("")
        self.pressed.emit("")

    @guarded(fallback=False)
    def event(self, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ShortcutOverride and isinstance(event, QKeyEvent) and not _is_of_dialog(event):
            event.accept()  # else a shortcut would take it
            return True
        return super().event(event)

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if _is_of_dialog(event):
            event.ignore()
        elif event.key() == Qt.Key.Key_Backspace and not event.modifiers():
            self._edited("")
        elif not event.isAutoRepeat() and (key := pressed_key(event)):
            self.setText(key)
            self.pressed.emit(key)


def _is_of_dialog(event: QKeyEvent) -> bool:
    plain = not event.modifiers() & ~(Qt.KeyboardModifier.ShiftModifier | Qt.KeyboardModifier.KeypadModifier)
    shifted = event.modifiers() & Qt.KeyboardModifier.ShiftModifier and event.key() in _OF_DIALOG[:2]
    return plain and not shifted and event.key() in _OF_DIALOG
