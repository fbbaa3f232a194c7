"""Whether files are as they were: size and time of all, content of some."""

from __future__ import annotations

import hashlib
import os
from collections.abc import Callable, Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path


@dataclass(frozen=True)
class Fingerprint:
    """What is compared of a file.

    Attributes:
        size: in bytes.
        changed: modification time in ns.
        sha256: of the content, or "" where only size and time are looked at.
    """

    size: int
    changed: int
    sha256: str


def fingerprints(folder: Path, read: Callable[[Path], bool]) -> dict[Path, Fingerprint]:
    """The fingerprints of all files below a folder, caches of Python left out; ``read`` says whose content counts."""
    return {path: _fingerprint(path, read(path)) for path in sorted(_files(folder))}


def differences(before: Mapping[Path, Fingerprint], after: Mapping[Path, Fingerprint]) -> list[str]:
    """What was changed, added or taken away, in words; empty if nothing was."""
    words = [f"{path} is gone" for path in before if path not in after]
    words += [f"{path} is new" for path in after if path not in before]
    for path in before.keys() & after.keys():
        for what in ("size", "changed", "sha256"):
            if getattr(before[path], what) != getattr(after[path], what):
                words.append(f"{path} has another {what.replace('changed', 'time of change')}")
    return sorted(words)


def _files(folder: Path) -> Iterator[Path]:
    for parent, folders, names in os.walk(folder):
        folders[:] = [name for name in folders if name != "__pycache__"]
        yield from (Path(parent, name) for name in names)


def _fingerprint(path: Path, read: bool) -> Fingerprint:
    found = path.lstat()
    content = hashlib.sha256(path.read_bytes()).hexdigest() if read and path.is_file() else ""
    return Fingerprint(found.st_size, found.st_mtime_ns, content)
