"""Dialogs that only show something: keys, reports, the classes of the network."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontDatabase, QGuiApplication, QIcon
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialogButtonBox,
    QHeaderView,
    QLabel,
    QPlainTextEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from fcn_studio.core.classes import ClassTable
from fcn_studio.ui.action_table import shortcut_rows
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets.options_bar import swatch


class _Table(QTreeWidget):
    """A table to read."""

    def __init__(self, name: str, headings: list[str]) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setHeaderLabels(headings)
        self.setRootIsDecorated(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)


class ShortcutsDialog(Dialog):
    """All keys and what the mouse does, from the action table."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__("Keys and mouse", width=560, parent=parent)
        table = _Table("Keys and mouse", ["Keys", "What they do"])
        for heading, rows in shortcut_rows():
            item = QTreeWidgetItem([heading])
            font = QFont(item.font(0))
            font.setBold(True)
            item.setFont(0, font)
            table.addTopLevelItem(item)
            item.setFirstColumnSpanned(True)
            table.addTopLevelItems([QTreeWidgetItem([keys, what]) for keys, what in rows])
        self.column.addWidget(table)
        self.resize(600, 640)


class ReportDialog(Dialog):
    """A text to read and copy.

    Args:
        title: of the window.
        words: what it is and what to do with it.
        text: the report.
        parent: the window it belongs to.
    """

    def __init__(self, title: str, words: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(title, width=640, parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.add_words(words)
        self.text = QPlainTextEdit(text, readOnly=True)
        self.text.setAccessibleName("Report")
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.column.addWidget(self.text)
        copy = self.buttons.addButton("Copy", QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text.toPlainText()))
        self.resize(720, 480)


class MappingDialog(Dialog):
    """Which class of the project each class of the network means; they are matched by name.

    Args:
        network: name of the network.
        known: names of the project's classes that the network knows.
        table: the project's class table.
        parent: the window it belongs to.
    """

    def __init__(self, network: str, known: Iterable[str], table: ClassTable, parent: QWidget | None = None) -> None:
        super().__init__("Classes of the network", parent=parent)
        names = {name.casefold() for name in known}
        self.add_words(
            f"Network {network} and the project match classes by name. What the network does not know it leaves "
            "unlabelled, until a fine-tune has shown it some."
        )
        self.table = _Table("Classes", ["Class of the project", "The network"])
        for info in table.active:
            knows = info.name.casefold() in names
            item = QTreeWidgetItem([info.name, "knows it" if knows else "does not know it yet"])
            item.setIcon(0, QIcon(swatch(info.colour)))
            item.setDisabled(not knows)
            self.table.addTopLevelItem(item)
        self.column.addWidget(self.table)
        if not table.active:
            self.column.addWidget(QLabel("The project has no class yet."))
        self.resize(440, 480)
