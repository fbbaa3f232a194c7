"""The base of all dialogs."""

from __future__ import annotations

from itertools import pairwise

from PySide6.QtCore import Qt
from PySide6.QtGui import QIcon, QShowEvent
from PySide6.QtWidgets import QDialog, QDialogButtonBox, QLabel, QPushButton, QVBoxLayout, QWidget

from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import with_role

_BUTTON = QDialogButtonBox.StandardButton


class Dialog(QDialog):
    """Dialog with a column of content and a row of buttons.

    Args:
        title: title of the window.
        accept: text of the button that accepts, or "" for a dialog that asks nothing.
        width: minimum width in pixels.
        parent: the window it belongs to.

    Attributes:
        main_button: the button that Enter presses.
    """

    def __init__(self, title: str, accept: str = "", *, width: int = 440, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWindowTitle(title)
        self.column = QVBoxLayout()
        self.column.setSpacing(theme.GRID)
        self.column.addStrut(width - 4 * theme.GRID)  # a minimum width of the dialog itself would let contents be cut
        self.buttons = QDialogButtonBox(_BUTTON.Cancel if accept else _BUTTON.Close)
        for button in self.buttons.buttons():
            button.setIcon(QIcon())  # the style's own icons are of another family
        self.buttons.rejected.connect(self.reject)
        self.accept_button: QPushButton | None = None
        if accept:
            self.accept_button = self.buttons.addButton(accept, QDialogButtonBox.ButtonRole.AcceptRole)
            with_role(self.accept_button, "main")
            self.buttons.accepted.connect(self.accept)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(2 * theme.GRID, 2 * theme.GRID, 2 * theme.GRID, 2 * theme.GRID)
        outer.setSpacing(2 * theme.GRID)
        outer.addLayout(self.column)
        outer.addWidget(self.buttons)  # a button can be the default only of a dialog that it is in
        self.main_button = self.accept_button or self.buttons.button(_BUTTON.Close)
        self.main_button.setDefault(True)

    @guarded
    def showEvent(self, event: QShowEvent) -> None:
        """Let Enter press the main button.

        It does so whatever has the focus, but for Cancel and Close.
        """
        own = self.buttons.button(_BUTTON.Cancel), self.buttons.button(_BUTTON.Close), self.main_button
        for button in self.findChildren(QPushButton):
            button.setAutoDefault(button in own)
        if not event.spontaneous():
            self._put_buttons_last()
        super().showEvent(event)

    def _put_buttons_last(self) -> None:
        """Give the keyboard to the content, then to the main button.

        Qt's own order is that of construction.
        """
        # Else Qt moves the buttons as one, and leaves some out. PySide's type hints do not know None.
        self.buttons.setFocusProxy(None)  # type: ignore[arg-type]
        buttons = [self.main_button, *(b for b in self.buttons.buttons() if b is not self.main_button)]
        # Not by nextInFocusChain: PySide makes the widget that it is asked of belong to the one that it returns.
        content = [
            widget
            for widget in self.findChildren(QWidget)
            if widget.focusPolicy() & Qt.FocusPolicy.TabFocus
            and widget not in buttons
            and not widget.objectName().startswith("qt_")
            and not widget.inherits("QComboBoxListView")  # in a window of its own
        ]
        for first, second in pairwise([*content, *buttons]):
            self.setTabOrder(first, second)
        ready = [widget for widget in content if widget.isEnabled() and widget.isVisibleTo(self)]
        if self.focusWidget() is None and ready:
            ready[0].setFocus()

    def add_words(self, text: str, role: str = "") -> QLabel:
        """Add a paragraph with a role of the style sheet.

        Roles are such as "dim" or "strong".
        """
        label = QLabel(text, wordWrap=True)
        label.setTextFormat(Qt.TextFormat.PlainText)
        label.setProperty("role", role)
        self.column.addWidget(label)
        return label

    def asked(self) -> bool:
        """Show the dialog, wait, and return whether the user accepted.

        Its contents must be read before the next event.
        """
        accepted = self.exec() == QDialog.DialogCode.Accepted
        self.deleteLater()  # else its parent would keep it for ever
        return accepted
