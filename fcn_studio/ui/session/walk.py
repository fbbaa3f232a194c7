"""The walk through the hotspots of the open image, and the answers to them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
from PySide6.QtCore import QObject, Signal

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap, Labels
from fcn_studio.core.review.answers import name_class, take_prediction
from fcn_studio.core.review.hotspots import Hotspot, hotspots
from fcn_studio.i18n import tr
from fcn_studio.ui.actions.keys import key_of

if TYPE_CHECKING:
    from fcn_studio.core.document import Document
    from fcn_studio.core.prediction import Prediction
    from fcn_studio.ui.session.session import Session

_SEEN, _ANSWERED = 1, 2
"""Values of the pixels of regions that were shown, and that were answered."""


class Walk(QObject):
    """Shows one hotspot of the open image after the other, and writes the answers.

    The queue is made when the walk begins. When there is a newer prediction, it is made again with the next step:
    regions that were answered do not come again, and those that were passed by come last.

    Signals:
        changed(): another hotspot is current, or what is known of it has changed; or the walk has ended.
        went(): the user went to the current hotspot; the view should show it.
        notice(str): a sentence for the user.

    Attributes:
        current: the hotspot that is asked about, None outside of a walk.
    """

    changed = Signal()
    went = Signal()
    notice = Signal(str)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self.current: Hotspot | None = None
        self._queue: list[Hotspot] = []
        self._answered: list[Hotspot] = []
        self._marks: LabelMap | None = None
        self._stale = False
        session.document_changed.connect(self._on_document)
        session.prediction_changed.connect(self._on_prediction)

    @property
    def place(self) -> tuple[int, int]:
        """Number of the current hotspot, from 1, and number of all."""
        return (0, 0) if self.current is None else (self._queue.index(self.current) + 1, len(self._queue))

    # --- going

    def step(self, direction: int) -> None:
        """Go to the next open hotspot (+1) or to the one before (-1); begin the walk if it has not begun."""
        image = self._session.image
        if image is None or image.prediction is None:
            return
        if self.current is None:
            self._begin(image.document, image.prediction, direction)
        elif direction > 0:
            self._go_on(image.document, image.prediction)
        else:
            self._go(self._queue[self._queue.index(self.current) - 1])

    def end(self) -> None:
        """End the walk. What was answered stays answered while the image is open."""
        if self.current is not None:
            self.current, self._queue, self._answered, self._stale = None, [], [], False
            self.changed.emit()

    def _begin(self, document: Document, prediction: Prediction, direction: int) -> None:
        if self._marks is None:
            self._marks = np.zeros(document.label_map.shape, np.uint8)
        self._queue = self._found(document, prediction)
        if self._queue:
            self._go(self._queue[0 if direction > 0 else -1])
        else:
            self.notice.emit(
                tr("The network is sure of all that you have not labelled, and agrees with your labels.")
            )

    def _go_on(self, document: Document, prediction: Prediction) -> None:
        """Go to the next hotspot that is open, after the last one to the first."""
        assert self.current is not None
        if self._stale:
            self._renew(document, prediction)
        at, labels = self._queue.index(self.current) + 1, _labels(document)
        for hotspot in (*self._queue[at:], *self._queue[:at]):
            if hotspot not in self._answered and hotspot.is_open(labels):
                self._go(hotspot)
                return
        self.end()
        if document.provenance.all():
            self.notice.emit(tr("That was the last region. Press {key} to verify the image.", key=key_of("verify")))
        else:
            key = key_of("auto_segment")
            self.notice.emit(
                tr("That was the last region. Press {key} to accept the rest of the prediction.", key=key)
            )

    def _go(self, hotspot: Hotspot) -> None:
        self.current = hotspot
        self._mark(hotspot, _SEEN)
        self.changed.emit()
        self.went.emit()

    # --- answers

    def take(self) -> None:
        """Label the current region as the network predicts it, and go on.

        Raises:
            FcnStudioError: if the image is finished or the project read-only.
        """
        document, prediction = self._session.editable(), self._session.prediction
        if self.current is not None and prediction is not None:
            take_prediction(document, self.current, prediction)
            self.leave()

    def take_second(self) -> None:
        """Label the current region with the network's second guess, and go on.

        The person chooses a class that the network did not, so the pixels become human.

        Raises:
            ProjectError: if the project is read-only.
        """
        if self.current is not None and self.current.second != VOID:
            self.name(self.current.second)
        elif self.current is not None:
            self.notice.emit(tr("The network has no second guess here. Press the key of a class."))

    def name(self, index: int) -> None:
        """Label the current region with a class, as a human, and go on.

        Raises:
            ProjectError: if the project is read-only.
        """
        document = self._session.editable()
        if self.current is None:
            return
        kept = self.current.open_region(_labels(document)).area
        if not name_class(document, self.current, index) and kept:
            self.notice.emit(
                tr("Nothing was changed: the class is hidden or locked, or only unlabelled pixels are painted.")
            )
            return
        self.leave()

    def leave(self) -> None:
        """Leave the current region as it is, and go on."""
        image = self._session.image
        if self.current is not None and image is not None and image.prediction is not None:
            self._answered.append(self.current)
            self._mark(self.current, _ANSWERED)
            self._go_on(image.document, image.prediction)

    # --- the queue

    def _found(self, document: Document, prediction: Prediction, current: Hotspot | None = None) -> list[Hotspot]:
        """Return the hotspots that were not answered; those that were shown already come last."""
        assert self._marks is not None
        answered = self._marks == _ANSWERED
        if current is not None:
            answered[current.rect.slices] |= current.inside
        return sorted(hotspots(prediction, _labels(document), answered), key=self._was_shown)

    def _was_shown(self, hotspot: Hotspot) -> bool:
        assert self._marks is not None
        return bool(np.count_nonzero(self._marks[hotspot.rect.slices][hotspot.inside]) * 2 > hotspot.area)

    def _renew(self, document: Document, prediction: Prediction) -> None:
        """Make the queue again for a newer prediction; what was answered and what is current come first."""
        assert self.current is not None
        before = [hotspot for hotspot in self._answered if hotspot is not self.current]
        self._queue = [*before, self.current, *self._found(document, prediction, self.current)]
        self._stale = False

    def _mark(self, hotspot: Hotspot, value: int) -> None:
        assert self._marks is not None
        marks = self._marks[hotspot.rect.slices]
        np.maximum(marks, np.uint8(value), out=marks, where=hotspot.inside)

    def _on_document(self) -> None:
        self._marks = None
        self.end()

    def _on_prediction(self) -> None:
        """Read the current region in a newer prediction; the view stays."""
        prediction, current = self._session.prediction, self.current
        if current is None:
            return
        if prediction is None:
            self.end()
            return
        self.current = current.reread(prediction)
        for hotspots_ in (self._queue, self._answered):
            hotspots_[:] = [self.current if hotspot is current else hotspot for hotspot in hotspots_]
        self._stale = True
        self.changed.emit()


def _labels(document: Document) -> Labels:
    return Labels(document.label_map, document.provenance)
