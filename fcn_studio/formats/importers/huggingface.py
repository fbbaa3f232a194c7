"""Hugging Face ``imagefolder``: ``metadata.jsonl`` or ``metadata.csv`` names image and mask of each row.

The names of the classes are in ``id2label.json``. Parquet files are not read.

Source: https://huggingface.co/docs/datasets/image_dataset (columns ``file_name`` and ``*_file_name``).
"""

from __future__ import annotations

import csv
from collections.abc import Iterator, Mapping
from pathlib import Path, PurePosixPath

from fcn_studio.errors import ProjectError
from fcn_studio.formats.images.images import IMAGE_SUFFIXES
from fcn_studio.formats.importers.base import MaskItem, MaskSource
from fcn_studio.formats.importers.drawing import (
    MAX_BYTES,
    begins_with,
    faults_of,
    files_below,
    image_in,
    name_of,
    read_json,
)
from fcn_studio.formats.importers.known_values import KnownValues, named_beside
from fcn_studio.formats.importers.mask_files import MaskFiles, split_by_folders
from fcn_studio.formats.importers.masks import MaskFolder
from fcn_studio.formats.strict_json import parse, text
from fcn_studio.formats.voc.text import text_lines
from fcn_studio.i18n import tr, tr_n

_NAMES = "id2label.json"
_ROWS = ("metadata.jsonl", "metadata.csv", "*/metadata.jsonl", "*/metadata.csv", "data/*/metadata.jsonl")
_HEAD = r"(?s).*file_name"
_PARQUET = ("*.parquet", "*/*.parquet")
_IMAGE = ("file_name", "image_file_name", "image")
_MASKS = ("label", "mask", "annotation", "segmentation", "labels")

Row = Mapping[str, object]
"""Column -> value of one row."""


def found(path: Path) -> bool:
    """Return whether a folder has rows of metadata, or Parquet files with ``id2label.json``."""
    if not path.is_dir():
        return path.name in ("metadata.jsonl", "metadata.csv") and begins_with(path, _HEAD)
    rows = any(begins_with(table, _HEAD) for table in files_below(path, *_ROWS))
    return rows or ((path / _NAMES).is_file() and bool(files_below(path, *_PARQUET)))


def open_source(path: Path) -> MaskSource:
    """Return the masks of a data set.

    Raises:
        ProjectError: if there are none, or the rows cannot be read.
    """
    folder = path if path.is_dir() else path.parent
    tables = files_below(folder, *_ROWS) if path.is_dir() else [path]
    if not tables and files_below(folder, *_PARQUET):
        raise ProjectError(
            tr(
                "{path} has Parquet files, which are not read; write its images and masks as files, with "
                "metadata.jsonl beside them",
                path=folder,
            )
        )
    files = MaskFiles()
    missing = 0
    for table in tables:
        for row in _rows_of(table):
            with faults_of(table):
                item = _item(folder, table.parent, row)
            if item is None:
                missing += 1
            else:
                files.items.append(item)
    if not files.items:
        raise ProjectError(
            tr(
                "{path}: no row of metadata.jsonl or metadata.csv names a mask that is there; the columns are "
                "file_name and label_file_name",
                path=folder,
            )
        )
    if missing:
        files.notices.append(
            tr_n(
                "{n} row of the metadata names no mask that is there, and is left out",
                "{n:,} rows of the metadata name no mask that is there, and are left out",
                missing,
            )
        )
    return MaskFolder(files, _named(folder, files))


def _rows_of(path: Path) -> Iterator[Row]:
    """Yield the rows of a file of metadata.

    Raises:
        ProjectError: if it cannot be read.
    """
    lines = text_lines(path, MAX_BYTES)
    with faults_of(path):
        if path.suffix == ".csv":
            yield from csv.DictReader(lines)
            return
        for line in filter(str.strip, lines):
            row = parse(line)
            if not isinstance(row, dict):
                raise TypeError(tr("the line '{line:.40}' is no object", line=line))
            yield row


def _item(folder: Path, place: Path, row: Row) -> MaskItem | None:
    """Return the item of a row, None if its mask is not there.

    Raises:
        ValueError, TypeError, LookupError: if it is malformed.
    """
    columns = [f"{name}{end}" for end in ("_file_name", "") for name in _MASKS]
    columns += [name for name in row if name.endswith("_file_name") and name not in _IMAGE and name not in columns]
    image = next(text(row[name]) for name in _IMAGE if row.get(name)) if any(map(row.get, _IMAGE)) else ""
    mask = next((str(row[name]) for name in columns if _is_picture(row.get(name))), "")
    file = image_in([place], mask) if mask else None
    if file is None or not image:
        return None
    prefix = place.relative_to(folder).as_posix()
    name = name_of(image if prefix == "." else f"{prefix}/{image}")
    return MaskItem(name, image_in([place], image), split_by_folders(f"{name}/"), file)


def _is_picture(value: object) -> bool:
    return isinstance(value, str) and PurePosixPath(value).suffix.casefold() in IMAGE_SUFFIXES


def _named(folder: Path, files: MaskFiles) -> KnownValues:
    """Return value -> name by ``id2label.json``, else by files of class names.

    Raises:
        ProjectError: if it cannot be read.
    """
    table = next(iter(files_below(folder, _NAMES, f"*/{_NAMES}")), None)
    if table is None:
        named, notices = named_beside([folder])
        files.notices += notices
        return named
    data = read_json(table)
    with faults_of(table):
        return {int(key): text(name) for key, name in data.items()}
