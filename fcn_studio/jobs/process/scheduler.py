"""The network's process, child's side: one long job at a time, and interactive ones between its steps.

A job is a generator: each ``yield`` is news for the shell and a chance to be cancelled or to let a waiting
interactive job through. Torch is imported here, in the child, and never in the window.
"""

from __future__ import annotations

import logging
import math
import os
import pickle
import queue
import signal
import sys
import threading
import time
import traceback
from collections import deque
from collections.abc import Callable, Generator
from dataclasses import dataclass
from multiprocessing.connection import Connection

from fcn_studio.core.training import TrainProgress
from fcn_studio.errors import FcnStudioError
from fcn_studio.jobs.protocol import (
    Alive,
    Cancel,
    Cancelled,
    Done,
    Failed,
    JobProgress,
    JobResult,
    Progress,
    Ready,
    Reply,
    Started,
    Submit,
)
from fcn_studio.jobs.run import JobRunner

log = logging.getLogger(__name__)

PULSE = 0.5
"""Seconds between two signs of life."""

REPORT_S = 0.2
"""Seconds between two reports of a training: its steps may take milliseconds, and the window draws what it hears."""

Running = Generator[JobProgress, bool | None, JobResult]


@dataclass
class _Long:
    job_id: int
    work: Running
    primed: bool = False
    sent_at: float = -math.inf
    held_back: Progress | None = None


class JobScheduler:
    """Takes requests, runs jobs step by step, and replies at once through ``reply``.

    It knows nothing of processes: the child wraps it in a pipe, the tests in lists.

    Attributes:
        steps: number of steps begun.
        report_s: see `REPORT_S`.
    """

    def __init__(self, runner: JobRunner, reply: Callable[[Reply], None]) -> None:
        self.runner = runner
        self.steps, self.report_s = 0, REPORT_S
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
        """Accept a request; cancelling is immediate between steps."""
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
        """Serve one waiting interactive job whole, or else run one step of the long one."""
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
        """Run one step; False when the job has ended, well or badly."""
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
            self._reply(Failed(running.job_id, str(error)))
            return False
        except Exception as error:  # noqa: BLE001 - door: a bug in a job costs the job, and is reported as a bug
            self._reply(Failed(running.job_id, _bug_sentence(error), traceback.format_exc()))
            return False
        return True

    def _report(self, running: _Long, progress: Progress) -> None:
        """Pass news on; of a training's one in `report_s`, and all with figures. The last one is told at the end."""
        news, now = progress.news, time.monotonic()
        if isinstance(news, TrainProgress) and news.figures is None and now < running.sent_at + self.report_s:
            running.held_back = progress
            return
        running.sent_at, running.held_back = now, None
        self._reply(progress)


def _abandon(work: Running) -> None:
    """Close a job whose result nobody wants; what its clean-up raises costs a line in the log, not the process."""
    try:
        work.close()
    except Exception:  # a door, as in `JobScheduler._advance`
        log.warning("a cancelled job did not end cleanly", exc_info=True)


def _bug_sentence(error: Exception) -> str:
    return f"The network's process met a fault of the program ({type(error).__name__}: {error}). Please report it."


def serve(connection: Connection) -> None:
    """Entry point of the child: serve requests until the shell's end of the pipe closes, then exit at once.

    The pipe is read by a thread of its own, which ends the process on EOF: no orphan outlives a killed window.
    Another one gives signs of life, as long as this process can run at all (adr/0011).
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal is the window's to handle
    if hasattr(os, "nice"):
        os.nice(5)  # painting comes first
    requests: queue.SimpleQueue[Submit | Cancel] = queue.SimpleQueue()
    sender = _Sender(connection)
    runner = JobRunner()
    scheduler = JobScheduler(runner, sender.say)
    for name, work in (
        ("pipe", lambda: _read_pipe(connection, requests)),
        ("pulse", lambda: _give_signs(scheduler, sender)),
    ):
        threading.Thread(target=work, daemon=True, name=name).start()
    sender.say(Ready(runner.start()))
    while True:
        if scheduler.idle:
            scheduler.take(requests.get())
        while not requests.empty():
            scheduler.take(requests.get())
        if not scheduler.idle:
            scheduler.step()


def _read_pipe(connection: Connection, requests: queue.SimpleQueue[Submit | Cancel]) -> None:
    try:
        while True:
            requests.put(connection.recv())
    except (EOFError, OSError):
        os._exit(0)
    except Exception:  # noqa: BLE001 - door: a deaf process is of no use; the shell sees it end, and starts another
        traceback.print_exc(file=sys.stderr)
        os._exit(1)


class _Sender:
    """The sending end of the pipe; two threads use it, and messages must not mix."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._lock = threading.Lock()

    def say(self, message: Reply | Alive) -> None:
        """Send; ends the process if nobody is there to hear."""
        # Arrays in this protocol become arrays at the other end without one more copy: half a GB of a large image.
        words = pickle.dumps(message, protocol=5)
        with self._lock:
            try:
                self._connection.send_bytes(words)
            except OSError:  # the window is gone
                os._exit(0)


def _give_signs(scheduler: JobScheduler, sender: _Sender) -> None:
    while True:
        sender.say(Alive(0 if scheduler.idle else scheduler.steps, time.process_time()))
        time.sleep(PULSE)
