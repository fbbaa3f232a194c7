"""What a life of the program leaves in the state folder: its log, and a mark that tells the next start its end.

A life writes ``logs/STEM.alive`` with {host, pid, started} when it begins and takes it away when it ends. A mark
whose process is gone is that of a life that was killed, crashed, or lost its power; faulthandler's last words are
then in ``STEM.crash``. A mark whose process lives is another window. Nothing here stops a start.
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
"""So many lives keep their log; those before them are forgotten."""

_TAIL = 64 << 10
"""Bytes that are read of a file's end: it may be huge or odd."""


def logs_dir() -> Path:
    """The folder of logs and crash reports."""
    return paths.state_dir() / "logs"


@dataclass(frozen=True, slots=True)
class UnexpectedEnd:
    """A life that did not end by itself.

    Attributes:
        stem: name of its files, which begins with when it started.
        trace: where its threads were when it crashed; "" if nothing could be written, as when it was killed.
        log: the end of its log.
    """

    stem: str
    trace: str
    log: str


class CrashMarker:
    """The files of this life, in a ``with`` whose value is the file to log to, or None if there can be none.

    An end with a sentence for the user is a good end; one by a bug is logged and leaves the mark.
    """

    def __init__(self) -> None:
        self._stem = f"{time.strftime('%Y%m%d-%H%M%S')}-{os.getpid()}"
        self._crash_file: TextIO | None = None

    def __enter__(self) -> Path | None:
        try:
            paths.replace_file(self._path("alive"), json.dumps(asdict(LockOwner.here())).encode())
            self._crash_file = self._path("crash").open("w")  # open as long as the process: faulthandler's wish
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
    """The lives that ended unexpectedly and that nobody was told of yet, the last one first."""
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
    """Whether the process of a mark is surely gone. That of another host may be at work."""
    try:
        fields = json.loads(_tail(mark))
        owner = LockOwner(str(fields["host"]), int(fields["pid"]), str(fields["started"]))
        return owner.host == socket.gethostname() and process_start_time(owner.pid) != owner.started
    except (ValueError, TypeError, KeyError, RecursionError, OverflowError):
        return True  # marks are written whole: a broken one was never a living program's


def _taken(mark: Path) -> bool:
    """Whether it is ours to tell: of two windows that start at once, one can take the mark away."""
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
    """Forget old lives, but none that goes on or whose end was not told."""
    stems = sorted({path.name.partition(".")[0] for path in _ours(folder)}, reverse=True)
    for stem in stems[MAX_LOGS:]:
        for path in folder.glob(f"{stem}.*"):
            if not (folder / f"{stem}.alive").exists():
                with suppress(OSError):
                    path.unlink()


def _ours(folder: Path) -> Iterator[Path]:
    for suffix in ("alive", "crash", "log"):
        yield from folder.glob(f"*-*-*.{suffix}")
