"""The predictions of the open project on disk.

They are written and read in threads. With them the layers *Prediction* and *Uncertainty* are back after a restart,
and the list of files knows where the network doubts.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator, Iterator
from concurrent.futures import Future, ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from fcn_studio.core.prediction import Prediction, differences
from fcn_studio.core.project import Access
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import FcnStudioError, MaskError
from fcn_studio.i18n import tr
from fcn_studio.ui.network.current_network import CurrentNetwork
from fcn_studio.ui.network.predictions import Predictions
from fcn_studio.ui.runtime.worker import Worker
from fcn_studio.ui.session.session import Session

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.prediction_index import PredictionSummary
    from fcn_studio.formats.project.project_folder import ProjectFolder

PENDING_BYTES = 64 << 20
"""Predictions that wait to be written; beyond that they are not kept, for closing a project waits for them."""
NEWS_MS = 300
"""Milliseconds between two `changed`."""
_WORK_S, _REST_S = 0.002, 0.001
"""The thread that finds the summaries releases Python's lock so often."""


class StoredPredictions(QObject):
    """Writes, reads and sums up the predictions of the open project.

    Signals:
        changed(): other summaries are known than before.
        problem(str): predictions cannot be kept; a sentence, once for a project.
    """

    changed = Signal()
    problem = Signal(str)
    _ended = Signal(object, int)

    def __init__(
        self, session: Session, current: CurrentNetwork, predictions: Predictions, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._current, self._predictions = session, current, predictions
        self._writer = ThreadPoolExecutor(1, thread_name_prefix="predictions")
        self._reader = Worker("stored_prediction", self)
        self._loader = Worker("prediction_summaries", self)
        self._pending = 0
        self._told = False
        self._comparing: set[str] = set()
        self._news = QTimer(self, interval=NEWS_MS, singleShot=True)
        self._news.timeout.connect(self.changed)
        self._ended.connect(self._on_ended)
        self._reader.stepped.connect(self._on_read)
        self._loader.stepped.connect(self._tell)
        self._loader.finished.connect(self._tell)
        session.turned.connect(self._flush)
        session.project_changed.connect(self._on_project)
        session.document_changed.connect(self._keep_live)
        session.document_changed.connect(self._look)
        session.autosave.saved.connect(self._compare)
        session.settings.watch(self._on_setting)
        current.changed.connect(self._look)
        current.changed.connect(self._tell)
        current.meaning_changed.connect(self._forget_differences)
        session.grey_display.rule_changed.connect(self._forget_summaries)

    def summary(self, sample: Sample) -> PredictionSummary | None:
        """Return what the network in use or Live predicted for an image, in numbers.

        It is None if that is not known. No file is opened.
        """
        project, network = self._session.project, self._current.info
        found = None if project is None else project.predictions.summary(sample)
        return found if found is not None and network is not None and found.is_by(network.sha256) else None

    def write(self, prediction: Prediction, mapped: Prediction) -> None:
        """Keep a prediction on disk, if the project can be written.

        Args:
            prediction: in the network's own class indices.
            mapped: the same in the project's.
        """
        project = self._session.project
        if project is None or project.access is not Access.WRITABLE or self._told:
            return
        if self._pending + prediction.nbytes > PENDING_BYTES and self._pending:
            return
        self._pending += prediction.nbytes
        sample = project.sample(prediction.image_id)
        self._submit(partial(_write, project, sample, prediction, mapped), prediction.nbytes)

    def shut_down(self) -> None:
        """End the threads."""
        self._writer.shutdown(wait=True)
        self._reader.close()
        self._loader.close()

    # --- reading ----------------------------------------------------------------------------------------------

    def _look(self) -> None:
        """Read what the network in use predicted for the open image, unless a prediction of it is there."""
        project, document, network = self._session.project, self._session.document, self._current.info
        self._reader.cancel()
        if project is None or document is None or network is None or self._session.prediction is not None:
            return
        sample, size = self._session.samples[self._session.index], (document.width, document.height)
        self._reader.start(_read(project, sample, network.sha256, size))

    def _on_read(self, prediction: Prediction) -> None:
        document, network = self._session.document, self._current.info
        if document is None or document.image_id != prediction.image_id or self._session.prediction is not None:
            return
        if network is not None and network.sha256 == prediction.checkpoint:
            mapped = prediction.mapped(self._current.index_map_of(network))
            self._predictions.keep(mapped)
            self._session.set_prediction(mapped)

    # --- summaries --------------------------------------------------------------------------------------------

    def _compare(self, image_id: str) -> None:
        """Compare the labels that were just saved with the prediction of their image."""
        project, network = self._session.project, self._current.info
        prediction = self._predictions.of(image_id)
        if project is None or network is None or prediction is None:
            return
        sample = project.sample(image_id)
        known = project.predictions.summary(sample)
        by_live = known is not None and known.by_live
        if (by_live or prediction.checkpoint == network.sha256) and image_id not in self._comparing:
            self._comparing.add(image_id)

            def compare() -> None:
                self._comparing.discard(image_id)  # what is saved from now on is compared again
                _compare(project, sample, prediction)

            self._submit(compare)

    def _keep_live(self) -> None:
        """Note what Live predicted for the image that is left."""
        project, network = self._session.project, self._current.info
        prediction = self._predictions.of(self._predictions.live_of)
        if project is None or project.access is not Access.WRITABLE or network is None or prediction is None:
            return
        sample = project.sample(prediction.image_id)
        self._submit(partial(_note_live, project, sample, prediction, network.sha256))

    def _forget_differences(self) -> None:
        """Forget what followed from another meaning of the network's classes."""
        if self._session.project is not None:
            self._session.project.predictions.forget_differences()
        self._look()

    def _forget_summaries(self) -> None:
        """Forget what was predicted from other grey levels."""
        if self._session.project is not None:
            self._session.project.predictions.forget_summaries()
        self._tell()

    def _tell(self, _: object = None) -> None:
        if not self._news.isActive():
            self._news.start()

    # --- the project ------------------------------------------------------------------------------------------

    def _flush(self) -> None:
        """Wait until everything is written: the project is about to be closed."""
        self._keep_live()
        self._loader.cancel()
        self._reader.cancel()
        self._writer.submit(lambda: None).result()

    def _on_project(self) -> None:
        project, self._told = self._session.project, False
        self._loader.cancel()
        if project is not None:
            self._on_setting("predictions_mb")
            self._loader.start(_in_pieces(project.predictions.load()))
        self.changed.emit()

    def _on_setting(self, key: str) -> None:
        if key == "predictions_mb" and self._session.project is not None:
            self._session.project.predictions.limit = self._session.settings.predictions_mb << 20

    # --- the writer's thread ----------------------------------------------------------------------------------

    def _submit(self, work: Callable[[], None], size: int = 0) -> None:
        self._writer.submit(work).add_done_callback(lambda future: self._ended.emit(future, size))

    def _on_ended(self, future: Future[None], size: int) -> None:
        self._pending -= size
        self._tell()
        try:
            future.result()
        except FcnStudioError as error:
            if not self._told:
                self._told = True
                self.problem.emit(
                    tr("Predictions are not kept until the project is opened again: {reason}", reason=error)
                )


def _write(project: ProjectFolder, sample: Sample, prediction: Prediction, mapped: Prediction) -> None:
    """Write a prediction and compare it with what a person has labelled. Runs on the thread."""
    project.predictions.write(sample, prediction)
    _compare(project, sample, mapped)


def _note_live(project: ProjectFolder, sample: Sample, prediction: Prediction, network: str) -> None:
    """Note doubt and differences of a prediction of Live. Runs on the thread."""
    project.predictions.note_live(sample, prediction, network)
    known = project.predictions.summary(sample)
    if known is not None and known.by_live:
        _compare(project, sample, prediction)


def _compare(project: ProjectFolder, sample: Sample, mapped: Prediction) -> None:
    """Note how far the labels on disk differ from a prediction. Runs on the thread."""
    found = None
    if project.annotations.status(sample) in (Status.IN_PROGRESS, Status.VERIFIED):
        height, width = mapped.label_map.shape
        try:
            labels = project.annotations.load(sample, (width, height), peek=True).labels
        except MaskError:  # whoever opens the image is told
            return
        found = differences(mapped, labels)
    project.predictions.note_differences(sample, found)


def _read(
    project: ProjectFolder, sample: Sample, checkpoint: str, size: tuple[int, int]
) -> Generator[Prediction, None, None]:
    """Yield the prediction of an image, if there is one. Runs on the thread."""
    found = project.predictions.read(sample, checkpoint, size)
    if found is not None:
        yield found


def _in_pieces(steps: Iterator[None]) -> Generator[None, None, None]:
    """Take all steps, and yield and rest after some of them. Runs on the thread."""
    rest = time.monotonic() + _WORK_S
    for _ in steps:
        if time.monotonic() > rest:
            yield
            time.sleep(_REST_S)
            rest = time.monotonic() + _WORK_S
