"""Comparison of two networks on the project's verified images and on the open image."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.class_map import ClassMap, map_classes
from fcn_studio.core.metrics import Figures
from fcn_studio.core.prediction import Prediction
from fcn_studio.i18n import tr, tr_n
from fcn_studio.ui.network.job_list import JobList, Kind
from fcn_studio.ui.network.network_device import NetworkDevice
from fcn_studio.ui.runtime.worker import Worker

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.core.snapshot import LabelledImage
    from fcn_studio.fcn.weights.catalogue import NetworkInfo
    from fcn_studio.jobs.protocol import JobProgress, JobResult
    from fcn_studio.jobs.snapshot import Snapshot
    from fcn_studio.ui.session.session import Session


@dataclass(frozen=True)
class Compared:
    """One of two networks that are compared.

    Attributes:
        name: what people call it.
        info: its checkpoint.
        class_map: what its classes mean in the project.
    """

    name: str
    info: NetworkInfo
    class_map: ClassMap


class NetworkComparison(QObject):
    """Scores two networks and predicts the open image with both; the last comparison counts.

    Signals:
        said(str): what they are scored on, or why they are not.
        scored(object, object): `Figures` of the first and the second network.
        predicted(object): two pairs of a network's name and its `Prediction` of an image, in class indices of the
            project.
    """

    said = Signal(str)
    scored = Signal(object, object)
    predicted = Signal(object)

    def __init__(
        self, session: Session, job_list: JobList, device: NetworkDevice, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._job_list, self._device = session, job_list, device
        self._pair: tuple[Compared, Compared] | None = None
        self._reader = Worker("compared", self)
        self._reader.finished.connect(self._read)
        self._reader.failed.connect(lambda error: self.said.emit(str(error)))
        session.project_changed.connect(self.cancel)

    def start(self, first: Compared, second: Compared) -> None:
        """Score two networks on the same verified images."""
        from fcn_studio.jobs.snapshot import collect

        self.cancel()
        project = self._session.project
        if project is None:
            return
        self._session.drain()
        self._pair = first, second
        self.said.emit(tr("Reading labels…"))
        self._reader.start(collect(project))

    def cancel(self) -> None:
        """End the comparison without a result."""
        self._pair = None
        self._reader.cancel()
        self._job_list.forget(Kind.COMPARE)

    def shut_down(self) -> None:
        """End the thread."""
        self._reader.close()

    def _read(self, snapshot: Snapshot) -> None:
        """Submit the jobs that score the networks."""
        from fcn_studio.jobs.protocol import EvaluateJob

        pair, project = self._pair, self._session.project
        if pair is None or project is None:
            return
        held_back, verified = snapshot.val, tuple(i for i in snapshot.train if i.image_id in snapshot.classes)
        images = held_back or verified
        self.said.emit(_words(held_back, verified))
        if not images:
            return
        figures: list[Figures] = []

        def on_done(result: JobResult) -> None:
            assert isinstance(result, Figures)
            figures.append(result)
            if len(figures) == len(pair) and self._pair is pair:
                self.scored.emit(*figures)

        for compared in pair:
            path, table, device = str(compared.info.path), project.config.table, self._device.name
            job = EvaluateJob(path, table, images, device, compared.class_map)
            title = tr("Score {network}", network=compared.name)
            self._job_list.submit(Kind.COMPARE, job, title, on_done=on_done)

    def predict(self, first: Compared, second: Compared) -> None:
        """Predict the open image with two networks."""
        from fcn_studio.jobs.batch import segment_job
        from fcn_studio.jobs.protocol import ImageFailed, Predicted

        project, row = self._session.project, self._session.index
        if project is None or row < 0:
            return
        sample, table = self._session.samples[row], self._session.table
        predictions: list[Prediction] = []

        def predicted(compared: Compared, news: JobProgress) -> None:
            if isinstance(news, ImageFailed):
                self.said.emit(news.sentence)
            elif isinstance(news, Predicted):
                index_map = map_classes(compared.info.table, table, compared.class_map)
                predictions.append(news.prediction.mapped(index_map))
                if len(predictions) == 2:
                    self.predicted.emit(list(zip((first.name, second.name), predictions, strict=True)))

        for compared in (first, second):
            job = segment_job(compared.info, [sample], self._device.name, project)
            title, on_progress = tr("Predict with {network}", network=compared.name), partial(predicted, compared)
            self._job_list.submit(Kind.COMPARE, job, title, image_id=sample.image_id, on_progress=on_progress)


def _words(held_back: tuple[LabelledImage, ...], verified: tuple[LabelledImage, ...]) -> str:
    """Return what two networks are scored on, in a sentence."""
    if held_back:
        return tr_n(
            "Scored on {n} image that is held back for validation.",
            "Scored on {n} images that are held back for validation.",
            len(held_back),
        )
    if verified:
        return tr_n(
            "No image is held back for validation yet. Scored on {n} verified image, which networks trained here "
            "may have learned from.",
            "No image is held back for validation yet. Scored on {n} verified images, which networks trained here "
            "may have learned from.",
            len(verified),
        )
    return tr("There is no verified image to score on.")
