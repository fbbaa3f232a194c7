"""List of all actions with their keys."""

from __future__ import annotations

from collections.abc import Iterator

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtGui import QFont
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem

from fcn_studio.i18n import plain, tr
from fcn_studio.ui.actions.keys import FIXED, WALK_KEY, FixedKey, Keys
from fcn_studio.ui.actions.table import ACTIONS, MENUS, ActionSpec
from fcn_studio.ui.widgets import theme

_ROW = Qt.ItemDataRole.UserRole
_ACTION, _KEYS, _DEFAULT = range(3)
_FEW = 4
"""Longer lists of fixed keys are shown by their ends."""


class KeyList(QTreeWidget):
    """Tree of actions by menu, with the keys of each and its defaults, and of the fixed keys.

    Signals:
        chosen(object): the `ActionSpec` or `FixedKey` of the current row; None if there is none.
    """

    chosen = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._groups: list[tuple[QTreeWidgetItem, list[QTreeWidgetItem]]] = []
        self.setAccessibleName(tr("Actions and their keys"))
        self.setHeaderLabels([tr("Action"), tr("Keys"), tr("Default")])
        self.setRootIsDecorated(False)
        self.setItemsExpandable(False)
        self.setIndentation(12)
        self.setAllColumnsShowFocus(True)
        self.setHorizontalScrollMode(QAbstractItemView.ScrollMode.ScrollPerPixel)
        for menu in MENUS:
            self._add_group(plain(tr(menu)), [spec for spec in ACTIONS if spec.menu == menu])
        self._add_group(tr("Fixed keys"), [*FIXED, WALK_KEY])
        self.expandAll()
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(_ACTION, QHeaderView.ResizeMode.Stretch)
        for column, width in ((_KEYS, 190), (_DEFAULT, 150)):
            header.resizeSection(column, width)
        self.currentItemChanged.connect(lambda item: self.chosen.emit(None if item is None else _row_of(item)))

    def _add_group(self, title: str, rows: list[ActionSpec] | list[FixedKey]) -> None:
        group = QTreeWidgetItem([title])
        group.setSizeHint(_ACTION, QSize(0, 4 * theme.GRID))
        group.setFlags(Qt.ItemFlag.ItemIsEnabled)
        group.setFont(_ACTION, _bold(self.font()))
        self.addTopLevelItem(group)
        group.setFirstColumnSpanned(True)
        items = []
        for row in rows:
            if isinstance(row, ActionSpec):
                item = QTreeWidgetItem([row.plain_text, "", ", ".join(row.shortcuts)])
                item.setToolTip(_ACTION, row.sentence)
            else:
                keys = row.keys if len(row.keys) <= _FEW else (row.keys[0], "…", row.keys[-1])
                item = QTreeWidgetItem([tr(row.what), ", ".join(keys).replace(", …, ", " … "), ""])
                item.setToolTip(_ACTION, tr(row.why))
            item.setData(_ACTION, _ROW, row)
            item.setSizeHint(_ACTION, QSize(0, 3 * theme.GRID))
            group.addChild(item)
            items.append(item)
        self._groups.append((group, items))

    def _items(self) -> Iterator[QTreeWidgetItem]:
        for _group, items in self._groups:
            yield from items

    def show_keys(self, keys: Keys) -> None:
        """Show the keys of each action; those that were changed are bold."""
        for item in self._items():
            row = _row_of(item)
            if isinstance(row, ActionSpec):
                item.setText(_KEYS, ", ".join(keys.of(row.name)))
                changed = keys.of(row.name) != row.shortcuts
                item.setFont(_KEYS, _bold(self.font()) if changed else self.font())

    def search(self, words: str, key: str, keys: Keys) -> bool:
        """Show only the rows with these words and this key; return whether there is one.

        Args:
            words: parts of the name or the sentence, translated or English; "" for all.
            key: a key in Qt's portable spelling; "" for all.
            keys: the keys of each action.
        """
        found = [item for item in self._items() if _has_words(item, words.casefold()) and _has_key(item, key, keys)]
        for group, items in self._groups:
            for item in items:
                item.setHidden(item not in found)
            group.setHidden(all(item.isHidden() for item in items))
        if found and self.currentItem() not in found:
            self.setCurrentItem(found[0])
        return bool(found)

    def choose(self, name: str) -> None:
        """Go to the row of an action."""
        for item in self._items():
            row = _row_of(item)
            if isinstance(row, ActionSpec) and row.name == name:
                self.setCurrentItem(item)
                self.scrollToItem(item)


def _row_of(item: QTreeWidgetItem) -> ActionSpec | FixedKey | None:
    row = item.data(_ACTION, _ROW)
    return row if isinstance(row, (ActionSpec, FixedKey)) else None


def _has_words(item: QTreeWidgetItem, words: str) -> bool:
    row = _row_of(item)
    texts = [item.text(_ACTION), item.toolTip(_ACTION)]
    texts += [row.text.replace("&", ""), row.tip] if isinstance(row, ActionSpec) else []
    text = " ".join(texts).casefold()
    return all(word in text for word in words.split())


def _has_key(item: QTreeWidgetItem, key: str, keys: Keys) -> bool:
    row = _row_of(item)
    if not key or row is None:
        return not key
    return key in (keys.of(row.name) if isinstance(row, ActionSpec) else row.keys)


def _bold(font: QFont) -> QFont:
    bold = QFont(font)
    bold.setBold(True)
    return bold
