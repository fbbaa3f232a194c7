"""Supervise the network's process: start it, talk to it, end it, and start it again.

One thread calls `ProcessSupervisor.run`; any thread may `submit`, `cancel` and `close`. News goes to one callback, on
the running thread. If the process dies or hangs, the jobs that it had begun fail with a sentence; jobs that it had
not begun are given to the next process.
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

from fcn_studio.jobs.process.hang_detector import LOOK, STUCK_AFTER, Verdict, Watch
from fcn_studio.jobs.process.pipe import Wire
from fcn_studio.jobs.process.scheduler import serve
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
"""A fresh interpreter: forking a process with threads and Qt would copy their locks. Tests fork a warm one."""

GRACE = 5.0
"""Seconds that a cancelled job may take to reach its next step before the process is killed."""

_REAP = 2.0
"""Seconds that a killed process may take to be gone; one that the system itself holds up is left to it."""

_ENVELOPE = 2**20
"""Bytes that a prediction's message may have besides its two maps."""

_job_ids = itertools.count(1)


class Stop:
    """Asks the running thread to end."""


class Warm:
    """Asks for the process to be started before the first job needs it."""


@dataclass(frozen=True)
class _Heard:
    """A message of the process at the other end of a wire, or `END`."""

    wire: Wire
    message: object


@dataclass
class _Pending:
    submit: Submit
    started: bool = False
    deaths: int = 0
    """Processes that died with this job in hand and none begun."""


class ProcessSupervisor:
    """Owns the network's process. ``report`` gets every `Reply`, on the thread that is in `run`."""

    def __init__(self, report: Callable[[Reply], None]) -> None:
        self._report = report
        self._events: queue.SimpleQueue[Submit | Cancel | Stop | Warm | _Heard] = queue.SimpleQueue()
        self._pending: dict[int, _Pending] = {}
        self._deadlines: dict[int, float] = {}
        self._process: SpawnProcess | None = None
        self._wire: Wire | None = None
        self._watch = Watch()
        self._next_look = 0.0
        self._ready = False

    # --- any thread -------------------------------------------------------------------------------------------

    def submit(self, job: Job, *, interactive: bool = False) -> int:
        """Hand in a job; returns its id, under which all news of it comes."""
        job_id = next(_job_ids)
        self._events.put(Submit(job_id, job, interactive))
        return job_id

    def cancel(self, job_id: int, *, keep: bool = False) -> None:
        """Forget a job (no later result is reported), or with ``keep`` end it early and report what it has."""
        self._events.put(Cancel(job_id, keep))

    def warm(self) -> None:
        """Start the process now, so that the first job need not wait for torch."""
        self._events.put(Warm())

    def close(self) -> None:
        """End `run` and kill the process."""
        self._events.put(Stop())

    @property
    def pid(self) -> int | None:
        """Process id of the network's process, if one runs."""
        process = self._process
        return process.pid if process is not None else None

    # --- the running thread -----------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until `close`; blocks."""
        try:
            while True:
                event = None
                with suppress(queue.Empty):
                    event = self._events.get(timeout=self._patience())
                if isinstance(event, Stop):
                    return
                if isinstance(event, _Heard):
                    self._hear(event)
                elif event is not None:
                    self._obey(event)
                self._enforce_deadlines()
                self._look()
        finally:
            self._kill()

    def _patience(self) -> float | None:
        """Seconds until something is due without an event; for ever if there is no process."""
        due = min(
            [*self._deadlines.values(), *([self._next_look] if self._process is not None else [])], default=None
        )
        return None if due is None else max(0.0, due - time.monotonic())

    def _obey(self, command: Submit | Cancel | Warm) -> None:
        if isinstance(command, Submit):
            self._pending[command.job_id] = _Pending(command)
            self._send(command)
        elif isinstance(command, Warm):
            with suppress(OSError):  # too little memory now; the first job tries again, and tells
                self._start()
        elif command.job_id in self._pending:
            if not command.keep:
                # A job that only waits holds nobody up; should it begin all the same, its time starts then.
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
            self._bury(f"The network's process cannot be started ({reason}): close other programs, and try again.")
            return
        assert self._wire is not None
        if isinstance(message, Submit) and isinstance(message.job, SegmentJob):
            self._wire.expect(2 * message.job.max_pixels + _ENVELOPE)
        self._wire.send(message)

    def _start(self) -> None:
        if self._process is not None:
            return
        context = multiprocessing.get_context(START_METHOD)
        ours, theirs = context.Pipe(duplex=True)
        try:
            process = context.Process(target=serve, args=(theirs,), name="fcn-studio network", daemon=False)
            _leave_interrupts_to_the_window()
            process.start()
        except BaseException:
            ours.close()
            raise
        finally:
            theirs.close()
        self._process, self._wire = process, Wire(ours, lambda wire, message: self._events.put(_Heard(wire, message)))
        self._watch, self._next_look = Watch(), time.monotonic() + LOOK

    def _hear(self, heard: _Heard) -> None:
        """Take what the process says; bury it when its end of the pipe is gone or talks nonsense."""
        if heard.wire is not self._wire:  # of one that is buried already
            return
        self._watch.hear(heard.message)
        if isinstance(heard.message, Reply):
            self._handle(heard.message)
        elif not isinstance(heard.message, Alive):
            self._bury()

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
            self._bury(_RESTARTED, told=True)

    def _look(self) -> None:
        """See now and then whether the process lives; end it when it hangs."""
        if self._process is None or time.monotonic() < self._next_look:
            return
        self._next_look = time.monotonic() + LOOK
        verdict = self._watch.look()
        # Its wire tells nearly always; but its end of the pipe may be held by a process that it had started.
        if self._watch.quiet and not self._process.is_alive():
            self._bury()
        elif verdict is Verdict.SILENT:
            left = f"{self._watch.seconds_left:.0f} s"
            self._report(Silent(f"{_SILENT} in {left} unless it comes back. Your labels are safe."))
        elif verdict is Verdict.BACK:
            self._report(Answers("The network's process answers again."))
        elif verdict is Verdict.HANGS:
            seconds = f"{self._watch.seconds_silent:.0f} s"
            self._bury(f"The network's process gave no sign of life for {seconds} and was ended. {_SAFE}")
        elif verdict is Verdict.STUCK:
            self._bury(f"The network's process did nothing for {STUCK_AFTER:.0f} s and was ended. {_SAFE}")

    def _bury(self, sentence: str = "", *, told: bool = False) -> None:
        """End the process, or find it dead: report what that costs, and give the rest to a new one.

        Args:
            sentence: why it was ended; "" if it died by itself.
            told: whether the user knows already, so that it need not be said where no job was lost.
        """
        was_ready = self._ready
        code = self._kill(dying=not sentence)
        sentence = sentence or _death_sentence(code)
        # A cancelled job that was still at work is to blame itself, as one that had begun is.
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
        """End the process and let its wire go; its exit code, None if it did not end by itself.

        Args:
            dying: it may be ending by itself, and is given a moment for it.
        """
        process, wire = self._process, self._wire
        self._process = self._wire = None
        self._ready = False
        if process is None or wire is None:
            return None
        if dying:
            process.join(0.2)
        code = process.exitcode
        process.kill()
        process.join(_REAP)
        wire.close(_REAP)
        if process.exitcode is not None:
            process.close()
        return code


_SAFE = "Your labels are safe; it starts again at the next click."
_SILENT = "The network's process does not answer; it is restarted"
_RESTARTED = "The network's process was restarted; please start the job again."


def _leave_interrupts_to_the_window() -> None:
    """Let this thread, and the process it starts, hear no Ctrl+C: it must not meet the process half started."""
    if hasattr(signal, "pthread_sigmask"):
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # its own start would undo the next line
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _death_sentence(code: int | None) -> str:
    how = "ended unexpectedly"
    if code is None:
        how = "sent what cannot be understood, and was ended"
    elif code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        how = f"was killed ({name})"
        if name == "SIGKILL":
            how += "; perhaps the machine ran out of memory"
    elif code:
        how = f"ended with code {code}"
    return f"The network's process {how}. {_SAFE}"
