"""Question for the classes of a folder that has none yet."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path

from PySide6.QtWidgets import QFileDialog, QPlainTextEdit, QPushButton, QRadioButton, QWidget

from fcn_studio.core.classes import ClassTable
from fcn_studio.errors import ProjectError
from fcn_studio.formats.voc.class_files import read_class_file, table_of_lines
from fcn_studio.formats.voc.class_rows import SeveralReadings
from fcn_studio.formats.voc.text import lines_of
from fcn_studio.i18n import tr
from fcn_studio.ui.dialogs.base import Dialog

_SHOWN_NAMES = 4


class FirstClassesDialog(Dialog):
    """Question what is to be labelled in a new folder.

    Args:
        networks: name and classes of each network that can label.
        current: the table that the folder has by default; its network is chosen at first.
        parent: the window it belongs to.
    """

    def __init__(
        self, networks: Sequence[tuple[str, ClassTable]], current: ClassTable, parent: QWidget | None = None
    ) -> None:
        super().__init__(tr("Classes"), tr("Use these classes"), parent=parent)
        self.add_words(tr("What do you want to label?"), "strong")
        self.own = QRadioButton(tr("My own classes, one per line:"))
        self.names = QPlainTextEdit(placeholderText=tr("soil\nweed\ncrop"))
        self.names.setAccessibleName(tr("Class names, one per line"))
        self.names.setTabChangesFocus(True)
        self.names.setFixedHeight(120)
        self.from_file = QPushButton(tr("Read them from a file…"))
        self.from_file.clicked.connect(self._ask_file)
        self.column.addWidget(self.own)
        self.column.addWidget(self.names)
        self.column.addWidget(self.from_file)
        self._tables: list[tuple[QRadioButton, ClassTable]] = []
        for name, table in networks:
            words = ", ".join(info.name for info in table.active[:_SHOWN_NAMES])
            button = QRadioButton(
                tr("Those of the network {network}: {names} … ({count} classes)",
                   network=name, names=words, count=len(table.active))
            )  # fmt: skip
            button.setChecked(table == current)
            button.toggled.connect(self._check)
            self.column.addWidget(button)
            self._tables.append((button, table))
        self._file_table: ClassTable | None = None
        self._wrong = self.add_words("", "dim")
        self.own.setChecked(True)
        self.own.toggled.connect(self._check)
        self.names.textChanged.connect(self._typed)
        self.names.setFocus()
        self._check()

    def table(self) -> ClassTable:
        """Return the chosen class table.

        Raises:
            ProjectError: if the names make no table.
        """
        for button, table in self._tables:
            if button.isChecked():
                return table
        if self._file_table is not None:
            return self._file_table
        names = [line.strip() for line in lines_of(self.names.toPlainText().strip())]
        with suppress(SeveralReadings):  # then they are names, as the button says
            return table_of_lines(names)
        return ClassTable.from_names(names)

    def read(self, path: Path) -> None:
        """Read the names from a file; a sentence tells what is wrong with it."""
        try:
            table = read_class_file(path)
        except ProjectError as error:
            self._wrong.setText(f"{error}.")
            return
        if table is not None:
            self.names.setPlainText("\n".join(info.name for info in table.active))
            self._file_table = table  # with its indices and colours
            self._check()

    def _ask_file(self) -> None:
        chosen, _ = QFileDialog.getOpenFileName(self, tr("File with class names"), "", tr("Text files (*.txt)"))
        if chosen:
            self.read(Path(chosen))

    def _typed(self) -> None:
        self._file_table = None
        self.own.setChecked(True)
        self._check()

    def _check(self) -> None:
        """Show what is wrong with the names while they are typed."""
        words, fine = "", not self.own.isChecked() or bool(self.names.toPlainText().strip())
        try:
            if fine:
                self.table()
        except ProjectError as error:
            words, fine = f"{error}.", False
        self._wrong.setText(words)
        self.main_button.setEnabled(fine)
