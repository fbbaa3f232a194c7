"""Dialog that writes frames of a film, or pages of a TIFF, as images into a folder."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import (
    QComboBox,
    QDoubleSpinBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QProgressBar,
    QPushButton,
    QSpinBox,
    QWidget,
)

from fcn_studio.errors import FcnStudioError
from fcn_studio.formats.images.frames import FILM_SUFFIXES, PAGE_SUFFIXES, Every, FrameKind, has_frames, is_film
from fcn_studio.i18n import tr
from fcn_studio.jobs.import_masks.frames import FramesResult, import_frames
from fcn_studio.paths import expanded
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.runtime.worker import Worker
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.fields import padded
from fcn_studio.ui.widgets.named import named

if TYPE_CHECKING:
    from collections.abc import Callable

_SECONDS, _FRAMES = range(2)
_KINDS: tuple[FrameKind, ...] = ("jpg", "png")


class FramesDialog(Dialog):
    """Dialog that asks for a film and a folder, and writes the frames.

    Args:
        folder: the folder that is offered for the images; None to offer the one of the film.
        max_pixels: larger frames are refused.
        parent: the window it belongs to.

    Attributes:
        begun: whether images may have been written.
        result_of_import: what was written; None before the end.
    """

    def __init__(self, folder: Path | None, max_pixels: int, parent: QWidget | None = None) -> None:
        super().__init__(tr("Import frames"), tr("Import"), width=560, parent=parent)
        self._max_pixels = max_pixels
        self.begun = False
        self.result_of_import: FramesResult | None = None
        self._worker = Worker("frames", self)
        self._worker.stepped.connect(self._on_step)
        self._worker.finished.connect(self._on_finished)
        self._worker.failed.connect(self._on_failed)
        self._choosers: list[QPushButton] = []
        self._form = QFormLayout(horizontalSpacing=2 * theme.GRID, verticalSpacing=theme.GRID)
        self.film = self._add_path(tr("Film or TIFF"), tr("File…"), tr("Choose a film or TIFF"), self._choose_film)
        self.folder = self._add_path(
            tr("Into the folder"), tr("Folder…"), tr("Choose the folder for the images"), self._choose_folder
        )
        self.folder.setText("" if folder is None else str(folder))
        self._add_every()
        self._add_kind()
        self.column.addLayout(self._form)
        self._state = self.add_words("")
        self._bar = named(QProgressBar(maximum=1000, textVisible=False), tr("Progress of the import"))
        self._bar.setVisible(False)
        self.column.addWidget(self._bar)
        self._on_changed()

    # --- parts ------------------------------------------------------------------------------------------------

    def _add_path(self, label: str, button_text: str, button_name: str, choose: Callable[[], None]) -> QLineEdit:
        """Add a row of a path that can be typed or chosen."""
        line = QLineEdit()
        line.setAccessibleName(label)
        line.textChanged.connect(self._on_changed)
        button = named(QPushButton(button_text), button_name)
        button.clicked.connect(choose)
        self._choosers.append(button)
        row = QHBoxLayout()
        row.setSpacing(theme.GRID)
        row.addWidget(line, 1)
        row.addWidget(button)
        self._form.addRow(label, row)
        return line

    def _add_every(self) -> None:
        self.step = padded(QDoubleSpinBox(minimum=0.01, maximum=1_000_000, value=1, decimals=2))
        self.step.setAccessibleName(tr("Distance between frames"))
        self.unit = QComboBox()
        self.unit.setAccessibleName(tr("Unit of the distance"))
        self.unit.addItem(tr("seconds"), _SECONDS)
        self.unit.addItem(tr("frames or pages"), _FRAMES)
        self.unit.currentIndexChanged.connect(self._on_changed)
        row = QHBoxLayout()
        row.setSpacing(theme.GRID)
        row.addWidget(self.step)
        row.addWidget(self.unit, 1)
        self._form.addRow(tr("One image every"), row)

    def _add_kind(self) -> None:
        self.kind = QComboBox()
        self.kind.setAccessibleName(tr("Kind of the images"))
        self.kind.addItem(tr("JPEG"), "jpg")
        self.kind.addItem(tr("PNG, without loss"), "png")
        self.kind.currentIndexChanged.connect(self._on_changed)
        self.quality = padded(QSpinBox(minimum=1, maximum=100, value=95))
        self.quality.setAccessibleName(tr("Quality of JPEGs"))
        self._form.addRow(tr("Images are"), self.kind)
        self._form.addRow(tr("Quality of JPEGs"), self.quality)

    # --- choices ----------------------------------------------------------------------------------------------

    def _choose_film(self) -> None:
        patterns = " ".join(f"*{suffix}" for suffix in sorted(FILM_SUFFIXES | PAGE_SUFFIXES))
        kinds = tr("Films and TIFFs ({patterns})", patterns=patterns)
        chosen, _ = QFileDialog.getOpenFileName(self, tr("Film or TIFF"), self.folder.text(), kinds)
        if chosen:
            self.film.setText(chosen)

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Folder for the images"), self.folder.text())
        if chosen:
            self.folder.setText(chosen)

    def _on_changed(self) -> None:
        """Show what can be chosen, and whether the import can begin."""
        if not hasattr(self, "_state"):  # the parts before it are being made
            return
        path, film = self._path(), is_film(self._path())
        if not film and path.suffix.casefold() in PAGE_SUFFIXES:
            self.unit.setCurrentIndex(_FRAMES)
        self.step.setDecimals(2 if self.unit.currentData() == _SECONDS else 0)
        self._form.setRowVisible(self.kind, film)
        self._form.setRowVisible(self.quality, film and self.kind.currentData() == "jpg")
        ready = has_frames(path)
        if ready and self.folder.text().strip():
            self._say("", ready=True)
        elif ready:
            self._say(tr("Choose the folder for the images."))
        elif self.film.text().strip() and path.is_file():
            self._say(tr("This is neither a film nor a TIFF of several pages."))
        else:
            self._say(tr("Choose a film, or a TIFF of several pages."))

    def _path(self) -> Path:
        return expanded(self.film.text().strip())

    # --- import -----------------------------------------------------------------------------------------------

    @guarded
    def accept(self) -> None:
        """Begin to write, and close the dialog at the end."""
        if self._worker.running:
            return
        every = Every(self.step.value(), seconds=self.unit.currentData() == _SECONDS)
        self.begun = True
        self._worker.start(
            import_frames(
                self._path(),
                expanded(self.folder.text().strip()),
                every,
                _KINDS[self.kind.currentIndex()],
                self.quality.value(),
                self._max_pixels,
            )
        )
        self._bar.setVisible(True)
        self._enable(enabled=False)
        self._say(tr("Writing images… Cancel keeps those that are written."))

    def _enable(self, *, enabled: bool) -> None:
        for widget in (self.film, self.folder, self.step, self.unit, self.kind, self.quality, *self._choosers):
            widget.setEnabled(enabled)

    def _on_step(self, step: tuple[int, int]) -> None:
        done, total = step
        self._bar.setValue(round(1000 * done / total) if total else 0)

    def _on_finished(self, result: object) -> None:
        assert isinstance(result, FramesResult)
        self.result_of_import = result
        super().accept()

    def _on_failed(self, error: Exception) -> None:
        self._bar.setVisible(False)
        self._enable(enabled=True)
        kind = type(error).__name__
        known = isinstance(error, FcnStudioError)
        words = str(error) if known else tr("An error in the program ended this ({error}).", error=kind)
        self._say(words, ready=True)

    def _say(self, sentence: str, *, ready: bool = False) -> None:
        """Show where things stand, and whether Import can be pressed."""
        self._state.setText(sentence)
        self._state.setVisible(bool(sentence))
        if self.accept_button is not None:
            self.accept_button.setEnabled(ready)

    @guarded
    def done(self, result: int) -> None:
        """End the thread, then close."""
        self._worker.close()
        super().done(result)
