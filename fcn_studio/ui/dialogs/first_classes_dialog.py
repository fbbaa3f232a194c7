"""Question for the classes of a folder that has none yet."""

from __future__ import annotations

from collections.abc import Sequence
from contextlib import suppress
from functools import partial
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtWidgets import (
    QButtonGroup,
    QFileDialog,
    QFrame,
    QHBoxLayout,
    QMenu,
    QPlainTextEdit,
    QPushButton,
    QRadioButton,
    QScrollArea,
    QVBoxLayout,
    QWidget,
)

from fcn_studio.core.classes import ClassTable
from fcn_studio.errors import ProjectError
from fcn_studio.formats.class_sources import classes_of
from fcn_studio.formats.voc.class_files import table_of_lines
from fcn_studio.formats.voc.class_rows import SeveralReadings
from fcn_studio.formats.voc.text import lines_of
from fcn_studio.i18n import ended, tr, tr_n, tr_noop
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.class_chips import ClassChips

_SUBJECTS = {"street": tr_noop("Streets"), "voc": tr_noop("Animals and people")}
"""What the bundled networks were made for."""

_SCROLLED_FROM = 4
"""Networks that are shown without scrolling."""

_MOST_PROJECTS = 5


class FirstClassesDialog(Dialog):
    """Question what is to be labelled in a new folder.

    Args:
        networks: name and classes of each network that can label.
        projects: folders whose classes are offered.
        parent: the window it belongs to.
    """

    def __init__(
        self,
        networks: Sequence[tuple[str, ClassTable]],
        projects: Sequence[Path] = (),
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("Classes"), tr("Use these classes"), width=560, parent=parent)
        self.setObjectName("firstClasses")
        self._answers = QButtonGroup(self)
        self._networks: list[tuple[QRadioButton, str, ClassTable]] = []
        self._file_table: ClassTable | None = None
        self.add_words(tr("What do you want to label?"), "strong")
        self._add_own()
        self._add_networks(networks)
        self._add_elsewhere(projects)
        self._told = self.add_words("", "dim")
        self._told.setMinimumHeight(2 * self._told.fontMetrics().lineSpacing())  # the dialog keeps its size
        self.own.setChecked(True)
        self._answers.buttonToggled.connect(self._check)
        self.names.textChanged.connect(self._typed)
        self.names.setFocus()
        self._check()

    # --- construction -----------------------------------------------------------------------------------------

    def _add_own(self) -> None:
        self.own = self._answer(tr("My own classes, one per line:"))
        self.names = QPlainTextEdit(placeholderText=tr("soil\nweed\ncrop"))
        self.names.setAccessibleName(tr("Class names, one per line"))
        self.names.setTabChangesFocus(True)
        self.names.setFixedHeight(100)
        self.column.addWidget(self.own)
        self.column.addWidget(self.names)

    def _add_networks(self, networks: Sequence[tuple[str, ClassTable]]) -> None:
        """Add an answer for each network, with its classes."""
        content = QWidget()
        column = QVBoxLayout(content)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(theme.GRID // 2)
        for name, table in networks:
            count = len(table.active)
            known = tr_n("the {n} class of the network {network}", "the {n} classes of the network {network}",
                         count, network=name)  # fmt: skip
            subject = _SUBJECTS.get(name)
            button = self._answer(
                tr("{subject} ({classes})", subject=tr(subject), classes=known) if subject else known
            )
            column.addWidget(button)
            column.addWidget(ClassChips(table))
            self._networks.append((button, name, table))
        if len(networks) < _SCROLLED_FROM:
            self.column.addWidget(content)
            return
        area = QScrollArea(widgetResizable=True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setHorizontalScrollBarPolicy(Qt.ScrollBarPolicy.ScrollBarAlwaysOff)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(content)
        area.setFixedHeight(220)
        self.column.addWidget(area)

    def _add_elsewhere(self, projects: Sequence[Path]) -> None:
        """Add the answer that takes the classes of another project or a file."""
        self.elsewhere = self._answer(tr("Those of another project or a file"))
        self.elsewhere.setEnabled(False)
        choose = QPushButton(tr("Choose…"))
        menu = QMenu(choose)
        for folder in projects[:_MOST_PROJECTS]:
            menu.addAction(folder.name.replace("&", "&&"), partial(self.read, folder)).setToolTip(str(folder))
        if projects:
            menu.addSeparator()
        menu.addAction(tr("Another project…"), self._ask_project)
        menu.addAction(tr("A file…"), self._ask_file)
        menu.setToolTipsVisible(True)
        choose.setMenu(menu)
        row = QHBoxLayout()
        row.addWidget(self.elsewhere, 1)
        row.addWidget(choose)
        self._chips = ClassChips(ClassTable((), 0))
        self.column.addLayout(row)
        self.column.addWidget(self._chips)

    def _answer(self, text: str) -> QRadioButton:
        button = QRadioButton(text)
        self._answers.addButton(button)
        return button

    # --- the answer -------------------------------------------------------------------------------------------

    def network(self) -> str:
        """Return the name of the network whose classes are chosen, "" if they are of no network."""
        return next((name for button, name, _ in self._networks if button.isChecked()), "")

    def table(self) -> ClassTable:
        """Return the chosen class table.

        Raises:
            ProjectError: if the names make no table.
        """
        for button, _, table in self._networks:
            if button.isChecked():
                return table
        if self.elsewhere.isChecked() and self._file_table is not None:
            return self._file_table
        names = [line.strip() for line in lines_of(self.names.toPlainText().strip())]
        with suppress(SeveralReadings):  # then they are names, as the button says
            return table_of_lines(names)
        return ClassTable.from_names(names)

    def read(self, path: Path) -> None:
        """Take the classes of a project or a file; a sentence tells what is wrong with it."""
        try:
            table = classes_of(path)
        except ProjectError as error:
            self._told.setText(ended(error))
            return
        self._file_table = table  # with its indices and colours
        self._chips.set_table(table)
        self.elsewhere.setText(tr("Those of {name}", name=path.name).replace("&", "&&"))
        self.elsewhere.setEnabled(True)
        self.elsewhere.setChecked(True)
        self._check()
        self.adjustSize()

    def _ask_project(self) -> None:
        chosen = QFileDialog.getExistingDirectory(self, tr("Project whose classes are used"))
        if chosen:
            self.read(Path(chosen))

    def _ask_file(self) -> None:
        kinds = tr("Lists of classes (*.txt *.json *.toml)")
        chosen, _ = QFileDialog.getOpenFileName(self, tr("File with class names"), "", kinds)
        if chosen:
            self.read(Path(chosen))

    def _typed(self) -> None:
        self.own.setChecked(True)
        self._check()

    def _check(self) -> None:
        """Show what is wrong with the names while they are typed."""
        words, fine = "", not self.own.isChecked() or bool(self.names.toPlainText().strip())
        try:
            if fine and len(self.table().active) == 1:
                words = tr("A network learns to tell classes apart. Name a second class, for example background.")
        except ProjectError as error:
            words, fine = ended(error), False
        self._told.setText(words)
        self.main_button.setEnabled(fine)
