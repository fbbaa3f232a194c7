"""Dialog with the confusion matrix of the labels that a network has judged."""

from __future__ import annotations

from collections import Counter
from collections.abc import Sequence

from PySide6.QtCore import QItemSelectionModel, Qt
from PySide6.QtGui import QPalette
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTableWidget, QTableWidgetItem, QWidget

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.review.suspects import Suspects, confusion, ranked
from fcn_studio.i18n import tr, tr_n
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named

_MOST_SHOWN = 12
"""Rows and columns that are shown without scrolling."""


class ConfusionDialog(Dialog):
    """Shows how often the network predicts each class where a person labelled another.

    A row is a label, a column is a prediction, and a cell is the share of the row's pixels. Cells whose labels may be
    wrong are bold; Enter or a double click on one accepts the dialog.

    Args:
        judged: what the labels of each image are to the network.
        table: the project's classes.
        parent: the window it belongs to.
    """

    def __init__(self, judged: Sequence[Suspects], table: ClassTable, parent: QWidget | None = None) -> None:
        super().__init__(tr("Confusion matrix"), tr("List these labels"), width=560, parent=parent)
        self._pixels = confusion(judged)
        self._regions = Counter((region.own, region.class_index) for _, region in ranked(judged))
        self._classes = sorted({index for pair in self._pixels for index in pair})
        self._table = table
        self.add_words(
            tr(
                "Rows are labels of people, columns are what a network predicts that has not learned from the image. "
                "Numbers are percent of the row's pixels, away from borders. Labels in bold cells may be wrong."
            ),
            "dim",
        )
        self.cells = self._made_cells()
        self.column.addWidget(self.cells)
        self.cells.itemSelectionChanged.connect(self._show_button)
        self.cells.itemDoubleClicked.connect(self._double_clicked)  # Enter presses the main button
        if self._regions:
            self._select(max(self._regions, key=self._regions.__getitem__))
        self._show_button()

    @property
    def pair(self) -> tuple[int, int]:
        """Label and predicted class of the current cell."""
        return self._classes[self.cells.currentRow()], self._classes[self.cells.currentColumn()]

    def _made_cells(self) -> QTableWidget:
        names = [self._table.name_of(index) for index in self._classes]
        cells = named(
            QTableWidget(len(names), len(names)), tr("Confusion matrix"),
            tr("Enter or a double click on a bold cell lists its labels"),
        )  # fmt: skip
        cells.setHorizontalHeaderLabels(names)
        cells.setVerticalHeaderLabels(names)
        cells.setEditTriggers(QAbstractItemView.EditTrigger.NoEditTriggers)
        cells.setSelectionMode(QAbstractItemView.SelectionMode.SingleSelection)
        cells.setTabKeyNavigation(False)
        for row, own in enumerate(self._classes):
            for column, predicted in enumerate(self._classes):
                cells.setItem(row, column, self._cell(own, predicted))
        cells.horizontalHeader().setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        cells.verticalHeader().setSectionResizeMode(QHeaderView.ResizeMode.Fixed)
        row_height = cells.verticalHeader().defaultSectionSize()
        edges = cells.horizontalHeader().sizeHint().height() + 2 * theme.GRID
        cells.setMinimumHeight(min(len(names), _MOST_SHOWN) * row_height + edges)
        cells.setMaximumHeight(len(names) * row_height + edges)
        return cells

    def _cell(self, own: int, predicted: int) -> QTableWidgetItem:
        """Return the cell of a label and a predicted class."""
        pixels, regions = self._pixels[own, predicted], self._regions[own, predicted]
        share = pixels / max(1, sum(self._pixels[own, other] for other in self._classes))
        item = QTableWidgetItem(f"{100 * share:.1f}" if pixels else "")
        item.setTextAlignment(Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        words = tr_n(
            "{n} pixel labelled {own} is {predicted} to the network.",
            "{n:,} pixels labelled {own} are {predicted} to the network.",
            pixels,
            own=self._table.name_of(own),
            predicted=self._table.name_of(predicted),
        )
        if regions:
            font = item.font()
            font.setBold(True)
            item.setFont(font)
            words += " " + tr_n("{n} region may be wrong.", "{n:,} regions may be wrong.", regions)
        item.setToolTip(words)
        item.setData(Qt.ItemDataRole.AccessibleTextRole, words)
        tint = self.palette().color(QPalette.ColorRole.Accent if own != predicted else QPalette.ColorRole.Mid)
        tint.setAlphaF(0.6 * share)
        item.setBackground(tint)
        return item

    def _select(self, pair: tuple[int, int]) -> None:
        row, column = (self._classes.index(index) for index in pair)
        self.cells.setCurrentCell(row, column, QItemSelectionModel.SelectionFlag.ClearAndSelect)

    def _show_button(self) -> None:
        assert self.accept_button is not None
        self.accept_button.setEnabled(self.cells.currentRow() >= 0 and self._regions[self.pair] > 0)

    def _double_clicked(self) -> None:
        if self._regions[self.pair]:
            self.accept()
