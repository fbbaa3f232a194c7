"""The command palette: a line to type in, and what it finds."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass

from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QApplication, QHeaderView, QLineEdit, QTreeWidget, QTreeWidgetItem, QWidget

from fcn_studio.i18n import tr
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named

SHOWN = 60
"""Number of entries that are listed."""

_SIZE = 600, 420
_TOP = 72
_ROW = Qt.ItemDataRole.UserRole
_TO_LIST = (Qt.Key.Key_Up, Qt.Key.Key_Down, Qt.Key.Key_PageUp, Qt.Key.Key_PageDown)


@dataclass(frozen=True, slots=True)
class Entry:
    """Something that the palette can do.

    Attributes:
        name: identifies it among those used last.
        title: translated text.
        english: its text in English.
        place: menu or kind, translated.
        keys: its keys, or "".
        run: does it.
        enabled: whether it can be done now.
    """

    name: str
    title: str
    english: str
    place: str
    keys: str
    run: Callable[[], object]
    enabled: bool = True


class PaletteDialog(Dialog):
    """Line of text with a list of matching entries, those used last first.

    Args:
        entries: what can be done, in the order of an empty line.
        used: names of the entries used last, the latest first.
        more: returns further entries for a text, such as images.
        parent: the window it belongs to.
    """

    def __init__(
        self,
        entries: Sequence[Entry],
        used: Sequence[str],
        more: Callable[[str], list[Entry]],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("Command palette"), tr("Run"), width=_SIZE[0] - 4 * theme.GRID, parent=parent)
        self._entries, self._used, self._more = entries, used, more
        self.setObjectName("palette")
        self.setWindowFlag(Qt.WindowType.FramelessWindowHint)
        self.line = QLineEdit(placeholderText=tr("Type a part of a command, class, image or folder"))
        named(self.line, tr("Command"))
        self.line.textChanged.connect(self._fill)
        self.list = named(QTreeWidget(), tr("Commands"))
        self.list.setHeaderHidden(True)
        self.list.setColumnCount(3)
        self.list.setRootIsDecorated(False)
        self.list.setUniformRowHeights(True)
        header = self.list.header()
        header.setStretchLastSection(False)
        for column in range(3):
            header.setSectionResizeMode(
                column, QHeaderView.ResizeMode.ResizeToContents if column else QHeaderView.ResizeMode.Stretch
            )
        self.list.itemClicked.connect(self._clicked)
        self.list.currentItemChanged.connect(self._offer)
        self.column.addWidget(self.line)
        self.column.addWidget(self.list, 1)
        self.add_words(tr("Enter runs the command, Esc closes. Grey commands are not possible now."), "dim")
        self.buttons.hide()  # Enter and a click run an entry, Esc closes
        self._fill("")
        self.resize(*_SIZE)
        if parent is not None:
            place = parent.frameGeometry()
            self.move(place.center().x() - _SIZE[0] // 2, place.top() + _TOP)

    @property
    def chosen(self) -> Entry | None:
        """The current entry; None if there is none or it cannot be done now."""
        item = self.list.currentItem()
        entry = None if item is None else item.data(0, _ROW)
        return entry if isinstance(entry, Entry) and entry.enabled else None

    def _fill(self, text: str) -> None:
        self.list.clear()
        for entry in ranked([*self._entries, *self._more(text)], text, self._used)[:SHOWN]:
            item = QTreeWidgetItem([entry.title, entry.place, entry.keys])
            item.setData(0, _ROW, entry)
            item.setToolTip(0, entry.title)
            item.setSizeHint(0, QSize(0, 3 * theme.GRID))
            item.setTextAlignment(2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            if entry.enabled:
                item.setForeground(1, self.palette().placeholderText())
            item.setDisabled(not entry.enabled)
            self.list.addTopLevelItem(item)
        if (first := self.list.topLevelItem(0)) is not None:
            self.list.setCurrentItem(first)
        self._offer()

    def _offer(self) -> None:
        if self.accept_button is not None:
            self.accept_button.setEnabled(self.chosen is not None)

    def _clicked(self, item: QTreeWidgetItem) -> None:
        if self.chosen is not None:
            self.accept()

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() in (Qt.Key.Key_Return, Qt.Key.Key_Enter):
            if self.chosen is not None:
                self.accept()
        elif event.key() in _TO_LIST and self.line.hasFocus():
            QApplication.sendEvent(self.list, event)
        else:
            super().keyPressEvent(event)


def ranked(entries: Sequence[Entry], text: str, used: Sequence[str]) -> list[Entry]:
    """Return the entries that match a text, the best first.

    Of equal matches, those that can be done now come first, then what was used last.
    """
    places = {name: number for number, name in enumerate(used)}
    found = []
    for number, entry in enumerate(entries):
        score = max(match(text, entry.title), match(text, entry.english), match(text, f"{entry.place} {entry.title}"))
        if score > 0:
            found.append((-score, not entry.enabled, places.get(entry.name, len(used)), number))
    return [entries[number] for *_, number in sorted(found)]


def match(text: str, title: str) -> int:
    """Return how well a title matches what was typed, 0 if it does not.

    4: it begins with the text. 3: a word of it and what follows does. 2: each word of the text begins a word of the
    title. 1: the letters of the text come in this order.
    """
    text, title = " ".join(text.casefold().split()), title.casefold()
    words = title.replace("-", " ").split()
    if title.startswith(text):
        return 4
    if f" {text}" in f" {title}":
        return 3
    if all(any(word.startswith(part) for word in words) or part in title for part in text.split()):
        return 2
    letters = iter(title)
    return int(all(letter in letters for letter in text.replace(" ", "")))
