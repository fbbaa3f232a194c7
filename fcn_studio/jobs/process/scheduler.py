"""Scheduling of jobs.

One long job runs at a time, and interactive jobs run between its steps. A job is a generator: each ``yield`` is news
for the shell, and a chance to be cancelled or to let a waiting interactive job run.
"""

from __future__ import annotations

import logging
import math
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass

from fcn_studio.core.training import TrainProgress
from fcn_studio.errors import ArchitectureUndecided, FcnStudioError
from fcn_studio.i18n import tr
from fcn_studio.jobs.protocol import (
    Cancel,
    Cancelled,
    Done,
    Failed,
    JobProgress,
    JobResult,
    Progress,
    Reply,
    Started,
    Submit,
)
from fcn_studio.jobs.run import JobRunner

log = logging.getLogger(__name__)

REPORT_INTERVAL = 0.2
"""Seconds between two reports of a training, whose steps may take milliseconds; the window draws each report."""

Running = Generator[JobProgress, bool | None, JobResult]


@dataclass
class _Long:
    job_id: int
    work: Running
    primed: bool = False
    sent_at: float = -math.inf
    held_back: Progress | None = None


class JobScheduler:
    """Scheduler that runs jobs step by step.

    It takes requests and replies at once through ``reply``. It knows nothing of processes: the child connects it to a
    pipe, tests to lists.

    Attributes:
        steps: number of steps begun.
        report_interval: see `REPORT_INTERVAL`.
    """

    def __init__(self, runner: JobRunner, reply: Callable[[Reply], None]) -> None:
        self.runner = runner
        self.steps, self.report_interval = 0, REPORT_INTERVAL
        self._reply = reply
        self._waiting: deque[Submit] = deque()
        self._interactive: deque[Submit] = deque()
        self._long: _Long | None = None
        self._end_early = False

    @property
    def idle(self) -> bool:
        """Whether there is nothing to do."""
        return self._long is None and not self._waiting and not self._interactive

    def take(self, request: Submit | Cancel) -> None:
        """Take a request.

        A cancelled job ends at once, for no step is running.
        """
        if isinstance(request, Submit):
            (self._interactive if request.interactive else self._waiting).append(request)
            return
        for lane in (self._waiting, self._interactive):
            for waiting in [s for s in lane if s.job_id == request.job_id]:
                lane.remove(waiting)
                self._reply(Cancelled(request.job_id))
        if self._long is not None and self._long.job_id == request.job_id:
            if request.keep:
                self._end_early = True
            else:
                _abandon(self._long.work)
                self._long = None
                self._reply(Cancelled(request.job_id))

    def step(self) -> None:
        """Run a waiting interactive job, else one step of the long job.

        The interactive job is run to its end.
        """
        if self._interactive:
            submit = self._interactive.popleft()
            self._reply(Started(submit.job_id))
            interactive = _Long(submit.job_id, self.runner.run(submit.job))
            while self._advance(interactive, end_early=False):
                pass
            return
        if self._long is None and self._waiting:
            submit = self._waiting.popleft()
            self._reply(Started(submit.job_id))
            self._long = _Long(submit.job_id, self.runner.run(submit.job))
            self._end_early = False
        if self._long is not None and not self._advance(self._long, self._end_early):
            self._long = None

    def _advance(self, running: _Long, end_early: bool) -> bool:
        """Run one step, and return whether the job goes on.

        It is False when the job has ended, well or badly.
        """
        self.steps += 1
        try:
            news = running.work.send(end_early) if running.primed else next(running.work)
            running.primed = True
            self._report(running, Progress(running.job_id, news))
        except StopIteration as end:
            if running.held_back is not None:
                self._reply(running.held_back)
            self._reply(Done(running.job_id, end.value, self.runner.device_words))
            return False
        except FcnStudioError as error:
            names = error.names if isinstance(error, ArchitectureUndecided) else ()
            self._reply(Failed(running.job_id, str(error), architectures=names))
            return False
        except Exception as error:  # noqa: BLE001 - door: a bug in a job costs the job, and is reported as a bug
            self._reply(Failed(running.job_id, _bug_sentence(error), traceback.format_exc()))
            return False
        return True

    def _report(self, running: _Long, progress: Progress) -> None:
        """Pass progress on.

        Of a training, at most one report in `report_interval` is passed on, all with figures, and the last.
        """
        news, now = progress.news, time.monotonic()
        if isinstance(news, TrainProgress) and news.figures is None and now < running.sent_at + self.report_interval:
            running.held_back = progress
            return
        running.sent_at, running.held_back = now, None
        self._reply(progress)


def _abandon(work: Running) -> None:
    """Close a job that was cancelled.

    An error of its clean-up is logged.
    """
    try:
        work.close()
    except Exception:  # a door, as in `JobScheduler._advance`
        log.warning("a cancelled job did not end cleanly", exc_info=True)


def _bug_sentence(error: Exception) -> str:
    return tr(
        "The network's process met a fault of the program ({kind}: {error}). Please report it.",
        kind=type(error).__name__,
        error=error,
    )
