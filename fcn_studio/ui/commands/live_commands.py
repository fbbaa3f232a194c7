"""The commands of Live and of accepting a prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from fcn_studio.i18n import tr
from fcn_studio.ui.actions.qt_actions import Actions
from fcn_studio.ui.actions.table import BY_NAME
from fcn_studio.ui.canvas.canvas import Canvas
from fcn_studio.ui.canvas.layers import DEFAULT_STYLES, Layer
from fcn_studio.ui.runtime.user_messages import ActionDoor

if TYPE_CHECKING:
    from fcn_studio.ui.network.network_parts import NetworkParts
    from fcn_studio.ui.session.session import Session

LIVE_OPACITY = 0.3
"""Opacity of the Prediction layer below the strokes, so that both these and the picture are seen."""


class LiveCommands(QObject):
    """Switches Live and accepts predictions; the Prediction layer follows Live."""

    def __init__(
        self, canvas: Canvas, session: Session, network: NetworkParts, actions: Actions, door: ActionDoor
    ) -> None:
        super().__init__(canvas)
        self._canvas, self._session, self._network, self._door = canvas, session, network, door
        self._tick, self._segment = actions["live"], actions["auto_segment"]
        for name, act in self.table().items():
            actions.bind(name, act)
        canvas.accepted.connect(self._accept_region)
        network.live.switched.connect(self._follow)

    def table(self) -> Mapping[str, Callable[[], object]]:
        """Return what each action does, by its name."""
        return {"live": self.toggle, "auto_segment": self.segment_image, "accept_class": self.accept_class}

    def toggle(self) -> None:
        """Switch Live on or off."""
        self._network.live.toggle()
        self._tick.setChecked(self._network.live.on)

    def segment_image(self) -> None:
        """Accept Live's prediction of the open image; without one, let the network label the image."""
        if self._network.live.shows:
            self._network.predictions.accept_image()
        else:
            self._network.auto_segment.segment_image()

    def accept_class(self) -> None:
        """Accept the active class wherever the prediction has it."""
        self._network.predictions.accept_class(self._session.toolbox.class_index)

    def _accept_region(self, x: int, y: int) -> None:
        if self._session.prediction is not None:
            self._door.run(partial(self._network.predictions.accept_region, x, y))

    def _follow(self) -> None:
        """Show the Prediction layer while Live is on."""
        on, style = self._network.live.on, self._canvas.layers.styles[Layer.PREDICTION]
        self._tick.setChecked(on)
        self._segment.setText(tr("Accept the &prediction") if on else tr(BY_NAME["auto_segment"].text))
        untouched = style.opacity in (DEFAULT_STYLES[Layer.PREDICTION].opacity, LIVE_OPACITY)
        opacity = LIVE_OPACITY if on else DEFAULT_STYLES[Layer.PREDICTION].opacity
        self._canvas.layers.set_style(Layer.PREDICTION, visible=on, opacity=opacity if untouched else None)
