"""The strip over the upper edge of the image.

It shows notices, problems and offers. It floats, so that the image below stays in place when a message appears or
disappears. Notices disappear after some seconds, problems and offers stay until the user closes them. An offer that
is covered by a problem or another offer comes back when that is closed; equal offers are shown once.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial

from PySide6.QtCore import QEvent, QObject, Qt, QTimer
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QToolButton, QWidget

from fcn_studio.i18n import tr
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.runtime.user_messages import MessageButton
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named

NOTICE_MS = 8000
MAX_BUTTONS = 2
"""Largest number of buttons of an offer."""
MAX_COVERED = 8
"""Largest number of covered offers; older ones are dropped."""


@dataclass(frozen=True)
class _Offer:
    text: str
    buttons: tuple[MessageButton, ...]
    lasting: bool


class MessageStrip(QFrame):
    """Strip with one sentence.

    A notice never replaces a problem.

    Args:
        parent: the widget over whose upper edge it floats.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        if parent is not None:
            parent.installEventFilter(self)
        self.setObjectName("messageStrip")
        self._icon = QLabel()
        self._label = named(QLabel(wordWrap=True), tr("Message"))
        self._label.setTextFormat(Qt.TextFormat.PlainText)
        self._label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
        self._label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        self.buttons = [named(QPushButton(), tr("Answer {n}", n=n)) for n in range(1, MAX_BUTTONS + 1)]
        for number, button in enumerate(self.buttons):
            button.clicked.connect(partial(self._take_offer, number))
        self._offer: _Offer | None = None
        self._covered: list[_Offer] = []
        self._close = named(QToolButton(autoRaise=True), tr("Close this message"), tr("Close this message"))
        self._close.clicked.connect(self.dismiss)
        row = QHBoxLayout(self)
        row.setContentsMargins(2 * theme.GRID, theme.GRID // 2, theme.GRID, theme.GRID // 2)
        row.setSpacing(theme.GRID)
        row.addWidget(self._icon)
        row.addWidget(self._label, 1)
        for button in self.buttons:
            row.addWidget(button)
        row.addWidget(self._close)
        self._timer = QTimer(self, singleShot=True, interval=NOTICE_MS)
        self._timer.timeout.connect(self.dismiss)
        self.retheme()
        self.hide()

    @property
    def button(self) -> QPushButton:
        """First button."""
        return self.buttons[0]

    @property
    def text(self) -> str:
        """Sentence that is shown, or ""."""
        return self._label.text()

    def retheme(self) -> None:
        """Draw icons in the colours of the theme."""
        self._close.setIcon(theme.icon("close"))
        problem = self.property("kind") == "problem"
        self._icon.setPixmap(theme.icon("warning" if problem else "info").pixmap(20, 20))

    def show_notice(self, text: str) -> bool:
        """Show a sentence for some seconds.

        It is not shown over a problem or an offer. Returns whether the sentence is shown.
        """
        if self.property("kind") in ("problem", "offer") and not self.isHidden():
            return False
        self._show(text, "notice")
        self._timer.start()
        return True

    def withdraw(self, text: str) -> None:
        """Remove a message that is shown, or a covered offer."""
        self._covered = [offer for offer in self._covered if offer.text != text]
        if text and self.text == text:
            self.dismiss()

    def show_problem(self, text: str) -> None:
        """Show a sentence until the user closes it."""
        self._timer.stop()
        self._show(text, "problem")

    def show_offer(self, text: str, *buttons: MessageButton, lasting: bool = False) -> None:
        """Show a sentence with buttons.

        It stays until the user closes it or clicks one. `clear` does not remove a ``lasting`` offer.
        """
        self._timer.stop()
        self._show(text, "offer", _Offer(text, buttons, lasting))

    def clear(self, *, notice: bool) -> None:
        """Remove all messages but lasting offers, and a notice only if ``notice``."""
        self._covered = [offer for offer in self._covered if offer.lasting]
        stays = self._offer.lasting if self._offer is not None else self.property("kind") == "notice" and not notice
        if not stays:
            self.dismiss()

    def dismiss(self) -> None:
        """Close the message and show a covered offer, if any."""
        self._timer.stop()
        self._offer = None
        if self._covered:
            offer = self._covered.pop()
            self._show(offer.text, "offer", offer)
            return
        self._label.clear()
        self.hide()

    def _take_offer(self, number: int) -> None:
        offer = self._offer
        self.dismiss()
        if offer is not None:
            _, act = offer.buttons[number]
            act()

    def _show(self, text: str, kind: str, offer: _Offer | None = None) -> None:
        standing = [*self._covered, *([self._offer] if self._offer is not None else [])]
        again = "" if offer is None else offer.text
        self._covered = [covered for covered in standing if covered.text != again][-MAX_COVERED:]
        self.setProperty("kind", kind)
        self._offer = offer
        buttons = offer.buttons if offer is not None else ()
        for number, button in enumerate(self.buttons):
            button.setText(buttons[number][0] if number < len(buttons) else "")
            button.setVisible(number < len(buttons))
        self.style().polish(self)  # the style sheet reads the property
        self.retheme()
        self._label.setText(text)
        self._place()
        self.show()
        self.raise_()

    def _place(self) -> None:
        """Take the whole width of the parent.

        The height is what the sentence needs.
        """
        parent, row = self.parentWidget(), self.layout()
        if parent is not None and row is not None:
            row.activate()
            width = parent.width()
            self.setGeometry(0, 0, width, max(row.heightForWidth(width), row.minimumSize().height()))

    @guarded(fallback=False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() == QEvent.Type.Resize and watched is self.parentWidget():
            self._place()
        return False
