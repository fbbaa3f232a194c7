"""The dialog that names a run."""

from __future__ import annotations

from PySide6.QtWidgets import QCheckBox, QFormLayout, QLineEdit, QPlainTextEdit, QWidget

from fcn_studio.formats.project.run_label import LONGEST_NAME, LONGEST_NOTE, RunLabel
from fcn_studio.i18n import tr
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named


class RunLabelDialog(Dialog):
    """Name, note and pin of a run.

    Args:
        label: what they are now.
        number: what the run is called without a name.
        parent: the window it belongs to.
    """

    def __init__(self, label: RunLabel, number: str, parent: QWidget | None = None) -> None:
        super().__init__(tr("Name a network"), tr("OK"), parent=parent)
        self.name = named(QLineEdit(label.name, maxLength=LONGEST_NAME), tr("Name"), tr("What to call this network"))
        self.name.setPlaceholderText(number)
        self.note = named(QPlainTextEdit(label.note), tr("Note"), tr("What else is to be known of it"))
        self.note.setTabChangesFocus(True)
        self.note.setFixedHeight(128)
        self.pinned = QCheckBox(tr("Pin to the top of the list"))
        self.pinned.setChecked(label.pinned)
        form = QFormLayout(horizontalSpacing=2 * theme.GRID, verticalSpacing=theme.GRID)
        form.addRow(tr("Name"), self.name)
        form.addRow(tr("Note"), self.note)
        form.addRow("", self.pinned)
        self.column.addLayout(form)

    def label(self) -> RunLabel:
        """Return what was entered."""
        name = " ".join(self.name.text().split())
        return RunLabel(name, self.note.toPlainText().strip()[:LONGEST_NOTE], self.pinned.isChecked())
