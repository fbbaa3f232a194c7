"""The commands of Live and of accepting a prediction."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject

from fcn_studio.core.labels import Provenance
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

_MOST, _HARDLY_ANY = 0.5, 0.01
"""Shares of an image that somebody may take for labelled while they are only predicted."""


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
        return {
            "live": self.toggle,
            "auto_segment": self.segment_image,
            "accept_class": self.accept_class,
            "verify": self.verify,
        }

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

    def verify(self) -> None:
        """Verify the open image and open the next; ask first if most of what is seen is only Live's prediction.

        Raises:
            ProjectError: if no image is open or the project is read-only.
        """
        share = self._share_not_accepted()
        if share:
            from fcn_studio.ui.dialogs.questions import NotAcceptedDialog

            document = self._session.editable()
            dialog = NotAcceptedDialog(share, self._unlabelled_name(), self._canvas.window())
            if not dialog.asked() or self._session.document is not document:
                return
            if not dialog.as_it_is:
                self._network.predictions.accept_image()
        self._session.verify_and_next()

    def _share_not_accepted(self) -> float:
        """Return the share of the image that is nobody's; 0 if that is little, or becomes what Live predicts."""
        project, document, prediction = self._session.project, self._session.document, self._session.prediction
        if project is None or document is None or prediction is None or not self._network.live.shows:
            return 0.0
        nobody = document.provenance == Provenance.NOBODY
        lost = nobody & (prediction.label_map != project.config.unlabelled_index)
        return float(nobody.mean()) if nobody.mean() > _MOST and lost.mean() > _HARDLY_ANY else 0.0

    def _unlabelled_name(self) -> str:
        project = self._session.project
        return self._session.table.name_of(project.config.unlabelled_index) if project is not None else ""

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
