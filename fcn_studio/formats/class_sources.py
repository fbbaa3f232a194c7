"""Classes of another project, or of a file that lists them."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any

from fcn_studio.core.classes import ClassTable, Colour
from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as
from fcn_studio.formats.project.project_file import read_project_file
from fcn_studio.formats.project.project_folder import PROJECT_FILE
from fcn_studio.formats.strict_json import parse, text, whole
from fcn_studio.formats.voc.class_files import read_class_file
from fcn_studio.formats.voc.found_classes import found_classes
from fcn_studio.i18n import tr
from fcn_studio.paths import read_file

_MAX_BYTES = 16 << 20
"""A COCO file with annotations may be larger; its exporter writes one with the classes alone."""

_KEYS = ("categories", "classes", "labels", "id2label", "names")
"""Keys of an object whose value may list classes: of COCO, our exports, CVAT and nnU-Net, Hugging Face, YOLO."""

_MOST_ROWS = 300
"""More than a class table can have: it refuses them, and need not look at a million."""

Row = tuple[int | None, str, Colour | None]
"""Class index if it is known, name, and colour if it is known."""


def classes_of(path: Path) -> ClassTable:
    """Return the classes of a project's folder, or of a project file, text file or JSON file.

    Retired classes are left out. Indices and colours are kept where they are known.

    Raises:
        ProjectError: if it cannot be read or lists no classes.
    """
    table = _table_of(path / PROJECT_FILE if (path / PROJECT_FILE).is_file() else path)
    if table is None or not table.active:
        raise ProjectError(tr("{path} lists no classes", path=path))
    return replace(table, classes=table.active)


def _table_of(path: Path) -> ClassTable | None:
    if path.is_dir():
        return found_classes(path, {})
    if path.suffix.casefold() == ".toml":
        return read_project_file(path).table
    return _of_json(path) if path.suffix.casefold() == ".json" else read_class_file(path)


def _of_json(path: Path) -> ClassTable | None:
    with os_errors_as(CANNOT_READ, path):
        data = read_file(path, _MAX_BYTES)
    try:
        rows = list(_rows_of(parse(data)))
    except (ValueError, TypeError, KeyError) as error:
        raise ProjectError(
            tr("{path} lists no classes: it has no names, as a list or by their indices", path=path)
        ) from error
    return _table(rows[:_MOST_ROWS]) if rows else None


def _rows_of(value: Any) -> Iterable[Row]:
    """Return the classes of a JSON value.

    Raises:
        ValueError, TypeError, KeyError: if it lists none.
    """
    if isinstance(value, dict):
        inner = next((value[key] for key in _KEYS if isinstance(value.get(key), dict | list)), None)
        if isinstance(inner, dict) and not any(isinstance(name, str) for name in inner.values()):  # {"road": 0}
            return [(whole(index), name, None) for name, index in inner.items()]
        if inner is not None:
            return _rows_of(inner)
        return [(int(index), text(name), None) for index, name in value.items()]  # {"0": "road"}
    if not isinstance(value, list):
        raise TypeError("neither a list nor an object")
    return [_row(item) for item in value]


def _row(item: Any) -> Row:
    """Return the class of an item of a list: a name, or an object with name, id and colour."""
    if not isinstance(item, dict):
        return None, text(item), None
    index = item.get("id", item.get("index"))
    return (index if type(index) is int else None), text(item["name"]), _colour(item.get("color", item.get("colour")))


def _colour(value: Any) -> Colour | None:
    """Return a colour that is written as "#rrggbb" or as three numbers, None for anything else."""
    if isinstance(value, str) and len(value) == 7 and value.startswith("#"):
        value = list(bytes.fromhex(value[1:]))
    if isinstance(value, list) and len(value) == 3 and all(type(part) is int and 0 <= part < 256 for part in value):
        return value[0], value[1], value[2]
    return None


def _table(rows: list[Row]) -> ClassTable:
    """Return the table of some classes.

    Indices count only if all are there and none is above 254; CVAT's are numbers of its database.
    """
    indices = [index for index, _, _ in rows if index is not None and 0 <= index < 255]
    if len(set(indices)) < len(rows):
        indices = list(range(len(rows)))
    table = ClassTable.from_indices((index, name) for index, (_, name, _) in zip(indices, rows, strict=True))
    colours = {index: colour for index, (_, _, colour) in zip(indices, rows, strict=True)}
    return replace(table, classes=tuple(replace(c, colour=colours[c.index] or c.colour) for c in table))
