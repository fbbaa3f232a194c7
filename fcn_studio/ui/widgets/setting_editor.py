"""A widget for one row of a table of settings.

It is a check box, a number or a list of choices.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFormLayout, QSpinBox, QWidget

from fcn_studio.i18n import tr
from fcn_studio.settings import Setting, Value


def add_setting(form: QFormLayout, setting: Setting[Any], value: Value) -> Callable[[], Value]:
    """Add a row that edits a setting.

    Returns a function that reads the setting's present value.
    """
    editor, read = _editor(setting, value)
    title = tr(setting.title)
    editor.setToolTip(tr(setting.help))
    editor.setAccessibleName(title)
    form.addRow("" if setting.kind is bool else title, editor)
    return read


def _editor(setting: Setting[Any], value: Value) -> tuple[QWidget, Callable[[], Value]]:
    """Return a setting's widget and a function that reads it."""
    unit = f" {tr(setting.unit)}" if setting.unit else ""
    if isinstance(value, bool):
        box = QCheckBox(tr(setting.title))
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
    for text, label in setting.choices.items():
        choice.addItem(tr(label), text)
    choice.setCurrentIndex(choice.findData(value))
    return choice, choice.currentData
