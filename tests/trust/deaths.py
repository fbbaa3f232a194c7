"""Ways for the network's process to die, and what must be true after each. Linux: by signals, from a warm fork.

The children are forked from a server that has loaded torch once, so that a death costs a second and not five. The
signal `FAULT` makes a child's main thread do what the file of `FAULT_FILE` names.
"""

from __future__ import annotations

import ctypes
import multiprocessing
import os
import pickle
import signal
import struct
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from multiprocessing.connection import Connection
from pathlib import Path

import psutil

from fcn_studio.core.training import Level, TrainConfig, TrainProgress
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs.process import child, hang_detector
from fcn_studio.jobs.process import supervisor as supervisor_module
from fcn_studio.jobs.process.supervisor import ProcessSupervisor
from fcn_studio.jobs.protocol import (
    Done,
    Failed,
    FineTuneJob,
    Progress,
    Reply,
    SegmentJob,
    Silent,
    Started,
)
from fcn_studio.jobs.snapshot import collect_now
from tests.jobs.helpers import Listener, segment_all
from tests.patience import wait_until

FAULT = signal.SIGUSR1
FAULT_FILE = "FCN_STUDIO_TEST_FAULT"
"""Environment variable with the path of the file that names the next fault."""

GRACE = 1.0
"""Seconds that a cancelled job has here to reach its next step."""

_connection: Connection | None = None


# --- the child's side -------------------------------------------------------------------------------------------


def serve(connection: Connection) -> None:
    """`child.serve` that can be told to fail."""
    global _connection
    _connection = connection
    signal.signal(FAULT, lambda *_: _fail())
    child.serve(connection)


def _fail() -> None:
    """Do what the file names, once: that it is gone says that this was heard."""
    path = Path(os.environ[FAULT_FILE])
    with suppress(FileNotFoundError):
        mode = path.read_text()
        path.unlink()
        FAULTS[mode]()


def _write(data: bytes) -> None:
    assert _connection is not None
    os.write(_connection.fileno(), data)


def _framed(data: bytes) -> None:
    _write(struct.pack("!i", len(data)) + data)


def _truncated() -> None:
    _framed(pickle.dumps(Failed(0, "x" * 100))[:-20])


def _wait_for_ever() -> None:
    lock = threading.Lock()
    lock.acquire()
    lock.acquire()  # another thread goes on giving signs


FAULTS: dict[str, Callable[[], object]] = {
    "SEGV": lambda: os.kill(os.getpid(), signal.SIGSEGV),
    "ABRT": lambda: os.kill(os.getpid(), signal.SIGABRT),
    "KILL": lambda: os.kill(os.getpid(), signal.SIGKILL),
    "exit": lambda: os._exit(3),
    "printed text": lambda: _write(b"terminate called after throwing an instance of 'c10::Error'\n" * 50),
    "random bytes": lambda: _write(os.urandom(4096)),
    "cut pickle": _truncated,
    "no such class": lambda: _framed(b"cno_such_module\nNothing\n."),
    "2^62 bytes": lambda: _write(struct.pack("!iQ", -1, 2**62)),
    "2 GB": lambda: _write(struct.pack("!i", 2**31 - 1)),
    "200 MB": lambda: _write(struct.pack("!i", 200 * 2**20)),
    "half a message": lambda: (_write(struct.pack("!i", 5000) + b"half"), os.kill(os.getpid(), signal.SIGSTOP)),
    "STOP": lambda: os.kill(os.getpid(), signal.SIGSTOP),
    "held GIL": lambda: ctypes.PyDLL(None).sleep(1000),
    "deadlock": _wait_for_ever,
}
SILENT = ("200 MB", "half a message", "STOP", "held GIL")
"""Faults after which nothing more is heard, and no end either."""
PERHAPS_SILENT = ("random bytes",)
"""Faults that may or may not announce a message that never ends."""
MODES = tuple(FAULTS)
PHASES = ("idle", "load", "infer", "train")


# --- the shell's side -------------------------------------------------------------------------------------------


@contextmanager
def warm_forks(fault_file: Path, *, ended_after: float, stuck_after: float) -> Iterator[None]:
    """Within it hosts fork their processes from one that has loaded torch, and lose patience sooner."""
    from multiprocessing import forkserver

    os.environ[FAULT_FILE] = str(fault_file)
    before = supervisor_module.START_METHOD, supervisor_module.serve, supervisor_module.GRACE
    limits = hang_detector.ENDED_AFTER, hang_detector.STUCK_AFTER
    multiprocessing.set_forkserver_preload(["tests.trust.preload"])
    supervisor_module.START_METHOD, supervisor_module.serve, supervisor_module.GRACE = "forkserver", serve, GRACE  # type: ignore[assignment]
    hang_detector.ENDED_AFTER, hang_detector.STUCK_AFTER = ended_after, stuck_after
    forkserver._forkserver._stop()  # type: ignore[attr-defined]  # one of other tests knows nothing of the faults
    forkserver.ensure_running()
    try:
        yield
    finally:
        supervisor_module.START_METHOD, supervisor_module.serve, supervisor_module.GRACE = before
        hang_detector.ENDED_AFTER, hang_detector.STUCK_AFTER = limits
        forkserver._forkserver._stop()  # type: ignore[attr-defined]
        del os.environ[FAULT_FILE]


@dataclass(frozen=True)
class Times:
    """What one death cost, in wall seconds: until the user was told, and until the next result.

    ``promised`` is until when the user is to be told on a machine that does nothing else.
    """

    mode: str
    phase: str
    told: float
    next_result: float
    promised: float


@dataclass
class Deaths:
    """One host that is made to lose its process again and again.

    Attributes:
        project: a folder of micrographs.
        network: a checkpoint file.
        fault_file: where the next fault is named.
    """

    project: Path
    network: Path
    fault_file: Path
    make_supervisor: Callable[[Callable[[Reply], None]], ProcessSupervisor] = ProcessSupervisor
    listener: Listener = field(init=False)

    def __post_init__(self) -> None:
        self.listener = Listener(self.make_supervisor)
        every = segment_all(self.project, self.network, repeat=500)
        self._long = every
        self.one = replace(every, images=every.images[:1])
        self._training = fine_tune_job(self.project, self.network)

    def die(self, mode: str, phase: str) -> Times:
        """One death, and everything that must be true after it; AssertionError if it is not."""
        pid, job_id = self.reach(phase)
        heard = len(self.listener.replies)
        fault(pid, mode, self.fault_file)
        began = time.monotonic()
        told, lost = self._told(mode, phase, job_id, heard)
        promised = hang_detector.STUCK_AFTER + 3 if mode == "deadlock" else 2.0
        if mode in SILENT + PERHAPS_SILENT:
            promised = 3.0
        next_id = self.listener.supervisor.submit(self.one, interactive=True)
        end = self.listener.end_of(next_id)
        assert isinstance(end, Done), f"after {mode} at {phase} the next job ended with {end}"
        next_result = time.monotonic() - began
        assert self.listener.supervisor.pid not in (None, pid)
        wait_until(lambda: dead(pid), lambda: f"after {mode} at {phase} process {pid} is still there")
        late = [r for r in self.listener.replies[lost:] if job_id and getattr(r, "job_id", 0) == job_id]
        assert not late, f"after {mode} at {phase} the lost job said {late[0]}"
        return Times(mode, phase, told - began, next_result, promised)

    def close(self) -> None:
        self.listener.close()

    def reach(self, phase: str) -> tuple[int, int]:
        """Bring the process to a phase; its pid and the job it is at, 0 if none."""
        supervisor = self.listener.supervisor
        if supervisor.pid is None or phase == "idle":
            assert isinstance(self.listener.end_of(supervisor.submit(self.one)), Done)
        job_id = 0
        if phase == "load":
            job_id = supervisor.submit(self._one_of_another_network())
            self.listener.wait(lambda r: isinstance(r, Started) and r.job_id == job_id)
        elif phase == "infer":
            job_id = supervisor.submit(self._long)
            self.listener.news_of(job_id)
        elif phase == "train":
            job_id = supervisor.submit(self._training)
            self.listener.wait(lambda r: is_training(r, job_id))
        pid = supervisor.pid
        assert pid is not None
        return pid, job_id

    def _one_of_another_network(self) -> SegmentJob:
        """A long job, so that it is not over when the fault comes; touched, the file counts as another network."""
        os.utime(self.network)
        return self._long

    def _told(self, mode: str, phase: str, job_id: int, heard: int) -> tuple[float, int]:
        """When the user was told, and how many replies there were once the job was lost."""

        def lost(reply: Reply) -> bool:
            return isinstance(reply, Failed) and reply.job_id == job_id

        def silent(reply: Reply) -> bool:
            return isinstance(reply, Silent)

        listener = self.listener
        if mode in SILENT:
            listener.wait(silent, after=heard)
        elif mode in PERHAPS_SILENT:
            listener.wait(lambda r: silent(r) or lost(r), after=heard)
        told = time.monotonic()
        end = listener.wait(lost, after=heard)
        assert isinstance(end, Failed)
        assert "Your labels are safe" in end.sentence
        assert not end.trace
        return told if mode in SILENT + PERHAPS_SILENT else time.monotonic(), len(listener.replies)


def fault(pid: int, mode: str, fault_file: Path) -> None:
    """Make a child of `serve` fail."""
    if mode in ("SEGV", "ABRT", "KILL", "STOP"):  # from outside, as the kernel does: at any instruction
        os.kill(pid, signal.Signals[f"SIG{mode}"])
        return
    part = fault_file.with_suffix(".part")
    part.write_text(mode)
    part.replace(fault_file)

    def heard() -> bool:
        if fault_file.exists():
            with suppress(ProcessLookupError):
                os.kill(pid, FAULT)  # again: in the moment before the main thread begins to wait it is not heard
        return not fault_file.exists()

    wait_until(heard, lambda: f"the child does not hear of {mode}")


def is_training(reply: Reply, job_id: int) -> bool:
    """Whether this is news of a training that has made a step."""
    if not (isinstance(reply, Progress) and reply.job_id == job_id):
        return False
    return isinstance(reply.news, TrainProgress) and reply.news.step > 0


def fine_tune_job(project: Path, network: Path) -> FineTuneJob:
    """A training without end."""
    with ProjectFolder.open(project, writable=False) as folder:
        snapshot = collect_now(folder)
        table = folder.config.table
    config = TrainConfig(Level.FULL, steps=100_000, batch_size=1)
    out = project / "best.safetensors"
    return FineTuneJob(config, table, snapshot.train, (), str(network), "", str(out), "cpu")


def dead(pid: int) -> bool:
    """Whether a process is gone, or has ended and is only not yet taken note of."""
    try:
        return psutil.Process(pid).status() == psutil.STATUS_ZOMBIE
    except psutil.NoSuchProcess:
        return True
