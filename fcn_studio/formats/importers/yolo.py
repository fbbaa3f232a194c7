"""YOLO: a text file of polygons for each image, and the names of the classes in ``data.yaml`` or ``classes.txt``.

Each line is a class number and the corners of one polygon, as shares of width and height. Polygons are drawn in the
order of the file.

Source: https://docs.ultralytics.com/datasets/segment/.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path

from fcn_studio.core.regions.polygons import checked_ring
from fcn_studio.errors import ImageError, MaskError, ProjectError
from fcn_studio.formats.images.images import MOST_PIXELS, image_size
from fcn_studio.formats.importers.base import MaskItem
from fcn_studio.formats.importers.drawing import (
    Drawing,
    DrawnSource,
    Shape,
    begins_with,
    faults_of,
    files_below,
    image_beside,
    points_of,
)
from fcn_studio.formats.importers.mask_files import split_by_folders
from fcn_studio.formats.importers.yaml_names import names_in_yaml
from fcn_studio.formats.voc.text import text_lines
from fcn_studio.i18n import tr

_TABLES = ("data.yaml", "dataset.yaml", "*.yaml", "*.yml", "classes.txt", "labels/classes.txt", "obj.names")
_LINE = r"\d+(\s+-?\d*\.?\d+([eE][-+]?\d+)?){4,}\s*(\r?\n|$)"
_MAX_BYTES = 32 << 20
_BOX = 4
"""Numbers behind the class of a line that is a box."""


def found(path: Path) -> bool:
    """Return whether a folder, or the ``data.yaml`` in it, looks like YOLO."""
    folder = path if path.is_dir() else path.parent
    if path.is_file() and path.suffix.casefold() not in (".yaml", ".yml"):
        return False
    return _table_of(folder) is not None and any(begins_with(file, _LINE) for file in _label_files(folder)[:50])


def open_source(path: Path) -> YoloSource:
    """Return the annotations below a folder.

    Raises:
        ProjectError: if it has none, nothing names the classes, or the labels are boxes.
    """
    folder = path if path.is_dir() else path.parent
    table = path if path.is_file() else _table_of(folder)
    if table is None:
        raise ProjectError(
            tr("{path} has neither data.yaml nor classes.txt, which name the classes; add one of them", path=folder)
        )
    files = _label_files(folder)
    if not files:
        raise ProjectError(
            tr("{path} has no label files (labels/*.txt); choose the folder that has them", path=folder)
        )
    return YoloSource(folder, files, _names_of(table))


def _table_of(folder: Path) -> Path | None:
    """Return the file that names the classes, None if there is none."""
    return next((file for file in files_below(folder, *_TABLES) if _names_of(file)), None)


def _label_files(folder: Path) -> list[Path]:
    """Return the label files: those in folders named ``labels``, else all text files."""
    files = [file for file in files_below(folder, "**/*.txt") if file.name != "classes.txt"]
    in_labels = [file for file in files if "labels" in file.relative_to(folder).parent.parts]
    return in_labels or [file for file in files if file.stem.casefold() not in ("train", "val", "test", "readme")]


class YoloSource(DrawnSource):
    """Annotations of YOLO."""

    def __init__(self, folder: Path, files: Sequence[Path], names: Mapping[int, str]) -> None:
        """Take over the label files below ``folder``, and class number -> name."""
        super().__init__()
        self._numbers = {number: self._index_of(name) for number, name in sorted(names.items())}
        self._files: dict[str, Path] = {}
        items = []
        for file in files:
            parts = [part for part in file.relative_to(folder).with_suffix("").parts if part != "labels"]
            name = "/".join(parts)
            self._files[name] = file
            items.append(MaskItem(name, _image_of(file, folder), split_by_folders(name)))
        self.items = tuple(items)
        if all(_has_boxes_only(file) for file in files[:50]):
            raise ProjectError(
                tr("{path} has boxes only, and no outlines of objects; export it with polygons", path=files[0])
            )

    def _drawing(self, item: MaskItem, size: tuple[int, int] | None) -> Drawing:
        """Return the polygons of a file.

        Raises:
            MaskError: if it is damaged, has boxes, or nothing tells the size of the image.
        """
        file = self._files[item.name]
        if size is None:
            size = _size_of(item, file)
        width, height = size
        try:
            lines = text_lines(file, _MAX_BYTES)
        except ProjectError as error:
            raise MaskError(str(error)) from error
        shapes = []
        with faults_of(file, item.name):
            for line in filter(str.strip, lines):
                word, *numbers = line.split()
                corners = [(x * width, y * height) for x, y in points_of([float(number) for number in numbers])]
                if len(numbers) <= _BOX:
                    raise ValueError(tr("the line '{line:.40}' is a box, and no outline", line=line))
                shapes.append(Shape(self._class_of(int(word)), [[checked_ring(corners)]]))
        return Drawing(file, size, shapes)

    def _class_of(self, number: int) -> int:
        """Return the index of a class number; one without a name is a class of its own."""
        if number < 0:
            raise ValueError(tr("{number} is no class number", number=number))
        if number not in self._numbers:
            self._numbers[number] = self._index_of(str(number))
        return self._numbers[number]


def _has_boxes_only(file: Path) -> bool:
    """Return whether each line of a file is a box; True for an empty file."""
    try:
        return all(len(line.split()) <= _BOX + 1 for line in text_lines(file, _MAX_BYTES))
    except ProjectError:
        return False


def _image_of(file: Path, folder: Path) -> Path | None:
    """Return the image of a label file: ``labels`` in its path is ``images``, or it lies beside it."""
    parts = file.relative_to(folder).parts
    moved = folder.joinpath(*("images" if part == "labels" else part for part in parts))
    return image_beside(moved) or image_beside(file)


def _size_of(item: MaskItem, file: Path) -> tuple[int, int]:
    """Return the size of the item's own image.

    Raises:
        MaskError: if it is not there, or cannot be read.
    """
    if item.image is None:
        raise MaskError(
            tr("{path}: the image is not there, and nothing else tells its size; add the image", path=file)
        )
    try:
        return image_size(item.image, max_pixels=MOST_PIXELS)
    except ImageError as error:
        raise MaskError(str(error)) from error


def _names_of(path: Path) -> dict[int, str]:
    """Return class number -> name of ``data.yaml`` or a list of names; none if it has none."""
    if path.suffix.casefold() in (".yaml", ".yml"):
        return names_in_yaml(path)
    try:
        lines = text_lines(path, _MAX_BYTES)
    except ProjectError:
        return {}
    return {number: line.strip() for number, line in enumerate(lines) if line.strip()}
