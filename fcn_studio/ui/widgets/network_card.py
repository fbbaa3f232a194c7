"""A heading, a sentence and a form of facts.

The dialog of networks shows them.
"""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFormLayout, QFrame, QLabel, QLineEdit, QScrollArea, QVBoxLayout, QWidget

from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named, with_role

_LONGEST_WORD = 40


class NetworkCard(QScrollArea):
    """Shows text to read and to copy."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setWidgetResizable(True)
        self.setFrameShape(QFrame.Shape.NoFrame)
        self.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        self.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, theme.GRID, 0)
        column.setSpacing(theme.GRID)
        self._title = with_role(_words(), "strong")
        self._sentence = _words()
        self._form = QFormLayout(horizontalSpacing=2 * theme.GRID, verticalSpacing=theme.GRID)
        self._form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
        column.addWidget(self._title)
        column.addWidget(self._sentence)
        self._figures = QVBoxLayout()
        self._figures.setSpacing(theme.GRID)
        column.addLayout(self._figures)
        column.addLayout(self._form)
        column.addStretch(1)
        self.setWidget(content)

    def add_figures(self, widget: QWidget) -> None:
        """Show a widget between the sentence and the facts."""
        self._figures.addWidget(widget)

    def show_facts(self, title: str, sentence: str, facts: Sequence[tuple[str, str]]) -> None:
        """Show a title, a sentence and facts.

        Each fact has its name and words. Facts without words are left out.
        """
        self._title.setText(title)
        self._sentence.setText(sentence)
        self._sentence.setVisible(bool(sentence))
        while self._form.rowCount():
            self._form.removeRow(0)
        for name, words in facts:
            if words:
                heading = with_role(QLabel(name), "dim")
                heading.setAlignment(Qt.AlignmentFlag.AlignLeft | Qt.AlignmentFlag.AlignTop)
                self._form.addRow(heading, _line(name, words) if _is_one_word(words) else _words(words))

    def text(self) -> str:
        """Return all of the text, for tests and screen readers."""
        rows = [self._title.text(), self._sentence.text()]
        for number in range(self._form.rowCount()):
            for role in (QFormLayout.ItemRole.LabelRole, QFormLayout.ItemRole.FieldRole):
                item = self._form.itemAt(number, role)
                widget = item.widget() if item is not None else None
                rows.append(widget.text() if isinstance(widget, QLabel | QLineEdit) else "")
        return "\n".join(rows)


def _is_one_word(words: str) -> bool:
    """Return whether words too long for a line cannot be wrapped.

    A path or an address is such a text.
    """
    return len(words) > _LONGEST_WORD and " " not in words


def _line(name: str, words: str) -> QLineEdit:
    """Return a line to copy from, whose end may not be visible."""
    line = named(QLineEdit(words, readOnly=True), name, words)
    line.setFrame(False)
    line.setStyleSheet("background: transparent; border: 0; padding: 0; margin: 0 0 0 -2px;")
    line.setCursorPosition(0)
    line.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
    return line


def _words(text: str = "") -> QLabel:
    label = QLabel(text, wordWrap=True)
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
    label.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    return label
