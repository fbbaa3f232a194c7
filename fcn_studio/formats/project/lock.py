"""Lock that allows one writer per project.

The lock file is JSON {host, pid, started}, made so that only one process can make it. A lock whose process is gone is
taken over, on the same host; a lock of another host only on demand.
"""

from __future__ import annotations

import json
import os
import platform
import secrets
import socket
import subprocess
import time
from abc import ABC, abstractmethod
from contextlib import suppress
from dataclasses import asdict, dataclass
from pathlib import Path
from types import TracebackType
from typing import NoReturn, Self

from fcn_studio.errors import ProjectLocked, ProjectReadOnly
from fcn_studio.formats.atomic import os_errors_as
from fcn_studio.formats.strict_json import parse, text, whole
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.paths import read_file

_FRESH_SECONDS = 10.0
_MAX_BYTES = 4096

_left_behind: set[Path] = set()
"""Locks that this process has given back but could not delete: their folder had become read-only meanwhile."""


@dataclass(frozen=True, slots=True)
class LockOwner:
    """Holder of a lock.

    The start time tells a process from a later one with the same number.
    """

    host: str
    pid: int
    started: str

    @classmethod
    def here(cls) -> LockOwner:
        """This process."""
        return cls(socket.gethostname(), os.getpid(), process_start_time(os.getpid()) or "")


BEING_MADE = LockOwner("", 0, "")
"""In place of the owner of a lock file that does not say it yet."""


class FileLock(ABC):
    """A lock file, held from construction to `release`.

    It is a context manager. Each kind says what is locked.
    """

    def __init__(self, path: Path, *, break_lock: bool = False) -> None:
        """Take the lock file at ``path``.

        ``break_lock`` takes it from whoever holds it, another host too.
        """
        self.path = path
        self.owner = LockOwner.here()
        self._take(break_lock=break_lock)

    def _take(self, *, break_lock: bool) -> None:
        """Make the file, replacing that of a dead owner.

        Raises: OSError, and what `_refuse` does.
        """
        while not self._create():
            with suppress(FileNotFoundError):  # released meanwhile: try again
                found = read_file(self.path, _MAX_BYTES)
                owner = _alive(found, self.path)
                if owner is not None and not break_lock:
                    self._refuse(owner)
                self._remove(found)

    @abstractmethod
    def _refuse(self, owner: LockOwner) -> NoReturn:
        """Raise this kind of lock's error, which names the holder.

        ``BEING_MADE`` is a holder that is not known yet.
        """

    def _create(self) -> bool:
        """Make the file if nobody has: True if it is ours now."""
        try:
            handle = os.open(self.path, os.O_CREAT | os.O_EXCL | os.O_WRONLY, 0o644)
        except FileExistsError:
            return False
        try:
            with os.fdopen(handle, "wb") as file:
                file.write(json.dumps(asdict(self.owner)).encode("utf-8"))
        except OSError:  # a full disk: an empty lock would only look like one that is being made
            with suppress(OSError):
                self.path.unlink()
            raise
        return True

    def _remove(self, judged: bytes) -> None:
        """Remove a judged lock.

        A lock that another process has put in its place meanwhile stays.
        """
        aside = self.path.with_name(f"{self.path.name}.{secrets.token_hex(4)}")
        os.rename(self.path, aside)
        if read_file(aside, _MAX_BYTES) != judged:
            with suppress(FileExistsError):
                os.link(aside, self.path)
        aside.unlink()

    def release(self) -> None:
        """Give the lock back, if it is still ours."""
        with suppress(OSError):
            if _parsed(read_file(self.path, _MAX_BYTES)) == self.owner:
                _left_behind.add(self.path)
                self.path.unlink()
                _left_behind.discard(self.path)

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.release()


class ProjectLock(FileLock):
    """The lock of a project.

    Raises:
        ProjectLocked: if a living process on this host holds it, or any process of another host.
        ProjectReadOnly: if the folder cannot be written.
    """

    def __init__(self, path: Path, *, break_lock: bool = False) -> None:
        """Take it, as any `FileLock`."""
        with os_errors_as(
            tr_noop("{path} cannot be written, so the project can only be opened to look at: {reason}"),
            path,
            ProjectReadOnly,
        ):
            self._place = _identity(path.parent.parent)
            super().__init__(path, break_lock=break_lock)

    def confirm(self) -> bool:
        """Check that the lock is still held and the folder the same.

        It is called before something is written. A lock that somebody deleted is made anew. A folder that was
        unmounted leaves an empty one behind: what is written there would be lost.

        Returns:
            Whether it was held all the time. If not, another process may have written here meanwhile.

        Raises:
            ProjectLocked: if another process has taken the lock over.
            ProjectReadOnly: if the folder is gone, another one is in its place, or it cannot be written any more.
        """
        folder = self.path.parent.parent
        try:
            if _parsed(read_file(self.path, _MAX_BYTES)) == self.owner:
                return True
            there = True
        except FileNotFoundError:
            there = False
        except OSError as error:
            raise ProjectReadOnly(
                tr("{folder} cannot be reached: {reason}", folder=folder, reason=error.strerror or error)
            ) from error
        if not there and _identity(folder) != self._place:
            raise ProjectReadOnly(
                tr("{folder} is gone, or another disk is in its place; bring it back", folder=folder)
            )
        with os_errors_as(
            tr_noop("{path} cannot be written, so nothing can be saved there: {reason}"), self.path, ProjectReadOnly
        ):
            self._take(break_lock=False)
        return False

    def _take(self, *, break_lock: bool) -> None:
        """`FileLock._take`, in a folder that is made if it is not there."""
        self.path.parent.mkdir(exist_ok=True)
        super()._take(break_lock=break_lock)

    def _refuse(self, owner: LockOwner) -> NoReturn:
        """Raises: ProjectLocked."""
        folder = self.path.parent.parent
        if owner is BEING_MADE:
            raise ProjectLocked(tr("{folder} is just being opened elsewhere; try again", folder=folder))
        if owner.host != self.owner.host:
            raise ProjectLocked(
                tr(
                    "{folder} is in use on host {host} by process {pid}; close it there, or if that process is "
                    "surely gone, open with --break-lock",
                    folder=folder,
                    host=owner.host,
                    pid=owner.pid,
                )
            )
        raise ProjectLocked(
            tr(
                "{folder} is in use by process {pid} on this host ({host}); close it there first "
                "(--break-lock takes the lock from a process that hangs)",
                folder=folder,
                pid=owner.pid,
                host=owner.host,
            )
        )

    def release(self) -> None:
        """Give the lock back, if it is still ours.

        The folder is removed too, if nothing else came into it.
        """
        super().release()
        with suppress(OSError):
            self.path.parent.rmdir()


def holder(path: Path) -> LockOwner | None:
    """Return the holder of the lock at ``path``.

    It is a living process, or one of another host.
    """
    try:
        return _alive(read_file(path, _MAX_BYTES), path)
    except OSError:
        return None


def _alive(found: bytes, path: Path) -> LockOwner | None:
    """Return the living owner in a lock file.

    It is None if the owner is dead, or the file old and incomplete.

    Raises:
        OSError: if the file cannot be examined.
    """
    owner = _parsed(found)
    if owner is None:
        return BEING_MADE if time.time() - path.stat().st_mtime < _FRESH_SECONDS else None
    if owner.host != socket.gethostname():
        return owner
    if path in _left_behind and owner == LockOwner.here():
        return None
    return owner if process_start_time(owner.pid) == owner.started else None


def _identity(folder: Path) -> tuple[int, int] | None:
    """Return device and inode of a folder, None without one."""
    try:
        status = folder.stat()
    except OSError:
        return None
    return status.st_dev, status.st_ino


def _parsed(data: bytes) -> LockOwner | None:
    """Return the owner in a lock file.

    It is None if the file makes no sense.
    """
    try:
        fields = parse(data)
        return LockOwner(text(fields["host"]), whole(fields["pid"]), text(fields["started"]))
    except (ValueError, TypeError, KeyError):
        return None


def process_start_time(pid: int) -> str | None:
    """Return the start time of a process of this host.

    Its form only compares. It is None if there is no such process.
    """
    if pid <= 0:
        return None
    system = platform.system()
    if system == "Linux":
        return _start_time_linux(pid)
    if system == "Windows":
        return _start_time_windows(pid)
    shown = subprocess.run(["ps", "-o", "lstart=", "-p", str(pid)], capture_output=True, text=True, check=False)
    return shown.stdout.strip() or None


def _start_time_linux(pid: int) -> str | None:
    """Boot id and clock ticks since boot.

    Source: proc(5), ``/proc/pid/stat``: field 22, counted behind the name, which may hold spaces and brackets;
    field 3 is the state, and a zombie (Z) or dead (X) process writes no more.
    """
    try:
        fields = Path(f"/proc/{pid}/stat").read_bytes().rpartition(b")")[2].split()
        boot = Path("/proc/sys/kernel/random/boot_id").read_text().strip()
    except OSError:
        return None
    return None if fields[0] in (b"Z", b"X") else f"{boot}:{fields[19].decode()}"


def _start_time_windows(pid: int) -> str | None:
    """Return the creation time in units of 100 ns.

    ``os.kill(pid, 0)`` would end the process on Windows.
    """
    import ctypes

    kernel = ctypes.WinDLL("kernel32", use_last_error=True)  # type: ignore[attr-defined,unused-ignore]
    query_limited_information, still_active = 0x1000, 259
    kernel.OpenProcess.restype = ctypes.c_void_p
    handle = kernel.OpenProcess(query_limited_information, False, pid)
    if not handle:
        return None
    try:
        times = [ctypes.c_uint64() for _ in range(4)]
        code = ctypes.c_ulong()
        kernel.GetExitCodeProcess(ctypes.c_void_p(handle), ctypes.byref(code))
        alive = code.value == still_active
        read = kernel.GetProcessTimes(ctypes.c_void_p(handle), *(ctypes.byref(t) for t in times))
        return str(times[0].value) if alive and read else None
    finally:
        kernel.CloseHandle(ctypes.c_void_p(handle))
