"""The Check dock: what is wrong with the data set, kind by kind."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import (
    QDockWidget,
    QHBoxLayout,
    QLabel,
    QProgressBar,
    QPushButton,
    QSizePolicy,
    QToolButton,
    QTreeWidget,
    QTreeWidgetItem,
    QVBoxLayout,
    QWidget,
)

from fcn_studio.formats.checks.registry import BY_NAME
from fcn_studio.i18n import tr, tr_n
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.session.data_check import SUSPECTS, DataCheck
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named, with_role

if TYPE_CHECKING:
    from fcn_studio.core.checks.fault import Fault
    from fcn_studio.ui.session.session import Session

_LISTED = 500
"""Faults of one kind that are listed."""

CONTROLS_WIDTH = 288

_FAULT, _CHECK = Qt.ItemDataRole.UserRole, Qt.ItemDataRole.UserRole + 1


class _Tree(QTreeWidget):
    """Tree of faults below their kinds.

    Signals:
        left(): the user pressed Escape.
    """

    left = Signal()

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if event.key() == Qt.Key.Key_Escape:
            self.left.emit()
        else:
            super().keyPressEvent(event)


class CheckDock(QDockWidget):
    """Dock that checks the open project and lists the faults.

    Signals:
        thresholds_wanted(): the user wants to see and change the thresholds.
        matrix_wanted(): the user wants to see which classes the network contradicts.
        chosen(Fault): the user wants to see a fault: Enter or a double click.
        fix_here(str): the user wants to fix what a check found in the open image.
        fix_all(str): the same for all images.
        done(): the user has finished with the list; the canvas gets the keyboard.
    """

    thresholds_wanted = Signal()
    matrix_wanted = Signal()
    chosen = Signal(object)
    fix_here = Signal(str)
    fix_all = Signal(str)
    done = Signal()

    def __init__(self, session: Session, check: DataCheck, parent: QWidget | None = None) -> None:
        super().__init__(tr("Check"), parent)
        self.setObjectName("checkDock")
        self._session, self._check = session, check
        self.start = named(QPushButton(tr("Check now")), tr("Check now"), tr("Check all images, masks and lists"))
        self.start.clicked.connect(self._start_or_stop)
        self._thresholds = named(
            QToolButton(), tr("Thresholds"), tr("See and change from when on something counts as a fault")
        )
        self._thresholds.setText("…")
        self._thresholds.clicked.connect(self.thresholds_wanted)
        self._bar = QProgressBar(textVisible=False)
        self._bar.setMaximumHeight(theme.GRID)
        self._summary = with_role(QLabel(wordWrap=True), "dim")
        self.tree = self._made_tree()
        self._detail = QLabel(wordWrap=True)
        self._detail.setTextFormat(Qt.TextFormat.PlainText)
        self._detail.setMinimumHeight(3 * self._detail.fontMetrics().lineSpacing())
        self._detail.setAlignment(Qt.AlignmentFlag.AlignTop)
        self._make_buttons()
        first = QHBoxLayout()
        first.addWidget(self.start, 1)
        first.addWidget(self._thresholds)
        controls = QWidget()
        controls.setMinimumWidth(CONTROLS_WIDTH)
        column = QVBoxLayout(controls)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID // 2)
        column.addLayout(first)
        for widget in (self._bar, self._summary, self._detail):  # their words do not widen the column
            widget.setSizePolicy(QSizePolicy.Policy.Ignored, widget.sizePolicy().verticalPolicy())
        for widget in (self._bar, self._summary):
            column.addWidget(widget)
        column.addWidget(self._detail, 1)
        for pair in ((self.matrix, self.every), (self.here, self.all)):
            column.addLayout(buttons := QHBoxLayout())
            for button in pair:
                buttons.addWidget(button)
        content = QWidget()
        row = QHBoxLayout(content)
        row.setContentsMargins(theme.GRID, theme.GRID // 2, theme.GRID, theme.GRID)
        row.setSpacing(2 * theme.GRID)
        row.addWidget(controls)
        row.addWidget(self.tree, 1)
        self.setWidget(content)
        self.setAllowedAreas(Qt.DockWidgetArea.BottomDockWidgetArea | Qt.DockWidgetArea.TopDockWidgetArea)
        check.changed.connect(self._show)
        check.progress.connect(self._show_progress)
        session.document_changed.connect(self._show_buttons)
        self._show()

    def _make_buttons(self) -> None:
        self.here = named(
            QPushButton(tr("Fix in this image")), tr("Fix in this image"),
            tr("Fix what is safe to fix of this kind in the open image, as one step"),
        )  # fmt: skip
        self.all = named(
            QPushButton(tr("Fix all…")), tr("Fix all of this kind"),
            tr("Fix what is safe to fix of this kind in all images. Earlier versions of the masks are kept."),
        )  # fmt: skip
        self.here.clicked.connect(lambda: self.fix_here.emit(self._chosen_check()))
        self.all.clicked.connect(lambda: self.fix_all.emit(self._chosen_check()))
        self.matrix = named(
            QPushButton(tr("Confusion matrix…")), tr("Confusion matrix"),
            tr("Shows which classes the network contradicts; a cell lists its labels only"),
        )  # fmt: skip
        self.matrix.clicked.connect(self.matrix_wanted)
        self.every = named(QPushButton(tr("List all")), tr("List all"), tr("List the labels of all classes again"))
        self.every.clicked.connect(lambda: self._check.list_only(None))

    def _made_tree(self) -> _Tree:
        tree = named(_Tree(), tr("Faults"), tr("Enter or a double click shows the place in the image"))
        tree.setHeaderHidden(True)
        tree.setUniformRowHeights(True)
        tree.setTextElideMode(Qt.TextElideMode.ElideRight)
        tree.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        tree.itemActivated.connect(self._activated)
        tree.currentItemChanged.connect(lambda *_: self._show_buttons())
        tree.left.connect(self.done)
        return tree

    def _start_or_stop(self) -> None:
        if self._check.running or self._check.fixing:
            self._check.cancel()
        else:
            self._check.start()

    def _activated(self, item: QTreeWidgetItem) -> None:
        fault = item.data(0, _FAULT)
        if fault is not None and fault.images:
            self.chosen.emit(fault)

    # --- what is shown

    def _show(self) -> None:
        """Show the report, or how far the check is."""
        busy, report = self._check.running or self._check.fixing, self._check.report
        self._thresholds.setEnabled(not busy)
        self.start.setText(tr("Cancel") if busy else tr("Check now"))
        self._bar.setVisible(busy)
        if self._check.running:
            self._bar.setRange(0, 0)
        faults = {} if report is None else dict(report.by_check())
        if suspects := self._check.suspects:
            faults[SUSPECTS] = suspects
        self.matrix.setVisible(bool(self._check.judged))
        self.every.setVisible(self._check.pair is not None)
        self._fill(faults)
        self._summary.setText(self._words(busy=busy))
        self._show_buttons()

    def _words(self, *, busy: bool) -> str:
        """Return what the check has come to, in a sentence."""
        report, suspects = self._check.report, self._check.suspects
        if report is not None and report.faults:
            return tr_n(
                "{n} fault in {images:,} images.",
                "{n:,} faults in {images:,} images.",
                len(report.faults),
                images=report.images,
            )
        if report is not None:
            return tr_n("Nothing is wrong with {n} image.", "Nothing is wrong with {n:,} images.", report.images)
        if busy:
            return tr("Looking at the images…")
        if suspects is not None:
            return tr_n("{n} label may be wrong.", "{n:,} labels may be wrong.", len(suspects))
        return tr("Nothing has been checked yet.")

    def _fill(self, faults: Mapping[str, Sequence[Fault]]) -> None:
        """List faults below their kinds; kinds that were open stay open."""
        before = {item.data(0, _CHECK): item.isExpanded() for item in self._kinds()}
        current, row = self._chosen_check(), self._current_row()
        bold = self.tree.font()
        bold.setBold(True)
        self.tree.clear()
        for name, found in faults.items():
            title = self._suspects_title() if name == SUSPECTS else tr(BY_NAME[name].title)
            kind = QTreeWidgetItem(self.tree, [f"{title} ({len(found):,})"])
            kind.setData(0, _CHECK, name)
            kind.setToolTip(0, title)
            kind.setFont(0, bold)
            for fault in found[:_LISTED]:
                kind.addChild(_item(fault))
            if len(found) > _LISTED:
                kind.addChild(QTreeWidgetItem([tr("and {n:,} more", n=len(found) - _LISTED)]))
            kind.setExpanded(before.get(name, True))
            if name == current:
                child = kind.child(min(row, kind.childCount() - 1)) if row >= 0 else None
                self.tree.setCurrentItem(child or kind)

    def _suspects_title(self) -> str:
        if self._check.pair is None:
            return tr("Labels that may be wrong")
        own, predicted = (self._session.table.name_of(index) for index in self._check.pair)
        return tr("{own} that may be {predicted}", own=own, predicted=predicted)

    def _show_progress(self, done: int, total: int) -> None:
        self._bar.setRange(0, total)
        self._bar.setValue(done)

    def _show_buttons(self) -> None:
        item = self.tree.currentItem()
        self._detail.setText("" if item is None else item.toolTip(0))
        name, document = self._chosen_check(), self._session.document
        images = self._check.fixable_images(name) if name else ()
        ready = bool(images) and not self._session.read_only and not (self._check.running or self._check.fixing)
        self.here.setEnabled(ready and document is not None and document.image_id in images)
        self.all.setEnabled(ready)

    def _kinds(self) -> list[QTreeWidgetItem]:
        return [item for i in range(self.tree.topLevelItemCount()) if (item := self.tree.topLevelItem(i)) is not None]

    def _chosen_check(self) -> str:
        """Return the name of the check of the current row, "" without one."""
        item = self.tree.currentItem()
        kind = item.parent() or item if item is not None else None
        return "" if kind is None else str(kind.data(0, _CHECK))

    def _current_row(self) -> int:
        """Return the place of the current row below its kind, -1 if it is a kind."""
        item = self.tree.currentItem()
        kind = item.parent() if item is not None else None
        return -1 if kind is None or item is None else kind.indexOfChild(item)


def _item(fault: Fault) -> QTreeWidgetItem:
    """Return the row of a fault."""
    words = fault.sentence
    if fault.images and fault.images[0] not in words:
        words = tr("{title}: {reason}", title=fault.images[0], reason=words)
    item = QTreeWidgetItem([words])
    item.setData(0, _FAULT, fault)
    item.setToolTip(0, words)
    return item
