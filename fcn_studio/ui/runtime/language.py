"""The language of the window, which can change while the window is open.

`fcn_studio.i18n` remembers which sentence each text came from. So each text of each widget can be said again without
the help of the part that has set it, and nothing of the user's work or view is made anew (docs/adr/0040).
"""

from __future__ import annotations

from PySide6.QtCore import (
    QAbstractItemModel,
    QAbstractListModel,
    QEvent,
    QLibraryInfo,
    QLocale,
    QModelIndex,
    QObject,
    Qt,
    QTranslator,
)
from PySide6.QtGui import QAction
from PySide6.QtWidgets import (
    QAbstractButton,
    QAbstractItemView,
    QApplication,
    QComboBox,
    QLabel,
    QListWidget,
    QTabBar,
    QTableWidget,
    QTreeWidget,
    QWidget,
)

from fcn_studio import i18n
from fcn_studio.i18n import tr_noop
from fcn_studio.ui.runtime.guard import guarded

_OF_WIDGETS = (
    "windowTitle", "title", "toolTip", "statusTip", "whatsThis", "accessibleName", "accessibleDescription",
    "placeholderText", "prefix", "suffix", "specialValueText", "format",
)  # fmt: skip
_OF_ACTIONS = ("text", "iconText", "toolTip", "statusTip", "whatsThis")
_ROLES = (Qt.ItemDataRole.DisplayRole, Qt.ItemDataRole.ToolTipRole, Qt.ItemDataRole.AccessibleTextRole)

OF_USER = "ofUser"
"""Property of a label with a name of the user, which stays whatever the program calls by the same word."""

_GAPS = {
    ("QFileDialog", "&Look in:"): tr_noop("Look in:"),
    ("QFileDialog", "Files of &type:"): tr_noop("Files of type:"),
    ("QAbstractFileIconProvider", "Folder"): tr_noop("Folder"),
    ("QAbstractFileIconProvider", "Drive"): tr_noop("Drive"),
}
"""Texts of Qt's own dialogs that its Chinese catalogue lacks, by context."""

_translators: list[QTranslator] = []


def change(choice: str) -> None:
    """Say everything in the language of a choice: a code, or the system's."""
    i18n.use(i18n.chosen(choice))
    translate_qt()
    say_again()


def translate_qt() -> None:
    """Let the texts that Qt itself makes, and dates and numbers, follow the language of the program."""
    code, system = i18n.language(), QLocale.system()
    of_code = QLocale(code)
    same = system.language() in (of_code.language(), QLocale.Language.C) and code == i18n.ENGLISH
    QLocale.setDefault(system if same or system.language() == of_code.language() else of_code)
    while _translators:
        QApplication.removeTranslator(_translators.pop())
    if code == i18n.ENGLISH:
        return
    translator = QTranslator()
    if translator.load(f"qtbase_{code}", QLibraryInfo.path(QLibraryInfo.LibraryPath.TranslationsPath)):
        _translators.extend((_Gaps(), translator))  # Qt asks the last one first
    for each in _translators:
        QApplication.installTranslator(each)


class _Gaps(QTranslator):
    """What Qt's catalogue lacks, of what the window shows."""

    @guarded(fallback=True)
    def isEmpty(self) -> bool:
        """Let Qt install it."""
        return False

    @guarded(fallback="")
    def translate(self, context: str, text: str, disambiguation: str | None = None, n: int = -1) -> str:
        """Return the translation, "" for texts that are none of ours."""
        words = _GAPS.get((context, text))
        return i18n.tr(words) if words else ""


def say_again() -> None:
    """Say each text of all windows in the language that is spoken now, and let widgets follow that compute theirs."""
    for window in QApplication.topLevelWidgets():
        for widget in (window, *window.findChildren(QWidget)):
            _say_widget(widget)
        for action in window.findChildren(QAction):
            _say_properties(action, _OF_ACTIONS)
        QApplication.sendEvent(window, QEvent(QEvent.Type.LanguageChange))  # Qt's own texts, as on standard buttons


def _say_properties(thing: QObject, names: tuple[str, ...]) -> None:
    for name in names:
        text = thing.property(name)
        if isinstance(text, str) and text and (said := i18n.again(text)) != text:
            thing.setProperty(name, said)


def _say_widget(widget: QWidget) -> None:
    _say_properties(widget, _OF_WIDGETS)
    widget.update()  # it may draw a text
    if isinstance(widget, (QLabel, QAbstractButton)) and not widget.property(OF_USER):  # of edit fields neither
        _say_properties(widget, ("text",))
    elif isinstance(widget, QTabBar):
        for row in range(widget.count()):
            widget.setTabText(row, i18n.again(widget.tabText(row)))
            widget.setTabToolTip(row, i18n.again(widget.tabToolTip(row)))
    elif isinstance(widget, QComboBox):
        _say_items(widget.model(), QModelIndex())
        QApplication.sendEvent(widget, QEvent(QEvent.Type.FontChange))  # lets Qt measure its words anew
    elif isinstance(widget, QAbstractItemView):
        if isinstance(
            widget, (QListWidget, QTableWidget, QTreeWidget)
        ):  # other models ask for each text when it is shown
            _say_items(widget.model(), QModelIndex())
        widget.scheduleDelayedItemsLayout()
        widget.viewport().update()


def _say_items(model: QAbstractItemModel, parent: QModelIndex) -> None:
    """Say the texts of items that keep them."""
    # Models of lists have one column and do not let others ask for it.
    for column in range(1 if isinstance(model, QAbstractListModel) else model.columnCount(parent)):
        header = model.headerData(column, Qt.Orientation.Horizontal)
        if isinstance(header, str) and not parent.isValid():
            model.setHeaderData(column, Qt.Orientation.Horizontal, i18n.again(header))
        for row in range(model.rowCount(parent)):
            index = model.index(row, column, parent)
            for role in _ROLES:
                text = index.data(role)
                if isinstance(text, str) and text and (said := i18n.again(text)) != text:
                    model.setData(index, said, role)
            if column == 0:
                _say_items(model, index)
