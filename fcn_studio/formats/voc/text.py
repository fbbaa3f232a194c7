"""Lines of text files that come with a data set."""

from __future__ import annotations

import codecs
import re
from pathlib import Path

from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as
from fcn_studio.i18n import tr
from fcn_studio.paths import read_file

_UTF_16 = (codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)


def text_lines(path: Path, limit: int, *, other: str | None = None) -> list[str]:
    """Return the lines of a text file of at most ``limit`` bytes.

    The file is UTF-8. UTF-16 with its mark is read too. ``other`` is the encoding of a file that is neither.

    Raises:
        ProjectError: if it cannot be read.
    """
    with os_errors_as(CANNOT_READ, path):
        data = read_file(path, limit)
    try:
        return lines_of(data.decode("utf-16" if data.startswith(_UTF_16) else "utf-8-sig"))
    except UnicodeDecodeError as error:
        if other is not None:
            return lines_of(data.decode(other))
        raise ProjectError(tr("{path} is not UTF-8 text; save it as UTF-8", path=path)) from error


def lines_of(text: str) -> list[str]:
    """Return the lines of a text, split at newlines only.

    `str.splitlines` splits at seven other characters too, which may stand in a file's name.
    """
    lines = re.split("\r\n|\r|\n", text)
    return lines[:-1] if not lines[-1] else lines
