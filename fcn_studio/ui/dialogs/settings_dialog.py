"""The settings dialog, made from the settings table."""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFormLayout, QSpinBox, QWidget

from fcn_studio.settings import SETTINGS, Setting, Settings, Value
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme


class SettingsDialog(Dialog):
    """One row a setting; changes take effect on OK."""

    def __init__(self, settings: Settings, parent: QWidget | None = None) -> None:
        super().__init__("Settings", "OK", parent=parent)
        self._settings = settings
        self._readers: dict[str, Callable[[], Value]] = {}
        form = QFormLayout(horizontalSpacing=2 * theme.GRID, verticalSpacing=theme.GRID)
        form.setLabelAlignment(Qt.AlignmentFlag.AlignLeft)
        for setting in SETTINGS:
            if setting.shown:
                editor, reader = _editor(setting, settings[setting.key])
                editor.setToolTip(setting.help)
                editor.setAccessibleName(setting.title)
                self._readers[setting.key] = reader
                form.addRow("" if setting.kind is bool else setting.title, editor)
        self.column.addLayout(form)
        self.add_words("Some settings take effect at the next start.", "dim")

    def apply(self) -> None:
        """Take over what was chosen."""
        for key, read in self._readers.items():
            self._settings.set(key, read())


def _editor(setting: Setting, value: Value) -> tuple[QWidget, Callable[[], Value]]:
    """A widget for a setting, and how to read it."""
    unit = f" {setting.unit}" if setting.unit else ""
    if isinstance(value, bool):
        box = QCheckBox(setting.title)
        box.setChecked(value)
        return box, box.isChecked
    if isinstance(value, int):
        whole = QSpinBox(minimum=int(setting.low), maximum=int(setting.high), suffix=unit)
        whole.setGroupSeparatorShown(True)
        whole.setValue(value)
        return whole, whole.value
    if isinstance(value, float):
        number = QDoubleSpinBox(minimum=setting.low, maximum=setting.high, decimals=1, suffix=unit)
        number.setValue(value)
        return number, lambda: round(number.value(), 1)
    choice = QComboBox()
    for text in setting.choices:
        choice.addItem(text.upper() if setting.key == "device" and text != "auto" else text.capitalize(), text)
    choice.setCurrentIndex(choice.findData(value))
    return choice, choice.currentData
