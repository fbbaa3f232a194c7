"""Half-written files of a killed process.

They have the names that `paths.replace_file` gives before it renames.
"""

from __future__ import annotations

import os
import re
import time
from collections.abc import Iterator
from contextlib import suppress
from pathlib import Path

STALE_SECONDS = 3600.0
"""A younger one may be another process's, which is about to rename it: a training needs no lock."""

_NAME = re.compile(r"\.[0-9a-f]{16}\.tmp")


def remove_leftovers(folder: Path, *below: str) -> int:
    """Remove our stale half-written files and return their number.

    They are removed in the folder itself and anywhere below the named ones. Links are not followed, and what cannot
    be looked at or removed stays.
    """
    removed = 0
    for path in (*_files(folder), *(p for name in below for f, _, _ in os.walk(folder / name) for p in _files(f))):
        with suppress(OSError):
            if time.time() - path.lstat().st_mtime > STALE_SECONDS:
                path.unlink()
                removed += 1
    return removed


def _files(folder: str | Path) -> Iterator[Path]:
    """Return the regular files of a folder that have such a name."""
    with suppress(OSError), os.scandir(folder) as entries:
        for entry in entries:
            if _NAME.fullmatch(entry.name) and entry.is_file(follow_symlinks=False):
                yield Path(entry.path)
