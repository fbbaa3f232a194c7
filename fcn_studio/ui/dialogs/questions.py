"""Questions to the user.

They are asked when a folder is opened and before a batch.
"""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from PySide6.QtWidgets import (
    QCheckBox,
    QDialogButtonBox,
    QListWidget,
    QPlainTextEdit,
    QRadioButton,
    QSpinBox,
    QWidget,
)

from fcn_studio.core.classes import VOC_NAMES, ClassTable
from fcn_studio.errors import ProjectError
from fcn_studio.formats.voc.class_files import table_of_lines
from fcn_studio.formats.voc.class_rows import SeveralReadings
from fcn_studio.formats.voc.text import lines_of
from fcn_studio.i18n import ended, listed, tr, tr_n
from fcn_studio.ui.actions.keys import key_of
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets.fields import padded


class ClassTableDialog(Dialog):
    """Question for the classes of masks that were found.

    Args:
        sentence: what was found.
        parent: the window it belongs to.
    """

    def __init__(self, sentence: str, parent: QWidget | None = None) -> None:
        super().__init__(tr("Class names"), tr("Open"), parent=parent)
        self.add_words(sentence)
        self._voc = QRadioButton(
            tr("PASCAL VOC: {names} … ({count} classes)", names=listed(VOC_NAMES[:4]), count=len(VOC_NAMES))
        )
        self._generic = QRadioButton(tr("Name the classes later: class 0, class 1, …"))
        self._pasted = QRadioButton(tr("These names, one per line, from index 0:"))
        self._count = padded(QSpinBox(minimum=1, maximum=255, value=2, suffix=tr(" classes")))
        self._count.setAccessibleName(tr("Number of classes"))
        self._names = QPlainTextEdit(placeholderText="background\nroad\ncar")
        self._names.setAccessibleName(tr("Class names, one per line"))
        self._names.setTabChangesFocus(True)
        self._names.setFixedHeight(144)
        for widget in (self._voc, self._generic, self._count, self._pasted, self._names):
            self.column.addWidget(widget)
        self._wrong = self.add_words("", "dim")
        self._voc.setChecked(True)
        for button in (self._voc, self._generic, self._pasted):
            button.toggled.connect(self._check)
        self._names.textChanged.connect(self._pasted_text)
        self._check()

    def _pasted_text(self) -> None:
        if self._names.toPlainText().strip():
            self._pasted.setChecked(True)
        self._check()

    def names(self) -> list[str]:
        """Return the chosen names, by class index."""
        if self._voc.isChecked():
            return list(VOC_NAMES)
        if self._generic.isChecked():
            return [f"class {i}" for i in range(self._count.value())]
        return [line.strip() for line in lines_of(self._names.toPlainText().strip())]

    def table(self) -> ClassTable:
        """Return the chosen class table.

        Raises:
            ProjectError: if the names make no table.
        """
        names = self.names()
        if self._pasted.isChecked():
            with suppress(SeveralReadings):  # then they are names, as the button says
                return table_of_lines(names)
        return ClassTable.from_names(names)

    def _check(self) -> None:
        """Show what is wrong with the names while they are typed."""
        self._count.setEnabled(self._generic.isChecked())
        words, fine = "", bool(self.names())
        try:
            self.table()
        except ProjectError as error:
            words, fine = ended(error), False
        self._wrong.setText(words)
        if self.accept_button is not None:
            self.accept_button.setEnabled(fine)


class YearDialog(Dialog):
    """Question for the year of a VOCdevkit."""

    def __init__(self, years: Sequence[Path], parent: QWidget | None = None) -> None:
        super().__init__(tr("VOC data sets"), tr("Open"), parent=parent)
        self._years = years
        self.add_words(tr("This folder contains several VOC data sets. Choose the one to open."))
        self._list = QListWidget()
        self._list.setAccessibleName(tr("Years"))
        self._list.addItems([year.name for year in years])
        self._list.setCurrentRow(len(years) - 1)
        self._list.itemDoubleClicked.connect(lambda _item: self.accept())
        self.column.addWidget(self._list)

    def year(self) -> Path:
        """Return the chosen folder."""
        return self._years[max(0, self._list.currentRow())]


class TreeDialog(Dialog):
    """Question whether to open a folder or the data set that it is a part of.

    Args:
        name: name of the folder.
        tree: the data set.
        parent: the window it belongs to.
    """

    def __init__(self, name: str, tree: Path, parent: QWidget | None = None) -> None:
        super().__init__(tr("Part of a data set"), tr("Open"), parent=parent)
        self._tree = tree
        self.add_words(
            tr(
                "'{name}' is a part of the data set '{tree}'. Its masks and lists are seen only if you open the "
                "whole data set.",
                name=name,
                tree=tree.name,
            )
        )
        self._whole = QRadioButton(tr("Open the data set '{tree}'", tree=tree.name))
        self._part = QRadioButton(tr("Open '{name}' alone, without the masks", name=name))
        self._whole.setChecked(True)
        self.column.addWidget(self._whole)
        self.column.addWidget(self._part)

    def folder(self, part: Path) -> Path:
        """Return the chosen folder: the data set, or its part."""
        return self._tree if self._whole.isChecked() else part


class GreyMaskDialog(Dialog):
    """Question for the meaning of a mask of only 0 and 255."""

    def __init__(self, sentence: str, parent: QWidget | None = None) -> None:
        super().__init__(tr("Grey masks"), tr("Read as class indices"), parent=parent)
        self.add_words(sentence)
        self.add_words(
            tr(
                "Read as class indices, 0 is the first class of the table and 255 is void. If 255 means an object "
                "here, cancel, and then say what the values mean: File > Import masks."
            ),
            "dim",
        )


class BatchDialog(Dialog):
    """Confirmation before a batch, with what it will do.

    Args:
        new: number of New images.
        prelabelled: number of Pre-labelled images.
        network: name of the network.
        again: whether pre-labelled images are proposed too; where no image is New, they always are.
        parent: the window it belongs to.
    """

    def __init__(
        self, new: int, prelabelled: int, network: str, *, again: bool = False, parent: QWidget | None = None
    ) -> None:
        super().__init__(tr("Segment the folder"), tr("Segment"), parent=parent)
        self._new, self._prelabelled = new, prelabelled
        self._words = self.add_words("")
        self.add_words(
            tr("Images that you painted on, verified or skipped do not change. Network: {network}.", network=network),
            "dim",
        )
        self._again = QCheckBox(
            tr_n("Also label {n} pre-labelled image again", "Also label {n:,} pre-labelled images again", prelabelled)
        )
        self._again.setEnabled(prelabelled > 0)
        self._again.setChecked(prelabelled > 0 and (again or not new))
        self._again.toggled.connect(self._show)
        self.column.addWidget(self._again)
        self._show()

    @property
    def include_prelabelled(self) -> bool:
        """Whether pre-labelled images are labelled again."""
        return self._again.isChecked()

    def _show(self) -> None:
        count = self._new + (self._prelabelled if self.include_prelabelled else 0)
        self._words.setText(tr_n("The network labels {n} image.", "The network labels {n:,} images.", count))
        if self.accept_button is not None:
            self.accept_button.setEnabled(count > 0)


class VerifyDialog(Dialog):
    """Question whether to verify several images at once.

    Args:
        images: number of images.
        unlabelled: how many of them have no label.
        parent: the window it belongs to.
    """

    def __init__(self, images: int, unlabelled: int, parent: QWidget | None = None) -> None:
        super().__init__(tr("Verify the selected images"), tr("Verify"), parent=parent)
        self.add_words(
            tr_n(
                "Verify {n} image? Every pixel of it then counts as labelled by you, and is trained on.",
                "Verify {n:,} images? Every pixel of them then counts as labelled by you, and is trained on.",
                images,
            )
        )
        if unlabelled:
            self.add_words(
                tr_n(
                    "{n} of them has no label: all of it becomes background or void.",
                    "{n:,} of them have no label: all of them become background or void.",
                    unlabelled,
                ),
                "strong",
            )
        self.add_words(
            tr("In each image it can be undone with {key} until the folder is closed.", key=key_of("undo")), "dim"
        )


class NotAcceptedDialog(Dialog):
    """Question before an image is verified whose prediction is seen but not accepted.

    Args:
        share: share of the image without labels, 0..1.
        becomes: name of the class that pixels without labels get.
        parent: the window it belongs to.

    Attributes:
        as_it_is: whether the user wants no prediction.
    """

    def __init__(self, share: float, becomes: str, parent: QWidget | None = None) -> None:
        super().__init__(tr("Verify"), tr("Accept the prediction and verify"), parent=parent)
        self.as_it_is = False
        self.add_words(
            tr(
                "{percent} % of this image has no label yet. What you see there is only predicted.",
                percent=min(100, round(100 * share)),
            )
        )
        self.add_words(tr("If you verify it as it is, these pixels become {name}.", name=becomes), "dim")
        plainly = self.buttons.addButton(tr("Verify as it is"), QDialogButtonBox.ButtonRole.DestructiveRole)
        plainly.clicked.connect(self._verify_plainly)

    def _verify_plainly(self) -> None:
        self.as_it_is = True
        self.accept()


class LargeImageDialog(Dialog):
    """Question whether to open an image above the limit of size.

    Args:
        name: name of the file.
        pixels: number of pixels.
        memory: approximate memory in bytes.
        parent: the window it belongs to.
    """

    def __init__(self, name: str, pixels: int, memory: int, parent: QWidget | None = None) -> None:
        super().__init__(tr("A large image"), tr("Open"), parent=parent)
        self.add_words(
            tr(
                "{name} has {megapixels:,.0f} megapixels and needs about {gigabytes:.1f} GB of memory. Open it?",
                name=name,
                megapixels=pixels / 1e6,
                gigabytes=memory / 1e9,
            )
        )
        self.add_words(
            tr(
                "Images up to this size then open without a question until the folder is closed. To open them "
                "always, change the setting 'Largest image'."
            ),
            "dim",
        )


class ConfirmationDialog(Dialog):
    """Confirmation before something that can hardly be undone.

    Cancel is the default.
    """

    def __init__(self, title: str, accept: str, parent: QWidget | None = None) -> None:
        super().__init__(title, accept, parent=parent)
        self.main_button = self.buttons.button(QDialogButtonBox.StandardButton.Cancel)
        self.main_button.setDefault(True)


class EndJobsDialog(ConfirmationDialog):
    """Confirmation before jobs are ended because their project is closed.

    Args:
        project: name of the project.
        jobs: the jobs with their progress, in words.
        parent: the window it belongs to.
    """

    def __init__(self, project: str, jobs: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(tr("Jobs are running"), tr("End them"), parent)
        self.add_words(tr("{project} is closed. This ends what runs there:", project=project))
        for job in jobs:
            self.add_words(job, "strong")
        self.add_words(
            tr(
                "Images that are labelled already stay labelled. A fine-tune can go on when you open the folder "
                "again. To let it finish, cancel and wait."
            ),
            "dim",
        )


class QuitDialog(Dialog):
    """Question whether to wait for jobs before the window is closed.

    Args:
        jobs: the jobs with their progress, in words.
        parent: the window it belongs to.

    Attributes:
        at_once: whether the user wants the jobs to be stopped.
    """

    def __init__(self, jobs: Sequence[str], parent: QWidget | None = None) -> None:
        super().__init__(tr("Jobs are running"), tr("Quit when they end"), parent=parent)
        self.at_once = False
        self.add_words(tr("Quitting now ends what runs:"))
        for job in jobs:
            self.add_words(job, "strong")
        self.add_words(
            tr(
                "Images that are labelled already stay labelled. A fine-tune can go on when you open the folder "
                "again."
            ),
            "dim",
        )
        stop = self.buttons.addButton(tr("Stop and quit"), QDialogButtonBox.ButtonRole.DestructiveRole)
        stop.clicked.connect(self._stop)

    def _stop(self) -> None:
        self.at_once = True
        self.accept()


class TakeOverDialog(ConfirmationDialog):
    """Confirmation before a lock is broken."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Write here anyway"), tr("Take over"), parent)
        self.add_words(
            tr(
                "This folder is read-only here because another program has opened it. Two programs that write the "
                "same masks would destroy each other's work."
            )
        )
        self.add_words(tr("Take over only if you are sure that the other program has ended."), "strong")


class LossDialog(ConfirmationDialog):
    """Confirmation before closing with work that is not in the folder.

    Args:
        kept: whether all of it is in the stroke journal, so that it comes back at the next opening.
        parent: the window it belongs to.
    """

    def __init__(self, *, kept: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(
            tr("Work is not saved"), tr("Close, keep it here") if kept else tr("Close and lose it"), parent
        )
        if kept:
            self.add_words(
                tr(
                    "Some of your work cannot be written to the folder now. It is kept on this computer. It comes "
                    "back when you open the folder here again, and is saved when the folder can be written."
                )
            )
        else:
            self.add_words(tr("Some of your work cannot be written to the folder. If you close now, it is lost."))
        self.add_words(tr("Or cancel, free disk space or make the folder writable, and save again."), "dim")


class DeleteStrokesDialog(ConfirmationDialog):
    """Confirmation before strokes that wait for a decision are deleted."""

    def __init__(self, image_id: str, parent: QWidget | None = None) -> None:
        super().__init__(tr("Delete strokes"), tr("Delete"), parent)
        self.add_words(tr("The strokes on {image_id} are deleted. This cannot be undone.", image_id=image_id))


class RemoveNetworkDialog(ConfirmationDialog):
    """Confirmation before an installed network is deleted.

    Args:
        name: name of the network.
        in_use: whether the open project uses it.
        parent: the window it belongs to.
    """

    def __init__(self, name: str, *, in_use: bool = False, parent: QWidget | None = None) -> None:
        super().__init__(tr("Remove a network"), tr("Remove"), parent)
        self.add_words(tr("The network {name} is deleted from this computer. Masks do not change.", name=name))
        if in_use:
            self.add_words(tr("This project uses the network and will need another one."), "strong")
        self.add_words(tr("Other projects that use the network ask for it when you open them."), "dim")


class UnprovenDialog(ConfirmationDialog):
    """Confirmation before a download that cannot be proved to be genuine.

    Args:
        title: title of the network.
        url: address of the file.
        parent: the window it belongs to.
    """

    def __init__(self, title: str, url: str, parent: QWidget | None = None) -> None:
        super().__init__(tr("Download without proof"), tr("Download anyway"), parent)
        self.add_words(
            tr(
                "{title} comes from {url}. The connection does not protect the file from changes.",
                title=title,
                url=url,
            )
        )
        self.add_words(
            tr(
                "The file is opened in a separate process without rights, and is checked. But nothing proves that "
                "its weights are the published ones."
            ),
            "dim",
        )
