"""Lets any one call that touches the disk fail: every call of `open`, `write`, `fsync`, `replace` and the like has a
number, and the one of a given number raises."""

from __future__ import annotations

import builtins
import os
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from typing import Any

import pytest

CALLS = ("open", "fsync", "replace", "rename", "link", "unlink", "mkdir", "rmdir", "utime", "truncate")
"""Functions of `os` that change a disk, or open a file to do so."""


class Faults:
    """Counts the calls that touch the disk, and raises at one of them.

    Attributes:
        count: calls so far.
        names: what they were.
    """

    def __init__(self, at: int | None, error: Callable[[], BaseException]) -> None:
        self.count = 0
        self.names: list[str] = []
        self._at, self._error = at, error

    def hit(self, name: str) -> None:
        number, self.count = self.count, self.count + 1
        self.names.append(name)
        if number == self._at:
            raise self._error()


class _File:
    """A file whose writing, flushing and closing count."""

    def __init__(self, real: Any, faults: Faults) -> None:
        self._real, self._faults = real, faults

    def write(self, data: Any) -> Any:
        half = len(data) // 2
        try:
            self._faults.hit("write")
        except BaseException:
            self._real.write(data[:half])  # as a disk that fills up in the middle
            self._real.flush()
            raise
        return self._real.write(data)

    def flush(self) -> None:
        self._faults.hit("flush")
        self._real.flush()

    def __enter__(self) -> _File:
        return self

    def __exit__(self, *_: object) -> None:
        self._real.close()
        self._faults.hit("close")

    def __getattr__(self, name: str) -> Any:
        return getattr(self._real, name)


@contextmanager
def disk_faults(at: int | None = None, error: Callable[[], BaseException] = OSError) -> Iterator[Faults]:
    """While it lasts, the call number ``at`` raises ``error()``; None only counts."""
    faults, patch = Faults(at, error), pytest.MonkeyPatch()
    real_open, real_os_open = builtins.open, os.open

    def opening(file: Any, mode: str = "r", *arguments: Any, **options: Any) -> Any:
        if not set(mode) & set("wxa+"):
            return real_open(file, mode, *arguments, **options)
        faults.hit("open")
        return _File(real_open(file, mode, *arguments, **options), faults)

    def os_opening(path: Any, flags: int, *arguments: Any, **options: Any) -> int:
        if flags & (os.O_WRONLY | os.O_RDWR | os.O_CREAT):
            faults.hit("os.open")
        return real_os_open(path, flags, *arguments, **options)

    patch.setattr(builtins, "open", opening)
    patch.setattr(os, "open", os_opening)
    for name in CALLS[1:]:
        real = getattr(os, name)

        def counted(*arguments: Any, _name: str = name, _real: Any = real, **options: Any) -> Any:
            faults.hit(_name)
            return _real(*arguments, **options)

        patch.setattr(os, name, counted)
    try:
        yield faults
    finally:
        patch.undo()
