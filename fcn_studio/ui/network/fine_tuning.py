"""Fine-tuning in the window.

It reads the labels in the background, trains, judges, and scores on the truth of a demo.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.metrics import Figures
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.core.training import TrainConfig, TrainOutcome, TrainProgress, Verdict
from fcn_studio.errors import FcnStudioError, TrainingError
from fcn_studio.i18n import as_reasons, as_text, ended, tr, tr_n, tr_noop
from fcn_studio.ui.network.current_network import CurrentNetwork
from fcn_studio.ui.network.job_list import JobList, Kind
from fcn_studio.ui.network.network_device import NetworkDevice
from fcn_studio.ui.network.project_access import writable_project
from fcn_studio.ui.runtime.worker import Worker
from fcn_studio.ui.session.session import Session

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.fcn.training.resume import Unfinished
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.jobs.fine_tune_run import FineTuneRequest, FineTuneRun, Judged
    from fcn_studio.jobs.protocol import JobProgress, JobResult
    from fcn_studio.jobs.snapshot import Snapshot

_MOST_PROBLEMS = 3
"""Images left out of the labels of which the window tells."""


_VERDICTS = {
    Verdict.ADOPTED: tr_noop("Fine-tune: {run} adopted ({reasons})."),
    Verdict.NOT_COMPARED: tr_noop("Fine-tune: {run} adopted, not compared ({reasons})."),
    Verdict.CANDIDATE: tr_noop("Fine-tune: {run} kept as a candidate ({reasons})."),
}


class FineTuning(QObject):
    """One fine-tune at a time.

    Signals:
        training(TrainProgress): news of the running one.
        finished(Adoption, TrainOutcome): the verdict; the project's current network is already set.
        adopted(): the new network is in use, and the jobs that score it are submitted.
        truth_scored(object, object): `Figures` before (None: it knew no class) and after, on a demo project.
        notice(str), problem(str): a sentence for the user.

    Attributes:
        interrupted: the last fine-tune of the open project, if it did not come to an end and can go on.
        history: news of the running one.
        images_of_class: class index -> number of verified images with it, as the last fine-tune found them.
    """

    training = Signal(object)
    finished = Signal(object, object)
    adopted = Signal()
    truth_scored = Signal(object, object)
    notice = Signal(str)
    problem = Signal(str)

    def __init__(
        self,
        session: Session,
        job_list: JobList,
        current: CurrentNetwork,
        device: NetworkDevice,
        parent: QObject | None = None,
    ) -> None:
        super().__init__(parent)
        self._session, self._job_list, self._current, self._device = session, job_list, current, device
        self._worker = Worker("collect", self)
        self._request: FineTuneRequest | None = None
        self._run: FineTuneRun | None = None  # from the first label that is read to the verdict
        self._reading = 0
        self._was_training = False
        self._project: ProjectFolder | None = None
        self.interrupted: Unfinished | None = None
        self.history: list[TrainProgress] = []
        self.images_of_class: Counter[int] = Counter()
        self._worker.finished.connect(self._on_collected)
        self._worker.failed.connect(self._on_failed)
        job_list.changed.connect(self._jobs_changed)
        session.project_changed.connect(self._project_changed)

    @property
    def busy(self) -> bool:
        """Whether a fine-tune is being prepared or runs."""
        return self._run is not None or self._job_list.running(Kind.FINE_TUNE)

    # --- the project ------------------------------------------------------------------------------------------

    def _project_changed(self) -> None:
        self.forget()
        self._look(None if self._session.read_only else self._session.project)

    def _look(self, project: ProjectFolder | None) -> None:
        """Find out whether a project's last fine-tune can go on.

        It can if it was interrupted.
        """
        self._project, self.interrupted = project, None
        if project is not None and project.runs.unfinished():
            from fcn_studio.jobs import runs

            self.interrupted = runs.interrupted(project)

    def _jobs_changed(self) -> None:
        """Check after each fine-tune whether it can go on.

        It may have ended in whatever way.
        """
        training = self._job_list.running(Kind.FINE_TUNE)
        if self._was_training and not training:
            if self._run is not None:  # it came to no end
                self._run.close()
                self._run = None
            self._look(self._project)
        self._was_training = training

    # --- start and stop ---------------------------------------------------------------------------------------

    def start(self, config: TrainConfig, *, go_on: bool = False) -> None:
        """Train on the human pixels of the project.

        The labels are read in the background first.

        Args:
            config: what to do.
            go_on: go on with the fine-tune that was `interrupted`, whose config this is.

        Raises:
            FcnStudioError: if one runs already, or the project is read-only or closed.
        """
        from fcn_studio.jobs.fine_tune_run import FineTuneRequest, fine_tune_run
        from fcn_studio.jobs.networks import start_of

        project = writable_project(self._session)
        self._session.drain()
        if self.busy:
            raise TrainingError(tr("A fine-tune is running already; stop it first."))
        current, base = self._current, start_of(project)
        request = FineTuneRequest(
            project,
            config,
            base=base,
            base_map=current.remembered(base) if base is not None else {},
            baseline=current.info if current.can_prelabel else None,
            baseline_map=current.class_map,
            device=self._device.name,
            earlier=self.interrupted if go_on else None,
        )
        self._request, self._run = request, fine_tune_run(request)
        self.history = []
        self._worker.start(_labels_read(self._run))
        self._reading = self._job_list.show(Kind.READ_LABELS, tr("Fine-tune"), tr("reading labels"), self.forget)

    def stop(self) -> None:
        """End the fine-tune early with its best network.

        While labels are read, it ends at once.
        """
        for view in (*self._job_list.views_of(Kind.READ_LABELS), *self._job_list.views_of(Kind.FINE_TUNE)):
            if not view.stopping:
                self._job_list.stop(view.job_id)

    def forget(self) -> None:
        """Forget what is being read.

        The project is closed, or the user has stopped it.
        """
        self._worker.cancel()
        self._request = self._run = None
        self.history = []

    def shut_down(self) -> None:
        """End the reading thread."""
        self._worker.close()

    # --- the run ----------------------------------------------------------------------------------------------

    def _on_collected(self, snapshot: Snapshot) -> None:
        request, run = self._request, self._run
        assert request is not None
        assert run is not None
        try:
            self._begin(request, run, snapshot)
        except FcnStudioError as error:
            self._run = None
            self.problem.emit(str(error))
        finally:
            self._job_list.remove(self._reading)

    def _on_failed(self, error: Exception) -> None:
        self._run = None
        if not isinstance(error, FcnStudioError):
            error = TrainingError(tr("Fine-tune met a fault of the program. Please report it."))
        self.problem.emit(str(error))
        self._job_list.remove(self._reading)

    def _begin(self, request: FineTuneRequest, run: FineTuneRun, snapshot: Snapshot) -> None:
        """Begin the run, and submit its job."""
        from fcn_studio.jobs.protocol import FineTuneJob

        for sentence in snapshot.problems[:_MOST_PROBLEMS]:
            self.problem.emit(sentence)
        self.images_of_class = Counter(index for classes in snapshot.classes.values() for index in classes)
        job = next(run)
        assert isinstance(job, FineTuneJob)
        self.interrupted = None

        def on_progress(news: JobProgress) -> None:
            if isinstance(news, TrainProgress):
                self.history.append(news)
                answer = run.send(news)
                self.training.emit(news)
                if isinstance(answer, FcnStudioError):  # it could not be logged
                    raise answer

        def on_done(result: JobResult) -> None:
            assert isinstance(result, TrainOutcome)
            self._run = None
            try:
                run.send(result)
            except StopIteration as end:
                self._finish(request, end.value, result)

        words = tr_n("{n} image", "{n} images", len(job.train))
        self._job_list.submit(
            Kind.FINE_TUNE, job, tr("Fine-tune"), words=words, on_progress=on_progress, on_done=on_done
        )

    def _finish(self, request: FineTuneRequest, judged: Judged, outcome: TrainOutcome) -> None:
        """Tell the verdict, and score the networks on a demo's truth."""
        from fcn_studio.jobs.demo import truth_snapshot

        run, adoption = judged.run, judged.adoption
        self._current.load()
        self.finished.emit(adoption, outcome)
        reasons = [reason.translated() for reason in adoption.reasons]
        verdict = tr(_VERDICTS[adoption.verdict], run=run.name, reasons=as_reasons(reasons))
        notes = [note for note in outcome.notes if note not in reasons]
        # In one notice with the verdict: the next one would push them away at once.
        self.notice.emit(as_text([verdict, *(ended(f"{note[:1].upper()}{note[1:]}") for note in notes)]))
        truth = truth_snapshot(request.project)
        if truth:
            self._score_truth(request, run.checkpoint, truth)
        if adoption.adopted:
            self.adopted.emit()

    def _score_truth(self, request: FineTuneRequest, after: Path, truth: tuple[LabelledImage, ...]) -> None:
        """Score the networks before and after on a demo's known truth.

        There is one job after the other.
        """
        from fcn_studio.jobs.protocol import EvaluateJob

        baseline = request.baseline
        scored: list[Figures | None] = [] if baseline is not None else [None]

        def on_done(result: JobResult) -> None:
            scored.append(result if isinstance(result, Figures) else None)
            if len(scored) == 2:
                self._tell_truth(scored[0], scored[1])

        networks = [(str(baseline.path), request.baseline_map)] if baseline is not None else []
        for checkpoint, class_map in (*networks, (str(after), {})):
            job = EvaluateJob(checkpoint, request.project.config.table, truth, request.device, class_map)
            self._job_list.submit(Kind.TRUTH, job, tr("Score on the truth"), on_done=on_done)

    def _tell_truth(self, before: Figures | None, after: Figures | None) -> None:
        if after is not None and before is not None:
            self.notice.emit(
                tr_n(
                    "True mean IoU on {n} unlabelled picture: before {before:.3f}, after {after:.3f}.",
                    "True mean IoU on {n} unlabelled pictures: before {before:.3f}, after {after:.3f}.",
                    after.images,
                    before=before.mean_iou,
                    after=after.mean_iou,
                )
            )
        elif after is not None:
            self.notice.emit(
                tr_n(
                    "True mean IoU on {n} unlabelled picture: {after:.3f}; "
                    "the network before knew none of the classes.",
                    "True mean IoU on {n} unlabelled pictures: {after:.3f}; "
                    "the network before knew none of the classes.",
                    after.images,
                    after=after.mean_iou,
                )
            )
        self.truth_scored.emit(before, after)


def _labels_read(run: FineTuneRun) -> Generator[None, None, Snapshot]:
    """Run a fine-tune until its labels are read, and return them."""
    from fcn_studio.jobs.snapshot import Snapshot

    step = next(run)
    while not isinstance(step, Snapshot):
        yield
        step = next(run)
    return step
