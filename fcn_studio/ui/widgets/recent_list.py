"""The folders that were opened last, on the start page."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from datetime import date, datetime
from functools import partial
from pathlib import Path

from PySide6.QtCore import QDate, QLocale, Qt, Signal
from PySide6.QtGui import QPixmap
from PySide6.QtWidgets import QHBoxLayout, QLabel, QSizePolicy, QToolButton, QVBoxLayout, QWidget

from fcn_studio.formats.recent_projects import RecentFolder, RecentProject, forget, look
from fcn_studio.i18n import tr, tr_n
from fcn_studio.ui.runtime.language import OF_USER
from fcn_studio.ui.runtime.worker import Worker
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named, with_role

PICTURE = 72, 48
"""Width and height of a picture."""

_DAYS = 30
"""Days that are counted; older dates are written."""


class RecentList(QWidget):
    """Shows a row for each folder. A thread looks after the folders, because a network drive may not answer.

    Args:
        most: number of rows.
        parent: the widget it belongs to.

    Signals:
        chosen(object): the user chose a folder, a `Path`.
        forgotten(object): the user removed a folder from the list, a `Path`.
        filled(bool): whether there is any row.
    """

    chosen = Signal(object)
    forgotten = Signal(object)
    filled = Signal(bool)

    def __init__(self, most: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._most = most
        self._rows: dict[Path, RecentRow] = {}
        self._column = QVBoxLayout(self)
        self._column.setContentsMargins(0, 0, 0, 0)
        self._column.setSpacing(theme.GRID // 2)
        self._worker = Worker("recent folders", self)
        self._worker.stepped.connect(self._on_found)

    def show_folders(self, folders: Sequence[Path]) -> None:
        """Show these folders, the latest first, and those with unsaved strokes before them."""
        for row in self._rows.values():
            self._column.removeWidget(row)
            row.hide()  # it is deleted later, and lies below the new ones until then
            row.deleteLater()
        self._rows = {}
        for folder in folders[: self._most]:
            self._add(folder, len(self._rows))
        self.filled.emit(bool(self._rows))
        self._worker.start(look(folders[: self._most]))

    def forget(self, folder: Path) -> None:
        """Forget what is kept of a folder on this computer: counts and picture."""
        with suppress(OSError):  # it is forgotten with the next note
            forget(folder)

    def close_threads(self) -> None:
        """End the thread."""
        self._worker.close()

    def _add(self, folder: Path, place: int) -> RecentRow:
        row = RecentRow(folder)
        row.open_button.clicked.connect(partial(self.chosen.emit, folder))
        row.remove_button.clicked.connect(partial(self.forgotten.emit, folder))
        self._rows[folder] = row
        self._column.insertWidget(place, row)
        return row

    def _on_found(self, found: RecentFolder) -> None:
        row = self._rows.get(found.folder)
        if found.unsaved:
            if row is None:
                row = self._add(found.folder, 0)
                self.filled.emit(True)
            self._column.insertWidget(0, row)
        if row is not None:
            row.show_found(found)


class RecentRow(QWidget):
    """A folder with its picture, path, progress and age, and a button that removes it.

    Attributes:
        open_button: the row itself.
        remove_button: removes it from the list.
    """

    def __init__(self, folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.open_button = named(QToolButton(autoRaise=True), tr("Open {folder}", folder=folder), str(folder))
        self.open_button.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.open_button.setFixedHeight(PICTURE[1] + 2 * theme.GRID)
        self._picture = QLabel(alignment=Qt.AlignmentFlag.AlignCenter)
        self._picture.setFixedSize(*PICTURE)
        self._picture.setPixmap(theme.icon("folder", theme.current().dim).pixmap(20, 20))
        self._facts = with_role(QLabel(), "dim")
        self._path = with_role(_CutLabel(str(folder.parent)), "dim")
        words = QVBoxLayout()
        words.setSpacing(1)
        words.addStretch(1)
        for label in (with_role(_CutLabel(folder.name), "strong"), self._path, self._facts):
            label.setTextFormat(Qt.TextFormat.PlainText)
            words.addWidget(label)
        words.addStretch(1)
        inside = QHBoxLayout(self.open_button)
        inside.setContentsMargins(theme.GRID, 0, theme.GRID, 0)
        inside.setSpacing(int(1.5 * theme.GRID))
        inside.addWidget(self._picture)
        inside.addLayout(words, 1)
        for label in self.open_button.findChildren(QLabel):
            label.setAttribute(Qt.WidgetAttribute.WA_TransparentForMouseEvents)
        remove = tr("Remove {folder} from this list", folder=folder)
        self.remove_button = named(QToolButton(autoRaise=True), remove, tr("Remove from this list"))
        self.remove_button.setIcon(theme.icon("close"))
        policy = self.remove_button.sizePolicy()
        policy.setRetainSizeWhenHidden(True)
        self.remove_button.setSizePolicy(policy)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GRID // 2)
        row.addWidget(self.open_button, 1)
        row.addWidget(self.remove_button)

    def show_found(self, found: RecentFolder) -> None:
        """Show what the folder is like now."""
        facts = facts_of(found, date.today())
        self._facts.setText(facts)
        self.open_button.setEnabled(found.there)
        self.open_button.setAccessibleDescription(facts)
        self.remove_button.setVisible(not found.unsaved)
        picture = QPixmap()
        if found.there and picture.loadFromData(found.picture):
            picture.setDevicePixelRatio(max(picture.width() / PICTURE[0], picture.height() / PICTURE[1]))
            self._picture.setPixmap(picture)


class _CutLabel(QLabel):
    """A label with a text of the user that may be cut; its row would be too wide else."""

    def __init__(self, text: str) -> None:
        super().__init__(text)
        self.setProperty(OF_USER, True)
        self.setSizePolicy(QSizePolicy.Policy.Ignored, QSizePolicy.Policy.Preferred)


def facts_of(found: RecentFolder, today: date) -> str:
    """Return what there is to tell of a folder, in a line."""
    if not found.there:
        return tr("This folder is not there.")
    if found.unsaved:
        return tr("Unsaved work is kept. It comes back when you open the folder.")
    if found.known is None:
        return ""
    return f"{_progress(found.known)} · {_age(datetime.fromtimestamp(found.known.at).date(), today)}"


def _progress(known: RecentProject) -> str:
    if known.verified is None:
        return tr_n("{n} image", "{n:,} images", known.images)
    return tr("{verified:,} verified of {total:,}", verified=known.verified, total=known.images)


def _age(day: date, today: date) -> str:
    days = (today - day).days
    if days <= 0:
        return tr("today")
    if days == 1:
        return tr("yesterday")
    if days <= _DAYS:
        return tr_n("{n} day ago", "{n} days ago", days)
    return QLocale().toString(QDate(day.year, day.month, day.day), QLocale.FormatType.ShortFormat)
