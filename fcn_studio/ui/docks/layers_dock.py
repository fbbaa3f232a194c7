"""The Layers dock: visibility and opacity of layers, style of labels."""

from __future__ import annotations

from collections.abc import Mapping

from PySide6.QtCore import QSize, Qt, Signal
from PySide6.QtWidgets import (
    QButtonGroup,
    QDockWidget,
    QGridLayout,
    QHBoxLayout,
    QLabel,
    QSlider,
    QToolButton,
    QWidget,
)

from fcn_studio.i18n import tr, tr_noop
from fcn_studio.ui.actions.key_tips import tip_with_key
from fcn_studio.ui.actions.table import BY_NAME
from fcn_studio.ui.canvas.layer_stack import LayerStack
from fcn_studio.ui.canvas.layers import LabelStyle, Layer
from fcn_studio.ui.docks.adjust_panel import AdjustPanel
from fcn_studio.ui.runtime.user_messages import ActionDoor
from fcn_studio.ui.session.grey_display import GreyDisplay
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named, with_role

LAYERS: Mapping[Layer, tuple[str, str]] = {
    Layer.LABELS: (tr_noop("Labels"), tr_noop("Labels, in the colours of the classes")),
    Layer.PREDICTION: (tr_noop("Prediction"), tr_noop("Last prediction of this image by the network")),
    Layer.UNCERTAINTY: (tr_noop("Uncertainty"), tr_noop("Where the network is uncertain")),
    Layer.DISAGREEMENT: (tr_noop("Differences"), tr_noop("Where the prediction and your labels differ")),
    Layer.IMAGE: (tr_noop("Image"), tr_noop("The image itself")),
}

STYLES: Mapping[LabelStyle, tuple[str, str]] = {
    LabelStyle.FILL: (tr_noop("Fill"), tr_noop("Fill labels and prediction with the colours of the classes")),
    LabelStyle.OUTLINE: (tr_noop("Outline"), tr_noop("Draw only the borders of labels and prediction")),
    LabelStyle.HATCH: (tr_noop("Hatch"), tr_noop("Hatch labels and prediction, each class with its own pattern")),
}


class LayersDock(QDockWidget):
    """Dock with visibility and opacity of each layer, label style and adjustment.

    Signals:
        done(): the user finished typing.
    """

    done = Signal()

    def __init__(
        self, layers: LayerStack, grey: GreyDisplay, door: ActionDoor, parent: QWidget | None = None
    ) -> None:
        super().__init__(tr("Layers"), parent)
        self.setObjectName("layersDock")
        self._layers = layers
        self._eyes: dict[Layer, QToolButton] = {}
        self._sliders: dict[Layer, QSlider] = {}
        self._percents: dict[Layer, QLabel] = {}
        self._styles: dict[LabelStyle, QToolButton] = {}
        content = QWidget()
        grid = QGridLayout(content)
        grid.setContentsMargins(theme.GRID, theme.GRID // 2, theme.GRID, theme.GRID)
        grid.setHorizontalSpacing(theme.GRID)
        grid.setVerticalSpacing(0)
        for row, layer in enumerate(LAYERS):
            self._add_row(grid, row, layer)
        grid.addLayout(self._make_styles(), len(LAYERS), 0, 1, 4)
        self._adjust = AdjustPanel(layers, grey, door)
        self._adjust.grey_panel.done.connect(self.done)
        grid.addWidget(self._adjust, len(LAYERS) + 1, 0, 1, 4)
        grid.setColumnStretch(2, 1)
        grid.setRowStretch(len(LAYERS) + 2, 1)
        self.setWidget(content)
        layers.changed.connect(self._show)
        self._show()

    def _add_row(self, grid: QGridLayout, row: int, layer: Layer) -> None:
        name, tip = (tr(text) for text in LAYERS[layer])
        eye = named(
            QToolButton(autoRaise=True), tr("Show layer: {layer}", layer=name), tr("Show or hide. {tip}", tip=tip)
        )
        eye.setCheckable(True)
        eye.setIconSize(QSize(16, 16))
        eye.clicked.connect(lambda on: self._layers.set_style(layer, visible=on))
        label = named(QLabel(name), name, tip)
        slider = named(
            QSlider(Qt.Orientation.Horizontal), tr("Opacity: {layer}", layer=name), tr("Opacity. {tip}", tip=tip)
        )
        slider.setRange(0, 100)
        slider.valueChanged.connect(lambda percent: self._layers.set_style(layer, opacity=percent / 100))
        percent = with_role(QLabel(alignment=Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter), "dim")
        percent.setMinimumWidth(percent.fontMetrics().horizontalAdvance("100 %"))
        if layer.value in BY_NAME:  # an action shows it
            tip_with_key(eye, eye.toolTip(), layer.value)
            tip_with_key(label, tip, layer.value)
        for column, widget in enumerate((eye, label, slider, percent)):
            grid.addWidget(widget, row, column)
        self._eyes[layer], self._sliders[layer], self._percents[layer] = eye, slider, percent

    def _make_styles(self) -> QHBoxLayout:
        """Return a row with a button for each label style."""
        row = QHBoxLayout()
        row.setSpacing(theme.GRID // 2)
        row.addWidget(QLabel(tr("Draw labels")))
        row.addStretch(1)
        group = QButtonGroup(self)
        for style, (name, tip) in STYLES.items():
            button = with_role(named(QToolButton(), tr("Draw labels: {style}", style=tr(name))), "choice")
            tip_with_key(button, tr(tip), "label_style").setText(tr(name))
            button.setCheckable(True)
            button.clicked.connect(lambda _on, style=style: self._layers.set_label_style(style))
            group.addButton(button)
            row.addWidget(button)
            self._styles[style] = button
        return row

    def retheme(self) -> None:
        """Draw the eyes and the histogram in the colours of the theme."""
        self._show()
        self._adjust.update()

    def _show(self) -> None:
        """Follow the layers."""
        self._styles[self._layers.label_style].setChecked(True)
        for layer in LAYERS:
            state = self._layers.styles[layer]
            eye, slider = self._eyes[layer], self._sliders[layer]
            eye.setChecked(state.visible)
            eye.setIcon(theme.icon("eye" if state.visible else "eye-off"))
            blocked = slider.blockSignals(True)
            slider.setValue(round(100 * state.opacity))
            slider.blockSignals(blocked)
            for widget in (eye, slider):
                widget.setEnabled(self._layers.has_prediction or layer != Layer.DISAGREEMENT)
            self._percents[layer].setText(f"{slider.value()} %")
