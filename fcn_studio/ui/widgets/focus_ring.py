"""The ring around the control that has the keyboard."""

from __future__ import annotations

import shiboken6
from PySide6.QtCore import QObject, Qt
from PySide6.QtWidgets import QApplication, QFocusFrame, QWidget

from fcn_studio.ui.widgets import theme

WITHOUT = "noFocusRing"
"""Property of widgets that show by themselves that they have the keyboard."""


class FocusRing(QObject):
    """Draws a ring around each control of a window and its dialogs that gets the keyboard.

    Styles draw the focus of some kinds of controls only.
    """

    def __init__(self, window: QWidget) -> None:
        super().__init__(window)
        self._window = window
        self._frame: QFocusFrame | None = None
        application = QApplication.instance()
        if isinstance(application, QApplication):
            application.focusChanged.connect(self._move)

    @property
    def around(self) -> QWidget | None:
        """The widget that has the ring."""
        frame = self._frame
        return frame.widget() if frame is not None and shiboken6.isValid(frame) else None

    def _move(self, _old: QWidget | None, new: QWidget | None) -> None:
        frame = self._frame
        if frame is not None and not shiboken6.isValid(frame):  # it went with the dialog that it was in
            frame = None
        if new is None or not self._is_ours(new):
            if frame is not None:
                frame.setWidget(None)  # type: ignore[arg-type]  # takes it away
            return
        if frame is None:
            frame = QFocusFrame(new)
        self._frame = frame
        frame.setStyleSheet(theme.focus_ring(theme.current()))
        frame.setWidget(new)

    def _is_ours(self, widget: QWidget) -> bool:
        if widget.property(WITHOUT) or widget.window().windowType() == Qt.WindowType.Popup:
            return False
        while (parent := widget.parentWidget()) is not None:
            widget = parent
        return widget is self._window
