"""Text files that name the classes of a data set.

They have a class in each line. They are read and written. ``class_names.txt`` has names only; ``labels.txt`` is
labelme's, and ``labelmap.txt`` CVAT's, with colours. What is written here is read back as the same classes: a row
that would be read otherwise begins with a backslash.
"""

from __future__ import annotations

import itertools
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path

from fcn_studio.core.classes import MAX_NAME, VOID, ClassTable, voc_colour
from fcn_studio.errors import ClassTableNeeded, ProjectError
from fcn_studio.formats.voc.class_rows import ESCAPE, SeveralReadings, cvat_rows_of, rows_of
from fcn_studio.formats.voc.text import text_lines
from fcn_studio.i18n import tr

_MAX_TABLE_BYTES = 1 << 20
_CVAT_FILE = "labelmap.txt"


def read_class_file(path: Path) -> ClassTable | None:
    """Return the class table of a file.

    It is None if there is no such file.

    Raises:
        ClassTableNeeded: if the file can be read in several ways.
        ProjectError: if the file cannot be read or names a class twice.
    """
    if not path.is_file():
        return None
    try:
        return table_of_lines(text_lines(path, _MAX_TABLE_BYTES), cvat=path.name == _CVAT_FILE)
    except SeveralReadings as error:
        raise ClassTableNeeded(
            tr(
                "{path} can be read in several ways: the line '{row:.60}' may be a name, or a name with a number. "
                "Write one name per line, index 0 on the first.",
                path=path,
                row=str(error),
            )
        ) from error
    except ProjectError as error:
        raise ProjectError(tr("{path}: {reason}; correct the file", path=path, reason=error)) from error


def table_of_lines(lines: Sequence[str], *, cvat: bool = False) -> ClassTable:
    """Return the class table of the lines of a file.

    Where a line has no index, its number is the index.

    Args:
        lines: names, or names with indices or colours.
        cvat: whether a backslash in front of a name escapes it in CVAT's rows too.

    Raises:
        SeveralReadings: with the line, if it can be read in several ways.
        ProjectError: if the lines make no table.
    """
    escaped = any(line.lstrip().startswith(ESCAPE) for line in lines)
    rows = (None if escaped and not cvat else cvat_rows_of(lines)) or rows_of(lines)
    named = {
        i if row.index is None else row.index: row
        for i, row in enumerate(rows)
        if row.name and (row.escaped or row.name != f"unused_{i}")
    }
    table = ClassTable.from_indices((index, row.name) for index, row in named.items())
    return replace(table, classes=tuple(replace(c, colour=named[c.index].colour or c.colour) for c in table))


def write_class_files(folder: Path, table: ClassTable, *, void_row: bool = False) -> None:
    """Write ``labelmap.txt`` (names and colours) and ``class_names.txt`` (names, line = class index).

    With ``void_row``, ``labelmap.txt`` names void with its colour in the last line.
    """
    void = [f"void:{','.join(map(str, voc_colour(VOID)))}::"] if void_row else []
    for name, lines in (
        (_CVAT_FILE, [*class_file_lines(table, cvat=True), *void]),
        ("class_names.txt", class_file_lines(table, cvat=False)),
    ):
        (folder / name).write_bytes("".join(f"{line}\n" for line in lines).encode())


def class_file_lines(table: ClassTable, *, cvat: bool) -> list[str]:
    """Return a class table as lines.

    The number of a line, from 0, is the class index. ``unused_N`` stands for free indices. With ``cvat`` each is
    ``name:r,g,b::``, with the VOC colour that the class has in mask files. A backslash is put before as few names as
    need it to be read back.
    """
    names = unique_names(table)
    last = max(names, default=-1)
    odd = {i for i, n in names.items() if n == f"unused_{i}" or not _read({0: n}, [_line(0, n, cvat)], cvat)}
    lines: list[str] = []
    for escaped in (set(), odd, set(names)):
        marked = {index: f"{ESCAPE}{name}" if index in escaped else name for index, name in names.items()}
        lines = [_line(index, marked.get(index, f"unused_{index}"), cvat) for index in range(last + 1)]
        if _read(names, lines, cvat):
            break
    return lines


def _line(index: int, name: str, cvat: bool) -> str:
    return f"{name}:{','.join(map(str, voc_colour(index)))}::" if cvat else name


def _read(names: dict[int, str], lines: Sequence[str], cvat: bool) -> bool:
    """Return whether lines are read as just these names."""
    try:
        return {c.index: c.name for c in table_of_lines(lines, cvat=cvat)} == names
    except (SeveralReadings, ProjectError):
        return False


def unique_names(table: ClassTable) -> dict[int, str]:
    """Return the names by index, each name once.

    A retired class may bear the name of another, a row of a file may not.
    """
    names = {c.index: c.name for c in table.active}
    taken = {name.casefold() for name in names.values()}
    for info in table:
        if info.retired:
            others = (f"{info.name[: MAX_NAME - 30]} (retired {info.index}{'+' * i})" for i in itertools.count())
            names[info.index] = next(n for n in itertools.chain([info.name], others) if n.casefold() not in taken)
            taken.add(names[info.index].casefold())
    return dict(sorted(names.items()))
