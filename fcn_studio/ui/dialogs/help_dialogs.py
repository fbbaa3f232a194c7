"""Dialogs with keys and reports."""

from __future__ import annotations

from PySide6.QtCore import Qt
from PySide6.QtGui import QFont, QFontDatabase, QGuiApplication
from PySide6.QtWidgets import (
    QAbstractItemView,
    QDialogButtonBox,
    QHeaderView,
    QPlainTextEdit,
    QTreeWidget,
    QTreeWidgetItem,
    QWidget,
)

from fcn_studio.i18n import tr, tr_noop
from fcn_studio.ui.actions import keys
from fcn_studio.ui.actions.table import shortcut_rows
from fcn_studio.ui.dialogs.base import Dialog

PRIVACY = tr_noop(
    "Nothing was sent. The text contains no image, but it may name files, folders and classes. Read it before you "
    "pass it on."
)


class _Table(QTreeWidget):
    """Table without selection."""

    def __init__(self, name: str, headings: list[str]) -> None:
        super().__init__()
        self.setAccessibleName(name)
        self.setHeaderLabels(headings)
        self.setRootIsDecorated(False)
        self.setSelectionMode(QAbstractItemView.SelectionMode.NoSelection)
        self.header().setSectionResizeMode(0, QHeaderView.ResizeMode.ResizeToContents)


class ShortcutsDialog(Dialog):
    """Dialog with all keys and gestures of the mouse."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(tr("Keys and mouse"), width=560, parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        table = _Table(tr("Keys and mouse"), [tr("Keys"), tr("Effect")])
        for heading, rows in shortcut_rows(keys.current().of):
            item = QTreeWidgetItem([heading])
            font = QFont(item.font(0))
            font.setBold(True)
            item.setFont(0, font)
            table.addTopLevelItem(item)
            item.setFirstColumnSpanned(True)
            table.addTopLevelItems([QTreeWidgetItem([names, what]) for names, what in rows])
        self.column.addWidget(table)
        self.resize(880, 640)


class ReportDialog(Dialog):
    """Dialog with a report to read and copy.

    Args:
        title: title of the window.
        words: what the report is and what to do with it.
        text: the report.
        parent: the window it belongs to.
    """

    def __init__(self, title: str, words: str, text: str, parent: QWidget | None = None) -> None:
        super().__init__(title, width=640, parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.add_words(words)
        self.text = QPlainTextEdit(text, readOnly=True)
        self.text.setAccessibleName(tr("Report"))
        self.text.setFont(QFontDatabase.systemFont(QFontDatabase.SystemFont.FixedFont))
        self.text.setLineWrapMode(QPlainTextEdit.LineWrapMode.NoWrap)
        self.column.addWidget(self.text, 1)
        self.add_words(tr(PRIVACY), "dim")
        copy = self.buttons.addButton(tr("Copy"), QDialogButtonBox.ButtonRole.ActionRole)
        copy.clicked.connect(lambda: QGuiApplication.clipboard().setText(self.text.toPlainText()))
        self.resize(720, 480)


def show_bug(text: str, window: QWidget) -> None:
    """Show the report of a bug.

    It is shown in the dialog that is already open, if there is one.
    """
    shown = window.findChild(ReportDialog, "bug")
    if shown is not None:
        shown.text.appendPlainText(f"\n{text}")
        return
    dialog = ReportDialog(
        tr("Something went wrong in FCN Studio"),
        tr("This is an error in the program. Your work is kept. Please copy this text into a report."),
        text,
        window,
    )
    dialog.setObjectName("bug")
    dialog.open()
