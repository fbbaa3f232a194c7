"""The sha256 of large files, remembered between starts of the program.

Else a network of half a gigabyte would be read at each start only to be named.
"""

from __future__ import annotations

import hashlib
import io
import json
import os
import time
from contextlib import suppress
from pathlib import Path

from fcn_studio import paths
from fcn_studio.formats.strict_json import parse, text

LARGE = 4 << 20
"""Bytes from which on a digest is remembered; it takes a few milliseconds to find that of smaller files."""

_SETTLED = 2.0
"""Seconds since its last change from which on a file's time stamp tells it from a later state."""

_MAX_BYTES, _MAX_ROWS = 1 << 18, 500


def digest_of(file: io.BufferedReader) -> str:
    """Return the sha256 of an open file, 64 hex digits.

    The position in the file is then at the end, or where it was. Device, inode, size and time of change tell whether
    a file is the same as before.

    Raises:
        OSError: if it cannot be read.
    """
    status = os.fstat(file.fileno())
    if status.st_size < LARGE:
        return hashlib.file_digest(file, "sha256").hexdigest()
    stamp = f"{status.st_dev}/{status.st_ino}/{status.st_size}/{status.st_mtime_ns}"
    known = _known()
    if stamp in known:
        return known[stamp]
    digest = hashlib.file_digest(file, "sha256").hexdigest()
    if time.time() - status.st_mtime > _SETTLED:
        _remember({**known, stamp: digest})
    return digest


def _place() -> Path:
    return paths.state_dir() / "digests.json"


def _known() -> dict[str, str]:
    """Return stamp -> digest.

    It is empty if the file is missing or broken.
    """
    with suppress(OSError, ValueError, TypeError, AttributeError):
        return {stamp: text(digest) for stamp, digest in parse(paths.read_file(_place(), _MAX_BYTES)).items()}
    return {}


def _remember(digests: dict[str, str]) -> None:
    newest = dict(list(digests.items())[-_MAX_ROWS:])
    with suppress(OSError):
        paths.replace_file(_place(), json.dumps(newest).encode())
