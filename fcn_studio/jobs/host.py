"""The network's process, shell's side: starts it, talks to it, buries it, and starts it again. Qt-free.

One thread calls `Host.run`; any thread may `submit`, `cancel` and `close`. News goes to the one callback, on the
running thread. A process that dies costs the jobs it had begun and a sentence; jobs it had not begun are given to
the next one.
"""

from __future__ import annotations

import itertools
import multiprocessing
import queue
import signal
import threading
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from multiprocessing.connection import Connection, Pipe, wait
from multiprocessing.context import SpawnProcess
from pickle import PickleError

from fcn_studio.jobs.messages import Cancel, Cancelled, Done, Failed, Job, Ready, Reply, Started, Submit
from fcn_studio.jobs.process import serve

GRACE = 5.0
"""Seconds that a cancelled job may take to reach its next step before the process is killed."""

_NONSENSE = (PickleError, ValueError, TypeError, LookupError, AttributeError, ImportError, MemoryError)
"""What unpickling raises on bytes that were never pickled."""

_job_ids = itertools.count(1)


class Stop:
    """Asks the running thread to end."""


class Warm:
    """Asks for the process to be started before the first job needs it."""


@dataclass
class _Pending:
    submit: Submit
    started: bool = False


class Host:
    """Owns the network's process. ``report`` gets every `Reply`, on the thread that is in `run`."""

    def __init__(self, report: Callable[[Reply], None]) -> None:
        self._report = report
        self._commands: queue.SimpleQueue[Submit | Cancel | Stop | Warm] = queue.SimpleQueue()
        self._wake_in, self._wake_out = Pipe(duplex=False)
        self._wake_lock = threading.Lock()
        self._pending: dict[int, _Pending] = {}
        self._deadlines: dict[int, float] = {}
        self._process: SpawnProcess | None = None
        self._connection: Connection | None = None
        self._ready = False

    # --- any thread -------------------------------------------------------------------------------------------

    def submit(self, job: Job, *, interactive: bool = False) -> int:
        """Hand in a job; returns its id, under which all news of it comes."""
        job_id = next(_job_ids)
        self._command(Submit(job_id, job, interactive))
        return job_id

    def cancel(self, job_id: int, *, keep: bool = False) -> None:
        """Forget a job (no later result is reported), or with ``keep`` end it early and report what it has."""
        self._command(Cancel(job_id, keep))

    def warm(self) -> None:
        """Start the process now, so that the first job need not wait for torch."""
        self._command(Warm())

    def close(self) -> None:
        """End `run` and kill the process."""
        self._command(Stop())

    @property
    def pid(self) -> int | None:
        """Process id of the network's process, if one runs."""
        process = self._process
        return process.pid if process is not None else None

    def _command(self, command: Submit | Cancel | Stop | Warm) -> None:
        self._commands.put(command)
        with self._wake_lock:
            self._wake_out.send_bytes(b"!")

    # --- the running thread -----------------------------------------------------------------------------------

    def run(self) -> None:
        """Serve until `close`; blocks."""
        try:
            while True:
                self._wait()
                while not self._commands.empty():
                    command = self._commands.get()
                    if isinstance(command, Stop):
                        return
                    self._obey(command)
                self._read()
                self._enforce_deadlines()
        finally:
            self._kill()

    def _wait(self) -> None:
        sources: list[Connection | int] = [self._wake_in]
        if self._connection is not None and self._process is not None:
            sources += [self._connection, self._process.sentinel]
        timeout = max(0.0, min(self._deadlines.values()) - time.monotonic()) if self._deadlines else None
        if self._wake_in in wait(sources, timeout):
            while self._wake_in.poll():
                self._wake_in.recv_bytes()

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
            assert self._connection is not None
            self._connection.send(message)
        except OSError:
            self._bury()

    def _start(self) -> None:
        if self._process is not None:
            return
        context = multiprocessing.get_context("spawn")
        ours, theirs = context.Pipe(duplex=True)
        process = context.Process(target=serve, args=(theirs,), name="fcn-studio network", daemon=False)
        _leave_interrupts_to_the_window()
        process.start()
        theirs.close()
        self._process, self._connection = process, ours

    def _read(self) -> None:
        """Take all news that has come; bury the process when its end of the pipe is gone or talks nonsense."""
        while self._connection is not None:
            try:
                if not self._connection.poll():
                    break
                reply = self._connection.recv()
            except (EOFError, OSError, *_NONSENSE):
                self._bury()
                return
            if not isinstance(reply, Reply):
                self._bury()
                return
            self._handle(reply)
        if self._process is not None and not self._process.is_alive():
            self._bury()

    def _handle(self, reply: Reply) -> None:
        if isinstance(reply, Ready):
            self._ready = True
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
            self._deadlines.clear()
            self._kill()
            self._resubmit()

    def _bury(self) -> None:
        """The process died by itself: report what it cost, and give the rest to a new one."""
        was_ready = self._ready
        code = self._kill()
        sentence = _death_sentence(code)
        lost = [i for i, p in self._pending.items() if p.started or not was_ready]
        for job_id in lost:
            del self._pending[job_id]
            self._report(Failed(job_id, sentence))
        if not lost:
            self._report(Failed(0, sentence))
        self._deadlines.clear()
        self._resubmit()

    def _resubmit(self) -> None:
        for job_id, pending in list(self._pending.items()):
            if job_id not in self._pending:  # the new process died at once and took it along
                continue
            if pending.started:
                del self._pending[job_id]
                sentence = "The network's process was restarted; please start the job again."
                self._report(Failed(job_id, sentence))
            else:
                self._send(pending.submit)

    def _kill(self) -> int | None:
        process, connection = self._process, self._connection
        self._process = self._connection = None
        self._ready = False
        if connection is not None:
            connection.close()
        if process is None:
            return None
        process.join(0.2)
        if process.is_alive():
            process.kill()
        process.join()
        code = process.exitcode
        process.close()
        return code


def _leave_interrupts_to_the_window() -> None:
    """Let this thread, and the process it starts, hear no Ctrl+C: it must not meet the process half started."""
    if hasattr(signal, "pthread_sigmask"):
        from multiprocessing import resource_tracker

        resource_tracker.ensure_running()  # its own start would undo the next line
        signal.pthread_sigmask(signal.SIG_BLOCK, {signal.SIGINT})


def _death_sentence(code: int | None) -> str:
    how = "ended unexpectedly"
    if code is not None and code < 0:
        name = signal.Signals(-code).name if -code in set(signal.Signals) else str(-code)
        how = f"was killed ({name})"
        if name == "SIGKILL":
            how += "; perhaps the machine ran out of memory"
    elif code:
        how = f"ended with code {code}"
    return f"The network's process {how}. Your labels are safe; it starts again at the next click."
