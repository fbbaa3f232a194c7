"""Files that are old or new, never half: written beside their place, flushed to disk, then renamed over it."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fcn_studio.errors import ProjectError


@contextmanager
def told(what: str, path: Path, kind: type[ProjectError] = ProjectError) -> Iterator[None]:
    """Turn an OSError of the block into a sentence: "PATH cannot be WHAT: reason".

    Raises:
        ProjectError: or the ``kind`` of it that is given, in place of any OSError.
    """
    try:
        yield
    except OSError as error:
        reason = error.strerror or str(error)
        raise kind(f"{path} cannot be {what}: {reason}") from error


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file by new content, or create it and its folders; on any failure the old file stays as it was.

    Raises:
        ProjectError: if the disk is full, the folder is read-only or the name is too long.
    """
    with told("written (what was there before is unchanged)", path):
        path.parent.mkdir(parents=True, exist_ok=True)
        # A short name of its own: the target's may already have all the 255 bytes that a name can have.
        temporary = path.parent / f".{secrets.token_hex(8)}.tmp"
        try:
            with open(temporary, "xb") as file:
                file.write(data)
                file.flush()
                os.fsync(file.fileno())
            os.replace(temporary, path)
        except BaseException:
            with suppress(OSError):
                temporary.unlink()
            raise
