"""The dialog that chooses a network to train from scratch."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QDoubleSpinBox, QFormLayout, QTreeWidget, QTreeWidgetItem, QWidget

from fcn_studio.core.training import Level, TrainConfig
from fcn_studio.fcn.model.architecture import LEARNED
from fcn_studio.fcn.model.family import FAMILY, FamilyMember
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.fields import padded
from fcn_studio.ui.widgets.named import named

COLUMNS = (tr_noop("Network"), tr_noop("Name"), tr_noop("Size"), tr_noop("Cost"))


class ScratchDialog(Dialog):
    """Dialog that lists the networks of the family, with size, cost and a sentence.

    Args:
        minutes: time limit that is proposed.
        parent: the window it belongs to.
    """

    def __init__(self, minutes: float, parent: QWidget | None = None) -> None:
        super().__init__(tr("Train from scratch"), tr("Train"), width=680, parent=parent)
        self.add_words(
            tr(
                "A new network learns from all pixels that you labelled. The network in use stays until the new one "
                "is better. Cost is that of one image, compared with the first network."
            )
        )
        self.table = named(QTreeWidget(), tr("Networks of the family"))
        self.table.setHeaderLabels([tr(column) for column in COLUMNS])
        self.table.setRootIsDecorated(False)
        self.table.setUniformRowHeights(True)
        self.column.addWidget(self.table)
        self.words = self.add_words("", "dim")
        self.words.setMinimumHeight(2 * self.words.fontMetrics().lineSpacing())
        self.learned = QCheckBox(tr("Learn the upsampling"))
        self.minutes = padded(
            QDoubleSpinBox(minimum=0.1, maximum=60 * 24, decimals=1, suffix=tr(" min"), value=minutes)
        )
        named(self.minutes, tr("Minutes"), tr("How long to train at most"))
        form = QFormLayout(horizontalSpacing=theme.GRID, verticalSpacing=theme.GRID // 2)
        form.addRow(tr("Minutes"), self.minutes)
        form.addRow(self.learned)
        self.column.addLayout(form)
        for member in FAMILY:
            self._add(member)
        for column in range(len(COLUMNS)):
            self.table.resizeColumnToContents(column)
            self.table.setColumnWidth(column, self.table.columnWidth(column) + 2 * theme.GRID)
        self.table.itemSelectionChanged.connect(self._show)
        self.table.itemDoubleClicked.connect(lambda *_: self.accept())
        self.table.setCurrentIndex(self.table.model().index(0, 0))
        self.resize(760, 560)

    def _add(self, member: FamilyMember) -> None:
        size = tr("{megabytes:,.0f} MB", megabytes=member.megabytes)
        cost = tr("{times:,.0f} x", times=max(1, member.gflops / FAMILY[0].gflops))
        item = QTreeWidgetItem([member.architecture.title, member.name, size, cost])
        for column in (2, 3):
            item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        self.table.addTopLevelItem(item)

    @property
    def member(self) -> FamilyMember:
        """The chosen network."""
        return FAMILY[max(0, self.table.currentIndex().row())]

    def _show(self) -> None:
        self.words.setText(tr(self.member.sentence))
        self.learned.setEnabled(self.member.can_learn_upsampling)

    def config(self) -> TrainConfig:
        """Return the training that was chosen."""
        learned = self.learned.isChecked() and self.member.can_learn_upsampling
        name = self.member.name + (LEARNED if learned else "")
        return TrainConfig(Level.SCRATCH, minutes=self.minutes.value(), architecture=name)
