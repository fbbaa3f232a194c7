"""What the network does for the open project: auto-segment, batch, fine-tune, adoption, the way back."""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.document import refuse_finished
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Sample, Status
from fcn_studio.core.training import Adoption, TrainConfig, TrainOutcome, TrainProgress
from fcn_studio.errors import ProjectError
from fcn_studio.fcn.weights.catalogue import NetworkInfo
from fcn_studio.jobs.networks import needed, network_of
from fcn_studio.ui.network.current_network import NetworkInUse
from fcn_studio.ui.network.fine_tuning import FineTuner
from fcn_studio.ui.network.job_list import JobList, JobView, Kind
from fcn_studio.ui.network.network_library import NetworkLibrary
from fcn_studio.ui.network.network_process import JobProcess
from fcn_studio.ui.network.predictions import Predictions
from fcn_studio.ui.saving.writer import Accept
from fcn_studio.ui.session.session import Session

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.fcn.training.resume import Unfinished
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.jobs.protocol import JobProgress, JobResult, Predicted


class Learning(QObject):
    """Turns the user's wishes into jobs of the engine, and their results into edits, files and notices.

    Signals:
        network_changed(): another network is in use, or the project's classes changed what it can do.
        jobs_changed(): a job began, was told to stop, or ended.
        progress(JobView): news of a running job.
        training(TrainProgress): news of the running fine-tune.
        training_finished(Adoption, TrainOutcome): the verdict on it.
        device_changed(): where the network runs is known, or was chosen anew.
        notice(str), problem(str): a sentence for the user.
        truth_scored(object, object): true figures before (or None) and after, on a demo project.

    Attributes:
        in_use: the network of the open project.
        board: all jobs.
        shelf: the networks that there are.
    """

    network_changed = Signal()
    jobs_changed = Signal()
    progress = Signal(object)
    training = Signal(object)
    training_finished = Signal(object, object)
    device_changed = Signal()
    notice = Signal(str)
    problem = Signal(str)
    truth_scored = Signal(object, object)

    def __init__(self, session: Session, process: JobProcess, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._session = session
        self._process = process
        self.job_list = JobList(process, self)
        self.in_use = NetworkInUse(session, self)
        self.library = NetworkLibrary(session, self.job_list, self)
        self._tuner = FineTuner(self.job_list, self)
        self._predictions = Predictions(session, self)
        self._device_words = ""
        self._connect()
        self.in_use.load()

    def _connect(self) -> None:
        session, job_list, tuner = self._session, self.job_list, self._tuner
        session.project_changed.connect(self._on_project)
        self.in_use.changed.connect(self.network_changed)
        self.in_use.meaning_changed.connect(self._predictions.forget)
        job_list.changed.connect(self.jobs_changed)
        job_list.progress.connect(self.progress)
        job_list.device.connect(self._on_device)
        tuner.collecting_changed.connect(self.jobs_changed)
        tuner.training.connect(self.training)
        tuner.finished.connect(self._on_finished)
        tuner.truth_scored.connect(self.truth_scored)
        for part in (job_list, tuner, self.in_use, self.library, self._predictions):
            part.notice.connect(self.notice)
            part.problem.connect(self.problem)

    # --- the network in use -----------------------------------------------------------------------------------

    @property
    def network(self) -> NetworkInfo | None:
        """The network in use."""
        return self.in_use.info

    @property
    def network_name(self) -> str:
        """Name of the network in use: a name, or the number of its run; '' if there is none."""
        return self.in_use.name

    @property
    def network_known(self) -> list[str]:
        """Names of the project's classes that the network knows."""
        return self.in_use.known

    @property
    def can_prelabel(self) -> bool:
        """Whether the network knows at least one class of the project, the background aside."""
        return self.in_use.can_prelabel

    @property
    def learned_from(self) -> int:
        """Number of images the network in use was trained on."""
        return self.network.trained_on if self.network is not None else 0

    @property
    def can_go_back(self) -> bool:
        """Whether there is an earlier network to return to."""
        return self.in_use.can_go_back

    @property
    def device(self) -> str:
        """The device setting: auto, cpu, cuda or mps."""
        return self._session.settings.device

    @property
    def device_words(self) -> str:
        """Where the network runs, in words."""
        return self._device_words or {"auto": "device: automatic"}.get(self.device, self.device.upper())

    def set_device(self, name: str) -> None:
        """Choose where the network runs: auto, cpu, cuda or mps."""
        self._session.settings.device = name
        self._device_words = ""
        self.device_changed.emit()

    def use_network(self, name_or_path: str) -> None:
        """Put a bundled network or a checkpoint file in use for this project.

        Raises:
            CheckpointError: if it cannot be read.
            ProjectError: if the project cannot be written.
        """
        network = needed(network_of(self._session.project, name_or_path))
        name_or_file = name_or_path if network.name == name_or_path else network.path
        self.in_use.use(network, name_or_file, self.in_use.remembered(network))

    def go_back(self) -> None:
        """Return to the network that was in use before.

        Raises:
            ProjectError: if there is none.
        """
        self.in_use.go_back()

    def _on_device(self, words: str) -> None:
        if words != self._device_words:
            self._device_words = words
            self.device_changed.emit()

    def _on_project(self) -> None:
        self.job_list.forget_all(but=Kind.INSTALL)
        self._tuner.forget()
        self._tuner.look(None if self._session.read_only else self._session.project)
        self._predictions.forget()
        self.in_use.load()

    # --- auto-segment -----------------------------------------------------------------------------------------

    def auto_segment(self) -> None:
        """Let the network label what no human has labelled in the open image; one undo step when it arrives.

        Raises:
            FcnStudioError: if the image is finished, nothing is open, or the network knows no class.
        """
        from fcn_studio.jobs import batch
        from fcn_studio.jobs.protocol import ImageFailed, Predicted

        document = self._session.editable()
        refuse_finished(document)
        sample = self._session.samples[self._session.index]
        network = needed(self.network)
        project = self._session.project
        assert project is not None
        if self.job_list.running(
            Kind.SEGMENT, sample.image_id
        ):  # its result must not overwrite what is done until then
            self.notice.emit("Auto-segment of this image is under way already.")
            return
        batch.index_map(network, project, self.in_use.class_map)  # raises if it cannot help
        job = batch.segment_job(network, [sample], self.device, project.max_pixels)

        def on_progress(news: JobProgress) -> None:
            if isinstance(news, ImageFailed):
                self.problem.emit(news.sentence)
            elif isinstance(news, Predicted):
                self._predictions.offer(self._heard(news, network))

        self.job_list.submit(Kind.SEGMENT, job, "Auto-segment", image_id=sample.image_id, on_progress=on_progress)

    def _heard(self, news: Predicted, network: NetworkInfo) -> Prediction:
        """A prediction in the project's indices, by what its classes mean there now; kept for the layers."""
        self.library.note_time(news, self._device_words)
        prediction = news.prediction.mapped(self.in_use.index_map_of(network))
        self._predictions.keep(prediction)
        return prediction

    # --- batch ------------------------------------------------------------------------------------------------

    def segment_folder(self, *, include_prelabelled: bool = False) -> None:
        """Let the network label every New image, and with ``include_prelabelled`` Pre-labelled ones anew.

        Raises:
            FcnStudioError: if there is nothing to do, or the network knows no class.
        """
        from fcn_studio.jobs import batch
        from fcn_studio.jobs.protocol import ImageFailed, Predicted

        project = self._writable_project()
        if self.job_list.running(Kind.BATCH):
            raise ProjectError("A batch is running already; stop it first.")
        network = needed(self.network)
        batch.index_map(network, project, self.in_use.class_map)  # raises if it cannot help
        samples = batch.waiting(project, include_prelabelled=include_prelabelled)
        if not samples:
            raise ProjectError("Every image is already pre-labelled or touched by you; nothing to label.")
        by_id = {sample.image_id: sample for sample in samples}
        counts = {"written": 0, "failed": 0}

        def on_progress(news: JobProgress) -> None:
            if isinstance(news, ImageFailed):
                counts["failed"] += 1
                self._session.note_failure(news.image_id, news.sentence)
            elif isinstance(news, Predicted):
                prediction = self._heard(news, network)
                self._accept(by_id[prediction.image_id], prediction, include_prelabelled)
                counts["written"] += 1

        def on_done(_: JobResult) -> None:
            left_out = f"; {counts['failed']} could not be read: see the Files list" if counts["failed"] else ""
            self.notice.emit(f"Batch done: {counts['written']} images predicted{left_out}.")

        job = batch.segment_job(network, samples, self.device, project.max_pixels)
        words = f"0 of {len(samples)}"
        self.job_list.submit(Kind.BATCH, job, "Label all", words=words, on_progress=on_progress, on_done=on_done)

    def _accept(self, sample: Sample, prediction: Prediction, include_prelabelled: bool) -> None:
        """Write one prediction of a batch: to the open document, or through the writer."""
        prelabelled = {Status.PRELABELLED} if include_prelabelled else set()
        if not self._predictions.offer(prediction, frozenset({Status.NEW} | prelabelled)):
            assert self._session.project is not None
            self._session.autosave.accept(Accept(self._session.project, sample, prediction, include_prelabelled))

    # --- fine-tune --------------------------------------------------------------------------------------------

    @property
    def history(self) -> list[TrainProgress]:
        """News of the current or last fine-tune, for the curves."""
        return self._tuner.history

    @property
    def training_running(self) -> bool:
        """Whether a fine-tune is being prepared or runs."""
        return self._tuner.busy

    @property
    def interrupted(self) -> Unfinished | None:
        """The last fine-tune of the project, if it did not come to an end and can go on."""
        return self._tuner.interrupted

    def fine_tune(self, config: TrainConfig, *, go_on: bool = False) -> None:
        """Train on the human pixels of the project; the masks are read in the background first.

        Args:
            config: what to do.
            go_on: with the one that was `interrupted`, which had its own ``config``.

        Raises:
            FcnStudioError: if one runs already, or the project is read-only or closed.
        """
        project = self._writable_project()
        self._session.drain()
        self._tuner.start(project, config, self.in_use, self.device, self.interrupted if go_on else None)

    def _on_finished(self, adoption: Adoption, outcome: TrainOutcome) -> None:
        if adoption.adopted:
            self.in_use.load()
        self.training_finished.emit(adoption, outcome)

    # --- jobs -------------------------------------------------------------------------------------------------

    @property
    def running(self) -> list[JobView]:
        """The jobs that run or wait, oldest first."""
        return self.job_list.views + self._tuner.reading

    def stop(self, job_id: int) -> None:
        """End a job: a fine-tune early, with its best network; any other at once and without a result."""
        if not self._tuner.stop_reading(job_id):
            self.job_list.stop(job_id)

    def stop_training(self) -> None:
        """End the fine-tune early, with its best network; a second time nothing happens."""
        self._tuner.stop()

    def cancel_all(self) -> None:
        """End every job; a fine-tune keeps its best network."""
        self.job_list.stop_all()

    def warm_up(self) -> None:
        """Load torch in the network's process now."""
        self._process.warm_up()

    def shut_down(self) -> None:
        """Forget all jobs, end the engine and all threads."""
        self.job_list.forget_all()
        self._tuner.forget()
        self._process.shut_down()
        self._tuner.shut_down()
        self.library.shut_down()

    def _writable_project(self) -> ProjectFolder:
        project = self._session.project
        if project is None:
            raise ProjectError("No project is open: open a folder of images first.")
        if self._session.read_only:
            raise ProjectError("The project is open read-only; close the other window that writes it.")
        return project
