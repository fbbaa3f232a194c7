"""Table of the values of a source, with a choice of what each means."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QInputDialog, QTreeWidget, QTreeWidgetItem, QWidget

from fcn_studio.core.classes import VOID, ClassTable, Colour
from fcn_studio.core.colours.screen_colours import VOID_COLOUR
from fcn_studio.i18n import tr
from fcn_studio.jobs.import_masks.mapping import Meanings, Special, Target, ValueFound, share_words
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.class_colours import of_index, on_screen
from fcn_studio.ui.widgets.fields import Choice
from fcn_studio.ui.widgets.named import named

_UNDECIDED, _ASK = "undecided", "ask"
"""Data of choices that are no target."""

_CLASS = "class:"
"""Beginning of the data of a choice that is a class; the rest is its name."""


class ValueTable(QTreeWidget):
    """A row for each value: number or colour, share, images, and the choice of its meaning.

    Signals:
        changed(): a meaning was chosen.
        row_chosen(object): the `ValueFound` of the row that is current.
    """

    changed = Signal()
    row_chosen = Signal(object)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._table = ClassTable((), 0)
        self._rows: list[tuple[ValueFound, Choice]] = []
        self._names: list[str] = []
        self.setAccessibleName(tr("Values of the masks and what they mean"))
        self.setRootIsDecorated(False)
        self.setHeaderLabels([tr("Value"), tr("Pixels"), tr("Images"), tr("Means here")])
        header = self.header()
        header.setStretchLastSection(True)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(3, QHeaderView.ResizeMode.Stretch)
        self.currentItemChanged.connect(self._on_current)

    def fill(self, values: Sequence[ValueFound], table: ClassTable, meanings: Meanings) -> None:
        """Show values and the meanings that are known of them."""
        self.clear()
        self._rows, self._table = [], on_screen(table)
        known = [target for target in meanings.values() if isinstance(target, str)]
        own = [row.name for row in values if row.name]
        self._names = [name for name in dict.fromkeys([*known, *own]) if table.find(name) is None]
        for value in values:
            self._add(value, meanings.get(value.value))
        first = self.topLevelItem(0)
        if first is not None:
            self.setCurrentItem(first)

    def meanings(self) -> dict[str, Target]:
        """Return what was chosen; undecided values are left out."""
        chosen = ((value, choice.currentData()) for value, choice in self._rows)
        return {value.value: _target(data) for value, data in chosen if data not in (_UNDECIDED, _ASK)}

    def undecided(self) -> int:
        """Return the number of values without a meaning."""
        return len(self._rows) - len(self.meanings())

    def colours(self) -> dict[int, Colour | None]:
        """Return number in a source map -> colour of its meaning; undecided ones are left out."""
        meanings = self.meanings()
        return {row.code: self._colour(meanings[row.value]) for row, _ in self._rows if row.value in meanings}

    def _colour(self, target: Target) -> Colour | None:
        if isinstance(target, Special):
            return VOID_COLOUR if target is Special.VOID else None
        info = self._table.find(target)
        if info is not None:
            return info.colour
        own = (row.colour for row, choice in self._rows if choice.currentData() == _CLASS + target)
        found = next((colour for colour in own if colour is not None and any(colour)), None)
        return found or of_index((self._table.next_index + self._names.index(target)) % VOID)

    def _add(self, value: ValueFound, meaning: Target | None) -> None:
        name = f"{value.value}   {value.name}" if value.name and value.name != value.value else value.value
        item = QTreeWidgetItem([name, share_words(value.share), f"{value.images:,}", ""])
        if value.colour is not None:
            item.setIcon(0, theme.swatch_icon(value.colour))
        for column in (1, 2):
            item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setSizeHint(3, QSize(0, 4 * theme.GRID))
        choice = named(Choice(), tr("What {value} means", value=value.value))
        self._fill_choice(choice)
        choice.setCurrentIndex(max(0, choice.findData(_data(meaning))))
        self.addTopLevelItem(item)
        cell = QWidget()
        room = QHBoxLayout(cell)
        room.setContentsMargins(2, 2, 2, 2)
        room.addWidget(choice)
        self.setItemWidget(item, 3, cell)
        self._rows.append((value, choice))
        choice.activated.connect(lambda _index, choice=choice, item=item: self._chosen(choice, item))

    def _fill_choice(self, choice: Choice) -> None:
        choice.addItem(tr("(choose)"), _UNDECIDED)
        for info in self._table.active:
            choice.addItem(theme.swatch_icon(info.colour), info.name, _CLASS + info.name)
        for name in self._names:
            choice.addItem(tr("new class “{name}”", name=name), _CLASS + name)
        choice.addItem(tr("New class…"), _ASK)
        choice.insertSeparator(choice.count())
        choice.addItem(tr("void (ignored)"), Special.VOID.value)
        choice.addItem(tr("unlabelled"), Special.UNLABELLED.value)

    def _chosen(self, choice: Choice, item: QTreeWidgetItem) -> None:
        self.setCurrentItem(item)
        if choice.currentData() == _ASK:
            self._ask(choice)
        self.changed.emit()

    def _ask(self, choice: Choice) -> None:
        """Ask for the name of a new class, and offer it in all rows."""
        name, accepted = QInputDialog.getText(self, tr("New class"), tr("Name of the new class"))
        name = name.strip()
        known = self._table.find(name) if name else None
        if not accepted or not name:
            choice.setCurrentIndex(0)
            return
        if known is None and name not in self._names:
            self._names.append(name)
            for _, other in self._rows:
                other.insertItem(other.findData(_ASK), tr("new class “{name}”", name=name), _CLASS + name)
        choice.setCurrentIndex(choice.findData(_CLASS + (name if known is None else known.name)))

    def _on_current(self, item: QTreeWidgetItem | None) -> None:
        row = -1 if item is None else self.indexOfTopLevelItem(item)
        if 0 <= row < len(self._rows):
            self.row_chosen.emit(self._rows[row][0])


def _data(target: Target | None) -> str:
    if target is None:
        return _UNDECIDED
    return target.value if isinstance(target, Special) else _CLASS + target


def _target(data: str) -> Target:
    return data.removeprefix(_CLASS) if data.startswith(_CLASS) else _SPECIAL[data]


_SPECIAL: Mapping[str, Special] = {special.value: special for special in Special}
