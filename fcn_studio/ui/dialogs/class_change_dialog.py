"""Question what becomes of the pixels of a class that is merged or deleted."""

from __future__ import annotations

from PySide6.QtWidgets import QComboBox, QFormLayout, QWidget

from fcn_studio.core.classes import UNLABELLED, VOID, ClassInfo
from fcn_studio.core.colours.screen_colours import VOID_COLOUR
from fcn_studio.formats.class_changes.usage import ClassUsage, class_usage
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.i18n import tr, tr_n
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.runtime.worker import Worker
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.class_colours import on_screen


class ClassChangeDialog(Dialog):
    """Question before a class is merged or deleted, with counts of its images and pixels.

    Args:
        project: everything of it is saved.
        info: the class.
        deleting: whether its pixels may become void or unlabelled too.
        parent: the window it belongs to.
    """

    def __init__(
        self, project: ProjectFolder, info: ClassInfo, *, deleting: bool, parent: QWidget | None = None
    ) -> None:
        title, button = (tr("Delete class"), tr("Delete")) if deleting else (tr("Merge class"), tr("Merge"))
        super().__init__(title, button, parent=parent)
        self._info = info
        self.add_words(info.name, "strong")
        self.counted = self.add_words(tr("Counting…"))
        self.into = QComboBox()
        if deleting:
            self.into.addItem(theme.swatch_icon(VOID_COLOUR), tr("void"), VOID)
            self.into.addItem(tr("unlabelled"), UNLABELLED)
        for other in on_screen(project.config.table).shown:
            if other.index != info.index:
                self.into.addItem(theme.swatch_icon(other.colour), other.name, other.index)
        words = tr("Its pixels become") if deleting else tr("Merge into")
        self.into.setAccessibleName(words)
        form = QFormLayout(horizontalSpacing=2 * theme.GRID)
        form.addRow(words, self.into)
        self.column.addLayout(form)
        self._means = self.add_words("", "dim")
        self.add_words(
            tr(
                "All masks change together, or none. Image files do not change. Undo begins anew in all images. To "
                "bring everything back, choose Edit > Take back class change before the next such change."
            ),
            "dim",
        )
        self.into.currentIndexChanged.connect(self._show_meaning)
        self._show_meaning()
        self._worker = Worker("class_usage")  # not a child: its thread must end before it is deleted
        self._worker.stepped.connect(self._on_step)
        self._worker.finished.connect(self._on_counted)
        self.finished.connect(self._worker.close)
        self.destroyed.connect(self._worker.close)
        self._worker.start(class_usage(project))

    def target(self) -> int:
        """Return what the pixels become: a class index, 255 for void, or `UNLABELLED`."""
        return int(self.into.currentData())

    def _show_meaning(self) -> None:
        if self.into.currentIndex() < 0:
            self._means.setText(tr("There is no other class."))
            self.main_button.setEnabled(False)
            return
        name = self.into.currentText()
        words = {
            VOID: tr("Void is never trained on, and no network labels it again."),
            UNLABELLED: tr("Unlabelled pixels can be labelled anew. Verified images that have some are In progress."),
        }
        merged = tr("Networks that know '{old}' label '{new}' from now on.", old=self._info.name, new=name)
        self._means.setText(words.get(self.target(), merged))

    def _on_step(self, step: tuple[int, int]) -> None:
        self.counted.setText(tr("Counting… {done:,} of {total:,}", done=step[0], total=step[1]))

    def _on_counted(self, usage: ClassUsage) -> None:
        images, pixels = usage.images.get(self._info.index, 0), usage.pixels.get(self._info.index, 0)
        counted = tr_n("{n} image has this class.", "{n:,} images have this class.", images)
        if images:
            counted += " " + tr_n("It covers {n} pixel.", "It covers {n:,} pixels.", pixels)
        left = len(usage.unreadable)
        if left:
            counted += "\n" + tr_n(
                "{n} mask cannot be read and stays as it is.",
                "{n:,} masks cannot be read and stay as they are.",
                left,
            )
        self.counted.setText(counted)
