"""The Files dock.

It has the images of the project with their statuses, and how far the network doubts and contradicts each.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QItemSelectionModel, QModelIndex, QPoint, QSize, Qt, Signal
from PySide6.QtGui import QActionGroup, QKeySequence, QMouseEvent, QResizeEvent, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDockWidget,
    QHeaderView,
    QLabel,
    QMenu,
    QTableView,
    QVBoxLayout,
    QWidget,
)

from fcn_studio.i18n import tr, tr_n, tr_noop
from fcn_studio.ui.docks.file_model import TITLES, WORST_FIRST, Column, FileModel
from fcn_studio.ui.docks.thumbnails import THUMBNAIL, Thumbnails
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.runtime.user_messages import ActionDoor
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.fields import TextField
from fcn_studio.ui.widgets.named import named, with_role

if TYPE_CHECKING:
    from fcn_studio.ui.network.stored_predictions import StoredPredictions
    from fcn_studio.ui.session.session import Session

ROW_HEIGHT = 26
THUMBNAIL_ROW = THUMBNAIL.height() // 2 + 6
WIDTHS = {Column.STATUS: 92, Column.DOUBT: 60, Column.DIFFERENCES: 60, Column.SPLIT: 74}
WIDE = 380
"""Width from which on the words of a status, and differences beside splits, have room; else names would be cut."""
FILTER_TIP = tr_noop(
    "Words in the name, status: with new, prelabelled, in-progress, verified or skipped, and split: with train, val "
    "or test"
)


class _View(QTableView):
    """View of the list.

    Attributes:
        right_button: whether the right button is selecting a row.
    """

    right_button = False

    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self.right_button = event.button() == Qt.MouseButton.RightButton
        super().mousePressEvent(event)
        self.right_button = False


class FilesDock(QDockWidget):
    """Dock with all images, sorted by a column.

    A click opens one. With Ctrl or Shift it selects several, and so does a click of the right button, which asks for
    a menu.

    Signals:
        done(): the user finished typing; the canvas gets the keyboard again.
        menu_wanted(QPoint): the user asks for the menu of the selected images, at this place of the screen.

    Attributes:
        thumbnails: makes small pictures, if they are shown.
    """

    done = Signal()
    menu_wanted = Signal(QPoint)

    def __init__(
        self,
        session: Session,
        door: ActionDoor,
        stored: StoredPredictions | None = None,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("Files"), parent)
        self.setObjectName("filesDock")
        self._session, self._door, self._stored = session, door, stored
        self._following = False
        self.thumbnails = Thumbnails(session, self)
        summary = (lambda _: None) if stored is None else stored.summary
        self.model = FileModel(session, summary, self.thumbnails)
        session.order = self.model
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
        self.thumbnails.arrived.connect(self.model.redraw)
        if stored is not None:
            stored.changed.connect(self._summaries_changed)
            session.autosave.saved.connect(self.thumbnails.forget)
        self._project_changed()

    def _made_view(self) -> _View:
        view = named(_View(), tr("Images"))
        view.setObjectName("fileList")
        view.setModel(self.model)
        view.setShowGrid(False)
        view.setSelectionBehavior(QAbstractItemView.SelectionBehavior.SelectRows)
        view.setSelectionMode(QAbstractItemView.SelectionMode.ExtendedSelection)
        view.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        view.setTextElideMode(Qt.TextElideMode.ElideMiddle)
        view.setWordWrap(False)
        view.setTabKeyNavigation(False)
        view.setIconSize(QSize(16, 16))
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        # A click must not take the keyboard from the canvas; Tab reaches the list.
        view.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(lambda at: self.menu_wanted.emit(view.viewport().mapToGlobal(at)))
        by_key = QShortcut(QKeySequence("Shift+F10"), view)  # the Menu key is Qt's own
        by_key.setContext(Qt.ShortcutContext.WidgetShortcut)
        by_key.activated.connect(self._menu_by_key)
        view.verticalHeader().hide()
        # Fixed heights: no row is measured, so a list of any length opens at once.
        view.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        view.verticalHeader().setDefaultSectionSize(ROW_HEIGHT)
        header = view.horizontalHeader()
        header.setHighlightSections(False)
        header.setSectionResizeMode(Column.IMAGE, QHeaderView.ResizeMode.Stretch)
        for column, width in WIDTHS.items():
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, width)
        header.setSortIndicator(Column.IMAGE, Qt.SortOrder.AscendingOrder)
        view.setSortingEnabled(True)
        header.sortIndicatorChanged.connect(lambda: view.scrollToTop())
        # The mouse changes first the current row, then what is selected; the keyboard the other way round.
        view.selectionModel().currentRowChanged.connect(lambda: self._open_selected())
        view.selectionModel().selectionChanged.connect(lambda: self._open_selected())
        view.clicked.connect(lambda: self._open_selected())
        return view

    @property
    def view(self) -> QTableView:
        """The view of the list."""
        return self._view

    @property
    def selected(self) -> Sequence[int]:
        """Rows in the project of the selected images, in the order of the list; the open image if there are none."""
        places = sorted(index.row() for index in self._view.selectionModel().selectedRows())
        rows = [self.model.sample_row(place) for place in places]
        return rows or [row for row in (self._session.index,) if row >= 0]

    def open_current(self) -> None:
        """Open the image of the row that has the keyboard."""
        current = self._view.currentIndex()
        if current.isValid():
            self._open(self.model.sample_row(current.row()))

    def splits_changed(self) -> None:
        """Show the splits of the images, which have changed."""
        self._show_columns()
        self.model.changed()

    def retheme(self) -> None:
        """Draw the icons in the colours of the theme."""
        self.model.redraw()

    def show_thumbnails(self, shown: bool) -> None:
        """Show small pictures of the images, or their statuses alone."""
        self.thumbnails.shown = shown
        self._view.setIconSize(THUMBNAIL / 2 if shown else QSize(16, 16))
        self._view.verticalHeader().setDefaultSectionSize(THUMBNAIL_ROW if shown else ROW_HEIGHT)
        # There is little room beside a thumbnail, and the ends of names tell images apart.
        self._view.setTextElideMode(Qt.TextElideMode.ElideLeft if shown else Qt.TextElideMode.ElideMiddle)
        self.model.redraw()
        self._view.scrollTo(self._view.currentIndex())

    def sort_menu(self, parent: QWidget) -> QMenu:
        """Return a menu of what the list can be sorted by, for the keyboard."""
        menu, header = QMenu(tr("So&rt by"), parent), self._view.horizontalHeader()
        group = QActionGroup(menu)
        for column in Column:
            action = group.addAction(tr(TITLES[column][0]))
            action.setCheckable(True)
            action.setChecked(header.sortIndicatorSection() == column)
            order = Qt.SortOrder.DescendingOrder if column in WORST_FIRST else Qt.SortOrder.AscendingOrder
            action.triggered.connect(lambda _=False, c=column, o=order: self._view.sortByColumn(c, o))
            menu.addAction(action)
        return menu

    def close_threads(self) -> None:
        """End the thread that makes thumbnails."""
        self.thumbnails.close()

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        super().resizeEvent(event)
        self._show_columns()

    def _show_columns(self) -> None:
        """Show doubt and differences once any is known, and words of the status where there is room for them."""
        project = None if self._stored is None else self._session.project
        doubt = project is not None and project.predictions.any_known
        self._view.setColumnHidden(Column.DOUBT, not doubt)
        compared = project is not None and project.predictions.any_compared
        splits = self._session.project is not None and self._session.project.splits.any_held_out
        narrow = self.width() < WIDE
        self._view.setColumnHidden(Column.DIFFERENCES, not compared or (splits and narrow))
        self._view.setColumnHidden(Column.SPLIT, not splits)
        self._view.setColumnHidden(Column.STATUS, (doubt or splits) and narrow)

    def _menu_by_key(self) -> None:
        at = self._view.visualRect(self._view.currentIndex()).center()
        self.menu_wanted.emit(self._view.viewport().mapToGlobal(at))

    def _summaries_changed(self) -> None:
        self._show_columns()
        self.model.changed()

    def _open_selected(self) -> None:
        """Open the image of the row that alone is selected, but not by the right button, which asks for the menu."""
        if self._following or self._view.right_button:
            return
        current, selection = self._view.currentIndex(), self._view.selectionModel().selection()
        if selection.count() == 1 and selection.at(0).top() == selection.at(0).bottom() == current.row():
            self._open(self.model.sample_row(current.row()))

    def _open(self, row: int) -> None:
        if row != self._session.index:
            # Not `go_to`: only `open_from` asks what a grey mask means.
            self._door.run(lambda: self._session.open_from(row, +1, lambda wanted: wanted == row))
            self._show_current()

    def _project_changed(self) -> None:
        self.setEnabled(self._session.project is not None)
        self.thumbnails.clear()
        self.model.reload()
        self._show_columns()
        self._say_count()

    def _status_changed(self, image_id: str) -> None:
        self.model.changed()

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
        index, flags = QModelIndex(), QItemSelectionModel.SelectionFlag
        if row >= 0:
            index = self.model.index(row, Column.IMAGE)
        # Without flags the view would follow the keys that are held: Ctrl+Enter would add to the selection.
        self._view.selectionModel().setCurrentIndex(index, flags.ClearAndSelect | flags.Rows)
        self._following = False
        self._say_count()
