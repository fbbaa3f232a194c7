"""labelme: a JSON file of shapes beside each image, of versions 3 to 7.

Shapes are drawn in the order of the file. Lines are as wide as labelme's own conversion draws them.

Source: labelme, ``labelme/utils/shape.py`` (shape_to_mask) and ``examples/semantic_segmentation/labelme2voc.py``.
"""

from __future__ import annotations

import base64
import binascii
import io
import math
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from PIL import Image

from fcn_studio.core.raster import Point
from fcn_studio.core.regions.polygons import Ring, checked_ring, ellipse, rectangle, stroke
from fcn_studio.errors import MaskError, ProjectError
from fcn_studio.formats.images.images import DECODER_ERRORS, MAX_PIXELS, quiet_pillow
from fcn_studio.formats.importers.base import VOID_VALUE, MaskItem
from fcn_studio.formats.importers.drawing import (
    Drawing,
    DrawnSource,
    Shape,
    begins_with,
    faults_of,
    files_below,
    image_beside,
    image_in,
    read_json,
)
from fcn_studio.formats.importers.mask_files import split_by_folders
from fcn_studio.formats.strict_json import text, whole
from fcn_studio.formats.voc.class_rows import IGNORE
from fcn_studio.formats.voc.text import text_lines
from fcn_studio.i18n import tr

_HEAD = r'(?s)\s*\{\s*".*(?<=")(shapes|lineColor|fillColor|imagePath|imageData)"\s*:'
_LINE_WIDTH = 10
_MOST_POINTS = 5_000
_MOST_BYTES = 1 << 20

Row = Mapping[str, Any]
"""An object of a file."""


def found(path: Path) -> bool:
    """Return whether a file or folder looks like labelme's."""
    return next(_files(path), None) is not None


def open_source(path: Path) -> LabelmeSource:
    """Return the annotations of a file, or of all below a folder.

    Raises:
        ProjectError: if there is none.
    """
    files = list(_files(path))
    if not files:
        raise ProjectError(tr("{path} has no JSON file of labelme; choose the folder that has them", path=path))
    return LabelmeSource(path if path.is_dir() else path.parent, files)


def _files(path: Path) -> Iterator[Path]:
    files = [path] if path.is_file() else files_below(path, "**/*.json")
    return (file for file in files if begins_with(file, _HEAD))


class LabelmeSource(DrawnSource):
    """Annotations of labelme. Its classes are found as the files are read, unless ``labels.txt`` names them."""

    def __init__(self, folder: Path, files: Sequence[Path]) -> None:
        """List the files, which lie below ``folder``."""
        super().__init__()
        self._files = {file.relative_to(folder).with_suffix("").as_posix(): file for file in files}
        self.items = tuple(
            MaskItem(name, _image_of(file), split_by_folders(name)) for name, file in self._files.items()
        )
        for name in _names_in(folder / "labels.txt"):
            self._index_of(name)

    def _drawing(self, item: MaskItem, _size: tuple[int, int] | None) -> Drawing:
        """Return the shapes of a file."""
        file = self._files[item.name]
        try:
            data = read_json(file)
        except ProjectError as error:
            raise MaskError(str(error)) from error
        with faults_of(file, item.name):
            width, height = data.get("imageWidth"), data.get("imageHeight")
            size = None if width is None or height is None else (whole(width), whole(height))
            return Drawing(file, size, map(self._shape, data["shapes"]))

    def _shape(self, row: Row) -> Shape:
        """Return a shape of the file.

        Raises:
            ValueError, TypeError, LookupError: if it is malformed, or of a kind that has no area.
        """
        label, kind = text(row["label"]), row.get("shape_type") or "polygon"
        value = VOID_VALUE if label == IGNORE else self._index_of(label)
        points = checked_ring(row["points"])
        if kind == "mask":
            (x, y), _ = points
            return Shape(value, mask=_decoded_mask(text(row["mask"])), corner=(int(x), int(y)))
        if kind not in _POLYGONS:
            raise ValueError(tr("a shape of the kind '{kind}' has no area; delete it in labelme", kind=kind))
        return Shape(value, [[ring] for ring in _POLYGONS[kind](points)])


def _circle(points: Sequence[Point]) -> list[Ring]:
    (x, y), (u, v) = points
    return [ellipse((x, y), (radius := math.hypot(u - x, v - y), radius))]


def _rectangle(points: Sequence[Point]) -> list[Ring]:
    first, last = points
    return [rectangle(first, last)]


def _line(points: Sequence[Point]) -> list[Ring]:
    if len(points) > _MOST_POINTS:
        raise ValueError(tr("a line of {n:,} points; at most {most:,} are read", n=len(points), most=_MOST_POINTS))
    return stroke(points, _LINE_WIDTH)


_POLYGONS = {
    "polygon": lambda points: [points],
    "oriented_rectangle": lambda points: [points],
    "rectangle": _rectangle,
    "circle": _circle,
    "line": _line,
    "linestrip": _line,
}
"""Kind of a shape -> the polygons that cover it."""


def _decoded_mask(data: str) -> NDArray[np.bool_]:
    """Return the pixels of a shape of the kind ``mask``: a PNG in base64.

    Raises:
        ValueError: if it is none.
    """
    try:
        with quiet_pillow(), Image.open(io.BytesIO(base64.b64decode(data, validate=True)), formats=("PNG",)) as image:
            if image.width * image.height > MAX_PIXELS:
                raise ValueError(tr("a mask of {width} x {height} pixels", width=image.width, height=image.height))
            return np.asarray(image.convert("L")).astype(np.bool_)
    except (*DECODER_ERRORS, binascii.Error) as error:
        raise ValueError(tr("its mask is no PNG: {reason}", reason=error)) from error


def _image_of(file: Path) -> Path | None:
    """Return the image that a file annotates, None if it is not there.

    It is the one beside it of the same name, else the one that the file names.
    """
    if (image := image_beside(file)) is not None:
        return image
    try:
        name = read_json(file).get("imagePath")
    except (ProjectError, AttributeError):
        return None  # reading the annotation says what is wrong
    return image_in([file.parent], name) if isinstance(name, str) else None


def _names_in(path: Path) -> list[str]:
    """Return the classes of ``labels.txt``, in its order, without the one to ignore; none if it cannot be read."""
    try:
        names = dict.fromkeys(line.strip() for line in text_lines(path, _MOST_BYTES))
    except ProjectError:
        return []
    return [name for name in names if name and name != IGNORE]
