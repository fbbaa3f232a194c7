"""Supervision of the network's process.

The supervisor starts it, talks to it, ends it, and starts it again. One thread calls `ProcessSupervisor.run`; any
thread may `submit`, `cancel` and `close`. News goes to one callback, on the running thread. If the process dies or
hangs, the jobs that it had begun fail with a sentence; jobs that it had not begun are given to the next process.
"""

from __future__ import annotations

import itertools
import multiprocessing
import queue
import signal
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.context import SpawnProcess
from typing import Literal

from fcn_studio.i18n import tr, tr_noop
from fcn_studio.jobs.process.child import serve
from fcn_studio.jobs.process.hang_detector import CHECK_INTERVAL, STUCK_AFTER, HangDetector, Health
from fcn_studio.jobs.process.pipe import MessagePipe
from fcn_studio.jobs.protocol import (
    Alive,
    Answers,
    Cancel,
    Cancelled,
    Done,
    Failed,
    Job,
    Ready,
    Reply,
    SegmentJob,
    Silent,
    Started,
    Submit,
)

START_METHOD: Literal["spawn"] = "spawn"
"""Start a fresh interpreter: a fork of a process with threads and Qt would copy their locks. Tests fork one."""

GRACE = 5.0
"""Seconds that a cancelled job may take to reach its next step before the process is killed."""

EXIT_TIMEOUT = 1.0
"""Seconds that a process may take to exit once its end of the pipe is closed, before it is killed."""

_END_TIMEOUT = 2.0
"""Seconds that a killed process may take to end; after that it is left to the system."""

_OVERHEAD = 2**20
"""Bytes that a prediction's message may have besides its two maps."""

_job_ids = itertools.count(1)


class Stop:
    """Request to end the running thread."""


class WarmUp:
    """Request to start the process before the first job needs it."""


@dataclass(frozen=True)
class _Received:
    """Message of the process behind a pipe, or `END`."""

    pipe: MessagePipe
    message: object


@dataclass
class _Pending:
    submit: Submit
    started: bool = False
    deaths: int = 0
    """Processes that ended while this job waited and none had begun."""


class ProcessSupervisor:
    """Owns the network's process.

    Args:
        report: gets every `Reply`, on the thread that is in `run`.
    """

    def __init__(self, report: Callable[[Reply], None]) -> None:
        self._report = report
        self._events: queue.SimpleQueue[Submit | Cancel | Stop | WarmUp | _Received] = queue.SimpleQueue()
        self._pending: dict[int, _Pending] = {}
        self._deadlines: dict[int, float] = {}
        self._process: SpawnProcess | None = None
        self._pipe: MessagePipe | None = None
        self._hang_detector = HangDetector()
        self._next_check = 0.0
        self._ready = False

    # --- any thread -------------------------------------------------------------------------------------------

    def submit(self, job: Job, *, interactive: bool = False) -> int:
        """Submit a job and return its id.

        All news of the job comes under this id.
        """
        job_id = next(_job_ids)
        self._events.put(Submit(job_id, job, interactive))
        return job_id

    def cancel(self, job_id: int, *, keep: bool = False) -> None:
        """Forget a job, of which no later result is reported.

        Args:
            job_id: the job.
            keep: end it early instead, and report the result so far.
        """
        self._events.put(Cancel(job_id, keep))

    def warm_up(self) -> None:
        """Start the process now.

        The first job then does not wait for torch.
        """
        self._events.put(WarmUp())

    def close(self) -> None:
        """End `run` and kill the process."""
        self._events.put(Stop())

    @property
    def pid(self) -> int | None:
        """Process id of the network's process, None if none runs."""
        process = self._process
        return process.pid if process is not None else None

    # --- the running thread -----------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until `close`. This blocks."""
        try:
            while True:
                event = None
                with suppress(queue.Empty):
                    event = self._events.get(timeout=self._timeout())
                if isinstance(event, Stop):
                    return
                if isinstance(event, _Received):
                    self._receive(event)
                elif event is not None:
                    self._execute(event)
                self._enforce_deadlines()
                self._check()
        finally:
            self._kill()

    def _timeout(self) -> float | None:
        """Return the seconds until something is due without an event.

        It is None if there is no process.
        """
        due = min(
            [*self._deadlines.values(), *([self._next_check] if self._process is not None else [])], default=None
        )
        return None if due is None else max(0.0, due - time.monotonic())

    def _execute(self, command: Submit | Cancel | WarmUp) -> None:
        if isinstance(command, Submit):
            self._pending[command.job_id] = _Pending(command)
            self._send(command)
        elif isinstance(command, WarmUp):
            with suppress(OSError):  # too little memory now; the first job tries again, and tells
                self._start()
        elif command.job_id in self._pending:
            if not command.keep:
                # A job that only waits delays nobody; if it begins all the same, its grace period starts then.
                if self._pending.pop(command.job_id).started:
                    self._deadlines[command.job_id] = time.monotonic() + GRACE
                self._report(Cancelled(command.job_id))
            if self._process is not None:
                self._send(command)

    def _send(self, message: Submit | Cancel) -> None:
        try:
            self._start()
        except OSError as error:
            reason = error.strerror or str(error)
            self._replace(
                tr(
                    "The network's process cannot be started ({reason}): close other programs, and try again.",
                    reason=reason,
                )
            )
            return
        assert self._pipe is not None
        if isinstance(message, Submit) and isinstance(message.job, SegmentJob):
            self._pipe.expect(3 * message.job.max_pixels + _OVERHEAD)
        self._pipe.send(message)

    def _start(self) -> None:
        if self._process is not None:
            return
        context = multiprocessing.get_context(START_METHOD)
        ours, theirs = context.Pipe(duplex=True)
        try:
            process = context.Process(target=serve, args=(theirs,), name="fcn-studio network", daemon=False)
            _block_interrupts()
            process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._process = process
        self._pipe = MessagePipe(ours, lambda pipe, message: self._events.put(_Received(pipe, message)))
        self._hang_detector, self._next_check = HangDetector(), time.monotonic() + CHECK_INTERVAL

    def _receive(self, received: _Received) -> None:
        """Take a message.

        The process is replaced when its end of the pipe is gone or sends no reply.
        """
        if received.pipe is not self._pipe:  # of a process that was ended already
            return
        self._hang_detector.hear(received.message)
        if isinstance(received.message, Reply):
            self._handle(received.message)
        elif not isinstance(received.message, Alive):
            self._replace()

    def _handle(self, reply: Reply) -> None:
        if isinstance(reply, Ready):
            self._ready = True
        if isinstance(reply, Ready | Silent | Answers):
            self._report(reply)
            return
        ended = isinstance(reply, Done | Failed | Cancelled)
        if ended:
            self._deadlines.pop(reply.job_id, None)
        pending = self._pending.get(reply.job_id)
        if pending is None:  # cancelled meanwhile: nothing of it is applied
            if isinstance(reply, Started):
                self._deadlines[reply.job_id] = time.monotonic() + GRACE
            return
        if isinstance(reply, Started):
            pending.started = True
        if ended:
            del self._pending[reply.job_id]
        self._report(reply)

    def _enforce_deadlines(self) -> None:
        if any(deadline <= time.monotonic() for deadline in self._deadlines.values()):
            self._replace(tr("The network's process was restarted; please start the job again."), told=True)

    def _check(self) -> None:
        """Check at intervals whether the process lives.

        It is replaced when it hangs.
        """
        if self._process is None or time.monotonic() < self._next_check:
            return
        self._next_check = time.monotonic() + CHECK_INTERVAL
        detector = self._hang_detector
        health = detector.check()
        # The pipe tells nearly always; but its other end may be held by a process that this one had started.
        if detector.quiet and not self._process.is_alive():
            self._replace()
        elif health is Health.SILENT:
            self._report(Silent(tr(_SILENT, seconds=detector.seconds_left)))
        elif health is Health.BACK:
            self._report(Answers(tr("The network's process answers again.")))
        elif health is Health.HANGS:
            self._replace(tr(_HANGS, seconds=detector.seconds_silent))
        elif health is Health.STUCK:
            self._replace(tr(_STUCK, seconds=STUCK_AFTER))

    def _replace(self, sentence: str = "", *, told: bool = False) -> None:
        """Replace the process by a new one.

        It is ended if it still runs. Lost jobs are reported, and the others go to the new process.

        Args:
            sentence: why it was ended; "" if it died by itself.
            told: whether the user knows already, so that it need not be said where no job was lost.
        """
        was_ready = self._ready
        code = self._kill(dying=not sentence)
        sentence = sentence or _sentence_on_end(code)
        # Where a cancelled job was still at work, that one is to blame, as one that had begun is.
        if not self._deadlines and not any(pending.started for pending in self._pending.values()):
            for pending in self._pending.values():
                pending.deaths += 1
        lost = [i for i, p in self._pending.items() if p.started or not was_ready or p.deaths > 1]
        for job_id in lost:
            del self._pending[job_id]
            self._report(Failed(job_id, sentence))
        if not (lost or told):
            self._report(Failed(0, sentence))
        self._deadlines.clear()
        for pending in list(self._pending.values()):
            if pending.submit.job_id in self._pending:  # else the new process could not start, and took it along
                self._send(pending.submit)

    def _kill(self, *, dying: bool = False) -> int | None:
        """End the process, close its pipe, and return its exit code.

        The code is None if it did not end by itself.

        Args:
            dying: it may be ending by itself, and is given a moment to do so.
        """
        process, pipe = self._process, self._pipe
        self._process = self._pipe = None
        self._ready = False
        if process is None or pipe is None:
            return None
        if dying:
            process.join(EXIT_TIMEOUT)
        code = process.exitcode
        process.kill()
        process.join(_END_TIMEOUT)
        pipe.close(_END_TIMEOUT)
        if process.exitcode is not None:
            process.close()
        return code


_SILENT = tr_noop(
    "The network's process does not answer; it is restarted in {seconds:.0f} s unless it comes back. "
    "Your labels are safe."
)
_HANGS = tr_noop(
    "The network's process gave no sign of life for {seconds:.0f} s and was ended. "
    "Your labels are safe; it starts again at the next click."
)
_STUCK = tr_noop(
    "The network's process did nothing for {seconds:.0f} s and was ended. "
    "Your labels are safe; it starts again at the next click."
)


def _block_interrupts() -> None:
    """Block Ctrl+C for this thread and the process it starts.

    The window handles it.
    """
    if hasattr(signal, "pthread_sigmask"):
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # its own start would undo the next line
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _sentence_on_end(code: int | None) -> str:
    """Return the sentence on a process that ended by itself.

    None stands for a process that sent nonsense.
    """
    if code is None:
        return tr(
            "The network's process sent what cannot be understood, and was ended. "
            "Your labels are safe; it starts again at the next click."
        )
    if code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        if name == "SIGKILL":
            return tr(
                "The network's process was killed (SIGKILL); perhaps the machine ran out of memory. "
                "Your labels are safe; it starts again at the next click."
            )
        return tr(
            "The network's process was killed ({signal}). Your labels are safe; it starts again at the next click.",
            signal=name,
        )
    if code:
        return tr(
            "The network's process ended with code {code}. Your labels are safe; it starts again at the next click.",
            code=code,
        )
    return tr("The network's process ended unexpectedly. Your labels are safe; it starts again at the next click.")
