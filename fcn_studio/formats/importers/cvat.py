"""CVAT: "CVAT for images 1.1" (XML with polygons and masks), and "Segmentation mask 1.1".

Shapes of an image are drawn by their ``z_order``, those of equal order as the file has them. Masks of colours with a
``labelmap.txt`` are read as any folder of masks is.

Source: CVAT manual, "CVAT for images" and "Segmentation mask"; ``cvat/apps/dataset_manager/formats/cvat.py``.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from xml.parsers import expat

import numpy as np

from fcn_studio.core.classes import Colour
from fcn_studio.core.raster import Point
from fcn_studio.core.regions.polygons import Ring, checked_ring, ellipse, rectangle, turned
from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as
from fcn_studio.formats.images.images import MAX_PIXELS
from fcn_studio.formats.importers import masks
from fcn_studio.formats.importers.base import MaskItem, MaskSource
from fcn_studio.formats.importers.drawing import (
    MAX_BYTES,
    Drawing,
    DrawnSource,
    Shape,
    begins_with,
    faults_of,
    files_below,
    image_in,
    name_of,
)
from fcn_studio.formats.importers.mask_files import split_by_folders
from fcn_studio.i18n import tr, tr_n
from fcn_studio.paths import read_file

_HEAD = r"(?s)\s*(<\?xml[^>]*\?>)?\s*(<!--.*?-->\s*)*<annotations\b"
_MOST_ELEMENTS = 4_000_000
_DEEPEST = 50
_SHAPES = frozenset({"polygon", "box", "ellipse", "mask", "polyline", "points", "cuboid", "skeleton", "tag"})

Attributes = Mapping[str, str]
"""Name -> value of an XML element."""


def found(path: Path) -> bool:
    """Return whether a path is or has XML of CVAT, or is a folder of its masks."""
    return bool(_files(path)) or (path.is_dir() and _has_masks(path))


def open_source(path: Path) -> MaskSource:
    """Return the annotations of an XML file or of a folder.

    Raises:
        ProjectError: if there are none, or they cannot be read.
    """
    if files := _files(path):
        return CvatSource(path if path.is_dir() else path.parent, files)
    if path.is_dir() and _has_masks(path):
        return masks.open_source(path)
    raise ProjectError(
        tr("{path} has neither annotations.xml nor labelmap.txt with masks of CVAT; choose another folder", path=path)
    )


def _files(path: Path) -> list[Path]:
    files = [path] if path.is_file() else files_below(path, "*.xml")
    return [file for file in files if begins_with(file, _HEAD)]


def _has_masks(path: Path) -> bool:
    return (path / "labelmap.txt").is_file() and (path / "SegmentationClass").is_dir()


@dataclass(slots=True)
class _Annotated:
    """An image as the XML has it."""

    file: Path
    attributes: Attributes
    shapes: list[tuple[str, Attributes]] = field(default_factory=list)


@dataclass(slots=True)
class _Content:
    """What an XML file holds.

    Attributes:
        images: in the order of the file.
        colours: label -> colour as ``#rrggbb``, in the order of the labels.
        tracks: whether it describes a film, in tracks.
    """

    images: list[_Annotated] = field(default_factory=list)
    colours: dict[str, str] = field(default_factory=dict)
    tracks: bool = False


class CvatSource(DrawnSource):
    """Annotations of CVAT for images."""

    def __init__(self, folder: Path, files: Sequence[Path]) -> None:
        """Read the files; the images lie in ``folder``."""
        super().__init__()
        self._images: dict[str, _Annotated] = {}
        items = []
        skipped: Counter[str] = Counter()
        twice = 0
        for file in sorted(files, key=lambda file: split_by_folders(f"{file.stem}/") is None):  # ``trainval`` repeats
            content = _read(file)
            for label, colour in content.colours.items():
                self._index_of(label, _colour(colour))
            with faults_of(file):
                for image in content.images:
                    if (item := self._item(folder, image)) is None:
                        twice += 1
                        continue
                    items.append(item)
                    skipped.update(kind for kind, _ in image.shapes if kind not in _DRAWN)
        self.items = tuple(items)
        repeated = [
            tr_n(
                "{n} image is there twice; its first annotation is taken",
                "{n:,} images are there twice; their first annotations are taken",
                twice,
            )
        ]
        self.notices = (*repeated[: bool(twice)], *_left_out(skipped))

    def _item(self, folder: Path, image: _Annotated) -> MaskItem | None:
        """Return the item of an image, None if the image is there already."""
        file_name = image.attributes["name"]
        name = name_of(file_name)
        if name in self._images:
            return None
        self._images[name] = image
        subset = image.attributes.get("subset") or image.file.stem
        places = [folder, folder / "images", folder / "images" / subset]
        return MaskItem(name, image_in(places, file_name), split_by_folders(f"{subset}/"))

    def _drawing(self, item: MaskItem, _size: tuple[int, int] | None) -> Drawing:
        """Return the shapes of an image, the lowest first."""
        image = self._images[item.name]
        with faults_of(image.file, item.name):
            size = int(image.attributes["width"]), int(image.attributes["height"])
            ordered = sorted(image.shapes, key=lambda shape: int(shape[1].get("z_order", 0)))
            shapes = (
                _DRAWN[kind](self._index_of(attributes["label"]), attributes)
                for kind, attributes in ordered
                if kind in _DRAWN
            )
            return Drawing(image.file, size, shapes)


def _left_out(kinds: Mapping[str, int]) -> list[str]:
    """Return a sentence for each kind of shape that is not drawn, given kind -> count."""
    return [
        tr_n(
            "{n} shape of the kind '{kind}' has no area, and is left out",
            "{n:,} shapes of the kind '{kind}' have no area, and are left out",
            count,
            kind=kind,
        )
        for kind, count in sorted(kinds.items())
    ]


def _polygon(value: int, attributes: Attributes) -> Shape:
    pairs = [pair.split(",") for pair in attributes["points"].split(";") if pair.strip()]
    return Shape(value, [[checked_ring([[float(number) for number in pair] for pair in pairs])]])


def _box(value: int, attributes: Attributes) -> Shape:
    left, top, right, bottom = (float(attributes[key]) for key in ("xtl", "ytl", "xbr", "ybr"))
    corners = checked_ring(rectangle((left, top), (right, bottom)))
    return _turned(value, corners, ((left + right) / 2, (top + bottom) / 2), attributes)


def _ellipse(value: int, attributes: Attributes) -> Shape:
    x, y, rx, ry = (float(attributes[key]) for key in ("cx", "cy", "rx", "ry"))
    checked_ring([(x, y), (rx, ry)])
    return _turned(value, ellipse((x, y), (rx, ry)), (x, y), attributes)


def _turned(value: int, ring: Ring, centre: Point, attributes: Attributes) -> Shape:
    return Shape(value, [[checked_ring(turned(ring, centre, float(attributes.get("rotation", 0))))]])


def _mask(value: int, attributes: Attributes) -> Shape:
    """Return a mask: run lengths of 0 and 1 in turn, row after row, in a box."""
    left, top, width, height = (int(attributes[key]) for key in ("left", "top", "width", "height"))
    counts = [int(word) for word in attributes["rle"].split(",")]
    if min(counts) < 0 or sum(counts) != width * height or width < 0 or width * height > MAX_PIXELS:
        raise ValueError(tr("the runs of a mask do not fill its box"))
    turns = np.zeros(len(counts), np.bool_)
    turns[1::2] = True
    return Shape(value, mask=turns.repeat(counts).reshape(height, width), corner=(left, top))


_DRAWN: dict[str, Callable[[int, Attributes], Shape]] = {
    "polygon": _polygon,
    "box": _box,
    "ellipse": _ellipse,
    "mask": _mask,
}
"""Kind of a shape with an area -> how it is read."""


def _read(path: Path) -> _Content:
    """Return the images and labels of an XML file.

    Raises:
        ProjectError: if it cannot be read, or describes a film.
    """
    with os_errors_as(CANNOT_READ, path):
        data = read_file(path, MAX_BYTES)
    reader = _Reader(path)
    with faults_of(path):
        try:
            reader.parser.Parse(data, True)
        except expat.ExpatError as error:
            raise ValueError(str(error)) from error
    if reader.content.tracks:
        raise ProjectError(
            tr("{path} describes a film in tracks, which is not read; export it as 'CVAT for images 1.1'", path=path)
        )
    return reader.content


class _Reader:
    """Handlers of an XML parser that collect images, shapes and labels."""

    def __init__(self, path: Path) -> None:
        """Prepare to read the file."""
        self.content = _Content()
        self._path = path
        self._open: list[str] = []
        self._text: list[str] = []
        self._label = ""
        self._elements = 0
        self.parser = expat.ParserCreate()
        self.parser.StartElementHandler = self._start
        self.parser.EndElementHandler = self._end
        self.parser.CharacterDataHandler = self._text.append
        self.parser.StartDoctypeDeclHandler = _refuse_entities

    def _start(self, tag: str, attributes: dict[str, str]) -> None:
        self._elements += 1
        self._open.append(tag)
        self._text.clear()
        if self._elements > _MOST_ELEMENTS or len(self._open) > _DEEPEST:
            raise ValueError(tr("it has too many elements, or nests too deep"))
        if tag == "track":
            self.content.tracks = True
        elif tag == "image":
            self.content.images.append(_Annotated(self._path, attributes))
        elif tag in _SHAPES and self._open[-2:-1] == ["image"]:
            self.content.images[-1].shapes.append((tag, attributes))

    def _end(self, tag: str) -> None:
        self._open.pop()
        text = "".join(self._text).strip()
        if self._open[-1:] == ["label"]:
            if tag == "name":
                self._label = text
                self.content.colours[text] = ""
            elif tag == "color" and self._label in self.content.colours:
                self.content.colours[self._label] = text
        self._text.clear()


def _refuse_entities(*_: object) -> None:
    """Refuse a document type, which may define entities. Raises: ValueError."""
    raise ValueError(tr("it has a document type"))


def _colour(text: str) -> Colour | None:
    """Return the colour ``#rrggbb``, None if it is none."""
    try:
        value = int(text.removeprefix("#"), 16) if len(text) == 7 else None
    except ValueError:
        return None
    return None if value is None else (value >> 16 & 255, value >> 8 & 255, value & 255)
