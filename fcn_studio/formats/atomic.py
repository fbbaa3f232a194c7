"""Files of a project that are old or new, never half, and failures told in a sentence."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fcn_studio.errors import NameTooLong, ProjectError
from fcn_studio.paths import replace_file


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
        if error.errno == errno.ENAMETOOLONG:
            raise NameTooLong(f"{path} cannot be {what}: {reason}; give the image a shorter name") from error
        raise kind(f"{path} cannot be {what}: {reason}") from error


def refuse_outside(folder: Path, *places: Path, kind: type[ProjectError] = ProjectError) -> None:
    """A stranger's project may have links for folders, and nothing is written through them to the outside.

    A file that is a link needs no such care: it is the link that is replaced.

    Raises:
        ProjectError: or the ``kind`` of it that is given, if a file at one of the ``places`` would really lie
            outside of the project ``folder``.
    """
    real = folder.resolve()
    for place in places:
        parent = place.parent.resolve()
        if not parent.is_relative_to(real):
            raise kind(
                f"{place.parent} is not written to: it leads by a link to {parent}, outside of the project; put a "
                "folder in place of the link, or link the whole project"
            )


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file by new content, or create it and its folders; on any failure the old file stays as it was.

    Raises:
        ProjectError: if the disk is full, the folder is read-only or the name is too long.
    """
    with told("written (what was there before is unchanged)", path):
        replace_file(path, data)
