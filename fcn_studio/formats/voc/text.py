"""Lines of text files that come with a data set."""

from __future__ import annotations

from pathlib import Path

from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import told
from fcn_studio.i18n import tr
from fcn_studio.paths import read_file


def text_lines(path: Path, limit: int) -> list[str]:
    """Return the lines of a UTF-8 text file of at most ``limit`` bytes.

    Raises:
        ProjectError: if it cannot be read.
    """
    with told("read", path):
        data = read_file(path, limit)
    try:
        return data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ProjectError(tr("{path} is not UTF-8 text; save it as UTF-8", path=path)) from error
