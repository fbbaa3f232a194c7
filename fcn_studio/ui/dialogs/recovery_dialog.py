"""The dialog with strokes that came back from the journal."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QTreeWidget, QTreeWidgetItem, QWidget

from fcn_studio.formats.journal.recovery import LeftOver
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.runtime.user_messages import ActionDoor
from fcn_studio.ui.session.recovery import Back
from fcn_studio.ui.session.session import Session
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named

COLUMNS = (tr_noop("Image"), tr_noop("Steps"), tr_noop("Last step"), tr_noop("State"))


class RecoveryDialog(Dialog):
    """Dialog that lists what came back and applies or deletes other strokes.

    Args:
        session: whose recovery it shows.
        apply: applies strokes that do not fit.
        door: errors of what the buttons do go through it.
        parent: the window it belongs to.
    """

    def __init__(
        self,
        session: Session,
        apply: Callable[[LeftOver], None],
        door: ActionDoor,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("What came back"), width=720, parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self._session, self._recovery, self._door = session, session.recovery, door
        self._apply_strokes = apply
        self.add_words(
            tr(
                "These strokes were on this computer, but not in the project's folder. Where a mask had not changed, "
                "they were applied again, and you can undo them. The others wait for your decision."
            )
        )
        self.table = named(QTreeWidget(), tr("Images whose strokes came back"))
        self.table.setHeaderLabels([tr(column) for column in COLUMNS])
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.column.addWidget(self.table)
        role = self.buttons.ButtonRole.ActionRole
        self.open_button = self.buttons.addButton(tr("Open image"), role)
        self.apply_button = self.buttons.addButton(tr("Apply strokes"), role)
        self.delete_button = self.buttons.addButton(tr("Delete strokes"), role)
        for button, act in (
            (self.open_button, self._open),
            (self.apply_button, self._apply),
            (self.delete_button, self._delete),
        ):
            button.clicked.connect(self._guarded(act))
        self.table.itemSelectionChanged.connect(self._offer)
        self.table.itemDoubleClicked.connect(lambda *_: self.open_button.click())
        self._fill()
        self.resize(760, 420)

    def _guarded(self, act: Callable[[], object]) -> Callable[[], None]:
        def call() -> None:
            self._door.run(act)
            self._fill()

        return call

    def _fill(self) -> None:
        self.table.clear()
        for found in self._recovery.came_back:
            self._add(found, self._became(found), None)
        for left_over in self._recovery.left_over:
            head, journal = left_over.journal.head, left_over.journal
            row = Back(head.image_id, len(journal.entries), journal.written_at, saved=False)
            self._add(row, tr("Waits: {reason}", reason=left_over.reason), left_over)
        for column in range(len(COLUMNS) - 1):
            self.table.resizeColumnToContents(column)
            self.table.setColumnWidth(column, self.table.columnWidth(column) + 2 * theme.GRID)
        if (first := self.table.topLevelItem(0)) is not None:
            self.table.setCurrentItem(first)
        self._offer()

    def _became(self, found: Back) -> str:
        if found.image_id in self._session.autosave.newer():
            return tr("Applied; kept on this computer until the folder can be written")
        return tr("Saved before; undo steps are back") if found.saved else tr("Applied")

    def _add(self, row: Back, became: str, left_over: LeftOver | None) -> None:
        when = time.strftime("%Y-%m-%d %H:%M", time.localtime(row.written_at))
        item = QTreeWidgetItem([row.image_id, str(row.steps), when, became])
        item.setToolTip(3, became)
        item.setSizeHint(3, QSize(0, 3 * theme.GRID))  # in the column that stretches
        item.setData(0, Qt.ItemDataRole.UserRole, left_over)
        self.table.addTopLevelItem(item)

    def _offer(self) -> None:
        item = self.table.currentItem()
        waits = item is not None and item.data(0, Qt.ItemDataRole.UserRole) is not None
        row = None if item is None else self._session.row_of(item.text(0))
        self.open_button.setEnabled(row is not None)
        self.apply_button.setEnabled(waits and row is not None)
        self.delete_button.setEnabled(waits)

    def _selected(self) -> LeftOver | None:
        item = self.table.currentItem()
        left_over = None if item is None else item.data(0, Qt.ItemDataRole.UserRole)
        return left_over if isinstance(left_over, LeftOver) else None

    def _open(self) -> None:
        item = self.table.currentItem()
        row = None if item is None else self._session.row_of(item.text(0))
        if row is not None:
            self._session.go_to(row)

    def _apply(self) -> None:
        if (left_over := self._selected()) is not None:
            self._apply_strokes(left_over)

    def _delete(self) -> None:
        from fcn_studio.ui.dialogs.questions import DeleteStrokesDialog

        left_over = self._selected()
        if left_over is not None and DeleteStrokesDialog(left_over.journal.head.image_id, self).asked():
            self._recovery.delete(left_over)
