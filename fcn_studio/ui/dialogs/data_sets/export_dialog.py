"""The export dialog: format, folder, statuses and splits."""

from __future__ import annotations

import itertools
from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QGridLayout,
    QHBoxLayout,
    QLineEdit,
    QPushButton,
    QWidget,
)

from fcn_studio.core.sample import Split, Status
from fcn_studio.formats.exporters import EXPORTERS
from fcn_studio.formats.exporters.base import ExportFormat
from fcn_studio.i18n import ended, tr, tr_n
from fcn_studio.paths import expanded
from fcn_studio.settings import Value
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named
from fcn_studio.ui.widgets.setting_editor import add_setting

if TYPE_CHECKING:
    from fcn_studio.jobs.export import ExportForecast
    from fcn_studio.ui.dialogs.class_counts import ClassCounts


@dataclass(frozen=True, slots=True)
class ExportChoice:
    """Choice of what is exported and where to.

    Attributes:
        out: folder that gets the data set.
        statuses: images of these statuses.
        splits: images of these splits.
        exporter: the format.
        options: the format's options by key.
    """

    out: Path
    statuses: frozenset[Status]
    splits: frozenset[Split]
    exporter: ExportFormat = EXPORTERS[0]
    options: Mapping[str, Value] = field(default_factory=dict)


LookAhead = Callable[[ExportChoice, Sequence[int]], "ExportForecast"]


class ExportDialog(Dialog):
    """Dialog for an `ExportChoice`.

    Args:
        images: (status, split) of every image of the project.
        folder: where the file dialog starts.
        parent: the window it belongs to.
        exporters: the formats to choose from.
        look_ahead: returns what a choice will do with the images of these rows.
        class_counts: counts the classes in the images; the dialog closes it.
    """

    def __init__(
        self,
        images: Sequence[tuple[Status, Split]],
        folder: Path,
        parent: QWidget | None = None,
        exporters: Sequence[ExportFormat] = EXPORTERS,
        look_ahead: LookAhead | None = None,
        class_counts: ClassCounts | None = None,
    ) -> None:
        super().__init__("", tr("Export"), width=480, parent=parent)
        self._images = images
        self._start = folder
        self._exporters = exporters
        self._options: dict[str, Callable[[], Value]] = {}
        self._proposed = str(folder / "export")
        self._format = self._add_formats()
        self._out = self._add_folder()
        self._statuses = self._add_statuses()
        self._splits = self._add_splits()
        self._count, self._preview = self.add_words("", "strong"), self.add_words("")
        self.column.addStretch(1)
        self._look_ahead, self._class_counts = look_ahead, class_counts
        if class_counts is not None:
            class_counts.changed.connect(self._show_count)
            self.finished.connect(class_counts.close)
            self.destroyed.connect(class_counts.close)
        self._show_format()

    def _add_formats(self) -> QComboBox:
        """Add the format, its description and its options."""
        form = QFormLayout(horizontalSpacing=2 * theme.GRID, verticalSpacing=theme.GRID)
        formats = QComboBox()
        formats.setAccessibleName(tr("Format"))
        for row in self._exporters:
            formats.addItem(tr(row.title))
        formats.currentIndexChanged.connect(self._show_format)
        form.addRow(tr("Format"), formats)
        form.setRowVisible(formats, len(self._exporters) > 1)
        self.column.addLayout(form)
        self._description = self.add_words("")
        self._options_form = QFormLayout(horizontalSpacing=2 * theme.GRID, verticalSpacing=theme.GRID)
        self.column.addLayout(self._options_form)
        return formats

    def _add_folder(self) -> QLineEdit:
        """Add the field of the folder."""
        self.add_words(tr("Folder"), "strong")
        row = QHBoxLayout()
        out = QLineEdit(self._proposed)
        out.setAccessibleName(tr("Folder"))
        out.textChanged.connect(self._show_count)
        browse = named(QPushButton(tr("Choose…")), tr("Choose the folder"))
        browse.clicked.connect(self._browse)
        row.addWidget(out, 1)
        row.addWidget(browse)
        self.column.addLayout(row)
        self.column.addSpacing(theme.GRID)
        return out

    def _add_statuses(self) -> dict[Status, QCheckBox]:
        """Add a box for each status, with the number of its images."""
        self.add_words(tr("Images"), "strong")
        grid = QGridLayout()
        grid.setSpacing(theme.GRID)
        boxes = {status: QCheckBox() for status in Status}
        for i, (status, box) in enumerate(boxes.items()):
            count = sum(1 for s, _ in self._images if s is status)
            box.setText(f"{status.words} ({count:,})")
            box.setChecked(status is Status.VERIFIED)
            box.toggled.connect(self._show_count)
            grid.addWidget(box, i // 2, i % 2)
        self.column.addLayout(grid)
        self.column.addSpacing(theme.GRID)
        return boxes

    def _add_splits(self) -> dict[Split, QCheckBox]:
        """Add a box for each split, with the number of its images."""
        self.add_words(tr("Lists"), "strong")
        row = QHBoxLayout()
        row.setSpacing(2 * theme.GRID)
        boxes = {split: QCheckBox() for split in Split}
        for split, box in boxes.items():
            count = sum(1 for _, s in self._images if s is split)
            if split is Split.TEST and not count:
                box.hide()
            box.setText(f"{split.words} ({count:,})")
            box.setChecked(True)
            box.toggled.connect(self._show_count)
            row.addWidget(box)
        row.addStretch(1)
        self.column.addLayout(row)
        self.column.addSpacing(theme.GRID)
        return boxes

    def choice(self) -> ExportChoice:
        """Return what is chosen."""
        return ExportChoice(
            expanded(self._out.text()),
            frozenset(s for s, box in self._statuses.items() if box.isChecked()),
            frozenset(s for s, box in self._splits.items() if box.isChecked()),
            self._exporters[self._format.currentIndex()],
            {key: read() for key, read in self._options.items()},
        )

    def rows(self) -> list[int]:
        """Return the numbers of the images that the choice takes."""
        choice = self.choice()
        return [
            row
            for row, (status, split) in enumerate(self._images)
            if status in choice.statuses and split in choice.splits
        ]

    def _browse(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Export into"), str(self._start))
        if chosen:
            self._out.setText(chosen)

    def _show_format(self) -> None:
        """Show the description and the options of the chosen format."""
        row = self._exporters[self._format.currentIndex()]
        self.setWindowTitle(tr("Export as {format}", format=tr(row.title)))
        self._description.setText(tr(row.description))
        while self._options_form.rowCount():
            self._options_form.removeRow(0)
        self._options = {
            option.key: add_setting(self._options_form, option, option.default, self._show_count)
            for option in row.options
        }
        if self._out.text() == self._proposed:
            self._proposed = str(self._free_folder(row))
            self._out.setText(self._proposed)
        self._show_count()

    def _free_folder(self, row: ExportFormat) -> Path:
        """Return the first of ``export``, ``export-2``, ... into which nothing was exported in this format."""
        folders = (
            self._start / name for name in itertools.chain(["export"], (f"export-{n}" for n in itertools.count(2)))
        )
        return next(folder for folder in folders if not row.target(folder).exists())

    def _show_count(self) -> None:
        """Show what the export will do, and offer it if nothing speaks against it."""
        rows, named_folder = self.rows(), bool(self._out.text().strip())
        refusal = self._show_preview(rows) if rows and named_folder else ""
        if not rows:
            words = tr("No image is chosen.")
        elif refusal:
            words = tr_n("{n} image is chosen.", "{n:,} images are chosen.", len(rows))
        else:
            words = tr_n("{n} image will be exported.", "{n:,} images will be exported.", len(rows))
        self._count.setText(words)
        if self.accept_button is not None:
            self.accept_button.setEnabled(bool(rows) and named_folder and not refusal)

    def _show_preview(self, rows: Sequence[int]) -> str:
        """Show what will be written.

        Returns why it cannot be, or "".
        """
        choice = self.choice()
        found = None if self._look_ahead is None else self._look_ahead(choice, rows)
        if found is not None and found.refusal:
            self._preview.setText(ended(found.refusal.rstrip(".。")))
            return found.refusal
        splits = Counter(self._images[row][1] for row in rows)
        lines = [tr("{split}: {n:,}", split=split.words, n=splits[split]) for split in Split if splits[split]]
        words = ["    ".join(lines)]
        if self._class_counts is not None:
            words.append(self._class_counts.words(rows))
        if (as_background := choice.options.get("as_background")) is not None:
            words.append(_unlabelled_words(choice.exporter, as_background=bool(as_background)))
        if found is not None:
            words.append(tr("The folder {folder} will be made.", folder=found.folder))
        if found is not None and found.size:
            words.append(tr("It takes about {megabytes:,.0f} MB of disk space.", megabytes=max(1, found.size / 1e6)))
        self._preview.setText("\n".join(filter(None, words)))
        return ""


def _unlabelled_words(row: ExportFormat, *, as_background: bool) -> str:
    """Return what becomes of pixels that nobody labelled."""
    if as_background:
        return tr("Pixels that nobody labelled become background.")
    if row.keeps_void:
        return tr("Pixels that nobody labelled become void, which trainings ignore.")
    return tr("Void and pixels that nobody labelled have no annotation; trainings take them for background.")
