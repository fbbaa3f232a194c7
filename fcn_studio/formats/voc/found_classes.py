"""Files that tell the classes of a folder that is opened for the first time, listed in `CLASS_FILES`.

Each is one row here, whose function reads the class table; the first that finds one is used. It then stands in the
README's list, and the test of all rows asks for an example.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

from fcn_studio.core.classes import ClassTable, voc_table
from fcn_studio.formats.voc.class_files import read_class_file
from fcn_studio.formats.voc.voc import fits_voc
from fcn_studio.i18n import tr_noop

Masks = Mapping[str, Path]
"""Mask id -> file of the masks in a folder."""


@dataclass(frozen=True, slots=True)
class ClassFile:
    """A row of the table of files that tell classes.

    Attributes:
        name: of the row.
        title: its name in lists for the user.
        description: what it tells.
        pattern: the files that it reads, below the folder.
        classes: returns the class table of a folder with these masks, None if the folder has no such files; raises
            `ProjectError` if it has, and they cannot be read.
    """

    name: str
    title: str
    description: str
    pattern: str
    classes: Callable[[Path, Masks], ClassTable | None]


def _class_file(name: str, title: str, description: str) -> ClassFile:
    """Return the row of a text file with a class per line."""
    return ClassFile(name, title, description, name, lambda folder, _masks: read_class_file(folder / name))


CLASS_FILES: tuple[ClassFile, ...] = (
    _class_file("class_names.txt", tr_noop("Class names"), tr_noop("A name in each line, index 0 in the first.")),
    _class_file("labels.txt", tr_noop("Labels of labelme"), tr_noop("The same; a first line __ignore__ is void.")),
    _class_file("labelmap.txt", tr_noop("Label map of CVAT"), tr_noop("Name and colour of a class in each line.")),
    ClassFile(
        "voc",
        tr_noop("VOC masks"),
        tr_noop("Masks of PASCAL VOC, told by their names and values, have its 21 classes."),
        "SegmentationClass/*.png",
        lambda _folder, masks: voc_table() if fits_voc(masks.values()) else None,
    ),
)
"""Every row, in the order in which they are tried."""


def names_classes(folder: Path) -> bool:
    """Return whether a file in a folder names its classes."""
    return any((folder / row.pattern).is_file() for row in CLASS_FILES)


def found_classes(folder: Path, masks: Masks) -> ClassTable | None:
    """Return the class table that the first matching row finds.

    The rows are tried in the order of `CLASS_FILES`. The result is None if none finds a table.

    Raises:
        ProjectError: if a file that names classes cannot be read.
    """
    tables = (row.classes(folder, masks) for row in CLASS_FILES)
    return next((table for table in tables if table is not None), None)
