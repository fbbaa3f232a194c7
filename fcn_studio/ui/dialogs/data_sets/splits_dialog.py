"""The dialog that divides images into training, validation and test."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TYPE_CHECKING

from PySide6.QtCore import QSize, Qt, QTimer
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFormLayout,
    QHBoxLayout,
    QHeaderView,
    QLabel,
    QSpinBox,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from fcn_studio.core.sample import Split
from fcn_studio.core.splitting.groups import GroupBy
from fcn_studio.i18n import tr, tr_n, tr_noop
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.runtime.worker import Worker
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.fields import padded
from fcn_studio.ui.widgets.named import named, with_role

if TYPE_CHECKING:
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.jobs.splitting.division import Division, DivisionChoice

_WAIT_MS = 200
_GROUPS = {
    GroupBy.NOTHING: tr_noop("Nothing: each image on its own"),
    GroupBy.FOLDER: tr_noop("Images of one folder"),
    GroupBy.SEQUENCE: tr_noop("Images of one sequence: the same name before the number"),
}


class SplitsDialog(Dialog):
    """Dialog for a division of a project's images.

    It reads masks, and pictures for near-duplicates, in a thread.

    Args:
        project: the project, all annotations of which are on disk.
        parent: the window it belongs to.

    Attributes:
        division: the division that is shown, None until it is known.
    """

    def __init__(self, project: ProjectFolder, parent: QWidget | None = None) -> None:
        from fcn_studio.jobs.splitting.division import Divider

        super().__init__(tr("Splits"), tr("Apply"), width=560, parent=parent)
        self._project, self._divider = project, Divider(project)
        self.division: Division | None = None
        self._worker = Worker("splits", self)
        self._later = QTimer(self, singleShot=True, interval=_WAIT_MS)
        self._later.timeout.connect(self._divide)
        self._add_choices()
        self._table = self._add_table()
        self._words = self.add_words("", "dim")
        self._worker.stepped.connect(self._show_progress)
        self._worker.finished.connect(self._show)
        self._worker.failed.connect(lambda error: self._words.setText(str(error)))
        self.finished.connect(self._later.stop)
        self.finished.connect(self._worker.close)
        self._changed()

    def choice(self) -> DivisionChoice:
        """Return what is chosen."""
        from fcn_studio.jobs.splitting.division import DivisionChoice

        return DivisionChoice(
            self._val.value() / 100,
            self._test.value() / 100,
            GroupBy(self._by.currentData()),
            self._duplicates.isChecked(),
            self._keep.isChecked(),
            self._verified.isChecked(),
        )

    def _add_choices(self) -> None:
        form = QFormLayout(horizontalSpacing=2 * theme.GRID, verticalSpacing=theme.GRID)
        self._val = _percent(tr("Share of validation images"), round(self._project.config.val_percent))
        self._test = _percent(tr("Share of test images"), 0)
        self._train = with_role(QLabel(), "dim")
        shares = QHBoxLayout()
        shares.setSpacing(theme.GRID)
        for title, widget in ((tr("Validation"), self._val), (tr("Test"), self._test)):
            shares.addWidget(QLabel(title))
            shares.addWidget(widget)
            shares.addSpacing(theme.GRID)
        shares.addWidget(self._train, 1)
        form.addRow(tr("Shares"), shares)
        self._by = named(QComboBox(), tr("Keep together"))
        for by, words in _GROUPS.items():
            self._by.addItem(tr(words), by)
        form.addRow(tr("Keep together"), self._by)
        self._duplicates = QCheckBox(tr("Near-duplicates on the same side"))
        self._keep = QCheckBox(tr("Images that have a split keep it"))
        self._verified = QCheckBox(tr("Verified images only"))
        for box in (self._duplicates, self._keep, self._verified):
            box.setChecked(True)
            box.toggled.connect(self._changed)
            form.addRow("", box)
        self.column.addLayout(form)
        self._by.currentIndexChanged.connect(self._changed)
        self._val.valueChanged.connect(self._changed)
        self._test.valueChanged.connect(self._changed)

    def _add_table(self) -> QTreeWidget:
        table = named(QTreeWidget(), tr("Images of each split, before and after"))
        table.setRootIsDecorated(False)
        table.setSelectionMode(QTreeWidget.SelectionMode.NoSelection)
        table.setHeaderLabels([tr("Images"), *(split.words for split in Split), tr("None")])
        header = table.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(0, QHeaderView.ResizeMode.Stretch)
        table.setMinimumHeight(220)
        self.column.addWidget(table, 1)
        return table

    def _changed(self) -> None:
        """Divide again soon, and let the shares add up."""
        self._test.setMaximum(100 - self._val.value())
        rest = 100 - self._val.value() - self._test.value()
        self._train.setText(tr("Training {percent} %", percent=rest))
        self.division = None
        self._allow(False)
        self._later.start()

    def _divide(self) -> None:
        self._worker.start(self._divider.divide(self.choice()))

    def _show_progress(self, step: tuple[int, int]) -> None:
        done, total = step
        self._words.setText(tr("Reading images: {done:,} of {total:,}", done=done, total=total))

    def _show(self, division: Division) -> None:
        """Show the numbers of images before and after."""
        self.division = division
        self._table.clear()
        self._add_row(tr("All"), division, None)
        for info in self._project.config.table.active:
            self._add_row(info.name, division, info.index)
        changes = len(division.changes)
        self._words.setText(
            tr_n("{n} image changes its split.", "{n:,} images change their splits.", changes)
            if changes
            else tr("No image changes its split.")
        )
        self._allow(changes > 0)

    def _add_row(self, title: str, division: Division, class_index: int | None) -> None:
        before, after = (division.counts(s, class_index) for s in (division.before, division.after))
        if not (any(before.values()) or class_index is None):
            return
        cells = [_cell(before, after, split) for split in (*Split, None)]
        item = QTreeWidgetItem([title, *cells])
        for column in range(1, len(cells) + 1):
            item.setTextAlignment(column, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
        item.setSizeHint(0, QSize(0, 3 * theme.GRID))
        self._table.addTopLevelItem(item)

    def _allow(self, allowed: bool) -> None:
        assert self.accept_button is not None
        self.accept_button.setEnabled(allowed)


def _percent(name: str, value: int) -> QSpinBox:
    box = named(padded(QSpinBox(minimum=0, maximum=100, suffix=" %")), name)
    box.setValue(value)
    return box


def _cell(before: Mapping[Split | None, int], after: Mapping[Split | None, int], split: Split | None) -> str:
    """Return the number of images before and after, or one number if they are equal."""
    one, other = before.get(split, 0), after.get(split, 0)
    return f"{other:,}" if one == other else f"{one:,} → {other:,}"
