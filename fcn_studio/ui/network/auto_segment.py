"""Labelling by the network.

It labels the open image, or in a batch all images that wait.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.document import refuse_finished
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import ProjectError
from fcn_studio.fcn.weights.catalogue import NetworkInfo
from fcn_studio.i18n import tr, tr_n
from fcn_studio.jobs.networks import needed
from fcn_studio.ui.network.current_network import CurrentNetwork
from fcn_studio.ui.network.job_list import JobList, Kind
from fcn_studio.ui.network.network_device import NetworkDevice
from fcn_studio.ui.network.network_library import NetworkLibrary
from fcn_studio.ui.network.predictions import Predictions
from fcn_studio.ui.network.project_access import writable_project
from fcn_studio.ui.network.stored_predictions import StoredPredictions
from fcn_studio.ui.saving.writer import Accept
from fcn_studio.ui.session.session import Session

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.jobs.protocol import JobProgress, JobResult, Predicted


class AutoSegment(QObject):
    """Starter of jobs that predict images.

    It hands their predictions to the open image or to the disk.

    Signals:
        notice(str), problem(str): a sentence for the user.

    Attributes:
        batch_network: sha256 of the network of the last batch in the open project, or "".
    """

    notice = Signal(str)
    problem = Signal(str)

    def __init__(
        self,
        session: Session,
        job_list: JobList,
        current: CurrentNetwork,
        device: NetworkDevice,
        library: NetworkLibrary,
        predictions: Predictions,
        stored: StoredPredictions,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._job_list, self._current = session, job_list, current
        self._device, self._library = device, library
        self._predictions, self._stored = predictions, stored
        self.batch_network = ""
        session.project_changed.connect(self._forget)

    # --- the open image ---------------------------------------------------------------------------------------

    def segment_image(self) -> None:
        """Label what no human has labelled in the open image.

        It is one undo step when the prediction arrives.

        Raises:
            FcnStudioError: if the image is finished, nothing is open, or the network knows no class.
        """
        from fcn_studio.jobs import batch
        from fcn_studio.jobs.protocol import ImageFailed, Predicted

        document = self._session.editable()
        refuse_finished(document)
        sample = self._session.samples[self._session.index]
        network = needed(self._current.info)
        project = self._session.project
        assert project is not None
        # The result of a second job would overwrite what is done until then.
        if self._job_list.running(Kind.SEGMENT, sample.image_id):
            self.notice.emit(tr("Auto-segment of this image is under way already."))
            return
        batch.index_map(network, project, self._current.class_map)  # raises if it cannot help
        job = batch.segment_job(network, [sample], self._device.name, project)

        def on_progress(news: JobProgress) -> None:
            if isinstance(news, ImageFailed):
                self.problem.emit(news.sentence)
            elif isinstance(news, Predicted):
                self._predictions.offer(self._kept(news, network))

        title = tr("Auto-segment")
        self._job_list.submit(Kind.SEGMENT, job, title, image_id=sample.image_id, on_progress=on_progress)

    def _kept(self, news: Predicted, network: NetworkInfo) -> Prediction:
        """Return a prediction in class indices of the project.

        The classes are mapped as now. The prediction is kept for the layers and on disk.
        """
        self._library.note_time(news, self._device.reported)
        prediction = news.prediction.mapped(self._current.index_map_of(network))
        self._predictions.keep(prediction)
        self._stored.write(news.prediction, prediction)
        return prediction

    # --- batch ------------------------------------------------------------------------------------------------

    def segment_folder(self, *, include_prelabelled: bool = False) -> None:
        """Label every New image, and with ``include_prelabelled`` Pre-labelled ones anew.

        Raises:
            FcnStudioError: if there is nothing to do, or the network knows no class.
        """
        from fcn_studio.jobs import batch

        project = writable_project(self._session)
        if self._job_list.running(Kind.BATCH):
            raise ProjectError(tr("A batch is running already; stop it first."))
        network = needed(self._current.info)
        batch.index_map(network, project, self._current.class_map)  # raises if it cannot help
        samples = batch.waiting(project, include_prelabelled=include_prelabelled)
        if not samples:
            raise ProjectError(tr("Every image is already pre-labelled or touched by you; nothing to label."))
        self._job_list.forget(Kind.REFRESH)
        self.batch_network = network.sha256
        self._submit(Kind.BATCH, tr("Label all"), samples, network, include_prelabelled, _batch_sentence)

    def segment_selected(self, samples: Sequence[Sample]) -> None:
        """Predict these images, and label those of them that nobody has touched.

        The others get a prediction for the layers, doubt and differences, and their labels stay as they are.

        Raises:
            FcnStudioError: if another batch is running, or the network knows no class.
        """
        from fcn_studio.jobs import batch

        project = writable_project(self._session)
        if self._job_list.running(Kind.BATCH):
            raise ProjectError(tr("A batch is running already; stop it first."))
        network = needed(self._current.info)
        batch.index_map(network, project, self._current.class_map)  # raises if it cannot help
        self._submit(Kind.BATCH, tr("Segment"), list(samples), network, True, _batch_sentence)

    def refresh(self) -> None:
        """Let the network in use label Pre-labelled images anew, in the background.

        It does so after an adoption and after a return to the network before, and takes New images too if there has
        been a batch. Nothing is said where there is nothing to do, or the network knows no class of the project.
        """
        from fcn_studio.jobs import batch

        self._job_list.forget(Kind.REFRESH)  # of a network that is no longer in use
        project, network = self._session.project, self._current.info
        if project is None or self._session.read_only or network is None or not self._current.can_prelabel:
            return
        samples = batch.waiting(project, include_prelabelled=True)
        if not self.batch_network:
            samples = [s for s in samples if project.annotations.status(s) is Status.PRELABELLED]
        if samples:
            if self.batch_network:
                self.batch_network = network.sha256
            name = self._current.name
            self._submit(
                Kind.REFRESH,
                tr("Refresh"),
                samples,
                network,
                True,
                lambda written, _failed: tr_n(
                    "{n} image that you have not edited was labelled again by {network}.",
                    "{n:,} images that you have not edited were labelled again by {network}.",
                    written,
                    network=name,
                ),
            )

    def _submit(
        self,
        kind: Kind,
        title: str,
        samples: list[Sample],
        network: NetworkInfo,
        include_prelabelled: bool,
        sentence: Callable[[int, int], str],
    ) -> None:
        """Submit a batch; ``sentence`` tells what it did from the numbers of written and failed images."""
        from fcn_studio.jobs import batch
        from fcn_studio.jobs.protocol import ImageFailed, Predicted

        project = writable_project(self._session)
        by_id = {sample.image_id: sample for sample in samples}
        counts = {"written": 0, "failed": 0}

        def on_progress(news: JobProgress) -> None:
            if isinstance(news, ImageFailed):
                counts["failed"] += 1
                self._session.note_failure(news.image_id, news.sentence)
            elif isinstance(news, Predicted):
                prediction = self._kept(news, network)
                self._accept(by_id[prediction.image_id], prediction, include_prelabelled)
                counts["written"] += 1

        def on_done(_: JobResult) -> None:
            self.notice.emit(sentence(counts["written"], counts["failed"]))

        job = batch.segment_job(network, samples, self._device.name, project)
        words = tr("{done} of {total}", done=0, total=len(samples))
        self._job_list.submit(kind, job, title, words=words, on_progress=on_progress, on_done=on_done)

    def _forget(self) -> None:
        self.batch_network = ""

    def _accept(self, sample: Sample, prediction: Prediction, include_prelabelled: bool) -> None:
        """Write one prediction of a batch.

        It goes to the open document, or through the writer.
        """
        prelabelled = {Status.PRELABELLED} if include_prelabelled else set()
        if not self._predictions.offer(prediction, frozenset({Status.NEW} | prelabelled)):
            assert self._session.project is not None
            self._session.autosave.write_other(Accept(self._session.project, sample, prediction, include_prelabelled))


def _batch_sentence(written: int, failed: int) -> str:
    """Return what a batch did, in words."""
    done = tr_n("Batch done: {n} image predicted.", "Batch done: {n} images predicted.", written)
    if not failed:
        return done
    left_out = tr_n(
        "{n} image could not be read: see the Files list.",
        "{n} images could not be read: see the Files list.",
        failed,
    )
    return f"{done} {left_out}"
