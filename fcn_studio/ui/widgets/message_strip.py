"""A strip above the image for sentences: notices go by themselves, problems and offers stay until closed."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from fcn_studio.ui import theme
from fcn_studio.ui.widgets.named import named

NOTICE_MS = 8000


class MessageStrip(QFrame):
    """Shows one sentence; a problem is not pushed away by a notice."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setObjectName("messageStrip")
        self._icon = QLabel()
        self._label = named(QLabel(wordWrap=True), "Message")
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.button = named(QPushButton(), "What can be done about it")
        self.button.clicked.connect(self._take_offer)
        self._act: Callable[[], object] | None = None
        self._close = named(QToolButton(autoRaise=True), "Close this message", "Close this message")
        self._close.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * theme.GRID, theme.GRID // 2, theme.GRID, theme.GRID // 2)
        row.setSpacing(theme.GRID)
        row.addWidget(self._icon)
        row.addWidget(self._label, 1)
        row.addWidget(self.button)
        row.addWidget(self._close)
        self._timer = QTimer(self, singleShot=True, interval=NOTICE_MS)
        self._timer.timeout.connect(self.dismiss)
        self.retheme()
        self.hide()

    @property
    def text(self) -> str:
        """The sentence shown, or ""."""
        return self._label.text()

    def retheme(self) -> None:
        """Draw icons in the colours of the theme."""
        self._close.setIcon(theme.icon("close"))
        problem = self.property("kind") == "problem"
        self._icon.setPixmap(theme.icon("warning" if problem else "info").pixmap(20, 20))

    def show_notice(self, text: str) -> None:
        """Show a sentence for some seconds, unless a problem or an offer is still there."""
        if self.property("kind") in ("problem", "offer") and not self.isHidden():
            return
        self._show(text, "notice")
        self._timer.start()

    def show_problem(self, text: str) -> None:
        """Show a sentence until the user closes it."""
        self._timer.stop()
        self._show(text, "problem")

    def show_offer(self, text: str, label: str, act: Callable[[], object]) -> None:
        """Show a sentence with a button, until the user closes it or takes the offer; then ``act`` is called."""
        self._timer.stop()
        self._show(text, "offer", label, act)

    def dismiss(self) -> None:
        """Show nothing."""
        self._timer.stop()
        self._label.clear()
        self.hide()

    def _take_offer(self) -> None:
        act = self._act
        self.dismiss()
        if act is not None:
            act()

    def _show(self, text: str, kind: str, label: str = "", act: Callable[[], object] | None = None) -> None:
        self.setProperty("kind", kind)
        self._act = act
        self.button.setText(label)
        self.button.setVisible(act is not None)
        self.style().polish(self)  # the style sheet looks at the property
        self.retheme()
        self._label.setText(text)
        self.show()
