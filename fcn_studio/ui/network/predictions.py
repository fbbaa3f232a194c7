"""The predictions of the network.

They are kept for the layers, and written into the open image between two strokes.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from PySide6.QtCore import QObject, QTimer, Signal

from fcn_studio.core.document import ACCEPT_CLASS, ACCEPT_IMAGE, ACCEPT_REGION, Document, auto_segment
from fcn_studio.core.prediction import Prediction, predicted_region
from fcn_studio.core.sample import Status
from fcn_studio.errors import FcnStudioError, ProjectError
from fcn_studio.i18n import tr
from fcn_studio.ui.session.session import Session

PREDICTION_BYTES = 256 << 20
"""How much of the last predictions is kept for the Prediction and Uncertainty layers."""

AFTER_STROKE_MS = 200
"""How often a prediction that waits for the end of a stroke looks again."""


@dataclass(frozen=True)
class _Deferred:
    """Prediction of the open image that is to be written.

    It may have to wait for the end of a stroke.

    Attributes:
        prediction: in the project's class indices.
        only: the statuses it may meet: a batch must not follow a human's first stroke. None: what is unfinished.
    """

    prediction: Prediction
    only: frozenset[Status] | None = None


class Predictions(QObject):
    """The last predictions of the open project, in its class indices.

    Signals:
        notice(str), problem(str): a sentence for the user.

    Attributes:
        live_of: the image whose prediction on the screen is Live's, or ""; no other prediction takes its place.
    """

    notice = Signal(str)
    problem = Signal(str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.live_of = ""
        self._kept: OrderedDict[str, Prediction] = OrderedDict()
        self._deferred: _Deferred | None = None
        self._later = QTimer(self, interval=AFTER_STROKE_MS, singleShot=True)
        self._later.timeout.connect(self._apply_deferred)
        session.project_changed.connect(self.forget)
        session.document_changed.connect(self._on_document)
        session.edited.connect(self._apply_deferred)

    def keep(self, prediction: Prediction) -> None:
        """Keep a prediction for the layers.

        The oldest beyond `PREDICTION_BYTES` are dropped.
        """
        if prediction.image_id != self.live_of:
            self._keep(prediction)

    def show_live(self, prediction: Prediction) -> None:
        """Show and keep Live's prediction of the open image."""
        self.live_of = prediction.image_id
        self._keep(prediction)
        self._session.set_prediction(prediction)

    def drop_live(self) -> None:
        """Forget Live's prediction of the open image, if it is shown."""
        document = self._session.document
        if document is not None and self.live_of == document.image_id:
            self._kept.pop(self.live_of, None)
            self.live_of = ""
            self._session.set_prediction(None)

    def _keep(self, prediction: Prediction) -> None:
        self._kept[prediction.image_id] = prediction
        self._kept.move_to_end(prediction.image_id)
        size = sum(kept.nbytes for kept in self._kept.values())
        while size > PREDICTION_BYTES and len(self._kept) > 1:
            _, oldest = self._kept.popitem(last=False)
            size -= oldest.nbytes

    def of(self, image_id: str) -> Prediction | None:
        """Return the prediction of an image that is kept, None if there is none."""
        return self._kept.get(image_id)

    def forget(self) -> None:
        """Forget all predictions.

        They are of another project, or the network's classes mean something else.
        """
        self._kept.clear()
        self.live_of = ""
        self._session.set_prediction(None)

    def offer(self, prediction: Prediction, only: frozenset[Status] | None = None) -> bool:
        """Show and write a prediction if its image is open.

        Returns whether it is.

        Args:
            prediction: in the project's class indices.
            only: the statuses that the image may have when it is written; None for all that are unfinished.
        """
        document = self._session.document
        if document is None or document.image_id != prediction.image_id:
            return False
        if prediction.image_id != self.live_of:
            self._session.set_prediction(prediction)
        self._deferred = _Deferred(prediction, only)
        self._apply_deferred()
        return True

    # --- what a person accepts --------------------------------------------------------------------------------

    def accept_region(self, x: int, y: int) -> None:
        """Accept the connected region of the prediction around a pixel, as one step.

        Raises:
            FcnStudioError: if there is no prediction, or the image is finished.
        """
        document, prediction = self._shown()
        region = predicted_region(prediction, (x, y))
        if region is None:
            raise ProjectError(tr("The prediction has no class of the project here."))
        if not auto_segment(document, prediction, title=ACCEPT_REGION, region=region):
            self.notice.emit(tr("This region is labelled by you, or as predicted."))

    def accept_class(self, index: int) -> None:
        """Accept a class wherever the prediction has it, as one step.

        Raises:
            FcnStudioError: if there is no prediction, or the image is finished.
        """
        document, prediction = self._shown()
        if not auto_segment(document, prediction, title=ACCEPT_CLASS, only_class=index):
            name = self._session.table.name_of(index)
            self.notice.emit(tr("Nothing is left to accept of the class {name}.", name=name))

    def accept_image(self) -> None:
        """Accept the whole prediction, as one step.

        Raises:
            FcnStudioError: if there is no prediction, or the image is finished.
        """
        document, prediction = self._shown()
        if not auto_segment(document, prediction, title=ACCEPT_IMAGE):
            self.notice.emit(tr("Every pixel is labelled by you, or as predicted."))

    def _shown(self) -> tuple[Document, Prediction]:
        document, prediction = self._session.editable(), self._session.prediction
        if prediction is None:
            raise ProjectError(tr("There is no prediction of this image yet."))
        return document, prediction

    def _on_document(self) -> None:
        document = self._session.document
        self._deferred = None
        if document is not None:
            self._session.set_prediction(self._kept.get(document.image_id))

    def _apply_deferred(self) -> None:
        """Write the prediction that has arrived.

        During a stroke, it waits for the stroke's end.
        """
        deferred, document = self._deferred, self._session.document
        if deferred is None or document is None or self._session.read_only:
            return
        if document.editing:  # a stroke that is cancelled, or changes nothing, is no edit that would tell
            self._later.start()
            return
        self._deferred = None
        if deferred.only is not None and document.status not in deferred.only:
            return
        try:
            if not auto_segment(document, deferred.prediction):
                self.notice.emit(tr("Auto-segment changed nothing: every pixel is labelled by you, or as predicted."))
        except FcnStudioError as error:  # verified or skipped meanwhile
            self.problem.emit(str(error))
