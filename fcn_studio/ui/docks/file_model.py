"""The item model of the Files dock.

No file is opened here. A status is missing until the session's status scan has found it.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QIcon, QPainter, QPen, QPixmap

from fcn_studio.core.sample import Sample, Status
from fcn_studio.i18n import tr
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.widgets import theme

if TYPE_CHECKING:
    from fcn_studio.ui.session.session import Session

Index = QModelIndex | QPersistentModelIndex
_ROLE = Qt.ItemDataRole
_SCAN_AT_ONCE = 400
"""Rows that are tested for a status in one turn of the event loop."""
_WAIT_MS = 50
"""Milliseconds that a filter waits for a status that is not known yet."""


class Column(IntEnum):
    """Columns, left to right."""

    IMAGE = 0
    STATUS = 1


def parse_filter(text: str) -> tuple[list[str], frozenset[Status]]:
    """Split a filter such as ``street status:verified status:skip`` into words and statuses.

    A status may be shortened and written with or without hyphens. An unknown status is treated as a word.
    """
    words, statuses = [], set()
    for term in text.casefold().split():
        if term.startswith("status:"):
            wanted = _plain(term.removeprefix("status:"))
            found = {status for status in Status if wanted and _plain(status.value).startswith(wanted)}
            statuses |= found
            if found or not wanted:
                continue
        words.append(term)
    return words, frozenset(statuses)


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "")


class FileModel(QAbstractTableModel):
    """Item model of the images that match the filter.

    They are in the order of the project. A filter by words is applied at once. A filter by status needs the status of
    every image, so it fills the list in the background.

    Signals:
        filled(): the filter has seen every image.
    """

    filled = Signal()

    def __init__(self, session: Session) -> None:
        super().__init__()
        self._session = session
        self._samples: Sequence[Sample] = ()
        self._rows: Sequence[int] = ()
        self._text = ""
        self._statuses: frozenset[Status] = frozenset()
        self._scan: Iterator[int] = iter(())
        self._waiting: int | None = None
        self._scanning = QTimer(self, interval=0)
        self._scanning.timeout.connect(self._scan_on)
        self._dots: dict[tuple[str, Status], QIcon] = {}
        self._values: dict[int, Callable[[int, int], Any]] = {
            _ROLE.DisplayRole: self._words,
            _ROLE.DecorationRole: self._decoration,
            _ROLE.ToolTipRole: lambda row, _: self._failure(row) or self._described(row),
            _ROLE.AccessibleTextRole: lambda row, _: self._described(row),
            _ROLE.ForegroundRole: lambda _, column: QColor(theme.current().dim) if column == Column.STATUS else None,
        }

    @property
    def scanning(self) -> bool:
        """Whether a filter by status is still running."""
        return self._scanning.isActive()

    def reload(self) -> None:
        """Load the images of the project again."""
        self._samples = self._session.samples if self._session.project is not None else ()
        self.set_filter(self._text)

    def set_filter(self, text: str) -> None:
        """Show only images that match words and statuses.

        The id contains all words, and the status is named.
        """
        self._text = text
        self._scanning.stop()
        words, statuses = parse_filter(text)
        self.beginResetModel()
        matching: Sequence[int] = range(len(self._samples))
        if words:
            ids = (sample.image_id.casefold() for sample in self._samples)
            matching = [row for row, name in enumerate(ids) if all(word in name for word in words)]
        self._rows = [] if statuses else matching
        self.endResetModel()
        if statuses:
            self._statuses, self._scan, self._waiting = statuses, iter(matching), None
            self._scanning.start(0)
        else:
            self.filled.emit()

    def _scan_on(self) -> None:
        """Test the next rows for their status, a limited number of them."""
        found: list[int] = []
        tested = 0
        for row in self._untested():
            status = self._session.status_scan.known(row)
            if status is None:
                self._waiting = row
                break
            tested += 1
            if status in self._statuses:
                found.append(row)
        if found:
            first = len(self._rows)
            self.beginInsertRows(QModelIndex(), first, first + len(found) - 1)
            self._rows = [*self._rows, *found]
            self.endInsertRows()
        self._scanning.setInterval(0 if self._waiting is None else _WAIT_MS)
        if tested < _SCAN_AT_ONCE and self._waiting is None:
            self._scanning.stop()
            self.filled.emit()

    def _untested(self) -> Iterator[int]:
        """Yield the rows to test in this turn.

        The row that was waited for comes first.
        """
        waiting, self._waiting = self._waiting, None
        return islice(self._scan if waiting is None else chain((waiting,), self._scan), _SCAN_AT_ONCE)

    def sample_row(self, row: int) -> int:
        """Return the row in the project of a row of the list."""
        return self._rows[row]

    def row_of(self, sample_row: int) -> int:
        """Return the row in the list of a row of the project.

        It is -1 if the row is hidden.
        """
        if isinstance(self._rows, range):
            return sample_row if sample_row in self._rows else -1
        row = bisect_left(self._rows, sample_row)
        return row if row < len(self._rows) and self._rows[row] == sample_row else -1

    def status_changed(self, _image_id: str) -> None:
        """Draw the visible statuses again."""
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, Column.STATUS))

    # --- what Qt asks -----------------------------------------------------------------------------------------

    @guarded(fallback=0)
    def rowCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008 - Qt's own default
        return 0 if parent.isValid() else len(self._rows)

    @guarded(fallback=0)
    def columnCount(self, parent: Index = QModelIndex()) -> int:  # noqa: B008
        return 0 if parent.isValid() else len(Column)

    @guarded(fallback=None)
    def data(self, index: Index, role: int = _ROLE.DisplayRole) -> Any:
        value = self._values.get(role)
        if value is None or not index.isValid():
            return None
        return value(self._rows[index.row()], index.column())

    def _words(self, row: int, column: int) -> str:
        return self._samples[row].image_id if column == Column.IMAGE else self._status_words(row)

    def _status_words(self, row: int) -> str:
        status = self._session.status_scan.known(row)
        return "" if status is None else status.words

    def _described(self, row: int) -> str:
        image_id, status = self._samples[row].image_id, self._status_words(row) or tr("status not known yet")
        if self._failure(row):
            return tr("{image_id}: {status}, cannot be opened", image_id=image_id, status=status)
        return f"{image_id}: {status}"

    def _failure(self, row: int) -> str:
        """Return why the image could not be opened last time, or ""."""
        return self._session.failures.get(self._samples[row].image_id, "")

    def _decoration(self, row: int, column: int) -> QIcon | None:
        if column != Column.IMAGE:
            return None
        if self._failure(row):
            return theme.icon("warning")
        status = self._session.status_scan.known(row)
        if status is None:
            return None
        key = (theme.current().name, status)
        if key not in self._dots:
            self._dots[key] = status_dot(status)
        return self._dots[key]


def status_dot(status: Status) -> QIcon:
    """Return an icon for a status.

    Icons differ in shape as well as in colour: ring, quarter, half, full disc, bar.
    """
    look = theme.current()
    pixmap = QPixmap(32, 32)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    ink = QColor(look.accent if status is Status.VERIFIED else look.dim)
    painter.setPen(QPen(ink, 3))
    if status is Status.VERIFIED:
        painter.setBrush(ink)
    if status is Status.SKIPPED:
        painter.drawLine(8, 16, 24, 16)
    else:
        painter.drawEllipse(8, 8, 16, 16)
    if status in (Status.PRELABELLED, Status.IN_PROGRESS):
        painter.setBrush(ink)
        full_turn = 360 * 16
        painter.drawPie(8, 8, 16, 16, 90 * 16, full_turn // (4 if status is Status.PRELABELLED else 2))
    painter.end()
    pixmap.setDevicePixelRatio(2)
    return theme.untinted(pixmap)
