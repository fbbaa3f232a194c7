"""Questions that only the user can answer when a folder is opened, and before a batch."""

from __future__ import annotations

from collections.abc import Sequence
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
from fcn_studio.ui.dialogs.base import Dialog


class ClassTableDialog(Dialog):
    """Asks what the class indices of found masks mean.

    Args:
        sentence: what was found.
        parent: the window it belongs to.
    """

    def __init__(self, sentence: str, parent: QWidget | None = None) -> None:
        super().__init__("Class names", "Open", parent=parent)
        self.add_words(sentence)
        self._voc = QRadioButton(f"PASCAL VOC: {', '.join(VOC_NAMES[:4])} … ({len(VOC_NAMES)} classes)")
        self._generic = QRadioButton("Names to be given later: class 0, class 1, …")
        self._pasted = QRadioButton("These names, one a line, from index 0:")
        self._count = QSpinBox(minimum=1, maximum=255, value=2, suffix=" classes")
        self._count.setAccessibleName("Number of classes")
        self._names = QPlainTextEdit(placeholderText="background\nroad\ncar")
        self._names.setAccessibleName("Class names, one a line")
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
        """The names chosen, by class index."""
        if self._voc.isChecked():
            return list(VOC_NAMES)
        if self._generic.isChecked():
            return [f"class {i}" for i in range(self._count.value())]
        return [line.strip() for line in self._names.toPlainText().strip().splitlines()]

    def table(self) -> ClassTable:
        """The class table chosen.

        Raises:
            ProjectError: if the names make no table.
        """
        return ClassTable.from_names(self.names())

    def _check(self) -> None:
        """Say what is wrong with the names while they are typed."""
        self._count.setEnabled(self._generic.isChecked())
        words, fine = "", bool(self.names())
        try:
            self.table()
        except ProjectError as error:
            words, fine = f"{error}.", False
        self._wrong.setText(words)
        if self.accept_button is not None:
            self.accept_button.setEnabled(fine)


class YearDialog(Dialog):
    """Offers the years of a VOCdevkit."""

    def __init__(self, years: Sequence[Path], parent: QWidget | None = None) -> None:
        super().__init__("VOC data sets", "Open", parent=parent)
        self._years = years
        self.add_words("This folder holds several VOC data sets. Which one is to be opened?")
        self._list = QListWidget()
        self._list.setAccessibleName("Years")
        self._list.addItems([year.name for year in years])
        self._list.setCurrentRow(len(years) - 1)
        self._list.itemDoubleClicked.connect(lambda _item: self.accept())
        self.column.addWidget(self._list)

    def year(self) -> Path:
        """The folder chosen."""
        return self._years[max(0, self._list.currentRow())]


class GreyMaskDialog(Dialog):
    """Asks how a mask of only 0 and 255 is meant."""

    def __init__(self, sentence: str, parent: QWidget | None = None) -> None:
        super().__init__("Grey masks", "Read as class indices", parent=parent)
        self.add_words(sentence)
        self.add_words(
            "Read as class indices, 0 is the first class of the table and 255 is void. If 255 means an object here, "
            "cancel and convert the masks first.",
            "dim",
        )


class BatchDialog(Dialog):
    """Says what a batch will do before it does it.

    Args:
        new: number of New images.
        prelabelled: number of Pre-labelled images.
        network: name of the network.
        parent: the window it belongs to.
    """

    def __init__(self, new: int, prelabelled: int, network: str, parent: QWidget | None = None) -> None:
        super().__init__("Segment the folder", "Segment", parent=parent)
        self._new, self._prelabelled = new, prelabelled
        self._words = self.add_words("")
        self.add_words(f"Images that you have painted on, verified or skipped stay as they are. Network: {network}.",
                       "dim")  # fmt: skip
        self._again = QCheckBox(f"Also the {prelabelled:,} pre-labelled ones again")
        self._again.setEnabled(prelabelled > 0)
        self._again.toggled.connect(self._show)
        self.column.addWidget(self._again)
        self._show()

    @property
    def include_prelabelled(self) -> bool:
        """Whether pre-labelled images are labelled again."""
        return self._again.isChecked()

    def _show(self) -> None:
        count = self._new + (self._prelabelled if self.include_prelabelled else 0)
        self._words.setText(f"The network labels {count:,} image{'' if count == 1 else 's'}.")
        if self.accept_button is not None:
            self.accept_button.setEnabled(count > 0)


class LargeImageDialog(Dialog):
    """Asks whether an image over the limit is to be opened.

    Args:
        name: of the file.
        pixels: how many it has.
        memory: bytes that it takes, about.
        parent: the window it belongs to.
    """

    def __init__(self, name: str, pixels: int, memory: int, parent: QWidget | None = None) -> None:
        super().__init__("A large image", "Open", parent=parent)
        self.add_words(
            f"{name} has {pixels / 1e6:,.0f} megapixels and needs about {memory / 1e9:.1f} GB of memory. Open it?"
        )
        self.add_words(
            "Images up to this size then open without asking until the folder is closed. The setting 'Largest image' "
            "lets them in for good.",
            "dim",
        )


class CautiousDialog(Dialog):
    """Asks before something that cannot be taken back, or nearly so; the default is to leave it."""

    def __init__(self, title: str, accept: str, parent: QWidget | None = None) -> None:
        super().__init__(title, accept, parent=parent)
        if self.accept_button is not None:
            self.accept_button.setDefault(False)
            self.accept_button.setAutoDefault(False)
        self.buttons.button(QDialogButtonBox.StandardButton.Cancel).setDefault(True)


class TakeOverDialog(CautiousDialog):
    """Asks before a lock is broken."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Write here anyway", "Take over", parent)
        self.add_words(
            "This folder is read-only here because another program has it open. Two programs that write the same "
            "masks would destroy each other's work."
        )
        self.add_words("Take over only if you are sure that the other program is gone.", "strong")


class LossDialog(CautiousDialog):
    """Asks before the window is closed with work that is not in the folder.

    Args:
        kept: whether all of it is in the stroke journal, so that it comes back at the next opening.
        parent: the window it belongs to.
    """

    def __init__(self, *, kept: bool = False, parent: QWidget | None = None) -> None:
        super().__init__("Work is not saved", "Close, keep it here" if kept else "Close and lose it", parent)
        if kept:
            self.add_words(
                "Some of your work cannot be written to the folder at present. It is kept on this computer: it comes "
                "back when you open the folder here again, and is saved once it can be."
            )
        else:
            self.add_words("Some of your work cannot be written to the folder, so closing would lose it.")
        self.add_words("Or cancel, make room or make the folder writable, and save again.", "dim")


class DeleteStrokesDialog(CautiousDialog):
    """Asks before strokes that wait for a decision are deleted."""

    def __init__(self, image_id: str, parent: QWidget | None = None) -> None:
        super().__init__("Delete strokes", "Delete", parent)
        self.add_words(f"The strokes that were made on {image_id} are deleted and cannot be brought back.")


class RemoveNetworkDialog(CautiousDialog):
    """Asks before an installed network is deleted.

    Args:
        name: of the network.
        in_use: whether the open project uses it.
        parent: the window it belongs to.
    """

    def __init__(self, name: str, *, in_use: bool = False, parent: QWidget | None = None) -> None:
        super().__init__("Remove a network", "Remove", parent)
        self.add_words(f"The network {name} is deleted from this computer. Masks that it helped to make stay.")
        if in_use:
            self.add_words("This project uses it, and will have to use another.", "strong")
        self.add_words("Other projects that use it will ask for it when they are opened.", "dim")


class UnprovenDialog(CautiousDialog):
    """Asks before something is downloaded that nothing proves to be what was published.

    Args:
        title: of the network.
        url: where it lies.
        parent: the window it belongs to.
    """

    def __init__(self, title: str, url: str, parent: QWidget | None = None) -> None:
        super().__init__("Download without proof", "Download all the same", parent)
        self.add_words(f"{title} lies at {url}, an address that anybody between there and here could change.")
        self.add_words(
            "Its file is opened in a process of its own that may do nothing, and is checked; but nothing proves that "
            "its weights are the published ones.",
            "dim",
        )
