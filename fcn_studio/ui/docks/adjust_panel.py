"""The panel for grey levels, brightness, contrast and gamma of the displayed image."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import dataclass, replace

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QGridLayout, QHBoxLayout, QLabel, QSlider, QToolButton, QVBoxLayout, QWidget

from fcn_studio.i18n import tr, tr_noop
from fcn_studio.ui.canvas.adjust import MAX_GAMMA, UNADJUSTED, Adjustment
from fcn_studio.ui.canvas.layer_stack import LayerStack
from fcn_studio.ui.docks.grey_panel import GreyPanel
from fcn_studio.ui.runtime.user_messages import ActionDoor
from fcn_studio.ui.session.grey_display import GreyDisplay
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named, with_role

STEPS = 100
"""Steps of a slider to either side of its middle."""

NOTE = tr_noop("The network uses the original image.")
OTHER_LEVELS = tr_noop("The network uses the project's grey levels.")


@dataclass(frozen=True, slots=True)
class _Slider:
    """Slider for a value of an adjustment.

    It has its position, its effect and its text.
    """

    name: str
    tip: str
    position: Callable[[Adjustment], float]
    moved: Callable[[Adjustment, float], Adjustment]
    words: Callable[[Adjustment], str]


_SLIDERS = (
    _Slider(tr_noop("Brightness"), tr_noop("Make the image lighter or darker."),
          lambda a: a.brightness, lambda a, at: replace(a, brightness=at), lambda a: f"{100 * a.brightness:+.0f}"),
    _Slider(tr_noop("Contrast"), tr_noop("Increase or decrease the contrast."),
          lambda a: a.contrast, lambda a, at: replace(a, contrast=at), lambda a: f"{100 * a.contrast:+.0f}"),
    _Slider(tr_noop("Gamma"), tr_noop("Make dark parts lighter or darker, more than light ones."),
          lambda a: math.log(a.gamma, MAX_GAMMA), lambda a, at: replace(a, gamma=MAX_GAMMA**at),
          lambda a: f"{a.gamma:.2f}"),
)  # fmt: skip


class AdjustPanel(QWidget):
    """Three sliders, grey levels and a reset button below a foldable heading.

    The heading says while the image is adjusted.

    Attributes:
        grey_panel: the part for grey levels.
    """

    def __init__(
        self, layers: LayerStack, grey: GreyDisplay, door: ActionDoor, parent: QWidget | None = None
    ) -> None:
        super().__init__(parent)
        self._layers, self._grey = layers, grey
        self._sliders: list[QSlider] = []
        self._values: list[QLabel] = []
        self._heading = named(
            QToolButton(autoRaise=True), tr("Adjust the image"), tr("Brightness, contrast, gamma, grey levels.")
        )
        self._heading.setCheckable(True)
        self._heading.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
        self._heading.toggled.connect(self._unfold)
        self._reset = named(QToolButton(), tr("Reset the adjustment"), tr("Show the original image"))
        self._reset.setText(tr("Reset"))
        self._reset.clicked.connect(self._restore)
        self._note = with_role(QLabel(), "dim")
        notes = (tr(NOTE), tr(OTHER_LEVELS))
        self._note.setMinimumWidth(max(self._note.fontMetrics().horizontalAdvance(note) for note in notes))
        self.grey_panel = GreyPanel(grey, door)
        self._body = self._make_body()
        top = QHBoxLayout()
        top.addWidget(self._heading)
        top.addStretch(1)
        top.addWidget(self._reset)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.setSpacing(0)
        column.addLayout(top)
        column.addWidget(self._body)
        self._unfold(False)
        layers.changed.connect(self._show)
        grey.changed.connect(self._show)
        self._show()

    def _make_body(self) -> QWidget:
        body = QWidget()
        grid = QGridLayout(body)
        grid.setContentsMargins(theme.GRID // 2, 0, 0, 0)
        grid.setHorizontalSpacing(theme.GRID)
        grid.setVerticalSpacing(theme.GRID // 2)
        for row, spec in enumerate(_SLIDERS):
            slider = named(QSlider(Qt.Orientation.Horizontal), tr(spec.name), f"{tr(spec.tip)} {tr(NOTE)}")
            slider.setRange(-STEPS, STEPS)
            slider.valueChanged.connect(lambda at, spec=spec: self._turn(spec, at / STEPS))
            value = with_role(QLabel(alignment=Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), "dim")
            value.setMinimumWidth(value.fontMetrics().horizontalAdvance("+100 "))
            for column, widget in enumerate((QLabel(tr(spec.name)), slider, value)):
                grid.addWidget(widget, row, column)
            self._sliders.append(slider)
            self._values.append(value)
        for row, widget in enumerate((self.grey_panel, self._note), len(_SLIDERS)):
            grid.addWidget(widget, row, 0, 1, 3)
        grid.setColumnStretch(1, 1)
        return body

    def _restore(self) -> None:
        self._layers.set_adjustment(UNADJUSTED)
        self._grey.reset()

    def _turn(self, spec: _Slider, at: float) -> None:
        self._layers.set_adjustment(spec.moved(self._layers.adjustment, at))

    def _unfold(self, on: bool) -> None:
        self._heading.setArrowType(Qt.ArrowType.DownArrow if on else Qt.ArrowType.RightArrow)
        self._body.setVisible(on)

    def _show(self) -> None:
        """Follow the layers and the grey levels."""
        adjustment = self._layers.adjustment
        changed = adjustment != UNADJUSTED or self._grey.differs
        self._heading.setText(tr("Image is adjusted") if changed else tr("Adjust image"))
        self._reset.setVisible(changed)
        self._note.setText(tr(OTHER_LEVELS if self._grey.differs else NOTE))
        for spec, slider, value in zip(_SLIDERS, self._sliders, self._values, strict=True):
            blocked = slider.blockSignals(True)
            slider.setValue(round(STEPS * spec.position(adjustment)))
            slider.blockSignals(blocked)
            value.setText(spec.words(adjustment))
