"""Sources whose annotations are shapes, drawn one over the other."""

from __future__ import annotations

import os
import re
from abc import abstractmethod
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path, PurePosixPath
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.raster import Point, Size
from fcn_studio.core.regions.polygons import Ring, fill
from fcn_studio.errors import MaskError, ProjectError
from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as
from fcn_studio.formats.images.images import IMAGE_SUFFIXES, MAX_PIXELS, MOST_PIXELS
from fcn_studio.formats.importers.base import UNLABELLED, MaskItem, MaskSource, SourceClass, SourceMap
from fcn_studio.formats.strict_json import parse
from fcn_studio.i18n import tr
from fcn_studio.paths import open_file, read_file

MAX_BYTES = 512 << 20
"""Files of annotations are not read if they are larger; the largest file of COCO 2017 has 450 MB."""

_MAX_NODES = 4_000_000
_HEAD = 4096


@dataclass(frozen=True, slots=True)
class Shape:
    """A shape of one class.

    Attributes:
        value: index into the source's classes, or `UNLABELLED` or `VOID_VALUE`.
        polygons: each a list of rings, where a ring inside another is a hole.
        mask: pixels (H, W) of a part of the image, written where they are true.
        corner: (x, y) of the mask's upper left pixel.
    """

    value: int
    polygons: Sequence[Sequence[Ring]] = ()
    mask: NDArray[np.bool_] | None = None
    corner: tuple[int, int] = (0, 0)

    def draw(self, label_map: SourceMap) -> None:
        """Write the shape; what lies outside the image is cut off.

        Raises:
            ValueError: if it cannot be drawn.
        """
        for rings in self.polygons:
            fill(label_map, rings, self.value)
        if self.mask is None:
            return
        (x, y), (height, width) = self.corner, self.mask.shape
        rows = slice(max(0, y), max(0, min(y + height, label_map.shape[0])))
        columns = slice(max(0, x), max(0, min(x + width, label_map.shape[1])))
        inside = self.mask[rows.start - y : rows.stop - y, columns.start - x : columns.stop - x]
        if rows.start < rows.stop and columns.start < columns.stop:
            label_map[rows, columns][inside] = self.value


@dataclass(frozen=True, slots=True)
class Drawing:
    """The annotation of one image.

    Attributes:
        file: that holds it.
        size: (width, height) of the image that was annotated; None if the file does not tell.
        shapes: in the order in which they are drawn; may be a generator, which is used once the size is known.
    """

    file: Path
    size: Size | None
    shapes: Iterable[Shape]


class DrawnSource(MaskSource):
    """A source whose annotations are shapes."""

    def __init__(self) -> None:
        """Make a source without classes and images."""
        self._classes: dict[str, SourceClass] = {}
        self._indices: dict[str, int] = {}

    @property
    def classes(self) -> tuple[SourceClass, ...]:
        """The classes, in the order in which they were found."""
        return tuple(self._classes.values())

    def read(self, item: MaskItem, size: tuple[int, int] | None) -> SourceMap:
        """Draw the shapes of an image.

        Raises:
            MaskError: if the file is damaged, or made for an image of another size.
        """
        drawing = self._drawing(item, size)
        width, height = _agreed_size(item, drawing, size)
        label_map = np.full((height, width), UNLABELLED, np.int16)
        with faults_of(drawing.file, item.name):
            for shape in drawing.shapes:
                shape.draw(label_map)
        return label_map

    @abstractmethod
    def _drawing(self, item: MaskItem, size: tuple[int, int] | None) -> Drawing:
        """Return the annotation of an image, which has this size if that is known.

        Raises:
            MaskError: if it cannot be read.
        """

    def _index_of(self, name: str, colour: tuple[int, int, int] | None = None) -> int:
        """Return the index of the class of a name; a new name is a new class."""
        if name not in self._classes:
            self._indices[name] = len(self._classes)
            self._classes[name] = SourceClass(name, colour, name)
        return self._indices[name]


def _agreed_size(item: MaskItem, drawing: Drawing, size: tuple[int, int] | None) -> Size:
    """Return the size of the image that source and project agree on.

    Raises:
        MaskError: if they do not, or neither knows it.
    """
    found = size or drawing.size
    if found is None:
        raise MaskError(
            tr(
                "{path}: nothing tells the size of the image '{name}'; add the image",
                path=drawing.file,
                name=item.name,
            )
        )
    if drawing.size is not None and drawing.size != found:
        raise MaskError(
            tr(
                "{path}: the annotation of '{name}' is for {annotated} pixels, and the image has {actual}; use the "
                "image that was annotated",
                path=drawing.file,
                name=item.name,
                annotated="{} x {}".format(*drawing.size),
                actual="{} x {}".format(*found),
            )
        )
    if found[0] < 1 or found[1] < 1 or found[0] * found[1] > (MOST_PIXELS if size else MAX_PIXELS):
        raise MaskError(
            tr(
                "{path}: the image '{name}' of {width} x {height} pixels is not read; correct its size",
                path=drawing.file,
                name=item.name,
                width=found[0],
                height=found[1],
            )
        )
    return found


@contextmanager
def faults_of(path: Path, name: str | None = None) -> Iterator[None]:
    """Turn what malformed content raises in the block into a sentence.

    Args:
        path: the file that is read.
        name: of the image whose annotation is at fault; without it the whole file is.

    Raises:
        MaskError: in place of ValueError, TypeError, LookupError and the like, if an image is named.
        ProjectError: else.
    """
    try:
        yield
    except (ValueError, TypeError, LookupError, AttributeError, OverflowError, RecursionError) as error:
        reason = tr("{key} is missing", key=error) if isinstance(error, KeyError) else str(error)
        if name is None:
            raise ProjectError(
                tr("{path} is damaged or of another kind: {reason}; export it again", path=path, reason=reason)
            ) from error
        raise MaskError(
            tr(
                "{path}: the annotation of '{name}' is damaged: {reason}; correct it, or export it again",
                path=path,
                name=name,
                reason=reason,
            )
        ) from error


def read_json(path: Path) -> Any:
    """Return the value of a JSON file of annotations.

    Raises:
        ProjectError: if it cannot be read, or is larger than any data set needs.
    """
    with os_errors_as(CANNOT_READ, path):
        data = read_file(path, MAX_BYTES)
    with faults_of(path):
        return parse(data.removeprefix(b"\xef\xbb\xbf"), _MAX_NODES)


def begins_with(path: Path, pattern: str) -> bool:
    """Return whether the first bytes of a file match a pattern; False if it cannot be read."""
    try:
        with open_file(path) as file:
            head = file.read(_HEAD)
    except OSError:
        return False
    return re.match(pattern, head.decode("utf-8-sig", "replace")) is not None


def files_below(folder: Path, *patterns: str) -> list[Path]:
    """Return the files that match patterns below a folder, sorted, each once."""
    return sorted({path for pattern in patterns for path in folder.glob(pattern) if path.is_file()})


def name_of(file_name: str) -> str:
    """Return the name of an item for an image file as a source names it: with slashes, without suffix."""
    parts = [part for part in file_name.replace("\\", "/").split("/") if part not in ("", ".", "..")]
    path = PurePosixPath(*parts)
    return str(path.with_suffix("")) if path.suffix.casefold() in IMAGE_SUFFIXES else str(path)


def image_in(folders: Sequence[Path], file_name: str) -> Path | None:
    """Return the image file of this name in the first of the folders that has it, None if none has.

    A name that leads out of the folder names nothing.
    """
    relative = PurePosixPath(file_name.replace("\\", "/"))
    if relative.is_absolute() or ".." in relative.parts or relative.suffix.casefold() not in IMAGE_SUFFIXES:
        return None
    return next(
        (folder / relative for folder in folders if os.path.isfile(folder / relative)), None
    )  # any text is a name


def image_beside(path: Path) -> Path | None:
    """Return the image with the name of a file but another suffix, None if there is none."""
    stems = (path.with_suffix(suffix) for suffix in sorted(IMAGE_SUFFIXES))
    return next((image for image in stems if image.is_file()), None) or next(
        (image for suffix in sorted(IMAGE_SUFFIXES) if (image := path.with_suffix(suffix.upper())).is_file()), None
    )


def points_of(numbers: Sequence[float]) -> list[Point]:
    """Return the points of a flat list of numbers x, y, x, y.

    Raises:
        ValueError: if their number is odd.
    """
    if len(numbers) % 2:
        raise ValueError(tr("a polygon has an odd number of coordinates"))
    return list(zip(numbers[::2], numbers[1::2], strict=True))
