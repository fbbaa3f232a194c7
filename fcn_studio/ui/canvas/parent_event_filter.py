"""Events that come seldom, caught where they go when the canvas leaves them."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QObject, QPointF, Qt
from PySide6.QtGui import QKeyEvent, QNativeGestureEvent
from PySide6.QtWidgets import QWidget

from fcn_studio.ui.runtime.guard import guarded


class ParentEventFilter(QObject):
    """Hears for a widget of a pinch on a touchpad, and of the question whether it wants the key of a shortcut.

    Qt has no handlers for these, and offers them to the parent if the widget leaves them. There they are caught: a
    widget's own `event` in Python would be called for every move and every paint too, and take a twentieth of the
    time of a brush's event. A widget without a parent hears of none.

    Args:
        widget: for whom.
        pinched: what a pinch does: given where, in the widget's logical pixels, and the factor.
        wants: whether the widget wants a key that a shortcut would take.
    """

    def __init__(
        self, widget: QWidget, pinched: Callable[[QPointF, float], object], wants: Callable[[QKeyEvent], bool]
    ) -> None:
        super().__init__(widget)
        self._widget = widget
        self._pinched = pinched
        self._wants = wants

    def follow(self) -> None:
        """Watch the widget's parent, which is another now; what an earlier one hears is left alone."""
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
