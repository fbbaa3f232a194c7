"""Fine-tune in the window: read the masks in the background, train, judge, score on the truth of a demo."""

from __future__ import annotations

import sys
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.class_map import ClassMap
from fcn_studio.core.metrics import Figures
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.core.training import Level, TrainConfig, TrainOutcome, TrainProgress
from fcn_studio.errors import FcnStudioError, TrainingError
from fcn_studio.fcn.weights.catalogue import NetworkInfo
from fcn_studio.i18n import tr
from fcn_studio.jobs.networks import needed
from fcn_studio.ui.network.current_network import CurrentNetwork
from fcn_studio.ui.network.job_list import JobList, Kind
from fcn_studio.ui.network.network_device import NetworkDevice
from fcn_studio.ui.network.project_access import writable_project
from fcn_studio.ui.session.session import Session

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.fcn.training.resume import Unfinished
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.jobs.protocol import JobProgress, JobResult
    from fcn_studio.jobs.runs import Run
    from fcn_studio.jobs.snapshot import Snapshot


@dataclass(frozen=True)
class _Order:
    """What was asked for, kept while the masks are read.

    Attributes:
        comparable: whether the network in use knows any class of the project.
        class_map: what the classes of the network in use mean in the project.
        earlier: the training to go on with; None begins one.
    """

    project: ProjectFolder
    config: TrainConfig
    network: NetworkInfo | None
    comparable: bool
    class_map: ClassMap
    device: str
    earlier: Unfinished | None = None

    @property
    def baseline(self) -> str:
        """Path of the network that the new one is compared with, or ""."""
        return str(self.network.path) if self.network is not None and self.comparable else ""


class FineTuning(QObject):
    """One fine-tune at a time.

    Signals:
        training(TrainProgress): news of the running one.
        finished(Adoption, TrainOutcome): the verdict; the project's current network is already set.
        truth_scored(object, object): `Figures` before (None: it knew no class) and after, on a demo project.
        notice(str), problem(str): a sentence for the user.

    Attributes:
        interrupted: the last fine-tune of the open project, if it did not come to an end and can go on.
        history: news of the running one.
    """

    training = Signal(object)
    finished = Signal(object, object)
    truth_scored = Signal(object, object)
    notice = Signal(str)
    problem = Signal(str)
    _collected = Signal(object)

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
        self._collector = ThreadPoolExecutor(1, thread_name_prefix="collect")
        self._order: _Order | None = None
        self.interrupted: Unfinished | None = None
        self.history: list[TrainProgress] = []
        self._project: ProjectFolder | None = None
        self._reading = 0
        self._was_running = False
        self._begun: Run | None = None
        self._collected.connect(self._on_collected)
        job_list.changed.connect(self._jobs_changed)
        session.project_changed.connect(self._project_changed)

    @property
    def busy(self) -> bool:
        """Whether a fine-tune is being prepared or runs."""
        return self._order is not None or self._job_list.running(Kind.FINE_TUNE)

    def _project_changed(self) -> None:
        self.forget()
        self._look(None if self._session.read_only else self._session.project)

    def _look(self, project: ProjectFolder | None) -> None:
        """Find out whether the last fine-tune of a project was interrupted and can go on."""
        self._project, self.interrupted = project, None
        if project is not None and project.runs.unfinished():
            from fcn_studio.jobs import runs

            self.interrupted = runs.interrupted(project)

    def _jobs_changed(self) -> None:
        """Look again after a fine-tune, which may have ended with its process, or before it began."""
        running = self._job_list.running(Kind.FINE_TUNE)
        if self._was_running and not running:
            from fcn_studio.jobs import runs

            if self._begun is not None:
                runs.discard(self._begun)
            self._look(self._project)
        self._was_running = running

    def start(self, config: TrainConfig, *, go_on: bool = False) -> None:
        """Train on the human pixels of the project; the labels are read in the background first.

        Args:
            config: what to do.
            go_on: go on with the fine-tune that was `interrupted`, whose config this is.

        Raises:
            FcnStudioError: if one runs already, or the project is read-only or closed.
        """
        project = writable_project(self._session)
        self._session.drain()
        if self.busy:
            raise TrainingError(tr("A fine-tune is running already; stop it first."))
        current, earlier = self._current, self.interrupted if go_on else None
        self._order = _Order(
            project, config, current.info, current.can_prelabel, current.class_map, self._device.name, earlier
        )
        self.history = []
        self._collector.submit(self._collect, self._order)
        self._reading = self._job_list.show(Kind.READ_LABELS, tr("Fine-tune"), tr("reading labels"), self.forget)

    def stop(self) -> None:
        """End it early, with its best network; while the labels are read, at once. A second time nothing happens."""
        for view in (*self._job_list.views_of(Kind.READ_LABELS), *self._job_list.views_of(Kind.FINE_TUNE)):
            if not view.stopping:
                self._job_list.stop(view.job_id)

    def forget(self) -> None:
        """The project is being closed: what is being read is not wanted any more."""
        self._order = None
        self.history = []

    def shut_down(self) -> None:
        """End the reading thread."""
        self._collector.shutdown(wait=True, cancel_futures=True)

    def _collect(self, order: _Order) -> None:
        """Runs on the reading thread, until nobody waits for this order any more."""
        from fcn_studio.jobs.snapshot import collect

        try:
            work = collect(order.project)
            while self._order is order:
                next(work)
        except StopIteration as end:
            self._collected.emit((order, end.value))
        except FcnStudioError as error:
            self._collected.emit((order, error))
        except Exception:  # noqa: BLE001 - door: a bug must not leave the window waiting for the masks
            sys.excepthook(*sys.exc_info())
            self._collected.emit((order, TrainingError("Fine-tune met a fault of the program. Please report it.")))

    def _on_collected(self, found: tuple[_Order, Snapshot | FcnStudioError]) -> None:
        order, snapshot = found
        if order is not self._order:  # the project was closed meanwhile; another may be being read
            return
        self._order = None
        self._job_list.remove(self._reading)
        try:
            if isinstance(snapshot, FcnStudioError):
                raise snapshot
            self._begin(order, snapshot)
        except FcnStudioError as error:
            self.problem.emit(str(error))

    def _begin(self, order: _Order, snapshot: Snapshot) -> None:
        from fcn_studio.jobs import runs
        from fcn_studio.jobs.protocol import FineTuneJob

        for sentence in snapshot.problems[:3]:
            self.problem.emit(sentence)
        if not snapshot.train:
            held = f" ({len(snapshot.val)} are held back for validation)" if snapshot.val else ""
            raise TrainingError(f"No training image has human pixels yet{held}: label or verify a few more images.")
        earlier = order.earlier
        if earlier is None:
            base = "" if order.config.level is Level.SCRATCH else str(needed(order.network).path)
            run = runs.begin(order.project, order.config)
        else:
            base, run = earlier.base, runs.Run(earlier.path.parent)
        self._begun = run if earlier is None else None
        job = FineTuneJob(
            config=order.config,
            table=order.project.config.table,
            train=snapshot.train,
            val=snapshot.val,
            base=base,
            baseline=order.baseline,
            out=str(run.checkpoint),
            device=order.device,
            base_map=order.class_map,
            baseline_map=order.class_map,
        )
        if earlier is not None:
            job = runs.same_again(job, earlier)
        self.interrupted = None

        def on_progress(news: JobProgress) -> None:
            if isinstance(news, TrainProgress):
                self.history.append(news)
                run.log(news)
                self.training.emit(news)

        def on_done(result: JobResult) -> None:
            assert isinstance(result, TrainOutcome)
            self._finish(order, run, result)

        words = f"{len(snapshot.train)} images"
        self._job_list.submit(Kind.FINE_TUNE, job, "Fine-tune", words=words, on_progress=on_progress, on_done=on_done)

    def _finish(self, order: _Order, run: Run, outcome: TrainOutcome) -> None:
        from fcn_studio.jobs import runs
        from fcn_studio.jobs.demo import truth_snapshot

        adoption = runs.finish(order.project, run, outcome)
        if adoption.adopted:
            self._current.load()
        self.finished.emit(adoption, outcome)
        verdict = f"Fine-tune: {run.name} {adoption.verdict.value} ({'; '.join(adoption.reasons)})."
        # In one sentence with the verdict: the next notice would push them away at once.
        self.notice.emit(" ".join([verdict, *(f"{note[:1].upper()}{note[1:]}." for note in outcome.notes)]))
        truth = truth_snapshot(order.project)
        if truth:
            self._score_truth(order, run.checkpoint, truth)

    def _score_truth(self, order: _Order, after: Path, truth: tuple[LabelledImage, ...]) -> None:
        """Score the networks before and after on the known truth of a demo, one job after the other."""
        from fcn_studio.jobs.protocol import EvaluateJob

        scored: list[Figures | None] = [] if order.baseline else [None]

        def on_done(result: JobResult) -> None:
            scored.append(result if isinstance(result, Figures) else None)
            if len(scored) == 2:
                self._tell_truth(scored[0], scored[1])

        for checkpoint, class_map in ((order.baseline, order.class_map), (str(after), {})):
            if not checkpoint:
                continue
            job = EvaluateJob(checkpoint, order.project.config.table, truth, order.device, class_map)
            self._job_list.submit(Kind.TRUTH, job, "Score on the truth", on_done=on_done)

    def _tell_truth(self, before: Figures | None, after: Figures | None) -> None:
        if after is not None:
            old = f"{before.mean_iou:.3f}" if before is not None else "0 (it knew none of the classes)"
            self.notice.emit(
                f"True mean IoU on {after.images} unlabelled pictures: before {old}, after {after.mean_iou:.3f}."
            )
        self.truth_scored.emit(before, after)
