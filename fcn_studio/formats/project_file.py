"""``fcn-studio.toml`` <-> `ProjectConfig`. Comments and keys that we do not know are kept.

::

    format = 1
    id = "3f0c..."
    unlabelled = "background"      # or "void": what Verify makes of pixels that nobody labelled
    next_index = 2                 # the class index that was never used

    [split]
    val_percent = 20

    [[class]]
    index = 0
    name = "background"
    colour = "#000000"
    key = "1"
    retired = false
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError
from tomlkit.items import AoT

from fcn_studio.core.classes import ClassInfo, ClassTable, Colour
from fcn_studio.core.project import DEFAULT_VAL_PERCENT, ProjectConfig
from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import told, write_atomically
from fcn_studio.paths import read_file

FORMAT = 1
_MAX_DEPTH = 20

_MAX_BYTES = 100_000
"""255 classes have 25,000 with short names; tomlkit takes seconds for what is made to be slow and larger."""


def read_project_file(path: Path) -> ProjectConfig:
    """Read and judge the project file.

    Raises:
        ProjectError: if it cannot be read, is broken (with the line), of a newer format, or says something
            impossible; nothing is repaired and the file is left alone.
    """
    document = _parsed(path)
    version = _value(document, "format", int, path)
    if version != FORMAT:
        raise ProjectError(f"{path} has format {version}, and this program reads format {FORMAT}: update FCN Studio")
    unlabelled = _value(document, "unlabelled", str, path)
    if unlabelled not in ("background", "void"):
        raise ProjectError(f'{path}: unlabelled is "{unlabelled:.60}"; it must be "background" or "void"')
    split = _value(document, "split", Mapping, path, {})
    val_percent = _value(split, "val_percent", int, path, DEFAULT_VAL_PERCENT)
    if not 0 <= val_percent <= 100:
        raise ProjectError(f"{path}: val_percent is {val_percent}; it must be 0 to 100")
    rows = [_class_info(row, path) for row in _value(document, "class", list, path, [])]
    try:
        table = ClassTable(tuple(sorted(rows, key=lambda row: row.index)), _value(document, "next_index", int, path))
    except ProjectError as error:
        raise ProjectError(f"{path}: {error}; correct the file with a text editor") from error
    return ProjectConfig(table, unlabelled, val_percent, _value(document, "id", str, path))


def write_project_file(path: Path, config: ProjectConfig) -> None:
    """Write the project file atomically; of an existing one, comments and unknown keys are kept.

    Raises:
        ProjectError: if the existing file is broken (it is then left alone) or writing fails.
    """
    if path.exists():
        read_project_file(path)  # a file that makes no sense is never written over
        document = _parsed(path)
    else:
        document = tomlkit.document()
    document["format"] = FORMAT
    document["id"] = config.project_id
    document["unlabelled"] = config.unlabelled
    document["next_index"] = config.table.next_index
    split = document.setdefault("split", tomlkit.table())
    split["val_percent"] = config.val_percent
    _write_classes(document, config.table)
    write_atomically(path, tomlkit.dumps(document).encode("utf-8"))


def _parsed(path: Path) -> tomlkit.TOMLDocument:
    """The document. Raises: ProjectError if it cannot be read, with the line where it is broken."""
    with told("read", path):
        data = read_file(path, _MAX_BYTES)
    try:
        document = tomlkit.parse(data.decode("utf-8-sig"))
        if _deeper(document.unwrap(), _MAX_DEPTH):
            raise RecursionError
    except ParseError as error:
        raise ProjectError(
            f"{path} is broken at line {error.line}, column {error.col} ({error}); correct it with a text "
            "editor or restore it from a copy"
        ) from error
    except RecursionError as error:
        raise ProjectError(f"{path} nests its tables too deep; restore it from a copy") from error
    except (TOMLKitError, ValueError) as error:  # of TOML, of UTF-8, of a number with thousands of digits
        raise ProjectError(
            f"{path} is broken ({error}); correct it with a text editor or restore it from a copy"
        ) from error
    return document


def _deeper(value: object, levels: int) -> bool:
    """Whether tables and lists nest in each other more than so many times."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(levels == 0 or _deeper(item, levels - 1) for item in inner)


def _value(table: Mapping[str, Any], key: str, kind: type, path: Path, default: Any = None) -> Any:
    """A value of the wanted type, as plain Python. Raises: ProjectError if it is missing or of another type."""
    value = table.get(key, default)
    if value is None:
        raise ProjectError(f'{path} has no "{key}"; restore the file from a copy, or add it with a text editor')
    value = getattr(value, "unwrap", lambda: value)()
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ProjectError(f'{path}: "{key}" is {value!r:.60}, which is not a {_WORDS[kind]}')
    return value


_WORDS: dict[type, str] = {int: "whole number", str: "text", bool: "true or false", list: "list", Mapping: "table"}


def _class_info(row: Any, path: Path) -> ClassInfo:
    """One ``[[class]]``. Raises: ProjectError if it makes no sense."""
    if not isinstance(row, Mapping):
        raise ProjectError(f"{path}: a class is {row!r:.60}; write each as a [[class]] table")
    return ClassInfo(
        index=_value(row, "index", int, path),
        name=_value(row, "name", str, path),
        colour=_colour(_value(row, "colour", str, path), path),
        key=_value(row, "key", str, path, ""),
        retired=_value(row, "retired", bool, path, False),
    )


def _colour(text: str, path: Path) -> Colour:
    """The colour of "#rrggbb". Raises: ProjectError if it is none."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ProjectError(f'{path}: "{text:.60}" is no colour; write it as "#rrggbb"')
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def _write_classes(document: tomlkit.TOMLDocument, table: ClassTable) -> None:
    """Bring the ``[[class]]`` tables up to date, each in its place; new ones are added behind."""
    rows = document.get("class")
    if not isinstance(rows, AoT):
        rows = tomlkit.aot()
        document["class"] = rows
    known = {row["index"]: row for row in rows}
    for info in table:
        row = known.get(info.index)
        if row is None:
            row = tomlkit.table()
        row["index"] = info.index
        row["name"] = info.name
        row["colour"] = "#" + bytes(info.colour).hex()
        row["key"] = info.key
        row["retired"] = info.retired
        if info.index not in known:
            rows.append(row)
