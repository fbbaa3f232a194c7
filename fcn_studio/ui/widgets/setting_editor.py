"""A widget for one row of a table of settings.

It is a check box, a number, a list of choices or a text.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from PySide6.QtCore import SignalInstance
from PySide6.QtWidgets import QCheckBox, QComboBox, QDoubleSpinBox, QFormLayout, QLineEdit, QSpinBox, QWidget

from fcn_studio.i18n import tr
from fcn_studio.settings import Setting, Value
from fcn_studio.ui.widgets.fields import padded


def add_setting(
    form: QFormLayout, setting: Setting[Any], value: Value, changed: Callable[[], object] | None = None
) -> Callable[[], Value]:
    """Add a row that edits a setting.

    Returns a function that reads the setting's present value. ``changed`` is called when the user changes it.
    """
    editor, read, signal = _editor(setting, value)
    title = tr(setting.title)
    editor.setToolTip(tr(setting.help))
    editor.setAccessibleName(title)
    editor.setMinimumHeight(editor.sizeHint().height())  # a form between wrapped labels is squeezed else
    form.addRow("" if setting.kind is bool else title, editor)
    if changed is not None:
        signal.connect(lambda *_: changed())
    return read


def _editor(setting: Setting[Any], value: Value) -> tuple[QWidget, Callable[[], Value], SignalInstance]:
    """Return a setting's widget, a function that reads it, and the signal of its changes."""
    unit = f" {tr(setting.unit)}" if setting.unit else ""
    if isinstance(value, bool):
        box = QCheckBox(tr(setting.title))
        box.setChecked(value)
        return box, box.isChecked, box.toggled
    if isinstance(value, int):
        whole = padded(QSpinBox(minimum=int(setting.low), maximum=int(setting.high), suffix=unit))
        whole.setGroupSeparatorShown(True)
        whole.setSpecialValueText(tr(setting.zero) if setting.zero else "")
        whole.setValue(value)
        return whole, whole.value, whole.valueChanged
    if isinstance(value, float):
        number = padded(QDoubleSpinBox(minimum=setting.low, maximum=setting.high, decimals=1, suffix=unit))
        number.setValue(value)
        return number, lambda: round(number.value(), 1), number.valueChanged
    if not setting.choices:
        text = QLineEdit(value)
        return text, lambda: text.text().strip(), text.textChanged
    choice = QComboBox()
    for name, label in setting.choices.items():
        choice.addItem(tr(label), name)
    choice.setCurrentIndex(choice.findData(value))
    return choice, choice.currentData, choice.currentIndexChanged
