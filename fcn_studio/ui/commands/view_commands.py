"""Commands that change what the canvas shows, their ticks and settings."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from fcn_studio.core.prediction import Prediction
from fcn_studio.i18n import tr
from fcn_studio.settings import Settings
from fcn_studio.tools.options import PEN_PRESSURE
from fcn_studio.ui.actions.keys import key_of
from fcn_studio.ui.actions.qt_actions import Actions
from fcn_studio.ui.canvas.canvas import Canvas
from fcn_studio.ui.canvas.compare import Divider
from fcn_studio.ui.canvas.layers import LabelStyle, Layer
from fcn_studio.ui.canvas.navigator import Navigator
from fcn_studio.ui.runtime.user_messages import Messages

if TYPE_CHECKING:
    from fcn_studio.ui.session.session import Session


def no_prediction() -> str:
    """Return a sentence on what makes a prediction."""
    return tr(
        "There is no prediction of this image yet. Press {segment} to make one, or {live} to learn from your "
        "strokes.",
        segment=key_of("auto_segment"),
        live=key_of("live"),
    )


class ViewCommands(QObject):
    """Commands for layers, zoom and wipe, and the canvas's settings."""

    def __init__(
        self, canvas: Canvas, session: Session, settings: Settings, actions: Actions, messages: Messages
    ) -> None:
        super().__init__(canvas)
        self._canvas, self._layers, self._session, self._settings = canvas, canvas.layers, session, settings
        self._actions, self._messages = actions, messages
        self._navigator = Navigator(canvas)
        for name, act in self.table().items():
            actions.bind(name, act)
        self._layers.changed.connect(self._show)
        canvas.pen_used.connect(session.toolbox.use_pen)
        session.toolbox.options_changed.connect(self._follow_pen)
        settings.watch(self._setting_changed)
        self._recall()

    def table(self) -> Mapping[str, Callable[[], object]]:
        """Return what each action does, by its name."""
        canvas = self._canvas
        return {
            "label_style": self.change_label_style,
            "uncertainty": partial(self.toggle_layer, Layer.UNCERTAINTY),
            "disagreement": partial(self.toggle_layer, Layer.DISAGREEMENT),
            "compare": self.toggle_wipe,
            "navigator": self.toggle_navigator,
            "class_names": self.toggle_class_names,
            "fit": canvas.fit,
            "one_to_one": canvas.one_to_one,
            "zoom_in": canvas.zoom_in,
            "zoom_out": canvas.zoom_out,
        }

    def change_label_style(self) -> None:
        """Draw labels in the next style: filled, outlined or hatched."""
        self._layers.set_label_style(self._layers.label_style.next)

    def toggle_layer(self, layer: Layer) -> None:
        """Show or hide a layer of the network.

        If the layer is empty, the user is told so.
        """
        shown = self._layers.styles[layer].visible
        self._layers.set_style(layer, visible=not shown)
        if not shown:
            self._say_what_lacks()

    def toggle_wipe(self) -> None:
        """Begin or end a wipe between prediction and labels."""
        begins = self._layers.divider is None
        self._layers.set_divider(Divider() if begins else None)
        if begins:
            self._say_what_lacks()

    def wipe_between(self, named: Sequence[tuple[str, Prediction]]) -> None:
        """Begin a wipe between what two networks predict for the open image.

        Predictions of an image that is no longer open are dropped.
        """
        (first, left), (second, right) = named
        document = self._session.document
        if document is not None and document.image_id == left.image_id == right.image_id:
            self._layers.wipe_between(left, right, (first, second))

    def toggle_navigator(self) -> None:
        """Show or hide the navigator."""
        self._settings.navigator = not self._settings.navigator

    def toggle_class_names(self) -> None:
        """Show or hide the names of classes over the image."""
        self._settings.class_names = not self._settings.class_names

    def _say_what_lacks(self) -> None:
        if self._session.prediction is None:
            self._messages.say(no_prediction())

    def _show(self) -> None:
        """Follow the layers."""
        for layer in (Layer.UNCERTAINTY, Layer.DISAGREEMENT):
            self._actions[layer.value].setChecked(self._layers.styles[layer].visible)
        self._actions["compare"].setChecked(self._layers.divider is not None)
        self._settings.label_style = self._layers.label_style.value

    def _follow_pen(self) -> None:
        """Follow the options bar."""
        self._canvas.pen_pressure = self._session.toolbox.option(PEN_PRESSURE)
        self._settings.pen_pressure = self._canvas.pen_pressure

    def _recall(self) -> None:
        self._canvas.wheel.zooms = self._settings.wheel_zooms
        self._canvas.keep_view = self._settings.keep_view
        self._layers.set_label_style(LabelStyle(self._settings.label_style))
        self._navigator.set_wanted(self._settings.navigator)
        self._actions["navigator"].setChecked(self._settings.navigator)
        self._canvas.class_names.set_shown(self._settings.class_names)
        self._actions["class_names"].setChecked(self._settings.class_names)
        self._session.toolbox.set_option(PEN_PRESSURE, self._settings.pen_pressure)

    def _setting_changed(self, key: str) -> None:
        if key in ("wheel_zooms", "keep_view", "pen_pressure", "navigator", "class_names"):
            self._recall()
