"""Atomic writing of project files, and sentences for file system errors."""

from __future__ import annotations

import errno
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from fcn_studio.errors import NameTooLong, ProjectError
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.paths import replace_file

CANNOT_READ = tr_noop("{path} cannot be read: {reason}")
CANNOT_WRITE = tr_noop("{path} cannot be written: {reason}")


@contextmanager
def os_errors_as(sentence: str, path: Path, kind: type[ProjectError] = ProjectError) -> Iterator[None]:
    """Replace any OSError of the block by an error with a sentence.

    Args:
        sentence: marked for translation, with ``{path}`` and ``{reason}``.
        path: the file or folder that the sentence names.
        kind: the class of the error.

    Raises:
        ProjectError: or its ``kind``.
        NameTooLong: if the name of the file is longer than the file system allows.
    """
    try:
        yield
    except OSError as error:
        words = tr(sentence, path=path, reason=error.strerror or error)
        if error.errno == errno.ENAMETOOLONG:
            raise NameTooLong(tr("{sentence}; give the image a shorter name", sentence=words)) from error
        raise kind(words) from error


def refuse_outside(folder: Path, *places: Path, kind: type[ProjectError] = ProjectError) -> None:
    """Refuse to write through a link that leads out of the project.

    An untrusted project may have such links. A file that is a link is safe: the link is replaced.

    Raises:
        ProjectError: or the ``kind`` of it that is given, if a file at one of the ``places`` would really lie
            outside of the project ``folder``.
    """
    real = folder.resolve()
    for place in places:
        parent = place.parent.resolve()
        if not parent.is_relative_to(real):
            raise kind(
                tr(
                    "{folder} is not written to: it leads by a link to {target}, outside of the project; put a "
                    "folder in place of the link, or link the whole project",
                    folder=place.parent,
                    target=parent,
                )
            )


def write_atomically(path: Path, data: bytes) -> None:
    """Replace a file by new content, or create it and its folders.

    On any failure the old file stays as it was.

    Raises:
        ProjectError: if the disk is full, the folder is read-only or the name is too long.
    """
    with os_errors_as(tr_noop("{path} cannot be written, and what was there before is unchanged: {reason}"), path):
        replace_file(path, data)
