"""Text files that name the classes of a data set, a class a line: read and written.

``class_names.txt`` has names only; ``labels.txt`` is labelme's, and ``labelmap.txt`` CVAT's, with colours.
"""

from __future__ import annotations

import re
from dataclasses import replace
from pathlib import Path

from fcn_studio.core.classes import VOID, ClassTable, Colour, voc_colour
from fcn_studio.errors import ProjectError
from fcn_studio.formats.voc.text import text_lines
from fcn_studio.i18n import tr

_MAX_TABLE_BYTES = 1 << 20
_CVAT_ROW = re.compile(r"(?P<name>.*):(?P<colour>\d{1,3},\d{1,3},\d{1,3})?:[^:]*:[^:]*")
_UNUSED = re.compile(r"unused_\d+")


def read_class_file(path: Path) -> ClassTable | None:
    """Return the class table of a file; None if there is no such file.

    Raises:
        ProjectError: if the file cannot be read or names a class twice.
    """
    if not path.is_file():
        return None
    try:
        return _table_of(text_lines(path, _MAX_TABLE_BYTES))
    except ProjectError as error:
        raise ProjectError(tr("{path}: {reason}; correct the file", path=path, reason=error)) from error


def write_class_files(folder: Path, table: ClassTable, *, void_row: bool = False) -> None:
    """Write ``labelmap.txt`` (names and colours) and ``class_names.txt`` (names, line = class index).

    With ``void_row``, ``labelmap.txt`` names void with its colour in the last line.
    """
    void = [f"void:{','.join(map(str, voc_colour(VOID)))}::"] if void_row else []
    for name, lines in (
        ("labelmap.txt", [*class_file_lines(table, cvat=True), *void]),
        ("class_names.txt", class_file_lines(table, cvat=False)),
    ):
        (folder / name).write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")


def class_file_lines(table: ClassTable, *, cvat: bool) -> list[str]:
    """A class table as lines whose number is the class index, from 0; ``unused_N`` stands for free indices.

    With ``cvat`` each is ``name:r,g,b::``, with the VOC colour that the class has in mask files.
    """
    names = [_unique_name(table, index) for index in range(max((c.index for c in table), default=-1) + 1)]
    if not cvat:
        return names
    return [f"{name}:{','.join(map(str, voc_colour(i)))}::" for i, name in enumerate(names)]


def _table_of(lines: list[str]) -> ClassTable:
    """Class table of lines ``name`` or CVAT's ``name:r,g,b:parts:actions``; the line's number is the index.

    Source: CVAT manual, "Pascal VOC" (labelmap.txt); labelme ``examples/semantic_segmentation`` (labels.txt, whose
    first line ``__ignore__`` is index -1).
    """
    rows = [line.strip() for line in lines if not line.startswith("# label:")]
    while rows and not rows[-1]:
        rows.pop()
    if rows and rows[0] == "__ignore__":
        rows.pop(0)
    parsed = [_row(row) for row in rows]
    table = ClassTable.from_names(name or f"unused_{i}" for i, (name, _) in enumerate(parsed))
    classes = zip(table, parsed, strict=True)
    kept = (replace(c, colour=colour or c.colour) for c, (_, colour) in classes if not _UNUSED.fullmatch(c.name))
    return replace(table, classes=tuple(kept))


def _row(row: str) -> tuple[str, Colour | None]:
    """Name and colour of a line; no name if it is void's, which is index 255 and no class."""
    match = _CVAT_ROW.fullmatch(row)
    if match is None:
        return row, None
    colour = _colour(match["colour"]) if match["colour"] else None
    is_void = match["name"].casefold() == "void" and colour == voc_colour(VOID)
    return "" if is_void else match["name"], colour


def _colour(text: str) -> Colour:
    """The colour of "r,g,b". Raises: ProjectError if a part is over 255."""
    red, green, blue = (int(part) for part in text.split(","))
    if max(red, green, blue) > 255:
        raise ProjectError(f"{text} is no colour: its parts are 0 to 255")
    return red, green, blue


def _unique_name(table: ClassTable, index: int) -> str:
    """Name of an index in a class file; a retired class may bear the name of an active one, a file's row may not."""
    info = table.get(index)
    if info is None:
        return f"unused_{index}"
    taken = info.retired and any(
        c.index != index and c.name.casefold() == info.name.casefold() for c in table.classes
    )
    return f"{info.name} (retired {index})" if taken else info.name
