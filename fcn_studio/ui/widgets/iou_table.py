"""Table of the IoU of each class, before and now."""

from __future__ import annotations

from PySide6.QtCore import QSize, Qt
from PySide6.QtWidgets import QAbstractItemView, QHeaderView, QTreeWidget, QTreeWidgetItem, QWidget

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.metrics import Figures
from fcn_studio.i18n import tr
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.class_colours import dashes_of, of_index, on_screen

_ICON = QSize(44, 14)
"""Room for the colour of a class and its line in the plots."""

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class IouTable(QTreeWidget):
    """Hidden until there are figures."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAccessibleName(tr("IoU of each class"))
        self.setIconSize(_ICON)
        self.setColumnCount(3)
        self.setHeaderLabels([tr("Class"), tr("Before"), tr("IoU")])
        self.setRootIsDecorated(False)
        self.setUniformRowHeights(True)
        self.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.setVerticalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        header = self.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
            self.headerItem().setTextAlignment(column, _RIGHT)
        self.clear_figures()

    def clear_figures(self) -> None:
        """Show nothing."""
        self.clear()
        self.hide()

    def show_figures(self, table: ClassTable, figures: Figures, before: Figures | None = None) -> None:
        """Show the mean and each class that occurs in the truth.

        ``before`` are the figures of the earlier network.
        """
        self.clear()
        self.setColumnHidden(1, before is None)
        mean = self._add(tr("Mean"), figures.mean_iou, before.mean_iou if before else None)
        font = mean.font(0)
        font.setBold(True)
        for column in range(3):
            mean.setFont(column, font)
        for index, iou in sorted(figures.iou.items()):
            info = on_screen(table).get(index)
            colour = info.colour if info else of_index(index)
            item = self._add(table.name_of(index), iou, before.iou.get(index) if before else None)
            item.setIcon(0, theme.line_icon(colour, dashes_of(index), self.iconSize()))
        rows = self.topLevelItemCount()
        height = self.sizeHintForRow(0) * rows + self.header().sizeHint().height() + 2 * self.frameWidth()
        self.setFixedHeight(height)
        self.show()

    def _add(self, name: str, iou: float, before: float | None) -> QTreeWidgetItem:
        item = QTreeWidgetItem([name, "" if before is None else f"{before:.3f}", f"{iou:.3f}"])
        for column in (1, 2):
            item.setTextAlignment(column, _RIGHT)
        self.addTopLevelItem(item)
        return item
