"""The Files dock.

It has the images of the project with their statuses, and a filter.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QModelIndex, QSize, Qt, Signal
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDockWidget,
    QHeaderView,
    QLabel,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from fcn_studio.i18n import tr, tr_n, tr_noop
from fcn_studio.ui.docks.file_model import Column, FileModel
from fcn_studio.ui.runtime.user_messages import ActionDoor
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.fields import TextField
from fcn_studio.ui.widgets.named import named, with_role

if TYPE_CHECKING:
    from fcn_studio.ui.session.session import Session

ROW_HEIGHT = 26
FILTER_TIP = tr_noop("Words in the name, and status: with new, prelabelled, in-progress, verified or skipped")


class FilesDock(QDockWidget):
    """Dock with all images in the order of the project.

    A click opens one.

    Signals:
        done(): the user finished typing; the canvas gets the keyboard again.
    """

    done = Signal()

    def __init__(self, session: Session, door: ActionDoor, parent: QWidget | None = None) -> None:
        super().__init__(tr("Files"), parent)
        self.setObjectName("filesDock")
        self._session, self._door = session, door
        self._following = False
        self.model = FileModel(session)
        self._view = self._made_view()
        self._filter = TextField(placeholderText=tr("Filter: name, status:verified"), clearButtonEnabled=True)
        named(self._filter, tr("Filter images"), tr(FILTER_TIP))
        self._filter.textChanged.connect(self.model.set_filter)
        self._filter.returnPressed.connect(self.done)
        self._filter.left.connect(self.done)
        self._count = with_role(QLabel(), "dim")
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(theme.GRID, theme.GRID // 2, theme.GRID, theme.GRID)
        column.setSpacing(theme.GRID // 2)
        for widget, stretch in ((self._filter, 0), (self._view, 1), (self._count, 0)):
            column.addWidget(widget, stretch)
        self.setWidget(content)
        self.model.filled.connect(self._show_current)
        session.project_changed.connect(self._project_changed)
        session.document_changed.connect(self._show_current)
        session.sample_changed.connect(self._status_changed)
        session.status_scan.found.connect(lambda: self._status_changed(""))
        self._project_changed()

    def _made_view(self) -> QTableView:
        view = named(QTableView(), tr("Images"))
        view.setObjectName("fileList")
        view.setModel(self.model)
        view.setShowGrid(False)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        view.setWordWrap(False)
        view.setTabKeyNavigation(False)
        view.setIconSize(QSize(16, 16))
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # A click must not take the keyboard from the canvas; Tab reaches the list.
        view.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        view.horizontalHeader().hide()
        view.verticalHeader().hide()
        # Fixed heights: no row is measured, so a list of any length opens at once.
        view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        view.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        view.horizontalHeader().setSectionResizeMode(Column.IMAGE, QHeaderView.ResizeMode.Stretch)
        view.horizontalHeader().setSectionResizeMode(Column.STATUS, QHeaderView.ResizeMode.Fixed)
        view.horizontalHeader().resizeSection(Column.STATUS, 96)
        view.selectionModel().currentRowChanged.connect(self._current_changed)
        return view

    @property
    def view(self) -> QTableView:
        """The view of the list."""
        return self._view

    def retheme(self) -> None:
        """Draw the icons in the colours of the theme."""
        self.model.status_changed("")

    def _current_changed(self, current: QModelIndex) -> None:
        if current.isValid() and not self._following:
            row = self.model.sample_row(current.row())
            if row != self._session.index:
                # Not `go_to`: only `open_from` asks what a grey mask means.
                self._door.run(lambda: self._session.open_from(row, +1, lambda wanted: wanted == row))
                self._show_current()

    def _project_changed(self) -> None:
        self.setEnabled(self._session.project is not None)
        self.model.reload()
        self._say_count()

    def _status_changed(self, image_id: str) -> None:
        self.model.status_changed(image_id)

    def _say_count(self) -> None:
        total = len(self._session.samples) if self._session.project is not None else 0
        shown = self.model.rowCount()
        if shown != total:
            words = tr_n("{shown:,} of {n} image shown", "{shown:,} of {n:,} images shown", total, shown=shown)
        else:
            words = tr_n("{n} image", "{n:,} images", total) if total else tr("No images")
        self._count.setText(words)

    def _show_current(self) -> None:
        """Select the row of the open image without opening it again."""
        row = self.model.row_of(self._session.index)
        self._following = True
        self._view.setCurrentIndex(self.model.index(row, Column.IMAGE) if row >= 0 else QModelIndex())
        self._following = False
        self._say_count()
