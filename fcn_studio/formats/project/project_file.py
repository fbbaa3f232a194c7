"""``fcn-studio.toml`` <-> `ProjectConfig`.

Comments and keys that we do not know are kept.

::

    format = 1
    id = "3f0c..."
    unlabelled = "background"      # or "void": what Verify makes of pixels that nobody labelled
    next_index = 2                 # the class index that was never used
    class_order = [1, 0]           # how the window orders the classes; only where it is not by index

    [split]
    val_percent = 20

    [images]                       # only where images have more than 8 bits
    grey_levels = [0, 4095]        # black and white of whole numbers
    fraction_levels = [0.0, 1.0]   # black and white of fractions

    [[class]]
    index = 0
    name = "background"
    colour = "#000000"
    key = "1"
    retired = false
    replaced_by = 1                # only of a class that was merged or deleted: what its pixels became; a class
                                   # index, 255 for void, -1 for unlabelled
"""

from __future__ import annotations

import itertools
import logging
import os
import re
from collections.abc import Mapping
from contextlib import suppress
from pathlib import Path
from typing import Any

import tomlkit
from tomlkit.exceptions import ParseError, TOMLKitError
from tomlkit.items import AoT

from fcn_studio.core.classes import UNLABELLED, VOID, ClassInfo, ClassTable, Colour
from fcn_studio.core.grey_levels import GreyLevels
from fcn_studio.core.project import DEFAULT_VAL_PERCENT, ProjectConfig
from fcn_studio.errors import ProjectError, ProjectFileBroken
from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as, write_atomically
from fcn_studio.formats.project import migrations
from fcn_studio.formats.project.versions import earlier_files, keep_file
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.paths import ended, read_file

_log = logging.getLogger(__name__)

_MAX_DEPTH = 20

_MAX_BYTES = 100_000
"""255 classes have 25,000 with short names; tomlkit takes seconds for what is made to be slow and larger."""


def read_project_file(path: Path) -> ProjectConfig:
    """Read and judge the project file.

    Raises:
        ProjectError: as `read_with_format`.
    """
    return read_with_format(path)[0]


def read_with_format(path: Path) -> tuple[ProjectConfig, int]:
    """Read and check the project file, and return its format.

    A file of an older format is migrated to today's in memory.

    Raises:
        ProjectFileBroken: if it is broken (with the line) or says something impossible; nothing is repaired and the
            file is left alone.
        ProjectError: if it cannot be read, or is of a newer format.
    """
    document, version = _migrated(path)
    return _config_of(document, path), version


def _migrated(path: Path) -> tuple[tomlkit.TOMLDocument, int]:
    """Return the document in the current format, and its format on disk.

    Raises:
        ProjectError: as `read_with_format`.
    """
    document = _parsed(path)
    version = _value(document, "format", int, path)
    if version > migrations.FORMAT:
        raise ProjectError(
            tr(
                "{path} has format {version}, and this program reads format {format}: update FCN Studio",
                path=path,
                version=version,
                format=migrations.FORMAT,
            )
        )
    if version < 1:
        raise ProjectFileBroken(
            tr(
                "{path} has format {version}, which no release wrote; correct it or restore it from a copy",
                path=path,
                version=version,
            )
        )
    try:
        migrations.migrate(document, version)
    except (TOMLKitError, ValueError, TypeError, KeyError, AttributeError) as error:
        raise ProjectFileBroken(
            tr(
                "{path} is not a file of format {version} ({reason!r}); correct it or restore it from a copy",
                path=path,
                version=version,
                reason=error,
            )
        ) from error
    return document, version


def _config_of(document: tomlkit.TOMLDocument, path: Path) -> ProjectConfig:
    """Return the settings in a document of the current format.

    Raises: ProjectFileBroken if they are invalid.
    """
    unlabelled = _value(document, "unlabelled", str, path)
    if unlabelled not in ("background", "void"):
        raise ProjectFileBroken(
            tr(
                '{path}: unlabelled is "{unlabelled:.60}"; it must be "background" or "void"',
                path=path,
                unlabelled=unlabelled,
            )
        )
    split = _value(document, "split", Mapping, path, {})
    val_percent = _value(split, "val_percent", int, path, DEFAULT_VAL_PERCENT)
    if not 0 <= val_percent <= 100:
        raise ProjectFileBroken(
            tr("{path}: val_percent is {val_percent}; it must be 0 to 100", path=path, val_percent=val_percent)
        )
    rows = [_class_info(row, path) for row in _value(document, "class", list, path, [])]
    try:
        classes = tuple(sorted(rows, key=lambda row: row.index))
        table = ClassTable(classes, _value(document, "next_index", int, path), _order_of(document, path))
    except ProjectError as error:
        raise ProjectFileBroken(
            tr("{path}: {reason}; correct the file with a text editor", path=path, reason=error)
        ) from error
    if table.next_index and table.get(table.next_index - 1) is None:  # no row is ever taken out: the file was cut off
        raise ProjectFileBroken(
            tr(
                "{path} is cut off: class {index} is not there, though next_index is {next_index}; "
                "restore it from a copy, or write the class again, with retired = true if it is no longer wanted",
                path=path,
                index=table.next_index - 1,
                next_index=table.next_index,
            )
        )
    levels = _levels_of(_value(document, "images", Mapping, path, {}), path)
    return ProjectConfig(table, unlabelled, val_percent, _value(document, "id", str, path), levels)


def write_project_file(path: Path, config: ProjectConfig, previous: Path) -> None:
    """Write the project file atomically.

    Comments and unknown keys of an existing file are kept. The folder ``previous`` gets copies of the file before and
    after it; one of an older format stays there for good.

    Raises:
        ProjectError: if the existing file is broken (it is then left alone) or writing fails.
    """
    data, version = _rendered(path, config)
    if path.exists():
        if version < migrations.FORMAT:
            with os_errors_as(CANNOT_READ, path):
                write_atomically(previous / f"{path.name}.format-{version}", path.read_bytes())
        keep_copy(path, previous)
    write_atomically(path, data)
    keep_copy(path, previous)


def project_file_with(path: Path, config: ProjectConfig) -> bytes:
    """Return the bytes that `write_project_file` would write.

    Raises:
        ProjectError: if the existing file is broken.
    """
    return _rendered(path, config)[0]


def _rendered(path: Path, config: ProjectConfig) -> tuple[bytes, int]:
    """Return the bytes of the project file with other settings, and the format of the existing one.

    Raises: ProjectError if the existing file is broken: one that makes no sense is never written over.
    """
    document, version = tomlkit.document(), migrations.FORMAT
    if path.exists():
        document, version = _migrated(path)
        _config_of(document, path)
    document["format"] = migrations.FORMAT
    document["id"] = config.project_id
    document["unlabelled"] = config.unlabelled
    document["next_index"] = config.table.next_index
    split = document.setdefault("split", tomlkit.table())
    split["val_percent"] = config.val_percent
    _write_levels(document, config.grey_levels)
    _write_classes(document, config.table)
    return tomlkit.dumps(document).encode("utf-8"), version


def keep_copy(path: Path, previous: Path) -> None:
    """Keep a copy of the project file.

    If that fails nothing is lost, since the next file carries on what this one says.
    """
    try:
        keep_file(path, previous)
    except OSError as error:
        _log.warning("no copy of %s was kept: %s", path, error)


def open_project_file(path: Path, previous: Path) -> tuple[ProjectConfig, int]:
    """`read_with_format`, with a way out of a broken file.

    Raises:
        ProjectFileBroken: if it is broken; the sentence names the newest copy in ``previous`` that makes sense.
        ProjectError: if it cannot be read, or is of a newer format.
    """
    try:
        return read_with_format(path)
    except ProjectFileBroken as error:
        raise _with_remedy(str(error), path, previous) from error


def refuse_if_lost(path: Path, previous: Path) -> None:
    """Refuse a folder that has lost its project file.

    Raises: ProjectFileBroken if the folder had one, with class indices of its own.
    """
    if _newest_sound(path, previous) is not None:
        sentence = tr("{path} is gone (to begin anew, remove .fcn-studio too)", path=path)
        raise _with_remedy(sentence, path, previous)


def put_back(path: Path, previous: Path) -> None:
    """Replace a broken or lost project file by its newest valid copy.

    The broken one stays beside it, as ``fcn-studio.toml.broken-N``.

    Raises:
        ProjectError: if there is no such copy, or anything cannot be read or written.
    """
    earlier = _newest_sound(path, previous)
    if earlier is None:
        raise ProjectError(
            tr("{path} has no earlier copy that makes sense; correct it with a text editor", path=path)
        )
    with os_errors_as(tr_noop("{path} cannot be restored: {reason}"), path):
        if path.exists():
            names = (path.with_name(f"{path.name}.broken-{number}") for number in itertools.count(1))
            write_atomically(next(name for name in names if not os.path.lexists(name)), path.read_bytes())
        write_atomically(path, earlier.read_bytes())


def _with_remedy(sentence: str, path: Path, previous: Path) -> ProjectFileBroken:
    """Return the error with the remedy, if there is an earlier copy."""
    earlier = _newest_sound(path, previous)
    if earlier is not None:
        sentence = tr(
            "{sentence}. An earlier copy is whole: put {earlier} in its place", sentence=sentence, earlier=earlier
        )
    return ProjectFileBroken(sentence, path.parent, earlier)


def _newest_sound(path: Path, previous: Path) -> Path | None:
    """Return the newest valid copy of the project file.

    The copies are in ``previous``. The result is None if there is none.
    """
    for copy in earlier_files(path, previous):
        with suppress(ProjectError):
            read_project_file(copy)
            return copy
    return None


def _parsed(path: Path) -> tomlkit.TOMLDocument:
    """Return the document.

    Raises: ProjectError if it cannot be read, with the line where it is broken.
    """
    with os_errors_as(CANNOT_READ, path):
        data = read_file(path, _MAX_BYTES)
    try:
        document = tomlkit.parse(ended(data.decode("utf-8-sig")))
        if _deeper(document.unwrap(), _MAX_DEPTH):
            raise RecursionError
    except ParseError as error:
        raise ProjectFileBroken(
            tr(
                "{path} is broken at line {line}, column {column} ({reason}); correct it with a text editor or "
                "restore it from a copy",
                path=path,
                line=error.line,
                column=error.col,
                reason=error,
            )
        ) from error
    except RecursionError as error:
        raise ProjectFileBroken(tr("{path} nests its tables too deep; restore it from a copy", path=path)) from error
    except (TOMLKitError, ValueError) as error:  # of TOML, of UTF-8, of a number with thousands of digits
        raise ProjectFileBroken(
            tr(
                "{path} is broken ({reason}); correct it with a text editor or restore it from a copy",
                path=path,
                reason=error,
            )
        ) from error
    return document


def _deeper(value: object, levels: int) -> bool:
    """Return whether tables and lists are nested deeper than a limit."""
    inner = value.values() if isinstance(value, dict) else value if isinstance(value, list) else ()
    return any(levels == 0 or _deeper(item, levels - 1) for item in inner)


def _value(table: Mapping[str, Any], key: str, kind: type, path: Path, default: Any = None) -> Any:
    """Return a value of type ``kind``, as plain Python.

    Raises:
        ProjectFileBroken: if it is missing or of another type.
    """
    value = table.get(key, default)
    if value is None:
        raise ProjectFileBroken(
            tr(
                '{path} has no "{key}"; restore the file from a copy, or add it with a text editor',
                path=path,
                key=key,
            )
        )
    value = getattr(value, "unwrap", lambda: value)()
    if not isinstance(value, kind) or (kind is int and isinstance(value, bool)):
        raise ProjectFileBroken(
            tr(
                '{path}: "{key}" is {value!r:.60}, which is not a {kind}',
                path=path,
                key=key,
                value=value,
                kind=tr(_WORDS[kind]),
            )
        )
    return value


_WORDS: dict[type, str] = {
    int: tr_noop("whole number"),
    str: tr_noop("text"),
    bool: tr_noop("true or false"),
    list: tr_noop("list"),
    Mapping: tr_noop("table"),
}


_LEVELS = ("grey_levels", "fraction_levels")
"""Keys of `GreyLevels`, in the order of its attributes."""


def _levels_of(images: Mapping[str, Any], path: Path) -> GreyLevels:
    """Return what is black and white in deep images.

    Raises:
        ProjectFileBroken: if a pair of numbers makes no sense.
    """
    spans: list[tuple[float, float] | None] = []
    for key in _LEVELS:
        pair = _value(images, key, list, path, [])
        numbers = [n for n in pair if isinstance(n, int | float) and not isinstance(n, bool) and -1e300 < n < 1e300]
        if pair and (len(pair) != 2 or len(numbers) != 2 or not numbers[0] < numbers[1]):
            raise ProjectFileBroken(
                tr('{path}: "{key}" is {value!r:.60}; write [black, white]', path=path, key=key, value=pair)
            )
        spans.append((float(pair[0]), float(pair[1])) if pair else None)
    return GreyLevels(*spans)


def _write_levels(document: tomlkit.TOMLDocument, levels: GreyLevels) -> None:
    """Write the black and white of deep images.

    Nothing is written where each file decides.
    """
    for key, span in zip(_LEVELS, (levels.whole, levels.fractions), strict=True):
        if span is None:
            document.get("images", {}).pop(key, None)
        else:
            whole = all(float(number).is_integer() for number in span)
            numbers = [int(number) if whole else number for number in span]
            document.setdefault("images", tomlkit.table())[key] = numbers


def _class_info(row: Any, path: Path) -> ClassInfo:
    """One ``[[class]]``. Raises: ProjectFileBroken if it makes no sense."""
    if not isinstance(row, Mapping):
        raise ProjectFileBroken(
            tr("{path}: a class is {row!r:.60}; write each as a [[class]] table", path=path, row=row)
        )
    return ClassInfo(
        index=_value(row, "index", int, path),
        name=_value(row, "name", str, path),
        colour=_colour(_value(row, "colour", str, path), path),
        key=_value(row, "key", str, path, ""),
        retired=_value(row, "retired", bool, path, False),
        replaced_by=_replaced_by(row, path),
    )


def _replaced_by(row: Mapping[str, Any], path: Path) -> int | None:
    """Return what a merged or deleted class became. Raises: ProjectFileBroken if that makes no sense."""
    if "replaced_by" not in row:
        return None
    index: int = _value(row, "replaced_by", int, path)
    if not UNLABELLED <= index <= VOID:
        raise ProjectFileBroken(tr("{path}: replaced_by is {index}; it must be -1 to 255", path=path, index=index))
    return index


def _order_of(document: tomlkit.TOMLDocument, path: Path) -> tuple[int, ...]:
    """Return the order in which the window shows the classes. Raises: ProjectFileBroken if it holds no indices."""
    order = _value(document, "class_order", list, path, [])
    if any(type(index) is not int for index in order):
        raise ProjectFileBroken(
            tr('{path}: "{key}" is {value!r:.60}; write class indices', path=path, key="class_order", value=order)
        )
    return tuple(order)


def _colour(text: str, path: Path) -> Colour:
    """Return the colour of "#rrggbb". Raises: ProjectFileBroken if it is none."""
    if not re.fullmatch(r"#[0-9a-fA-F]{6}", text):
        raise ProjectFileBroken(tr('{path}: "{text:.60}" is no colour; write it as "#rrggbb"', path=path, text=text))
    red, green, blue = bytes.fromhex(text[1:])
    return red, green, blue


def _write_classes(document: tomlkit.TOMLDocument, table: ClassTable) -> None:
    """Update the ``[[class]]`` tables, each in its place, and the order in which they are shown.

    New ones are added behind.
    """
    if table.order:
        document["class_order"] = list(table.order)
    else:
        document.pop("class_order", None)
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
        if info.replaced_by is None:
            row.pop("replaced_by", None)
        else:
            row["replaced_by"] = info.replaced_by
        if info.index not in known:
            rows.append(row)
