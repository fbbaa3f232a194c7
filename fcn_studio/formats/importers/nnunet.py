"""nnU-Net: ``dataset.json`` with ``labelsTr`` and ``imagesTr``, as PNG, BMP or TIFF.

Source: nnU-Net v2, ``documentation/dataset_format.md``.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

from fcn_studio.errors import ProjectError
from fcn_studio.formats.images.images import IMAGE_SUFFIXES
from fcn_studio.formats.importers.base import MaskItem, MaskSource
from fcn_studio.formats.importers.drawing import faults_of, files_below, read_json
from fcn_studio.formats.importers.known_values import KnownValues
from fcn_studio.formats.importers.mask_files import MaskFiles
from fcn_studio.formats.importers.masks import MaskFolder
from fcn_studio.formats.strict_json import text, whole
from fcn_studio.i18n import tr, tr_n

_TABLE = "dataset.json"
_IGNORE = "ignore"
_PARTS = (("labelsTr", "imagesTr"), ("labelsTs", "imagesTs"))


def found(path: Path) -> bool:
    """Return whether a folder, or the ``dataset.json`` in it, is a data set of nnU-Net."""
    folder = path.parent if path.name == _TABLE else path
    return (folder / _TABLE).is_file() and (folder / _PARTS[0][0]).is_dir()


def open_source(path: Path) -> MaskSource:
    """Return the labels of a data set.

    Raises:
        ProjectError: if it has none, they are volumes, or its labels overlap.
    """
    folder = path.parent if path.name == _TABLE else path
    table = folder / _TABLE
    data = read_json(table)
    with faults_of(table):
        suffix = text(data.get("file_ending", ".nii.gz")).casefold()
        named = _names_of(table, data["labels"])
    if suffix not in IMAGE_SUFFIXES:
        raise ProjectError(
            tr("{path}: labels of the kind {suffix} are volumes, which are not read; export slices as PNG",
               path=table, suffix=suffix)
        )  # fmt: skip
    items = [
        MaskItem(label.name[: -len(suffix)], _image_of(folder / images, label, suffix), mask=label)
        for labels, images in _PARTS
        for label in files_below(folder / labels, "*")
        if label.name.casefold().endswith(suffix)
    ]
    if not items:
        raise ProjectError(tr("{path} has no labels in labelsTr; choose the folder Dataset..._...", path=folder))
    several = sum(_has_channels(folder / "imagesTr", item.name, suffix) for item in items)
    notices = [
        tr_n("{n} image has several channels; the first is taken",
             "{n:,} images have several channels; the first is taken", several)
    ] if several else []  # fmt: skip
    return MaskFolder(MaskFiles(items, [], notices), named)


def _names_of(path: Path, labels: Mapping[str, Any]) -> KnownValues:
    """Return value -> name of the labels; the label to ignore is void.

    Raises:
        ProjectError: if a label stands for several values.
        ValueError, TypeError, AttributeError: if they are malformed.
    """
    if any(isinstance(value, list) for value in labels.values()):
        raise ProjectError(
            tr("{path}: its labels are overlapping regions, which a label map cannot hold; export plain labels",
               path=path)
        )  # fmt: skip
    if all(key.isdecimal() for key in labels):  # version 1 has them the other way round
        return {int(key): text(name) for key, name in labels.items()}
    return {whole(value): "void" if name == _IGNORE else name for name, value in labels.items()}


def _image_of(folder: Path, label: Path, suffix: str) -> Path | None:
    """Return the first channel of the image of a label, None if it is not there."""
    image = folder / f"{label.name[: -len(suffix)]}_0000{label.name[-len(suffix) :]}"
    return image if image.is_file() else None


def _has_channels(folder: Path, name: str, suffix: str) -> bool:
    return (folder / f"{name}_0001{suffix}").is_file()
