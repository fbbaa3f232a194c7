"""Dialog that imports masks and annotations of other programs."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QCheckBox,
    QComboBox,
    QFileDialog,
    QFormLayout,
    QHBoxLayout,
    QLineEdit,
    QListWidget,
    QListWidgetItem,
    QProgressBar,
    QPushButton,
    QWidget,
)

from fcn_studio.core.sample import Sample
from fcn_studio.errors import FcnStudioError, UsageError
from fcn_studio.formats.importers import IMPORTERS
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.i18n import tr, tr_n
from fcn_studio.jobs.import_masks.examine import Examined, examine, format_of, refuse_without_match
from fcn_studio.jobs.import_masks.mapping import (
    ResolvedMap,
    ValueFound,
    fitting_data_sets,
    resolve,
    suggestions,
    with_names,
)
from fcn_studio.jobs.import_masks.merge import ImportResult, import_masks
from fcn_studio.paths import expanded
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.dialogs.data_sets.import_preview import ImportPreview
from fcn_studio.ui.dialogs.data_sets.value_table import ValueTable
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.runtime.worker import Worker
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named

_MOST_NOTICES = 3
_KEEP, _TAKE, _CHOOSE = range(3)


class ImportDialog(Dialog):
    """Dialog that examines a source, asks what its values mean, and imports them.

    Args:
        project: open to write.
        prepare: saves everything and closes the open image, before the first annotation is written; raises
            `FcnStudioError` if that is impossible.
        parent: the window it belongs to.

    Attributes:
        begun: whether anything may have been written.
        resolved: what the values became; None before an import.
        imported: what an import did; None before its end.
    """

    def __init__(self, project: ProjectFolder, prepare: Callable[[], None], parent: QWidget | None = None) -> None:
        super().__init__(tr("Import masks"), tr("Import"), width=860, parent=parent)
        self._project, self._prepare = project, prepare
        self._examined: Examined | None = None
        self._path: Path | None = None
        self.begun = False
        self.resolved: ResolvedMap | None = None
        self.imported: ImportResult | None = None
        self._worker = Worker("import", self)
        self._worker.stepped.connect(self._on_step)
        self._worker.finished.connect(self._on_finished)
        self._worker.failed.connect(self._on_failed)
        self._add_source()
        self.copy_images = QCheckBox()
        self.copy_images.toggled.connect(self._examine)
        self.column.addWidget(self.copy_images)
        self._notices = self.add_words("", "dim")
        self._add_values()
        self._add_conflicts()
        self._state = self.add_words("")
        self._bar = named(QProgressBar(maximum=1000, textVisible=False), tr("Progress of the import"))
        self.column.addWidget(self._bar)
        self.resize(960, 600)
        self._show_nothing(tr("Choose a folder of masks, or a file of annotations."))

    # --- parts ------------------------------------------------------------------------------------------------

    def _add_source(self) -> None:
        form = QFormLayout(horizontalSpacing=2 * theme.GRID, verticalSpacing=theme.GRID)
        self.source = QLineEdit()
        self.source.setAccessibleName(tr("Masks"))
        self.source.editingFinished.connect(self._on_typed)
        row = QHBoxLayout()
        row.setSpacing(theme.GRID)
        row.addWidget(self.source, 1)
        for text, name, choose in (
            (tr("Folder…"), tr("Choose the folder of the masks"), self._choose_folder),
            (tr("File…"), tr("Choose a file of annotations, or one mask"), self._choose_file),
        ):
            button = named(QPushButton(text), name)
            button.clicked.connect(choose)
            row.addWidget(button)
        form.addRow(tr("Masks"), row)
        self.format = QComboBox()
        self.format.setAccessibleName(tr("Format"))
        self.format.addItem(tr("Detected automatically"), None)
        for importer in IMPORTERS:
            self.format.addItem(tr(importer.title), importer.name)
        self.format.activated.connect(self._examine)
        form.addRow(tr("Format"), self.format)
        self.known = QComboBox()
        self.known.setAccessibleName(tr("Values are those of"))
        self.known.activated.connect(self._fill)
        form.addRow(tr("Values are those of"), self.known)
        self._form = form
        self.column.addLayout(form)

    def _add_values(self) -> None:
        row = QHBoxLayout()
        row.setSpacing(2 * theme.GRID)
        self.values = ValueTable()
        self.values.changed.connect(self._on_meaning)
        self.values.row_chosen.connect(self._show_example)
        self.preview = ImportPreview()
        row.addWidget(self.values, 1)
        row.addWidget(self.preview)
        self.column.addLayout(row, 1)

    def _add_conflicts(self) -> None:
        """Add the choice for images that a person has worked on."""
        self._conflict_words = self.add_words("", "strong")
        self.conflicts = QComboBox()
        self.conflicts.setAccessibleName(tr("What becomes of images with your labels"))
        self.conflicts.addItem(tr("Keep my labels"), _KEEP)
        self.conflicts.addItem(tr("Take theirs; mine stay as an earlier version"), _TAKE)
        self.conflicts.addItem(tr("Choose for each image"), _CHOOSE)
        self.conflicts.activated.connect(self._show_conflicts)
        self.column.addWidget(self.conflicts)
        self._ticked = self.add_words(tr("The ticked images take the labels of the source."), "dim")
        self.chosen = QListWidget()
        self.chosen.setAccessibleName(tr("Images that take the labels of the source"))
        self.chosen.setMaximumHeight(16 * theme.GRID)
        self.column.addWidget(self.chosen)

    # --- source -----------------------------------------------------------------------------------------------

    def set_source(self, path: Path) -> None:
        """Examine a file or folder."""
        self.source.setText(str(path))
        self._path = path
        self._examine()

    def _on_typed(self) -> None:
        text = self.source.text().strip()
        if text and expanded(text) != self._path:
            self.set_source(expanded(text))

    def _choose_folder(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Folder of masks"), self._start())
        if chosen:
            self.set_source(Path(chosen))

    def _choose_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, tr("File of annotations"), self._start())
        if chosen:
            self.set_source(Path(chosen))

    def _start(self) -> str:
        return str(self._path or self._project.folder)

    def _examine(self) -> None:
        """Count the values of the source in a thread."""
        if self._path is None:
            return
        try:
            if not self._path.exists():
                raise UsageError(tr("There is no '{path}'.", path=self._path))
            row = format_of(self._path, self.format.currentData())
        except FcnStudioError as error:
            self._show_nothing(str(error))
            return
        self._show_nothing(tr("Counting values…"))
        copy_images = self.copy_images.isChecked()
        self._worker.start(examine(self._project, self._path, row, copy_images=copy_images))
        self._bar.setValue(0)
        self._bar.setVisible(True)

    def _show_nothing(self, sentence: str) -> None:
        """Show that nothing can be imported yet."""
        self._worker.cancel()
        self._examined = None
        self.values.fill((), self._project.config.table, {})
        self._notices.setVisible(False)
        self._form.setRowVisible(self.known, False)
        self.copy_images.setVisible(self.copy_images.isChecked())
        for widget in (self._conflict_words, self.conflicts, self._ticked, self.chosen, self._bar):
            widget.setVisible(False)
        self._say(sentence)

    def _show_examined(self, examined: Examined) -> None:
        assert self._path is not None
        self._bar.setVisible(False)
        try:
            refuse_without_match(self._path, examined)
        except FcnStudioError as error:
            self._show_copy(examined)
            self._say(str(error))
            return
        self._examined = examined
        notices = [*examined.notices, *examined.survey.failed.values()]
        more = len(notices) - _MOST_NOTICES
        shown = notices[:_MOST_NOTICES] + (
            [tr_n("And {n} more notice.", "And {n:,} more notices.", more)] if more > 0 else []
        )
        self._notices.setText("\n".join(shown))
        self._notices.setToolTip("\n".join(notices[:50]) if more > 0 else "")
        self._notices.setVisible(bool(notices))
        self._show_copy(examined)
        self._show_known(examined)
        self.chosen.clear()
        for sample in examined.conflicts:
            item = QListWidgetItem(sample.image_id)
            item.setCheckState(Qt.CheckState.Unchecked)
            self.chosen.addItem(item)
        self._show_conflicts()
        self._fill()

    def _show_copy(self, examined: Examined) -> None:
        count = len(examined.matches.to_copy)
        self.copy_images.setText(
            tr_n(
                "Copy {n} image that the folder lacks into it",
                "Copy {n:,} images that the folder lacks into it",
                count,
            )
        )
        self.copy_images.setVisible(count > 0)

    def _show_known(self, examined: Examined) -> None:
        fitting = fitting_data_sets(examined.survey.values)
        self.known.clear()
        self.known.addItem(tr("the source"), None)
        for known in fitting:
            self.known.addItem(tr(known.title), known.name)
        self._form.setRowVisible(self.known, bool(fitting))

    def _show_conflicts(self) -> None:
        examined = self._examined
        count = len(examined.conflicts) if examined is not None else 0
        self._conflict_words.setText(
            tr_n("{n} of the images has labels of yours.", "{n:,} of the images have labels of yours.", count)
        )
        self._conflict_words.setVisible(count > 0)
        self.conflicts.setVisible(count > 0)
        for widget in (self._ticked, self.chosen):
            widget.setVisible(count > 0 and self.conflicts.currentData() == _CHOOSE)

    # --- mapping ----------------------------------------------------------------------------------------------

    def _values(self) -> Sequence[ValueFound]:
        """Return the values, with the names of the known data set that is chosen."""
        if self._examined is None:
            return ()
        values, chosen = self._examined.survey.values, self.known.currentData()
        known = next((known for known in fitting_data_sets(values) if known.name == chosen), None)
        return values if known is None else with_names(values, known)

    def _fill(self) -> None:
        if self._examined is not None:
            values = self._values()
            self.values.fill(values, self._examined.table, suggestions(values, self._examined.table))
            self._on_meaning()

    def _on_meaning(self) -> None:
        """Show what can be done with the meanings as they are."""
        self.preview.show_colours(self.values.colours())
        undecided = self.values.undecided()
        if self._examined is None:
            return
        if undecided:
            self._say(
                tr_n(
                    "{n} value has no meaning yet: choose what it means (magenta in the preview).",
                    "{n:,} values have no meaning yet: choose what they mean (magenta in the preview).",
                    undecided,
                )
            )
        elif not self._examined.survey.values:
            self._say(
                tr("Nothing could be read. {reason}", reason=next(iter(self._examined.survey.failed.values()), ""))
            )
        else:
            count = len(self._examined.matches.found)
            ready = tr_n("{n} annotation can be imported.", "{n:,} annotations can be imported.", count)
            self._say(ready, ready=True)

    def _show_example(self, value: ValueFound) -> None:
        if self._examined is not None:
            self.preview.show_match(self._examined.source, value.example, self._project.max_pixels)

    # --- import -----------------------------------------------------------------------------------------------

    @guarded
    def accept(self) -> None:
        """Begin the import, and close the dialog at its end."""
        examined = self._examined
        if examined is None or self.values.undecided():
            return
        try:
            self.resolved = resolve(self._values(), self.values.meanings(), examined.table, examined.survey.named)
            self._prepare()
        except FcnStudioError as error:
            self._say(str(error))
            return
        taken = self._taken(examined.conflicts)
        self.begun = True
        steps = import_masks(
            self._project, examined.source, examined.matches.found, self.resolved, lambda s: s.image_id in taken
        )
        self._worker.start(steps)
        self._bar.setValue(0)
        self._bar.setVisible(True)
        self._say(tr("Importing…"))
        self._enable(enabled=False)

    def _taken(self, conflicts: Sequence[Sample]) -> frozenset[str]:
        """Return the images that take the labels of the source."""
        if self.conflicts.currentData() == _TAKE:
            return frozenset(sample.image_id for sample in self._project.samples)
        if self.conflicts.currentData() == _KEEP:
            return frozenset()
        rows = (self.chosen.item(row) for row in range(len(conflicts)))
        return frozenset(item.text() for item in rows if item.checkState() is Qt.CheckState.Checked)

    def _enable(self, *, enabled: bool) -> None:
        for widget in (
            self.source,
            self.format,
            self.known,
            self.copy_images,
            self.values,
            self.conflicts,
            self.chosen,
        ):
            widget.setEnabled(enabled)

    def _on_step(self, step: tuple[int, int]) -> None:
        done, total = step
        self._bar.setValue(round(1000 * done / total) if total else 0)

    def _on_finished(self, result: object) -> None:
        if isinstance(result, ImportResult):
            self.imported = result
            super().accept()
        elif isinstance(result, Examined):
            self._show_examined(result)

    def _on_failed(self, error: Exception) -> None:
        self._bar.setVisible(False)
        self._enable(enabled=True)
        kind = type(error).__name__
        known = isinstance(error, FcnStudioError)
        self._say(str(error) if known else tr("An error in the program ended this ({error}).", error=kind))

    def _say(self, sentence: str, *, ready: bool = False) -> None:
        """Show where things stand, and whether Import can be pressed."""
        self._state.setText(sentence)
        if self.accept_button is not None:
            self.accept_button.setEnabled(ready)

    @guarded
    def done(self, result: int) -> None:
        """End all threads, then close."""
        self._worker.close()
        self.preview.close_worker()
        super().done(result)
