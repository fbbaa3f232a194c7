"""A field for a size in pixels.

It has a logarithmic slider and a number.
"""

from __future__ import annotations

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QSlider, QSpinBox, QWidget

from fcn_studio.i18n import tr
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.fields import NumberFieldKeyboard, padded
from fcn_studio.ui.widgets.named import named

_STEPS = 200


class SizeBox(QWidget):
    """Field for a whole number from 1 to a maximum.

    Signals:
        changed(int): the user chose another size.
        done(): the user finished typing or pressed the arrows.
    """

    changed = Signal(int)
    done = Signal()

    def __init__(self, name: str, maximum: int, tip: str, unit: str, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._scale = math.log(maximum) / _STEPS
        self.slider = named(QSlider(Qt.Orientation.Horizontal), tr("{name} slider", name=name), tip)
        self.slider.setRange(0, _STEPS)
        self.slider.setFixedWidth(128)
        self.number = named(
            padded(QSpinBox(minimum=1, maximum=maximum, suffix=f" {unit}" if unit else "")), name, tip
        )
        self.number.setFixedWidth(88)
        self.setSizePolicy(QSizePolicy.Policy.Fixed, QSizePolicy.Policy.Preferred)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(theme.GRID)
        row.addWidget(self.slider)
        row.addWidget(self.number)
        self.slider.valueChanged.connect(lambda step: self.number.setValue(round(math.exp(step * self._scale))))
        self.number.valueChanged.connect(self._follow)
        NumberFieldKeyboard(self.number, wheel=True).done.connect(self.done)

    def set_value(self, size: int) -> None:
        """Show a size without emitting `changed`."""
        blocked = self.blockSignals(True)
        self.number.setValue(size)
        self.blockSignals(blocked)

    def _follow(self, size: int) -> None:
        blocked = self.slider.blockSignals(True)
        self.slider.setValue(round(math.log(size) / self._scale))
        self.slider.blockSignals(blocked)
        self.changed.emit(size)
