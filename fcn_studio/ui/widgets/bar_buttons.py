"""A workaround for slow buttons of tool bars."""

from __future__ import annotations

from PySide6.QtCore import QEvent, QMetaMethod, QObject
from PySide6.QtWidgets import QToolButton, QWidget

from fcn_studio.ui.runtime.guard import guarded


class DuplicateConnectionFilter(QObject):
    """Event filter that keeps tool buttons connected to their actions only once.

    It works on the buttons below ``parent``. In Qt 6.11 a `QToolButton` connects itself to its action's ``changed``
    again whenever the action changes and never disconnects. After some thousand strokes, each of which renames and
    enables Undo, a change takes milliseconds.
    """

    def __init__(self, parent: QWidget) -> None:
        super().__init__(parent)
        for button in parent.findChildren(QToolButton):
            if button.defaultAction() is not None:
                button.installEventFilter(self)

    @guarded(fallback=False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.ActionChanged and isinstance(watched, QToolButton):
            action = watched.defaultAction()
            if action is not None:  # the button connects itself again on this event
                changed = QMetaMethod.fromSignal(action.changed)
                QObject.disconnect(action, changed, watched, QMetaMethod())
        return False
