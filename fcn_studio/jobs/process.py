"""The network's process, child's side: one long job at a time, and interactive ones between its steps.

A job is a generator: each ``yield`` is news for the shell and a chance to be cancelled or to let a waiting
interactive job through. Torch is imported here, in the child, and never in the window.
"""

from __future__ import annotations

import logging
import os
import queue
import signal
import threading
import traceback
from collections import deque
from collections.abc import Generator
from dataclasses import dataclass
from multiprocessing.connection import Connection

from fcn_studio.errors import FcnStudioError
from fcn_studio.jobs.messages import (
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
from fcn_studio.jobs.run import Workshop

log = logging.getLogger(__name__)

Running = Generator[JobProgress, bool | None, JobResult]


@dataclass
class _Long:
    job_id: int
    work: Running
    primed: bool = False


class Bench:
    """Takes requests, runs jobs step by step, and replies through ``reply``.

    It knows nothing of processes: the child wraps it in a pipe, the tests in lists.
    """

    def __init__(self, workshop: Workshop) -> None:
        self.workshop = workshop
        self.outbox: deque[Reply] = deque()
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
                self.outbox.append(Cancelled(request.job_id))
        if self._long is not None and self._long.job_id == request.job_id:
            if request.keep:
                self._end_early = True
            else:
                _abandon(self._long.work)
                self._long = None
                self.outbox.append(Cancelled(request.job_id))

    def step(self) -> None:
        """Serve one waiting interactive job whole, or else run one step of the long one."""
        if self._interactive:
            submit = self._interactive.popleft()
            self.outbox.append(Started(submit.job_id))
            interactive = _Long(submit.job_id, self.workshop.run(submit.job))
            while self._advance(interactive, end_early=False):
                pass
            return
        if self._long is None and self._waiting:
            submit = self._waiting.popleft()
            self.outbox.append(Started(submit.job_id))
            self._long = _Long(submit.job_id, self.workshop.run(submit.job))
            self._end_early = False
        if self._long is not None and not self._advance(self._long, self._end_early):
            self._long = None

    def _advance(self, running: _Long, end_early: bool) -> bool:
        """Run one step; False when the job has ended, well or badly."""
        try:
            news = running.work.send(end_early) if running.primed else next(running.work)
            running.primed = True
            self.outbox.append(Progress(running.job_id, news))
        except StopIteration as end:
            self.outbox.append(Done(running.job_id, end.value, self.workshop.device_words))
            return False
        except FcnStudioError as error:
            self.outbox.append(Failed(running.job_id, str(error)))
            return False
        except Exception as error:  # noqa: BLE001 - door: a bug in a job costs the job, and is reported as a bug
            self.outbox.append(Failed(running.job_id, _bug_sentence(error), traceback.format_exc()))
            return False
        return True


def _abandon(work: Running) -> None:
    """Close a job whose result nobody wants; what its clean-up raises costs a line in the log, not the process."""
    try:
        work.close()
    except Exception:  # a door, as in `Bench._advance`
        log.warning("a cancelled job did not end cleanly", exc_info=True)


def _bug_sentence(error: Exception) -> str:
    return f"The network's process met a fault of the program ({type(error).__name__}: {error}). Please report it."


def serve(connection: Connection) -> None:
    """Entry point of the child: serve requests until the shell's end of the pipe closes, then exit at once.

    The pipe is read by a thread of its own, which ends the process on EOF: no orphan outlives a killed window.
    """
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl+C in the terminal is the window's to handle
    if hasattr(os, "nice"):
        os.nice(5)  # painting comes first
    requests: queue.SimpleQueue[Submit | Cancel] = queue.SimpleQueue()
    threading.Thread(target=_read_pipe, args=(connection, requests), daemon=True, name="pipe").start()
    workshop = Workshop()
    _send(connection, Ready(workshop.start()))
    bench = Bench(workshop)
    while True:
        if bench.idle:
            bench.take(requests.get())
        while not requests.empty():
            bench.take(requests.get())
        if not bench.idle:
            bench.step()
        while bench.outbox:
            _send(connection, bench.outbox.popleft())


def _read_pipe(connection: Connection, requests: queue.SimpleQueue[Submit | Cancel]) -> None:
    while True:
        try:
            requests.put(connection.recv())
        except (EOFError, OSError):
            os._exit(0)


def _send(connection: Connection, reply: Reply) -> None:
    try:
        connection.send(reply)
    except OSError:  # the window is gone
        os._exit(0)
