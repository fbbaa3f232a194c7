"""The dialog that compares two networks."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import (
    QDialogButtonBox,
    QFormLayout,
    QHeaderView,
    QPushButton,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.metrics import Figures
from fcn_studio.i18n import tr
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.class_colours import on_screen
from fcn_studio.ui.widgets.fields import Choice
from fcn_studio.ui.widgets.named import named

_RIGHT = Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter


class CompareDialog(Dialog):
    """Two networks and their IoU by class, side by side.

    Args:
        classes: of the project.
        names: what people call the networks to choose from.
        first: the row of the first network.
        second: the row of the second one.
        parent: the window it belongs to.

    Signals:
        score_asked(int, int): score the networks of these rows on the same images.
        wipe_asked(int, int): show what both predict for the open image.
    """

    score_asked = Signal(int, int)
    wipe_asked = Signal(int, int)

    def __init__(
        self, classes: ClassTable, names: Sequence[str], first: int, second: int, parent: QWidget | None = None
    ) -> None:
        super().__init__(tr("Compare networks"), width=520, parent=parent)
        self._classes = on_screen(classes)
        self.first, self.second = (named(Choice(), words, words) for words in (tr("First"), tr("Second")))
        form = QFormLayout(horizontalSpacing=2 * theme.GRID, verticalSpacing=theme.GRID)
        for words, choice, row in ((tr("First"), self.first, first), (tr("Second"), self.second, second)):
            choice.addItems(list(names))
            choice.setCurrentIndex(row)
            choice.currentIndexChanged.connect(lambda _row: self._clear())
            form.addRow(words, choice)
        self.column.addLayout(form)
        self.words = self.add_words("", "dim")
        self.table = named(QTreeWidget(), tr("IoU of each class"), tr("IoU of each class"))
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.table.setMinimumHeight(240)
        self.column.addWidget(self.table, 1)
        self.score_button = QPushButton(tr("Score both"))
        self.wipe_button = QPushButton(tr("Wipe on the open image"))
        for button, asked in ((self.score_button, self.score_asked), (self.wipe_button, self.wipe_asked)):
            self.buttons.addButton(button, QDialogButtonBox.ButtonRole.ActionRole)
            button.clicked.connect(
                lambda _checked=False, asked=asked: asked.emit(self.first.currentIndex(), self.second.currentIndex())
            )
        self._clear()

    def _clear(self) -> None:
        """Show no figures, since they would be of other networks."""
        names = [choice.currentText() for choice in (self.first, self.second)]
        self.table.clear()
        self.table.setHeaderLabels([tr("Class"), *names, tr("Difference")])
        header = self.table.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        for column in (1, 2, 3):
            header.setSectionResizeMode(column, QHeaderView.ResizeMode.ResizeToContents)
            self.table.headerItem().setTextAlignment(column, _RIGHT)
        different = self.first.currentIndex() != self.second.currentIndex()
        self.score_button.setEnabled(different)
        self.wipe_button.setEnabled(different)
        self.words.setText("" if different else tr("Choose two different networks."))

    def say(self, sentence: str) -> None:
        """Show what the networks are scored on."""
        self.words.setText(sentence)

    def show_figures(self, first: Figures, second: Figures) -> None:
        """Show the IoU of each class by both networks."""
        self.table.clear()
        self._add(tr("Mean"), first.mean_iou, second.mean_iou)
        for index in sorted({*first.iou, *second.iou}):
            item = self._add(self._classes.name_of(index), first.iou.get(index), second.iou.get(index))
            if (info := self._classes.get(index)) is not None:
                item.setIcon(0, theme.swatch_icon(info.colour))

    def _add(self, name: str, first: float | None, second: float | None) -> QTreeWidgetItem:
        cells = ["" if value is None else f"{value:.3f}" for value in (first, second)]
        difference = "" if first is None or second is None else f"{second - first:+.3f}"
        item = QTreeWidgetItem([name, *cells, difference])
        for column in (1, 2, 3):
            item.setTextAlignment(column, _RIGHT)
        self.table.addTopLevelItem(item)
        return item
