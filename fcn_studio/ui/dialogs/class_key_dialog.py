"""The dialog that gives a class a key."""

from __future__ import annotations

from PySide6.QtWidgets import QFormLayout, QWidget

from fcn_studio.core.classes import ClassInfo, ClassTable
from fcn_studio.i18n import tr
from fcn_studio.ui.actions.table import CHORDS, CLASS_KEYS, class_keys
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.fields import Choice
from fcn_studio.ui.widgets.named import named


class ClassKeyDialog(Dialog):
    """Choice of the key of one class, with the classes that have each key now.

    Args:
        table: the project's classes.
        info: the class that gets the key.
        parent: the window it belongs to.
    """

    def __init__(self, table: ClassTable, info: ClassInfo, parent: QWidget | None = None) -> None:
        super().__init__(tr("Key of {name}", name=info.name), tr("OK"), parent=parent)
        self.choice = named(Choice(), tr("Key"))
        self.choice.addItem(tr("By its place in the table"), "")
        owners = class_keys(table)
        for key in (*CLASS_KEYS, *CHORDS):
            owner = owners.get(key, info.index)
            text = key if owner == info.index else tr("{key} (now {name})", key=key, name=table.name_of(owner))
            self.choice.addItem(text, key)
        self.choice.setCurrentIndex(max(0, self.choice.findData(info.key)))
        form = QFormLayout(horizontalSpacing=2 * theme.GRID)
        form.addRow(tr("Key"), self.choice)
        self.column.addLayout(form)
        self.add_words(
            tr(
                "Two keys are pressed one after the other. A class that loses its key gets the first free one. Keys "
                "of classes are kept in the project."
            ),
            "dim",
        )

    def key(self) -> str:
        """Return the key that was chosen, "" for none of its own."""
        key: str = self.choice.currentData()
        return key
