"""Spoiled files for every reader, each read in a worker process whose signals, CPU time and memory are watched.

The worker tells the number of each file before it reads it, so that a crash names its file; the next worker goes on
behind it. A file is named by reader, seed and number, from which `spoiled` makes it again.
"""

from __future__ import annotations

import contextlib
import faulthandler
import multiprocessing
import os
import signal
import sys
import tempfile
import time
import traceback
from dataclasses import asdict, dataclass, field
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

from fcn_studio.errors import FcnStudioError
from tests.trust.readers import CONTROLS, READERS, Reader, spoiled

CPU_S = 1.0
"""A file may take so much CPU time; with twice as much the worker is ended."""

MEMORY_MB = 300
"""A file may take so much memory more than the reader had before."""

HANG_S = 60
"""A file may take so long on the clock, on a busy machine."""

ADDRESS_SPACE = 4 << 30
"""The worker gets so much more, so that a reader out of control does not take the machine with it."""


@dataclass(frozen=True)
class Failure:
    """A file that its reader did not take well: ``spoiled(READERS[reader], reader, seed, number)``."""

    reader: str
    seed: int
    number: int
    what: str


@dataclass
class Report:
    """What became of the files of one reader."""

    reader: str
    files: int
    opened: int = 0
    refused: int = 0
    failures: list[Failure] = field(default_factory=list)
    slowest: float = 0.0
    slowest_file: int = -1
    largest_mb: float = 0.0
    cpu_seconds: float = 0.0

    def as_json(self) -> dict[str, Any]:
        """The report as plain values."""
        return asdict(self)


def fuzz(name: str, files: int, seed: int = 0, *, hang_s: float = HANG_S, method: str = "spawn") -> Report:
    """Give a reader so many spoiled files, in workers that ``method`` of `multiprocessing` starts."""
    report, first = Report(name, files), 0
    while first < files:
        first = _one_worker(report, first, seed, hang_s, multiprocessing.get_context(method))
    return report


def _one_worker(report: Report, first: int, seed: int, hang_s: float, context: Any) -> int:
    """Files from ``first`` on in one worker; the number of the file behind the last that it read."""
    number, done = first - 1, first - 1
    news, told = context.Pipe(duplex=False)
    with tempfile.NamedTemporaryFile("r") as errors:
        what = report.reader, seed, first, report.files, hang_s
        worker = context.Process(target=_work_alone, args=(told, errors.name, *what))
        worker.start()
        told.close()
        with news, contextlib.suppress(EOFError):
            while True:
                number, *outcome = news.recv()
                if outcome:
                    done = number
                    _note(report, seed, number, *outcome)
        worker.join()
        words = errors.read()
    if worker.exitcode != 0:
        if done == number:  # it never came to a file: the harness is broken, not the reader
            raise AssertionError(f"the worker of {report.reader} ended with {worker.exitcode}: {words[-2000:]}")
        ended = signal.Signals(-worker.exitcode).name if worker.exitcode < 0 else "a hang, or its own exit"
        report.failures.append(Failure(report.reader, seed, number, f"ended by {ended}: {words[-600:]}"))
    return number + 1


def _note(report: Report, seed: int, number: int, outcome: str, cpu: float, mb: float) -> None:
    report.cpu_seconds += cpu
    report.largest_mb = max(report.largest_mb, mb)
    if cpu > report.slowest:
        report.slowest, report.slowest_file = cpu, number
    if cpu > CPU_S:
        outcome = f"{cpu:.2f} s of CPU time ({outcome})"
    if mb > MEMORY_MB:
        outcome = f"{mb:.0f} MB of memory ({outcome})"
    report.opened += outcome == "opened"
    report.refused += outcome == "refused"
    if outcome not in ("opened", "refused"):
        report.failures.append(Failure(report.reader, seed, number, outcome))


# --- in the worker ------------------------------------------------------------------------------------------------


def _peak_mb() -> float:
    """The most memory that this program has had; on Linux ``ru_maxrss`` may be that of who started it."""
    import resource

    with contextlib.suppress(OSError):
        status = Path("/proc/self/status").read_text()
        return int(status.partition("VmHWM:")[2].split()[0]) / 2**10
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak / 2**20 if sys.platform == "darwin" else peak / 2**10


def _limit_address_space() -> None:
    """Runaway allocations fail; Linux only, where the present size is known."""
    import resource

    with contextlib.suppress(OSError, ValueError):
        present = int(Path("/proc/self/statm").read_text().split()[0]) * resource.getpagesize()
        resource.setrlimit(resource.RLIMIT_AS, (present + ADDRESS_SPACE, present + ADDRESS_SPACE))


def _tried(reader: Reader, path: Path) -> str:
    """What became of one file."""
    try:
        return "refused" if reader.read(path) is None else "opened"
    except FcnStudioError as error:
        return "refused" if str(error) else f"{type(error).__name__} without a sentence"
    except Exception as error:
        frame = traceback.extract_tb(error.__traceback__)[-1]
        return f"{type(error).__name__}: {error!s:.300} at {frame.filename}:{frame.lineno}"


def _placed(reader: Reader, folder: Path, data: bytes) -> Path:
    """The file in its place, in a folder that holds nothing else."""
    path = folder / reader.place
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_bytes(data)
    return path


def _work_alone(told: Connection, errors: str, *what: Any) -> None:
    """Work with the file ``errors`` in place of standard error."""
    with open(errors, "w") as file:
        os.dup2(file.fileno(), 2)
    faulthandler.enable(file=2)
    work(told, *what)


def work(told: Connection, name: str, seed: int, first: int, last: int, hang_s: float) -> None:
    """Read the files of these numbers; ends early behind one that took too much memory."""
    reader = (READERS | CONTROLS)[name]
    with tempfile.TemporaryDirectory() as folder:
        for data, _ in reader.seeds():
            outcome = _tried(reader, _placed(reader, Path(folder), data))
            assert outcome in ("opened", "refused"), f"a sound file: {outcome}"
        _limit_address_space()
        before = _peak_mb()
        for number in range(first, last):
            path = _placed(reader, Path(folder), spoiled(reader, name, seed, number))
            told.send((number,))
            signal.setitimer(signal.ITIMER_PROF, 2 * CPU_S)  # whose signal nobody handles: it ends C code too
            faulthandler.dump_traceback_later(hang_s, exit=True, file=2)
            started = time.process_time()
            outcome = _tried(reader, path)
            cpu = time.process_time() - started
            faulthandler.cancel_dump_traceback_later()
            signal.setitimer(signal.ITIMER_PROF, 0)
            mb = _peak_mb() - before
            told.send((number, outcome, cpu, mb))
            if mb > MEMORY_MB:
                return
