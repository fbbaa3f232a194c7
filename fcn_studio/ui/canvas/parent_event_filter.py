"""Rare events of the canvas, taken from its parent."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QNativeGestureEvent
from PySide6.QtWidgets import QWidget

from fcn_studio.ui.runtime.guard import guarded


class ParentEventFilter(QObject):
    """Event filter for pinches on a touchpad and for keys of shortcuts.

    Qt has no handlers for these events and passes them to the parent if the widget ignores them. This filter takes
    them there. Overriding `event` of the widget would call Python for every move and every paint too, and take a
    twentieth of the time of a brush event. A widget without a parent gets none of these events.

    Args:
        widget: the widget that the events are for.
        pinched: called with the position in the widget's logical pixels and the factor of a pinch.
        wants: returns whether the widget needs a key that is also a shortcut.
    """

    def __init__(
        self, widget: QWidget, pinched: Callable[[QPointF, float], object], wants: Callable[[QKeyEvent], bool]
    ) -> None:
        super().__init__(widget)
        self._widget = widget
        self._pinched = pinched
        self._wants = wants

    def follow(self) -> None:
        """Filter the events of the widget's present parent."""
        if (parent := self._widget.parentWidget()) is not None:
            parent.installEventFilter(self)

    @guarded(fallback=False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if watched is not self._widget.parentWidget():
            return False
        if isinstance(event, QNativeGestureEvent):
            at = self._widget.mapFromGlobal(event.globalPosition())
            there = self._widget.isVisible() and self._widget.rect().contains(at.toPoint())
            if there and event.gestureType() == Qt.NativeGestureType.ZoomNativeGesture:
                self._pinched(at, 1 + event.value())
            event.setAccepted(there)
            return there
        if isinstance(event, QKeyEvent) and event.type() == QEvent.Type.ShortcutOverride:
            wanted = self._widget.hasFocus() and self._wants(event)
            event.setAccepted(wanted)
            return wanted
        return False
