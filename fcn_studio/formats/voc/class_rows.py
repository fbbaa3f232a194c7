"""Rows of a text file that names classes.

They have the forms that people write: "road", "1: road", "road,128,0,0". A file has one form. What can be read in two
ways is asked about, never guessed.
"""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass

from fcn_studio.core.classes import MAX_NAME, VOID, Colour, voc_colour
from fcn_studio.errors import ProjectError
from fcn_studio.i18n import tr

ESCAPE = "\\"
"""First character of a row whose rest is a name, however it looks; our exports write it where a name needs it."""

IGNORE = "__ignore__"
"""First row of labelme's ``labels.txt``: index -1, which is void."""

_LONGEST = 2 * MAX_NAME
"""Characters of a row that is looked at; a longer one names nothing."""

_GAP = r"(?:\s*[,;:=]\s*|\s+)"
_NAME = r'"?(?P<name>(?![\d.]+[,;:=\s])(?=.*[^\d\s,;:=."])\S(?:.*?\S)?)"?'
_NUMBER = r"(?P<index>\d{1,3})"
_RGB = rf"(?P<red>\d{{1,3}}){_GAP}(?P<green>\d{{1,3}}){_GAP}(?P<blue>\d{{1,3}})"
_FORMS = tuple(
    re.compile(form)
    for form in (
        rf"{_NUMBER}{_GAP}{_NAME}{_GAP}{_RGB}",
        rf"{_RGB}{_GAP}{_NAME}",
        rf"{_NAME}{_GAP}{_RGB}",
        rf"{_NUMBER}{_GAP}{_NAME}",
        rf"{_NAME}\s*[,;:=\t]\s*{_NUMBER}",
    )
)
"""Rows with a number or a colour; the first that all rows of a file have is meant."""

_CVAT = re.compile(r"(?P<name>.*):((?P<red>\d{1,3}),(?P<green>\d{1,3}),(?P<blue>\d{1,3}))?:[^:]*:[^:]*")
_FIRST_OF_OTHERS = re.compile(r"[01][,;:=\s]|[\[{<]")
"""Beginning of the first row where a file begins to count, or is no list of names."""

_TITLES = frozenset(
    {"id", "index", "value", "number", "class_id", "name", "class", "label", "class_name", "category"}
    | {"r", "g", "b", "red", "green", "blue"}
)
"""Words in the first row of a CSV file."""


class SeveralReadings(Exception):  # noqa: N818 - a question, not a failure
    """A row can be read in several ways, or in none."""


@dataclass(frozen=True, slots=True)
class ClassRow:
    """What a row says.

    Attributes:
        name: of the class; "" for none.
        index: of the class; None where its place among the rows says it.
        colour: None if the row has none.
        escaped: the name is a name, however it looks.
    """

    name: str
    index: int | None = None
    colour: Colour | None = None
    escaped: bool = False


def rows_of(lines: Sequence[str]) -> list[ClassRow]:
    """Return the rows of a file that names classes.

    Comments and titles are left out.

    Raises:
        SeveralReadings: with the row, if it can be read in several ways.
        ProjectError: if a colour is none.
    """
    rows = [line.strip() for line in lines]
    if any(row.startswith(ESCAPE) for row in rows):
        return [ClassRow(row.removeprefix(ESCAPE), escaped=row.startswith(ESCAPE)) for row in rows]
    rows = [row for row in rows if not row.startswith("#")]
    while rows and not rows[-1]:
        rows.pop()
    if rows and rows[0] == IGNORE:
        rows.pop(0)
    titled = bool(rows) and _is_title(rows[0])
    written = [row for row in rows[titled:] if row]
    if not written or max(map(len, written)) > _LONGEST:
        return [ClassRow(row) for row in rows]
    for form in _FORMS:
        matches = [form.fullmatch(row) for row in written]
        if all(matches):
            return [_row(match) for match in matches if match is not None]
    if titled or _FIRST_OF_OTHERS.match(written[0]) or _has_columns(written):
        raise SeveralReadings(written[0])
    if (cvat := next(filter(_CVAT.fullmatch, written), None)) is not None:
        raise SeveralReadings(cvat)
    return [ClassRow(row) for row in rows]


def cvat_rows_of(lines: Sequence[str]) -> list[ClassRow] | None:
    """Return the rows of a label map of CVAT.

    Its form is ``name:r,g,b:parts:actions``. The result is None if the file is none.

    Source: CVAT manual, "Pascal VOC" (labelmap.txt), whose first line begins with "# label:".

    Raises:
        ProjectError: if a colour is none.
    """
    rows = [line.strip() for line in lines]
    matches = [_CVAT.fullmatch(row) for row in rows if row and not row.startswith("#")]
    if not matches or not all(matches):
        return None
    return [_cvat_row(match) for match in matches if match is not None]


def _cvat_row(match: re.Match[str]) -> ClassRow:
    """Return the row of a match.

    The row of void has no name, since void is index 255 and no class.
    """
    name, colour = match["name"], _colour(match)
    if name.startswith(ESCAPE):
        return ClassRow(name.removeprefix(ESCAPE), colour=colour, escaped=True)
    return ClassRow("" if name.casefold() == "void" and colour == voc_colour(VOID) else name, colour=colour)


def _row(match: re.Match[str]) -> ClassRow:
    """Return the row of a match.

    A row of index 255 has no name, since that is void.
    """
    found = match.groupdict()
    index = int(found["index"]) if found.get("index") else None
    colour = _colour(match) if "red" in found else None
    return ClassRow("" if index == VOID else match["name"], index, colour)


def _colour(match: re.Match[str]) -> Colour | None:
    """Return the colour of a match.

    Raises:
        ProjectError: if a part is over 255.
    """
    if match["red"] is None:
        return None
    red, green, blue = int(match["red"]), int(match["green"]), int(match["blue"])
    if max(red, green, blue) > 255:
        raise ProjectError(tr("{colour} is no colour: its parts are 0 to 255", colour=f"{red},{green},{blue}"))
    return red, green, blue


def _is_title(row: str) -> bool:
    """Return whether a row names the columns of a table."""
    words = [word.strip().strip('"') for word in re.split(r"[,;\t]", row.casefold())]
    return len(words) > 1 and _TITLES.issuperset(words)


def _has_columns(rows: Sequence[str]) -> bool:
    """Return whether all rows have as many columns as the first.

    Columns are separated by commas, semicolons or tabs, and there is at least one separator.
    """
    return any(rows[0].count(mark) and len({row.count(mark) for row in rows}) == 1 for mark in ",;\t")
