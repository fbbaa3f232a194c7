"""The Classes dock: the class table with shares, visibility and locks."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QEvent, QModelIndex, QObject, QPoint, QSize, Qt, QTimer, Signal
from PySide6.QtGui import QActionGroup, QColor, QKeySequence, QShortcut
from PySide6.QtWidgets import (
    QAbstractItemDelegate,
    QAbstractItemView,
    QDockWidget,
    QHBoxLayout,
    QHeaderView,
    QMenu,
    QToolButton,
    QTreeView,
    QVBoxLayout,
    QWidget,
)

from fcn_studio.core.classes import VOID
from fcn_studio.i18n import tr
from fcn_studio.ui.actions.key_tips import tip_with_key
from fcn_studio.ui.docks.class_model import ClassModel, ClassOrder, Column
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.runtime.user_messages import ActionDoor
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.class_colours import on_screen
from fcn_studio.ui.widgets.fields import TextField
from fcn_studio.ui.widgets.named import named

if TYPE_CHECKING:
    from fcn_studio.ui.session.session import Session

SHARES_AFTER_MS = 150
"""Milliseconds from the last edit until shares are counted."""


class ClassesDock(QDockWidget):
    """Dock with the class table.

    The selected class is painted.

    Signals:
        done(): the user finished typing; the canvas gets the keyboard again.
        menu_wanted(QPoint): the user asks for the menu of the active class, at this place of the screen.
        delete_wanted(): the user pressed Delete in the list.
    """

    done = Signal()
    menu_wanted = Signal(QPoint)
    delete_wanted = Signal()

    def __init__(self, session: Session, door: ActionDoor, parent: QWidget | None = None) -> None:
        super().__init__(tr("Classes"), parent)
        self.setObjectName("classesDock")
        self._session, self._toolbox, self._door = session, session.toolbox, door
        self._following = self._choosing = self._pointed_at = False
        self._model = ClassModel(self._toolbox)
        self._model.rename_asked.connect(
            lambda index, name: self._door.run(lambda: self._session.classes.rename(index, name))
        )
        self._model.order_asked.connect(lambda order: self._door.run(lambda: self._session.classes.reorder(order)))
        self._view = self._made_view()
        self._filter = named(
            TextField(placeholderText=tr("Filter classes"), clearButtonEnabled=True), tr("Filter classes")
        )
        tip = tr("Type a part of the name of a class, and choose it with arrows and Enter")
        tip_with_key(self._filter, tip, "find_class")
        self._filter.textChanged.connect(self._set_filter)
        self._filter.returnPressed.connect(self._take_hit)
        self._filter.stepped.connect(self._step_hit)
        self._order_button = self._made_order_button()
        self._new_name = TextField(placeholderText=tr("Add class"), clearButtonEnabled=True)
        named(self._new_name, tr("Name of a new class"))
        tip_with_key(self._new_name, tr("Type a name and press Enter to add a class"), "add_class")
        self._new_name.returnPressed.connect(self._add)
        for field in (self._filter, self._new_name):
            field.left.connect(self.done)
        self._add_button = named(QToolButton(autoRaise=True), tr("Add class"), tr("Add the class (Enter)"))
        self._add_button.clicked.connect(self._add)
        self._lay_out()
        self._count_later = QTimer(self, singleShot=True, interval=SHARES_AFTER_MS)
        self._count_later.timeout.connect(self._count)
        self._unwatch: Callable[[], None] | None = None
        session.table_changed.connect(self._table_changed)
        session.document_changed.connect(self._document_changed)
        self._toolbox.rules_changed.connect(self._model.rules_changed)
        self._toolbox.class_changed.connect(self._class_changed)
        self.retheme()
        self._table_changed()
        self._document_changed()

    # --- construction -----------------------------------------------------------------------------------------

    def _made_view(self) -> QTreeView:
        view = named(QTreeView(), tr("Classes"))
        view.setObjectName("classList")
        view.setModel(self._model)
        view.setRootIsDecorated(False)
        view.setUniformRowHeights(True)
        view.setSizeAdjustPolicy(QTreeView.SizeAdjustPolicy.AdjustToContents)  # the window's layout asks for it
        view.setHeaderHidden(True)
        view.setIconSize(QSize(16, 16))
        view.setEditTriggers(QAbstractItemView.EditTrigger.DoubleClicked)
        # A click must not take the keyboard from the canvas; Tab reaches the list.
        view.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        view.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = view.header()
        header.setMinimumSectionSize(24)
        header.setStretchLastSection(False)
        for column, width in ((Column.SWATCH, 32), (Column.KEY, 28), (Column.SHARE, 48), (Column.EYE, 28),
                              (Column.LOCK, 28)):  # fmt: skip
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.Fixed)
            header.resizeSection(column, width)
        header.setSectionResizeMode(Column.NAME, QHeaderView.ResizeMode.Stretch)
        view.setDragDropMode(QAbstractItemView.DragDropMode.InternalMove)
        view.setDragDropOverwriteMode(False)
        view.setContextMenuPolicy(Qt.ContextMenuPolicy.CustomContextMenu)
        view.customContextMenuRequested.connect(lambda at: self.menu_wanted.emit(view.viewport().mapToGlobal(at)))
        by_key = QShortcut(QKeySequence("Shift+F10"), view)  # the Menu key is Qt's own
        by_key.setContext(Qt.ShortcutContext.WidgetShortcut)
        by_key.activated.connect(self._menu_by_key)
        # A click leaves the keyboard with the canvas, so Delete counts while the pointer is over the list too.
        self._delete = QShortcut(QKeySequence("Delete"), self, enabled=False)
        self._delete.activated.connect(self.delete_wanted)
        view.installEventFilter(self)
        view.clicked.connect(self._clicked)
        view.selectionModel().currentChanged.connect(self._current_changed)
        view.itemDelegate().closeEditor.connect(self._editor_closed)
        return view

    def _made_order_button(self) -> QToolButton:
        button = named(
            QToolButton(autoRaise=True), tr("Order of the classes"), tr("Choose what comes first in the list")
        )
        button.setPopupMode(QToolButton.ToolButtonPopupMode.InstantPopup)
        button.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        menu, group = QMenu(button), QActionGroup(button)
        for order, text in (
            (ClassOrder.TABLE, tr("As in the &table")),
            (ClassOrder.IMAGE, tr("In this &image first")),
            (ClassOrder.RECENT, tr("&Recently used first")),
        ):
            action = group.addAction(menu.addAction(text))
            action.setCheckable(True)
            action.setChecked(self._session.settings.class_order == order)
            action.triggered.connect(partial(self._set_order, order))
        button.setMenu(menu)
        self._model.set_order(ClassOrder(self._session.settings.class_order))
        return button

    def _lay_out(self) -> None:
        filter_row = QHBoxLayout()
        filter_row.setContentsMargins(0, 0, 0, 0)
        filter_row.addWidget(self._filter)
        filter_row.addWidget(self._order_button)
        add_row = QHBoxLayout()
        add_row.setContentsMargins(0, 0, 0, 0)
        add_row.addWidget(self._new_name)
        add_row.addWidget(self._add_button)
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(theme.GRID, theme.GRID // 2, theme.GRID, theme.GRID)
        column.setSpacing(theme.GRID // 2)
        column.addLayout(filter_row)
        column.addWidget(self._view, 1)
        column.addLayout(add_row)
        self.setWidget(content)

    def retheme(self) -> None:
        """Draw icons in the colours of the theme."""
        self._add_button.setIcon(theme.icon("plus"))
        self._order_button.setIcon(theme.icon("sort"))
        self._model.rules_changed()

    @guarded(fallback=False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:
        if event.type() in (QEvent.Type.Enter, QEvent.Type.Leave):
            self._pointed_at = event.type() == QEvent.Type.Enter
        if event.type() in (QEvent.Type.Enter, QEvent.Type.Leave, QEvent.Type.FocusIn, QEvent.Type.FocusOut):
            self._delete.setEnabled(self._pointed_at or self._view.hasFocus())
        return False

    # --- what the user does -----------------------------------------------------------------------------------

    @guarded
    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self._table_changed()  # void has a translated name
        super().changeEvent(event)

    def start_adding(self) -> None:
        """Let the user type the name of a new class."""
        self.show()
        self.raise_()
        self._new_name.setFocus(Qt.FocusReason.ShortcutFocusReason)

    def start_finding(self) -> None:
        """Let the user type a part of the name of a class."""
        self.show()
        self.raise_()
        self._filter.setFocus(Qt.FocusReason.ShortcutFocusReason)
        self._filter.selectAll()

    def rename_active(self) -> None:
        """Let the user type another name of the active class."""
        row = self._model.row_of(self._toolbox.class_index)
        if row >= 0:
            self._view.edit(self._model.index(row, Column.NAME))

    def colour_active(self) -> None:
        """Let the user choose another colour of the active class."""
        self._ask_colour(self._toolbox.class_index)

    def move_active(self, by: int) -> None:
        """Move the active class up (-1) or down (+1) in the list.

        Raises:
            ProjectError: if nothing may be written.
        """
        order = [info.index for info in self._session.table.shown]
        if self._toolbox.class_index in order:
            at = order.index(self._toolbox.class_index)
            order.insert(max(0, at + by), order.pop(at))
            self._session.classes.reorder(order)

    def _menu_by_key(self) -> None:
        at = self._view.visualRect(self._view.currentIndex()).bottomLeft()
        self.menu_wanted.emit(self._view.viewport().mapToGlobal(at))

    def _add(self) -> None:
        name = self._new_name.text().strip()
        if not name:
            return
        self._door.run(lambda: self._session.classes.add(name))
        info = self._session.table.find(name)
        if info is not None:
            self._new_name.clear()
            self._toolbox.set_class(info.index)
            self.done.emit()

    def _clicked(self, index: QModelIndex) -> None:
        class_index = self._model.class_at(index.row())
        if index.column() == Column.EYE:
            self._toolbox.toggle_hidden(class_index)
        elif index.column() == Column.LOCK:
            self._toolbox.toggle_locked(class_index)
        elif index.column() == Column.SWATCH and class_index != VOID:
            self._ask_colour(class_index)

    def _ask_colour(self, class_index: int) -> None:
        info = on_screen(self._session.table).get(class_index)
        if info is None:
            return
        from PySide6.QtWidgets import QColorDialog

        dialog = QColorDialog(QColor(*info.colour), self)
        dialog.setWindowTitle(tr("Colour of {name}", name=info.name))
        dialog.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        dialog.colorSelected.connect(lambda colour: self._recolour(class_index, colour))
        dialog.open()

    def _recolour(self, class_index: int, colour: QColor) -> None:
        rgb = (colour.red(), colour.green(), colour.blue())
        self._door.run(lambda: self._session.classes.recolour(class_index, rgb))

    def _current_changed(self, current: QModelIndex) -> None:
        if not current.isValid() or self._following:
            return
        if current.column() in (Column.EYE, Column.LOCK):  # hiding or locking a class does not choose it
            QTimer.singleShot(0, self, self._show_active)
            return
        self._choosing = True
        self._toolbox.set_class(self._model.class_at(current.row()))
        self._choosing = False

    def _set_order(self, order: ClassOrder) -> None:
        self._session.settings.class_order = order.value
        self._model.set_order(order)
        self._show_active()

    # --- the search for a class -------------------------------------------------------------------------------

    def _set_filter(self, text: str) -> None:
        self._model.set_filter(text)
        if text.strip():
            self._select(0)
        else:
            self._show_active()

    def _step_hit(self, by: int) -> None:
        """Select another hit without activating it."""
        last = self._model.rowCount() - 1
        self._select(min(max(0, self._view.currentIndex().row() + by), last))

    def _take_hit(self) -> None:
        """Activate the selected hit, and give the keyboard back."""
        hit = self._view.currentIndex()
        if hit.isValid():
            self._toolbox.set_class(self._model.class_at(hit.row()))
        self._filter.clear()
        self.done.emit()

    def _editor_closed(self, editor: QWidget, hint: QAbstractItemDelegate.EndEditHint) -> None:
        QTimer.singleShot(0, self, self.done.emit)

    # --- what changes elsewhere -------------------------------------------------------------------------------

    def _table_changed(self) -> None:
        self._model.set_table(self._session.table)
        self.setEnabled(self._session.project is not None)
        for part in (self._new_name, self._add_button):
            part.setEnabled(not self._session.read_only)
        self._show_active()

    def _class_changed(self) -> None:
        self._model.note_use(self._toolbox.class_index)
        if not self._choosing:  # else rows would move below the pointer
            self._model.sort_again()
        self._show_active()

    def _show_active(self) -> None:
        """Select the row of the active class."""
        self._select(self._model.row_of(self._toolbox.class_index))

    def _select(self, row: int) -> None:
        """Select a row without activating its class."""
        self._following = True
        self._view.setCurrentIndex(self._model.index(row, Column.NAME) if row >= 0 else QModelIndex())
        self._following = False

    def _document_changed(self) -> None:
        if self._unwatch:
            self._unwatch()
        document = self._session.document
        self._unwatch = document.committed.connect(self._count_later.start) if document else None
        self._model.sort_again()
        self._show_active()
        self._count_later.start()  # a large image takes a while and is shown first

    def _count(self) -> None:
        document = self._session.document
        if document is None:
            self._model.set_shares(np.zeros(256))
        else:
            self._model.set_shares(document.class_shares() / (document.width * document.height))
        if not self._filter.text():  # rows may have moved
            self._show_active()
