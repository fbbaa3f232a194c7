"""The crash marker.

This file tells the next start how the program ended. At its start the program writes ``logs/STEM.alive`` with {host,
pid, started}; at its end it removes the file. A marker whose process is gone means that the program was killed,
crashed or lost power; faulthandler's report is then in ``STEM.crash``. A marker whose process lives is another
window. Nothing here prevents a start.
"""

from __future__ import annotations

import faulthandler
import json
import logging
import os
import socket
import time
from collections.abc import Iterator
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import TextIO

from fcn_studio import paths
from fcn_studio.errors import FcnStudioError
from fcn_studio.formats.project.lock import LockOwner, process_start_time

log = logging.getLogger(__name__)

MAX_LOGS = 20
"""Number of starts whose logs are kept."""

_TAIL = 64 << 10
"""Bytes that are read from the end of a file, which may be huge."""


def logs_dir() -> Path:
    """Return the folder of logs and crash reports."""
    return paths.state_dir() / "logs"


@dataclass(frozen=True, slots=True)
class UnexpectedEnd:
    """An unexpected end of the program.

    Attributes:
        stem: name of its files; it begins with the time of the start.
        trace: traceback of its threads; "" if none could be written, as when it was killed.
        log: the end of its log.
    """

    stem: str
    trace: str
    log: str


class CrashMarker:
    """Context manager that keeps the crash marker of this process.

    Its value is the file to log to, or None if none can be written. An end by an error for the user is a normal end;
    an end by a bug is logged and leaves the marker.
    """

    def __init__(self) -> None:
        self._stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        self._crash_file: TextIO | None = None

    def __enter__(self) -> Path | None:
        try:
            paths.replace_file(self._path("alive"), json.dumps(asdict(LockOwner.here())).encode())
            self._crash_file = self._path("crash").open("w")  # open as long as the process, as faulthandler needs it
        except OSError:
            return None
        faulthandler.enable(self._crash_file)
        with suppress(OSError):
            _prune(logs_dir())
        return self._path("log")

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if error is not None and not isinstance(error, FcnStudioError):
            log.critical("the program was ended by a bug", exc_info=error)
            return
        if self._crash_file is not None:
            faulthandler.disable()
            self._crash_file.close()
        for suffix in ("crash", "alive"):
            with suppress(OSError):
                self._path(suffix).unlink()

    def _path(self, suffix: str) -> Path:
        return logs_dir() / f"{self._stem}.{suffix}"


def take_unexpected_ends() -> list[UnexpectedEnd]:
    """Return unexpected ends that were not reported yet, and remove their markers.

    The last one is first.
    """
    return [
        UnexpectedEnd(mark.stem, _tail(mark.with_suffix(".crash")), _tail(mark.with_suffix(".log")))
        for mark in sorted(_marks(), reverse=True)
        if _is_dead(mark) and _taken(mark)
    ]


def _marks() -> list[Path]:
    with suppress(OSError):
        return list(logs_dir().glob("*.alive"))
    return []


def _is_dead(mark: Path) -> bool:
    """Return whether the process of a marker has ended for certain.

    A process of another host may still run.
    """
    try:
        fields = json.loads(_tail(mark))
        owner = LockOwner(str(fields["host"]), int(fields["pid"]), str(fields["started"]))
        return owner.host == socket.gethostname() and process_start_time(owner.pid) != owner.started
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return True  # markers are written as a whole: a broken one belongs to no running program


def _taken(mark: Path) -> bool:
    """Remove a marker and return whether this process removed it.

    Of two windows that start at once, one can.
    """
    try:
        mark.unlink()
    except OSError:
        return False
    return True


def _tail(path: Path) -> str:
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(0, size - _TAIL))
            return file.read(_TAIL).decode("utf-8", "replace")
    except OSError:
        return ""


def _prune(folder: Path) -> None:
    """Remove old logs.

    Logs of a process that runs or whose end was not reported stay.
    """
    stems = sorted({path.name.partition(".")[0] for path in _ours(folder)}, reverse=True)
    for stem in stems[MAX_LOGS:]:
        for path in folder.glob(f"{stem}.*"):
            if not (folder / f"{stem}.alive").exists():
                with suppress(OSError):
                    path.unlink()


def _ours(folder: Path) -> Iterator[Path]:
    for suffix in ("alive", "crash", "log"):
        yield from folder.glob(f"*-*-*.{suffix}")
