"""The export dialog: where to, which statuses, which splits, and how many images that is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

from PySide6.QtWidgets import QCheckBox, QFileDialog, QGridLayout, QHBoxLayout, QLineEdit, QPushButton, QWidget

from fcn_studio.core.sample import Split, Status
from fcn_studio.i18n import tr, tr_n, tr_noop
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named

SPLIT_WORDS = {Split.TRAIN: tr_noop("Training"), Split.VAL: tr_noop("Validation")}


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """What the user wants exported.

    Attributes:
        out: folder that gets ``VOCdevkit/VOC2012``.
        statuses: images of these statuses.
        splits: images of these splits.
    """

    out: Path
    statuses: frozenset[Status]
    splits: frozenset[Split]


class ExportDialog(Dialog):
    """Asks for an `ExportChoice`.

    Args:
        images: (status, split) of every image of the project.
        folder: where the file dialog starts.
        parent: the window it belongs to.
    """

    def __init__(self, images: Sequence[tuple[Status, Split]], folder: Path, parent: QWidget | None = None) -> None:
        super().__init__(tr("Export as VOC data set"), tr("Export"), width=480, parent=parent)
        self._images = images
        self._start = folder
        self.add_words(tr("Images, masks, lists and class names are written to VOCdevkit/VOC2012 in this folder:"))
        row = QHBoxLayout()
        self._out = QLineEdit(str(folder / "export"))
        self._out.setAccessibleName(tr("Folder"))
        self._out.textChanged.connect(self._show_count)
        browse = named(QPushButton(tr("Choose…")), tr("Choose the folder"))
        browse.clicked.connect(self._browse)
        row.addWidget(self._out, 1)
        row.addWidget(browse)
        self.column.addLayout(row)
        self.column.addSpacing(theme.GRID)
        self.add_words(tr("Images"), "strong")
        grid = QGridLayout()
        grid.setSpacing(theme.GRID)
        self._statuses = {status: QCheckBox() for status in Status}
        self._splits = {split: QCheckBox() for split in Split}
        for i, (status, box) in enumerate(self._statuses.items()):
            count = sum(1 for s, _ in images if s is status)
            box.setText(tr("{words} ({count:,})", words=status.words, count=count))
            box.setChecked(status is Status.VERIFIED)
            box.toggled.connect(self._show_count)
            grid.addWidget(box, i // 2, i % 2)
        self.column.addLayout(grid)
        self.column.addSpacing(theme.GRID)
        self.add_words(tr("Lists"), "strong")
        splits = QHBoxLayout()
        splits.setSpacing(2 * theme.GRID)
        for split, box in self._splits.items():
            count = sum(1 for _, s in images if s is split)
            box.setText(tr("{words} ({count:,})", words=tr(SPLIT_WORDS[split]), count=count))
            box.setChecked(True)
            box.toggled.connect(self._show_count)
            splits.addWidget(box)
        splits.addStretch(1)
        self.column.addLayout(splits)
        self.column.addSpacing(theme.GRID)
        self._count = self.add_words("")
        self._show_count()

    def choice(self) -> ExportChoice:
        """What is chosen."""
        return ExportChoice(
            Path(self._out.text()).expanduser(),
            frozenset(s for s, box in self._statuses.items() if box.isChecked()),
            frozenset(s for s, box in self._splits.items() if box.isChecked()),
        )

    def count(self) -> int:
        """Number of images that the choice takes."""
        choice = self.choice()
        return sum(1 for status, split in self._images if status in choice.statuses and split in choice.splits)

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Export into"), str(self._start))
        if chosen:
            self._out.setText(chosen)

    def _show_count(self) -> None:
        count = self.count()
        self._count.setText(
            tr_n("{n} image will be exported.", "{n:,} images will be exported.", count)
            if count
            else tr("No image is chosen.")
        )
        if self.accept_button is not None:
            self.accept_button.setEnabled(count > 0 and bool(self._out.text().strip()))
