"""The jobs under way.

They are submitted to the network's process, and shown with their progress.
"""

from __future__ import annotations

import itertools
import math
from collections.abc import Callable
from dataclasses import dataclass, field, replace
from enum import Enum, auto
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.training import TrainProgress
from fcn_studio.errors import FcnStudioError
from fcn_studio.i18n import again, tr
from fcn_studio.ui.network.network_process import JobProcess

if TYPE_CHECKING:  # start-up: what only a job needs is imported with its first news
    from fcn_studio.jobs.protocol import Failed, Job, JobProgress, JobResult, Reply


_TELLING_SHARE = 0.02
"""Share of a training after which its pace tells the time that is left."""


class Kind(Enum):
    """What a job is for."""

    SEGMENT = auto()
    BATCH = auto()
    REFRESH = auto()
    """Pre-labels are made anew by another network, in the background."""
    FINE_TUNE = auto()
    TRUTH = auto()
    COMPARE = auto()
    INSTALL = auto()
    SUSPECTS = auto()
    READ_LABELS = auto()
    """The labels for a fine-tune are read, by the window itself."""


@dataclass(frozen=True, slots=True)
class JobView:
    """A running job as the window shows it.

    Attributes:
        fraction: None while it cannot be told.
        stopping: a fine-tune that was told to end, and keeps its best network.
    """

    job_id: int
    title: str
    fraction: float | None = None
    words: str = ""
    can_cancel: bool = True
    stopping: bool = False


@dataclass
class _Running:
    kind: Kind
    view: JobView
    on_progress: Callable[[JobProgress], None]
    on_done: Callable[[JobResult], None]
    on_failed: Callable[[Failed], bool] = field(default=lambda _: False)
    image_id: str = ""
    first: TrainProgress | None = None
    """News from which the pace of a training counts."""
    cancel: Callable[[], None] | None = None
    """How to end work that the window does itself."""


class JobFault(Exception):  # noqa: N818 - a fault of the program, not an error for the user
    """Bug that a job met.

    It carries the traceback of the network's process into the report.
    """


def _ignore(_: object) -> None:
    return None


class JobList(QObject):
    """All jobs of this window, and work of its own.

    The jobs were given to the network's process.

    Signals:
        changed(): a job began, was told to stop, or ended.
        progress(JobView): news of a running job.
        device(Message): where the network runs, in words.
        notice(str), problem(str): a sentence for the user.
        withdrawn(str): a problem that is over.
    """

    changed = Signal()
    progress = Signal(object)
    device = Signal(object)
    notice = Signal(str)
    problem = Signal(str)
    withdrawn = Signal(str)

    def __init__(self, process: JobProcess, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._process = process
        self._jobs: dict[int, _Running] = {}
        self._own_ids = itertools.count(-1, -1)
        self._silence = ""  # the sentence that the process does not answer
        process.replied.connect(self._on_reply)

    def submit(
        self,
        kind: Kind,
        job: Job,
        title: str,
        *,
        words: str = "",
        image_id: str = "",
        on_progress: Callable[[JobProgress], None] = _ignore,
        on_done: Callable[[JobResult], None] = _ignore,
        on_failed: Callable[[Failed], bool] = lambda _: False,
    ) -> None:
        """Submit a job.

        An auto-segment of one image runs before longer jobs.

        Args:
            kind: what the job is for.
            job: the job.
            title: what people call it.
            words: how far it is, until its first news.
            image_id: the one image that it is about, if it is about one.
            on_progress: gets its progress.
            on_done: gets its result.
            on_failed: gets its failure, and returns whether it has told the user.
        """
        job_id = self._process.submit(job, interactive=kind is Kind.SEGMENT)
        running = _Running(kind, JobView(job_id, title, None, words), on_progress, on_done, on_failed, image_id)
        self._jobs[job_id] = running
        self.changed.emit()
        self.progress.emit(running.view)

    def say_again(self) -> None:
        """Say the titles of the jobs in the language that is spoken now."""
        for running in self._jobs.values():
            running.view = replace(running.view, title=again(running.view.title), words=again(running.view.words))
        self.changed.emit()

    def show(self, kind: Kind, title: str, words: str, cancel: Callable[[], None]) -> int:
        """Show work of the window itself and return its id.

        `remove` it at its end.
        """
        job_id = next(self._own_ids)
        self._jobs[job_id] = _Running(kind, JobView(job_id, title, None, words), _ignore, _ignore, cancel=cancel)
        self.changed.emit()
        return job_id

    def remove(self, job_id: int) -> None:
        """Remove work of the window that has ended."""
        if self._jobs.pop(job_id, None) is not None:
            self.changed.emit()

    def views_of(self, kind: Kind) -> list[JobView]:
        """Return the jobs of a kind that run or wait, oldest first."""
        return [running.view for running in self._jobs.values() if running.kind is kind]

    def running(self, kind: Kind, image_id: str = "") -> bool:
        """Return whether a job of this kind runs or waits.

        With ``image_id`` the job must be about that image.
        """
        return any(job.kind is kind and image_id in ("", job.image_id) for job in self._jobs.values())

    @property
    def views(self) -> list[JobView]:
        """The jobs that run or wait, oldest first."""
        return [running.view for running in self._jobs.values()]

    def stop(self, job_id: int) -> None:
        """End a job.

        A fine-tune ends early with its best network. Any other ends without a result, and so does a fine-tune the
        second time.
        """
        running = self._jobs.get(job_id)
        if running is None:
            return
        if running.kind is Kind.FINE_TUNE and not running.view.stopping:
            self._process.cancel(job_id, keep=True)
            running.view = replace(running.view, words=tr("stopping, keeping the best"), stopping=True)
            self.progress.emit(running.view)
            self.changed.emit()
            return
        self._drop(job_id)
        if running.cancel is not None:
            self.notice.emit(tr("{title} was stopped before it began.", title=running.view.title))
        elif running.view.stopping:
            self.notice.emit(tr("{title} was stopped at once: its network is not judged.", title=running.view.title))

    def stop_all(self) -> None:
        """`stop` every job."""
        for job_id in list(self._jobs):
            self.stop(job_id)

    def forget_all(self, *, but: Kind | None = None) -> None:
        """Drop every job without a result, except those of one kind."""
        for job_id in [job_id for job_id, running in self._jobs.items() if running.kind is not but]:
            self._drop(job_id)

    def forget(self, kind: Kind) -> None:
        """Drop every job of a kind without a result."""
        for view in self.views_of(kind):
            self._drop(view.job_id)

    @property
    def only_refreshes(self) -> bool:
        """Whether no other job runs or waits than a refresh of pre-labels."""
        return all(job.kind is Kind.REFRESH for job in self._jobs.values())

    def _drop(self, job_id: int) -> None:
        running = self._jobs.pop(job_id)
        if running.cancel is not None:
            running.cancel()
        else:
            self._process.cancel(job_id)
        self.changed.emit()

    def _on_reply(self, reply: Reply) -> None:
        from fcn_studio.jobs.protocol import Answers, Cancelled, Done, Failed, Progress, Ready, Silent, Started

        if isinstance(reply, Ready):
            self.device.emit(reply.device)
            return
        if isinstance(reply, Silent | Answers):
            self.withdrawn.emit(self._silence)
            self._silence = reply.sentence if isinstance(reply, Silent) else ""
            (self.problem if self._silence else self.notice).emit(reply.sentence)
            return
        if isinstance(reply, Failed) and reply.job_id == 0:  # died with nothing to do
            self.problem.emit(reply.sentence)
            return
        running = self._jobs.get(reply.job_id)
        if running is None or isinstance(reply, Started):
            return
        if isinstance(reply, Progress):
            if not running.view.stopping:
                if isinstance(reply.news, TrainProgress):
                    running.first = _first(running, reply.news)
                running.view = _advanced(running.view, reply.news, running.first)
            for note in _notes(reply.news):
                self.notice.emit(tr("{title}: {note}.", title=running.view.title, note=note))
            self._tell(running.on_progress, reply.news)
            self.progress.emit(running.view)
            return
        del self._jobs[reply.job_id]
        try:
            if isinstance(reply, Done):
                if reply.device:
                    self.device.emit(reply.device)
                self._tell(running.on_done, reply.result)
            elif isinstance(reply, Failed) and not running.on_failed(reply):
                self.problem.emit(tr("{title}: {reason}", title=running.view.title, reason=reply.sentence))
            elif isinstance(reply, Cancelled):
                self.notice.emit(tr("{title} was cancelled.", title=running.view.title))
        finally:
            self.changed.emit()  # the job is over, even where its result met a bug
        if isinstance(reply, Failed) and reply.trace:
            raise JobFault(reply.trace)

    def _tell(self, hear: Callable[[JobProgress], None] | Callable[[JobResult], None], news: JobResult) -> None:
        """Pass news on.

        An error with a sentence becomes a problem, for a signal would lose it.
        """
        try:
            hear(news)  # type: ignore[arg-type]
        except FcnStudioError as error:
            self.problem.emit(str(error))


def _notes(news: JobProgress) -> tuple[str, ...]:
    """Return what ran out on the way.

    A training tells that at its end.
    """
    from fcn_studio.jobs.protocol import Evaluated, Predicted

    return news.notes if isinstance(news, Evaluated | Predicted) else ()


def _first(running: _Running, news: TrainProgress) -> TrainProgress:
    """Return the news from which the pace counts; preparations end where the share spent falls to 0."""
    first = running.first
    return news if first is None or news.fraction < (running.view.fraction or 0.0) else first


def _seconds_left(first: TrainProgress | None, news: TrainProgress) -> float | None:
    """Return how long a training still takes at its pace; None if too little is done to tell."""
    done = news.fraction - first.fraction if first is not None else 0.0
    if first is None or done < _TELLING_SHARE:
        return None
    return (1 - news.fraction) * (news.elapsed - first.elapsed) / done


def _advanced(view: JobView, news: JobProgress, first: TrainProgress | None = None) -> JobView:
    """Return the view of a job after some news."""
    from fcn_studio.jobs.protocol import Evaluated, Installing

    if isinstance(news, Installing):
        done, total, words = news.done_bytes, news.total_bytes, news.stage.lower()
        if not total:
            return replace(view, fraction=None, words=words)
        words = tr("{stage}, {done:.0f} of {total:.0f} MB", stage=words, done=done / 1e6, total=total / 1e6)
        return replace(view, fraction=done / total, words=words)
    if isinstance(news, TrainProgress):
        left = _seconds_left(first, news)
        if math.isnan(news.loss):  # nothing is learned yet
            words = tr("step {step}", step=news.step)
        elif left is None:
            words = tr("step {step}, loss {loss:.2f}", step=news.step, loss=news.loss)
        else:
            words = tr(
                "step {step}, loss {loss:.2f}, {minutes:.1f} min left",
                step=news.step,
                loss=news.loss,
                minutes=max(left / 60, 0.1),  # not "0.0 min left"
            )
        return replace(view, fraction=news.fraction, words=words)
    if isinstance(news, Evaluated):
        words = tr("scoring {done} of {total}", done=news.done, total=news.total)
    else:
        words = tr("{done} of {total}", done=news.done, total=news.total)
    return replace(view, fraction=news.done / news.total, words=words)
