"""The panel for black and white of images of more than 8 bits per sample."""

from __future__ import annotations

import math

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QHideEvent, QShowEvent
from PySide6.QtWidgets import QDoubleSpinBox, QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from fcn_studio.core.grey_levels import GreyHistogram
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.runtime.user_messages import ActionDoor
from fcn_studio.ui.session.grey_display import GreyDisplay
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.fields import NumberFieldKeyboard, padded
from fcn_studio.ui.widgets.levels_bar import LevelsBar
from fcn_studio.ui.widgets.named import named

WHY_NOT = tr_noop("This image has 8 bits per sample. Only grey images of more bits, and fractions, have grey levels.")
_READING = tr_noop("The image is being read.")
_LARGEST = 1e12


class GreyPanel(QWidget):
    """Histogram with black and white, and what is done with these levels.

    It reads the samples of the open image while it is visible.

    Signals:
        done(): the user finished typing.
    """

    done = Signal()

    def __init__(self, grey: GreyDisplay, door: ActionDoor, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._grey = grey
        self._histogram: GreyHistogram | None = None
        self._bar = named(LevelsBar(), tr("Grey levels"))
        self._bar.changed.connect(lambda black, white: self._choose(black, white))
        self._black = self._make_number(tr("Black"), tr("Values up to this one are black."))
        self._white = self._make_number(tr("White"), tr("Values from this one on are white."))
        self._auto = named(QToolButton(), tr("Auto"), tr("Fit black and white to this image."))
        self._auto.clicked.connect(self._choose_auto)
        self._reset = named(QToolButton(), tr("Reset"), tr("Show the grey levels of the project."))
        self._reset.clicked.connect(grey.reset)
        self._use = QPushButton()
        self._use.setFocusPolicy(Qt.FocusPolicy.TabFocus)
        self._use.clicked.connect(lambda: door.run(grey.use_for_project if grey.differs else grey.take_back))
        self._body = QWidget()
        self._lay_out()
        grey.changed.connect(self._show)
        self._show()

    def _make_number(self, name: str, tip: str) -> QDoubleSpinBox:
        number = named(padded(QDoubleSpinBox(minimum=-_LARGEST, maximum=_LARGEST)), name, tip)
        number.setButtonSymbols(QDoubleSpinBox.ButtonSymbols.NoButtons)
        number.setMinimumWidth(number.fontMetrics().horizontalAdvance("00000000"))
        number.valueChanged.connect(lambda: self._choose(self._black.value(), self._white.value()))
        NumberFieldKeyboard(number).done.connect(self.done)
        return number

    def _lay_out(self) -> None:
        top, numbers = QHBoxLayout(), QHBoxLayout()
        top.addWidget(QLabel(tr("Grey levels")), 1)
        for button in (self._auto, self._reset):
            button.setText(button.accessibleName())
            top.addWidget(button)
        for label, number in ((tr("Black"), self._black), (tr("White"), self._white)):
            numbers.addWidget(QLabel(label))
            numbers.addWidget(number, 1)
        numbers.setSpacing(theme.GRID // 2)
        body, column = QVBoxLayout(self._body), QVBoxLayout(self)
        for layout in (body, column):
            layout.setContentsMargins(0, 0, 0, 0)
            layout.setSpacing(theme.GRID // 2)
        body.addWidget(self._bar)
        body.addLayout(numbers)
        body.addWidget(self._use)
        column.addLayout(top)
        column.addWidget(self._body)

    @guarded
    def showEvent(self, event: QShowEvent) -> None:
        super().showEvent(event)
        self._grey.look(True)

    @guarded
    def hideEvent(self, event: QHideEvent) -> None:
        super().hideEvent(event)
        self._grey.look(False)

    def _choose(self, black: float, white: float) -> None:
        histogram = self._histogram
        if histogram is None:
            return
        if histogram.whole:
            black, white = float(round(black)), float(round(white))
        if black < white:
            self._grey.set_span((black, white))
        else:
            self._show()  # the numbers as they were

    def _choose_auto(self) -> None:
        if self._histogram is not None:
            self._grey.set_span(self._histogram.auto)
            self._scale(self._histogram)

    def _scale(self, histogram: GreyHistogram) -> None:
        """Give the bar an axis with all values, black and white."""
        span = self._grey.span or histogram.ends
        axis = min(histogram.ends[0], span[0]), max(histogram.ends[1], span[1])
        width = axis[1] - axis[0]
        self._bar.set_histogram(histogram.counts, histogram.ends, axis, 1.0 if histogram.whole else width / 1000)
        decimals = 0 if histogram.whole else min(9, max(0, 3 - math.floor(math.log10(width))))
        for number in (self._black, self._white):
            blocked = number.blockSignals(True)
            number.setDecimals(decimals)
            number.setSingleStep(max(10**-decimals, 10 ** math.floor(math.log10(width) - 2)))
            number.blockSignals(blocked)

    def _show(self) -> None:
        """Follow the levels and the open image."""
        grey = self._grey
        if grey.histogram is not self._histogram:
            self._histogram = grey.histogram
            if self._histogram is not None:
                self._scale(self._histogram)
        span = grey.span
        if span is not None:
            self._bar.set_span(span)
            for number, value in zip((self._black, self._white), span, strict=True):
                blocked = number.blockSignals(True)
                number.setValue(value)
                number.blockSignals(blocked)
        for widget in (self._bar, self._black, self._white, self._auto):
            widget.setEnabled(span is not None)
        if not grey.reading:  # while it is read the panel keeps its height
            self._body.setVisible(span is not None or grey.differs)
        self.setToolTip("" if span is not None else tr(_READING if grey.reading else WHY_NOT))
        self._show_rule()

    def _show_rule(self) -> None:
        """Offer to make the levels on screen those of the project, or to undo that."""
        grey = self._grey
        self._reset.setEnabled(grey.differs)
        self._use.setEnabled(grey.differs or grey.can_take_back)
        if grey.can_take_back and not grey.differs:
            text, tip = tr("Undo for the project"), tr("Give the project and the network their earlier grey levels.")
        else:
            text, tip = (
                tr("Use for the project"),
                tr("Let the network use these levels; its predictions will change."),
            )
        self._use.setText(text)
        named(self._use, text, tip)
