"""The item model of the Files dock.

No file is opened here. A status is missing until the session's status scan has found it, doubt and differences until
the network has predicted the image.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator, Sequence
from enum import IntEnum
from itertools import chain, islice
from typing import TYPE_CHECKING, Any

from PySide6.QtCore import QAbstractTableModel, QModelIndex, QPersistentModelIndex, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QFont, QIcon, QImage, QPainter, QPen, QPixmap

from fcn_studio.core.sample import Sample, Split, Status
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.ui.docks.thumbnails import THUMBNAIL, Thumbnails
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.session.order import rows_ahead
from fcn_studio.ui.widgets import theme

if TYPE_CHECKING:
    from fcn_studio.formats.project.prediction_index import PredictionSummary
    from fcn_studio.ui.session.session import Session

Index = QModelIndex | QPersistentModelIndex
_ROLE = Qt.ItemDataRole
_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter
_PLACE = {status: place for place, status in enumerate(Status)}
_SPLIT_PLACE = {split: place for place, split in enumerate(Split)}
_SCAN_AT_ONCE = 400
"""Rows that are tested for a status in one turn of the event loop."""
_WAIT_MS = 50
"""Milliseconds that a filter waits for a status that is not known yet."""


class Column(IntEnum):
    """Columns, left to right."""

    IMAGE = 0
    STATUS = 1
    DOUBT = 2
    DIFFERENCES = 3
    SPLIT = 4


TITLES = {
    Column.IMAGE: (tr_noop("Image"), tr_noop("Sort by name")),
    Column.STATUS: (tr_noop("Status"), tr_noop("Sort by status")),
    Column.DOUBT: (tr_noop("Doubt"), tr_noop("Share of the image that the network expects to have wrong")),
    Column.DIFFERENCES: (
        tr_noop("Differs"),
        tr_noop("Share of your pixels for which the network predicts another class"),
    ),
    Column.SPLIT: (tr_noop("Split"), tr_noop("What the image is used for: training, validation or test")),
}
"""Title and tool tip of each column."""

WORST_FIRST = (Column.DOUBT, Column.DIFFERENCES)
"""Columns whose largest values come first."""

SORT_AGAIN_MS, SORT_AGAIN_MOST_MS = 1000, 5000
"""Time between two sorts because more values are known: ten times what a sort takes, within these bounds."""


def parse_filter(text: str) -> tuple[list[str], frozenset[Status], frozenset[Split]]:
    """Divide a filter such as ``street status:verified split:val`` into words, statuses and splits.

    A status or split may be shortened and written with or without hyphens. An unknown one is treated as a word.
    """
    words, statuses, splits = [], set(), set()
    for term in text.casefold().split():
        if term.startswith("split:"):
            wanted = term.removeprefix("split:")
            of_name = {split for split in Split if wanted and split.value.startswith(wanted)}
            splits |= of_name
            if of_name or not wanted:
                continue
        if term.startswith("status:"):
            wanted = _plain(term.removeprefix("status:"))
            found = {status for status in Status if wanted and _plain(status.value).startswith(wanted)}
            statuses |= found
            if found or not wanted:
                continue
        words.append(term)
    return words, frozenset(statuses), frozenset(splits)


def _plain(name: str) -> str:
    return name.replace("-", "").replace("_", "")


class FileModel(QAbstractTableModel):
    """Item model of the images that match the filter, sorted by one column.

    A filter by words is applied at once. A filter by status needs the status of every image, so it fills the list in
    the background. Images whose value is not known come last.

    Args:
        session: has the images.
        summary: returns doubt and differences of an image, without opening a file.
        thumbnails: makes the small pictures, if there are any.

    Signals:
        filled(): the filter has seen every image.
    """

    filled = Signal()

    def __init__(
        self,
        session: Session,
        summary: Callable[[Sample], PredictionSummary | None] = lambda _: None,
        thumbnails: Thumbnails | None = None,
    ) -> None:
        super().__init__()
        self._session, self._summary, self._thumbnails = session, summary, thumbnails
        self._column, self._descending = Column.IMAGE, False
        self._places: dict[int, int] = {}
        self._sort_later = QTimer(self, singleShot=True, interval=SORT_AGAIN_MS)
        self._sort_later.timeout.connect(self._sort_again)
        self._known = 0
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
            _ROLE.ForegroundRole: lambda _, column: None if column == Column.IMAGE else QColor(theme.current().dim),
            _ROLE.TextAlignmentRole: lambda _, column: _RIGHT if column in WORST_FIRST else None,
            _ROLE.FontRole: self._font,
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
        words, statuses, splits = parse_filter(text)
        self.beginResetModel()
        matching: Sequence[int] = range(len(self._samples))
        if words:
            ids = (sample.image_id.casefold() for sample in self._samples)
            matching = [row for row, name in enumerate(ids) if all(word in name for word in words)]
        if splits:
            matching = [row for row in matching if self._split(row) in splits]
        self._rows = [] if statuses else self._sorted(matching)
        self._places = {}
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
            self._places = {}
            self.endInsertRows()
        self._scanning.setInterval(0 if self._waiting is None else _WAIT_MS)
        if tested < _SCAN_AT_ONCE and self._waiting is None:
            self._scanning.stop()
            self._sort_rows()
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
            return self._rows.index(sample_row) if sample_row in self._rows else -1
        if not self._places:
            self._places = {row: place for place, row in enumerate(self._rows)}
        return self._places.get(sample_row, -1)

    def ahead(self, row: int, by: int) -> Sequence[int]:
        """Return the rows of the project after a row, or before it if ``by`` is -1, the nearest first.

        They are those of the list and in its order. If the list does not show the row, they are those of the project.
        """
        place = self.row_of(row)
        if place < 0:
            return rows_ahead(row, by, len(self._samples))
        return self._rows[place + 1 :] if by > 0 else self._rows[:place][::-1]

    def redraw(self) -> None:
        """Draw the visible rows again."""
        if self._rows:
            self.dataChanged.emit(self.index(0, 0), self.index(len(self._rows) - 1, max(Column)))

    def changed(self) -> None:
        """Draw the visible rows again, and sort them soon if more of what they are sorted by may be known."""
        self.redraw()
        if self._column != Column.IMAGE and not self._sort_later.isActive():
            self._sort_later.start()

    # --- order ------------------------------------------------------------------------------------------------

    @guarded
    def sort(self, column: int, order: Qt.SortOrder = Qt.SortOrder.AscendingOrder) -> None:
        if 0 <= column < len(Column):
            self._column, self._descending = Column(column), order == Qt.SortOrder.DescendingOrder
            self._sort_rows()

    def _sort_again(self) -> None:
        """Sort the rows anew if more or fewer values are known than when they were sorted.

        Else they stay: whoever works down the list would lose the place with each image that is done.
        """
        if sum(self._value(row, self._column) is not None for row in self._rows) != self._known:
            self._sort_rows()

    def _sort_rows(self) -> None:
        """Sort the rows anew. Whoever refers to a row refers to the same image afterwards."""
        began = time.monotonic()
        rows = range(len(self._samples)) if len(self._rows) == len(self._samples) else sorted(self._rows)
        new = self._sorted(rows)
        if new != self._rows:
            self.layoutAboutToBeChanged.emit()
            before = self.persistentIndexList()
            images = [self._rows[index.row()] for index in before]
            self._rows, self._places = new, {}
            after = [self.index(self.row_of(row), index.column()) for row, index in zip(images, before, strict=True)]
            self.changePersistentIndexList(before, after)
            self.layoutChanged.emit()
        took_ms = round(1000 * (time.monotonic() - began))
        self._sort_later.setInterval(min(max(SORT_AGAIN_MS, 10 * took_ms), SORT_AGAIN_MOST_MS))

    def _sorted(self, rows: Sequence[int]) -> Sequence[int]:
        """Return rows of the project, which are in its order, in the order of the list."""
        if self._column == Column.IMAGE:
            return rows[::-1] if self._descending else rows
        values = [(value, row) for row in rows if (value := self._value(row, self._column)) is not None]
        values.sort(key=lambda entry: entry[0], reverse=self._descending)
        known = [row for _, row in values]
        self._known = len(known)
        if len(known) == len(rows):
            return known
        there = set(known)
        return [*known, *(row for row in rows if row not in there)]

    def _value(self, row: int, column: Column) -> float | None:
        """Return what a column sorts by, None if it is not known."""
        if column == Column.STATUS:
            status = self._session.status_scan.known(row)
            return None if status is None else _PLACE[status]
        if column == Column.SPLIT:
            split = self._split(row)
            return None if split is None else _SPLIT_PLACE[split]
        summary = self._summary(self._samples[row])
        if summary is None:
            return None
        return summary.doubt if column == Column.DOUBT else summary.differences

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

    @guarded(fallback=None)
    def headerData(self, section: int, orientation: Qt.Orientation, role: int = _ROLE.DisplayRole) -> Any:
        if orientation != Qt.Orientation.Horizontal or not 0 <= section < len(Column):
            return None
        column = Column(section)
        title, tip = TITLES[column]
        values: dict[int, Any] = {_ROLE.DisplayRole: tr(title), _ROLE.ToolTipRole: tr(tip)}
        if column in WORST_FIRST:
            values[_ROLE.InitialSortOrderRole] = Qt.SortOrder.DescendingOrder.value
        return values.get(role)

    def _words(self, row: int, column: int) -> str:
        if column == Column.IMAGE:
            return self._samples[row].image_id
        if column == Column.STATUS:
            return self._status_words(row)
        if column == Column.SPLIT:
            split = self._split(row)
            return "" if split is None else split.words
        value = self._value(row, Column(column))
        return "" if value is None else _share_words(value)

    def _font(self, row: int, column: int) -> QFont | None:
        """The open image is bold: while several images are selected, nothing else tells which it is."""
        if column != Column.IMAGE or row != self._session.index:
            return None
        font = QFont()
        font.setBold(True)
        return font

    def _status_words(self, row: int) -> str:
        status = self._session.status_scan.known(row)
        return "" if status is None else status.words

    def _split(self, row: int) -> Split | None:
        """Return the split of an image, None if it is not decided yet or cannot be known."""
        project = self._session.project
        return None if project is None else project.splits.decided(self._samples[row])

    def _described(self, row: int) -> str:
        image_id, status = self._samples[row].image_id, self._status_words(row) or tr("status not known yet")
        if (split := self._words(row, Column.SPLIT)) and not self._failure(row):
            status = tr("{status}, {split}", status=status, split=split)
        if self._failure(row):
            return tr("{image_id}: {status}, cannot be opened", image_id=image_id, status=status)
        if (doubt := self._words(row, Column.DOUBT)) and (apart := self._words(row, Column.DIFFERENCES)):
            return tr(
                "{image_id}: {status}, doubt {doubt}, differs in {apart} of your pixels",
                image_id=image_id,
                status=status,
                doubt=doubt,
                apart=apart,
            )
        if doubt:
            return tr("{image_id}: {status}, doubt {doubt}", image_id=image_id, status=status, doubt=doubt)
        return tr("{image_id}: {status}", image_id=image_id, status=status)

    def _failure(self, row: int) -> str:
        """Return why the image could not be opened last time, or ""."""
        return self._session.failures.get(self._samples[row].image_id, "")

    def _decoration(self, row: int, column: int) -> QIcon | None:
        if column != Column.IMAGE:
            return None
        if self._failure(row):
            return theme.icon("warning")
        status = self._session.status_scan.known(row)
        if self._thumbnails is not None and self._thumbnails.shown:
            return thumbnail_icon(self._thumbnails.of(self._samples[row]), status)
        if status is None:
            return None
        key = (theme.current().name, status)
        if key not in self._dots:
            self._dots[key] = status_dot(status)
        return self._dots[key]


def _share_words(share: float) -> str:
    """Return a share 0..1 in at most four characters, with a decimal place where there is room for one."""
    return f"{share:.1%}" if 0 < share < 0.0995 else f"{share:.0%}"


def status_dot(status: Status) -> QIcon:
    """Return an icon for a status.

    Icons differ in shape as well as in colour: ring, quarter, half, full disc, bar.
    """
    pixmap = QPixmap(32, 32)
    pixmap.fill(Qt.GlobalColor.transparent)
    painter = QPainter(pixmap)
    _paint_dot(painter, status)
    painter.end()
    pixmap.setDevicePixelRatio(2)
    return theme.untinted(pixmap)


def thumbnail_icon(image: QImage | None, status: Status | None) -> QIcon:
    """Return a thumbnail with the dot of a status in its corner, empty while there is no picture."""
    pixmap = QPixmap(THUMBNAIL)
    pixmap.fill(QColor(theme.current().field))
    painter = QPainter(pixmap)
    if image is not None:
        painter.drawImage((pixmap.width() - image.width()) // 2, (pixmap.height() - image.height()) // 2, image)
    if status is not None:
        painter.translate(0, pixmap.height() - 32)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(theme.current().panel))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        painter.drawRoundedRect(2, 2, 28, 28, 6, 6)
        _paint_dot(painter, status)
    painter.end()
    pixmap.setDevicePixelRatio(2)
    return theme.untinted(pixmap)


def _paint_dot(painter: QPainter, status: Status) -> None:
    """Paint the dot of a status into a square of 32 pixels."""
    look = theme.current()
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setBrush(Qt.BrushStyle.NoBrush)
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
