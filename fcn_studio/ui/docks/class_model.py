"""The item model of the Classes dock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from enum import IntEnum, StrEnum
from typing import TYPE_CHECKING, Any

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QAbstractTableModel, QMimeData, QModelIndex, QPersistentModelIndex, QSize, Qt, Signal
from PySide6.QtGui import QColor, QFont

from fcn_studio.core.classes import VOID, ClassInfo, ClassTable
from fcn_studio.core.colours.screen_colours import VOID_COLOUR
from fcn_studio.i18n import tr
from fcn_studio.ui.actions.table import class_keys
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.class_colours import on_screen

if TYPE_CHECKING:
    from fcn_studio.ui.session.toolbox import Toolbox

Index = QModelIndex | QPersistentModelIndex
_ROLE = Qt.ItemDataRole
_FLAG = Qt.ItemFlag
_DROP = Qt.DropAction
_ROW_MIME = "application/x-fcn-studio-class"


ROW_HEIGHT = 24


class Column(IntEnum):
    """Columns, left to right."""

    SWATCH = 0
    KEY = 1
    NAME = 2
    SHARE = 3
    EYE = 4
    LOCK = 5


class ClassOrder(StrEnum):
    """Values of the setting ``class_order``: what comes first in the list."""

    TABLE = "table"
    IMAGE = "image"
    RECENT = "recent"


def share_words(share: float) -> str:
    """Return a share 0..1 in at most four characters.

    Examples are "", "<1%" and "12%".
    """
    if share <= 0:
        return ""
    return "<1%" if share < 0.01 else f"{share:.0%}"


class ClassModel(QAbstractTableModel):
    """Item model of the active classes that match the filter, and void.

    Signals:
        rename_asked(int, str): class index and the name that the user typed.
        order_asked(object): class indices in the order that the user gave them by dragging.
    """

    rename_asked = Signal(int, str)
    order_asked = Signal(object)

    def __init__(self, toolbox: Toolbox) -> None:
        super().__init__()
        self._toolbox = toolbox
        self._table = ClassTable((), 0)
        self._rows: list[ClassInfo] = []
        self._keys: dict[int, str] = {}
        self._filter = ""
        self._order = ClassOrder.TABLE
        self._recent: list[int] = []
        self._shares: NDArray[np.float64] = np.zeros(256)
        self._values: dict[int, Callable[[ClassInfo, Column], Any]] = {
            _ROLE.DisplayRole: self._text,
            _ROLE.EditRole: lambda info, column: info.name,
            _ROLE.DecorationRole: self._decoration,
            _ROLE.ToolTipRole: self._tip,
            _ROLE.AccessibleTextRole: self._accessible,
            _ROLE.TextAlignmentRole: self._alignment,
            _ROLE.ForegroundRole: self._ink,
            _ROLE.FontRole: self._font,
            _ROLE.SizeHintRole: lambda _info, _column: QSize(0, ROW_HEIGHT),
        }

    # --- what the dock sets -----------------------------------------------------------------------------------

    def set_table(self, table: ClassTable) -> None:
        """Show another class table."""
        self._table = on_screen(table)
        self._keys = {index: key for key, index in class_keys(table).items()}
        self._refill()

    def set_filter(self, text: str) -> None:
        """Show the classes whose name contains the text, ignoring case.

        Those whose name begins with it come first.
        """
        self._filter = text.strip().casefold()
        self._refill()

    def set_shares(self, shares: NDArray[np.float64]) -> None:
        """Show the share of the image of each class index.

        Shares are float (256,), 0..1.
        """
        others = self._order is ClassOrder.IMAGE and ((shares > 0) != (self._shares > 0)).any()
        self._shares = shares
        if others:
            self._refill()
        else:
            self._column_changed(Column.SHARE)

    def set_order(self, order: ClassOrder) -> None:
        """Show the classes in another order."""
        self._order = order
        self._refill()

    def note_use(self, class_index: int) -> None:
        """Remember that a class became active; `sort_again` moves its row."""
        self._recent = [class_index, *(index for index in self._recent if index != class_index)]

    def sort_again(self) -> None:
        """Bring the classes that were used last to the top, in that order of the list."""
        if self._order is ClassOrder.RECENT:
            self._refill()

    def rules_changed(self) -> None:
        """Draw eyes and locks again."""
        self._column_changed(Column.EYE)
        self._column_changed(Column.LOCK)

    def class_at(self, row: int) -> int:
        """Return the class index of a row."""
        return self._rows[row].index

    def row_of(self, class_index: int) -> int:
        """Return the row of a class index, -1 if not shown."""
        return next((row for row, info in enumerate(self._rows) if info.index == class_index), -1)

    def moved(self, class_index: int, row: int) -> list[int]:
        """Return the class indices in order once a class is moved before the class of a row.

        A row behind the last class moves it there.
        """
        order = [info.index for info in self._table.shown]
        if class_index not in order:
            return order
        before = self._rows[row].index if 0 <= row < len(self._rows) else VOID
        at = order.index(before) if before in order else len(order)
        at -= order.index(class_index) < at
        order.remove(class_index)
        order.insert(at, class_index)
        return order

    def _refill(self) -> None:
        shown = (*self._table.shown, ClassInfo(VOID, tr("void"), VOID_COLOUR))
        rows = sorted((info for info in shown if self._filter in info.name.casefold()), key=self._place)
        if len(rows) == len(self._rows):
            self._rows = rows
            if rows:
                self.dataChanged.emit(self.index(0, 0), self.index(len(rows) - 1, Column.LOCK))
            return
        self.beginResetModel()
        self._rows = rows
        self.endResetModel()

    def _place(self, info: ClassInfo) -> tuple[bool, int]:
        """Return the place of a class in the list; classes of equal places are in the order of the table."""
        place = 0
        if self._order is ClassOrder.IMAGE:
            place = int(self._shares[info.index] <= 0)
        elif self._order is ClassOrder.RECENT:
            place = self._recent.index(info.index) if info.index in self._recent else len(self._recent)
        return not info.name.casefold().startswith(self._filter), place

    def _column_changed(self, column: Column) -> None:
        if self._rows:
            self.dataChanged.emit(self.index(0, column), self.index(len(self._rows) - 1, column))

    # --- what Qt asks -----------------------------------------------------------------------------------------

    @guarded(fallback=0)
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._rows)

    @guarded(fallback=0)
    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(Column)

    @guarded(fallback=_FLAG.NoItemFlags)
    def flags(self, index: Index) -> Qt.ItemFlag:
        if not index.isValid():
            return _FLAG.ItemIsDropEnabled  # between rows, never on one
        flags = _FLAG.ItemIsEnabled | _FLAG.ItemIsSelectable | _FLAG.ItemNeverHasChildren
        if self._rows[index.row()].index != VOID and not self._filter and self._order is ClassOrder.TABLE:
            flags |= _FLAG.ItemIsDragEnabled
        if index.column() == Column.NAME and self._rows[index.row()].index != VOID:
            flags |= _FLAG.ItemIsEditable
        return flags

    @guarded(fallback=None)
    def data(self, index: Index, role: int = _ROLE.DisplayRole) -> Any:
        value = self._values.get(role)
        if value is None or not index.isValid():
            return None
        return value(self._rows[index.row()], Column(index.column()))

    @guarded(fallback=False)
    def setData(self, index: Index, value: Any, role: int = _ROLE.EditRole) -> bool:
        info, name = self._rows[index.row()], str(value).strip()
        if role != _ROLE.EditRole or not name or name == info.name:
            return False
        self.rename_asked.emit(info.index, name)
        return True

    @guarded(fallback=_DROP.MoveAction)
    def supportedDropActions(self) -> Qt.DropAction:
        return _DROP.MoveAction

    @guarded(fallback=[])
    def mimeTypes(self) -> list[str]:
        return [_ROW_MIME]

    @guarded(fallback=None)
    def mimeData(self, indexes: Sequence[Index]) -> QMimeData:
        data = QMimeData()
        data.setData(_ROW_MIME, str(self._rows[indexes[0].row()].index).encode())
        return data

    @guarded(fallback=False)
    def dropMimeData(self, data: QMimeData, action: Qt.DropAction, row: int, column: int, parent: Index) -> bool:
        if action != _DROP.MoveAction or not data.hasFormat(_ROW_MIME):
            return False
        class_index = int(bytes(data.data(_ROW_MIME).data()))
        self.order_asked.emit(self.moved(class_index, row if row >= 0 else len(self._rows)))
        return False  # the rows are in place by now: nothing is left for the view to remove

    def _text(self, info: ClassInfo, column: Column) -> str | None:
        if column is Column.KEY:
            return self._keys.get(info.index, "").replace("Ctrl+", "^").replace(", ", " ")
        if column is Column.NAME:
            return info.name
        return share_words(float(self._shares[info.index])) if column is Column.SHARE else None

    def _decoration(self, info: ClassInfo, column: Column) -> Any:
        if column is Column.SWATCH:
            return theme.swatch_icon(info.colour)
        if column is Column.EYE:
            hidden = info.index in self._toolbox.hidden
            return theme.icon("eye-off" if hidden else "eye", None if hidden else theme.current().dim)
        if column is Column.LOCK:
            locked = info.index in self._toolbox.locked
            return theme.icon("lock" if locked else "unlock", None if locked else theme.current().disabled)
        return None

    def _tip(self, info: ClassInfo, column: Column) -> str:
        void = info.index == VOID
        key = self._keys.get(info.index)
        words = {
            Column.SWATCH: tr("The colour of void is fixed") if void else tr("Click to change the colour"),
            Column.KEY: tr("Key {key}", key=key) if key else tr("No key"),
            Column.NAME: tr("Void: no class, never used for training")
            if void
            else tr("{name} (index {index})", name=info.name, index=info.index),
            Column.SHARE: tr("Share of the image"),
            Column.EYE: tr("Show or hide. Hidden classes are never painted over."),
            Column.LOCK: tr("Lock or unlock. Locked classes are never painted over."),
        }
        return words[column]

    def _accessible(self, info: ClassInfo, column: Column) -> str:
        if column is Column.EYE:
            hidden = info.index in self._toolbox.hidden
            return tr("{name}: hidden", name=info.name) if hidden else tr("{name}: shown", name=info.name)
        if column is Column.LOCK:
            locked = info.index in self._toolbox.locked
            return tr("{name}: locked", name=info.name) if locked else tr("{name}: not locked", name=info.name)
        if column is Column.SWATCH:
            return tr("Colour of {name}", name=info.name)
        return self._text(info, column) or ("" if column is Column.SHARE else self._tip(info, column))

    def _alignment(self, info: ClassInfo, column: Column) -> Qt.AlignmentFlag:
        side = {Column.KEY: Qt.AlignmentFlag.AlignHCenter, Column.SHARE: Qt.AlignmentFlag.AlignRight}
        return side.get(column, Qt.AlignmentFlag.AlignLeft) | Qt.AlignmentFlag.AlignVCenter

    def _ink(self, info: ClassInfo, column: Column) -> QColor | None:
        faint = column in (Column.KEY, Column.SHARE) or info.index in self._toolbox.hidden
        return QColor(theme.current().dim) if faint else None

    def _font(self, info: ClassInfo, column: Column) -> QFont | None:
        if column is not Column.NAME:
            return None
        font = QFont()
        font.setItalic(info.index == VOID)
        font.setBold(info.index == self._toolbox.class_index)  # seen without its colour too
        return font
