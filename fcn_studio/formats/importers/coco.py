"""COCO: JSON files with polygons and run lengths.

Annotations of an image are drawn by area, the largest first, those of equal area in the order of the file. So a small
object in front of a large one is seen, whatever the order. Crowd regions are drawn as their class.

Source: https://cocodataset.org/#format-data; pycocotools, ``coco.py`` and ``mask.py``.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Mapping, Sequence
from itertools import chain
from pathlib import Path
from typing import Any

from fcn_studio.core.regions.polygons import checked_ring, with_holes
from fcn_studio.core.sample import Split
from fcn_studio.errors import ProjectError
from fcn_studio.formats.importers.base import MaskItem
from fcn_studio.formats.importers.drawing import (
    Drawing,
    DrawnSource,
    Shape,
    begins_with,
    faults_of,
    files_below,
    image_in,
    name_of,
    points_of,
    read_json,
)
from fcn_studio.formats.importers.mask_files import split_by_folders
from fcn_studio.formats.rle import decoded, from_text
from fcn_studio.formats.strict_json import text, whole
from fcn_studio.i18n import tr, tr_n

_HEAD = r'\s*\{\s*"(info|licenses|images|annotations|categories)"\s*:'
_ROBOFLOW = "_annotations.coco.json"
_PLACES = ("*.json", "annotations/*.json", f"*/{_ROBOFLOW}")
_MOST_CORNERS, _MOST_TESTS = 20_000, 500_000
"""Of an annotation whose rings are sorted out (some seconds at most); else what an odd number of rings encloses."""

Row = Mapping[str, Any]
"""An object of the file."""


def found(path: Path) -> bool:
    """Return whether a file or folder looks like COCO."""
    return bool(_files(path))


def open_source(path: Path) -> CocoSource:
    """Return the annotations of a file, or of all such files of a folder.

    Raises:
        ProjectError: if one cannot be read, or none has outlines.
    """
    files = _files(path)
    if not files:
        raise ProjectError(
            tr("{path} has no COCO file: JSON with images, annotations and categories; choose the file", path=path)
        )
    return CocoSource(path if path.is_dir() else path.parent, files)


def _files(path: Path) -> list[Path]:
    """Return the COCO files of a path: itself, or those of a folder.

    Where a folder has files named ``instances``, the others hold captions and key points of the same images.
    """
    files = [path] if path.is_file() else files_below(path, *_PLACES)
    files = [file for file in files if begins_with(file, _HEAD)]
    return [file for file in files if file.name.startswith("instances")] or files


class CocoSource(DrawnSource):
    """The annotations of some COCO files."""

    def __init__(self, folder: Path, files: Sequence[Path]) -> None:
        """Read the files; the images lie in ``folder``."""
        super().__init__()
        self._folder = folder
        self._rows: dict[str, tuple[Path, Row, list[tuple[int, Row]]]] = {}
        self._boxes = self._crowds = self._several = self._lost = self._twice = 0
        items: list[MaskItem] = []
        for file in sorted(files, key=lambda file: _split_of(file) is None):  # ``trainval`` repeats what others have
            data = read_json(file)
            with faults_of(file):
                items.extend(self._items_of(file, data))
        self.items = tuple(items)
        self.notices = tuple(self._sentences())
        if self._boxes and not any(annotations for _, _, annotations in self._rows.values()):
            raise ProjectError(
                tr(
                    "{path} has boxes only, and no outlines of objects; export it with polygons or masks",
                    path=files[0],
                )
            )

    def _items_of(self, file: Path, data: Row) -> list[MaskItem]:
        """Take over the content of a file, and return its images.

        Raises:
            ProjectError: if it is a panoptic file.
            ValueError, TypeError, LookupError: if it is malformed.
        """
        annotations = data["annotations"]
        if any("segments_info" in row for row in annotations[:1]):
            raise ProjectError(
                tr(
                    "{path} describes panoptic PNGs, which are not read; export the annotations as instances",
                    path=file,
                )
            )
        classes = {whole(row["id"]): self._index_of(text(row["name"])) for row in data["categories"]}
        images = {whole(row["id"]): row for row in data["images"]}
        by_image: dict[int, list[tuple[int, Row]]] = defaultdict(list)
        for row in annotations:
            self._sort_in(row, classes, images, by_image)
        return [
            item for key, row in images.items() if (item := self._item(file, row, by_image.get(key, []))) is not None
        ]

    def _sort_in(
        self,
        row: Row,
        classes: Mapping[int, int],
        images: Mapping[int, Row],
        by_image: dict[int, list[tuple[int, Row]]],
    ) -> None:
        """Add an annotation to those of its image, or count why it is left out."""
        image = whole(row["image_id"])
        if image not in images:
            self._lost += 1
        elif not (outline := row.get("segmentation")):
            self._boxes += 1
        else:
            self._crowds += bool(row.get("iscrowd"))
            self._several += isinstance(outline, list) and len(outline) > 1
            by_image[image].append((classes[whole(row["category_id"])], row))

    def _item(self, file: Path, row: Row, annotations: list[tuple[int, Row]]) -> MaskItem | None:
        """Return the item of an image, None if the image is there already."""
        file_name = text(row["file_name"])
        name = name_of(file_name)
        if name in self._rows and file.name == _ROBOFLOW:  # it has a folder for each split
            name = f"{file.parent.name}/{name}"
        if name in self._rows:
            self._twice += 1
            return None
        self._rows[name] = (file, row, annotations)
        return MaskItem(name, image_in(self._image_folders(file), file_name), _split_of(file))

    def _image_folders(self, file: Path) -> list[Path]:
        """Return where the images of a file may lie."""
        stem = file.stem.partition("_")[2] or file.stem
        bases = dict.fromkeys((file.parent, self._folder, self._folder.parent))
        return [base / part for base in bases for part in ("", "images", stem, f"images/{stem}")]

    def _sentences(self) -> list[str]:
        """Return what was noticed."""
        sentences = []
        if self._boxes:
            sentences.append(
                tr_n(
                    "{n} annotation has a box and no outline, and is left out",
                    "{n:,} annotations have a box and no outline, and are left out",
                    self._boxes,
                )
            )
        if self._lost:
            sentences.append(
                tr_n(
                    "{n} annotation belongs to no image of the file, and is left out",
                    "{n:,} annotations belong to no image of the file, and are left out",
                    self._lost,
                )
            )
        if self._twice:
            sentences.append(
                tr_n(
                    "{n} image is there twice; its first annotation is taken",
                    "{n:,} images are there twice; their first annotations are taken",
                    self._twice,
                )
            )
        if self._crowds:
            sentences.append(
                tr_n(
                    "{n} crowd region is painted as its class",
                    "{n:,} crowd regions are painted as their classes",
                    self._crowds,
                )
            )
        if self._several:
            sentences.append(
                tr_n(
                    "{n} annotation has several polygons; one that lies in another is a hole",
                    "{n:,} annotations have several polygons; one that lies in another is a hole",
                    self._several,
                )
            )
        return sentences

    def _drawing(self, item: MaskItem, size: tuple[int, int] | None) -> Drawing:
        """Return the annotations of an image, the largest first."""
        file, row, annotations = self._rows[item.name]
        with faults_of(file, item.name):
            known = (whole(row["width"]), whole(row["height"])) if "width" in row else None
            found = known or size
            ordered = sorted(annotations, key=lambda pair: -_area(pair[1]))
            return Drawing(file, known, (_shape(value, annotation, found) for value, annotation in ordered))


def _shape(value: int, row: Row, size: tuple[int, int] | None) -> Shape:
    """Return the shape of an annotation.

    Raises:
        ValueError, TypeError, LookupError: if it is malformed.
    """
    outline = row["segmentation"]
    if isinstance(outline, dict):
        height, width = map(whole, outline["size"])
        if size is not None and size != (width, height):
            raise ValueError(tr("its run lengths are for {width} x {height} pixels", width=width, height=height))
        counts = outline["counts"]
        return Shape(value, mask=decoded(from_text(counts) if isinstance(counts, str) else counts, (width, height)))
    if not isinstance(outline, list):
        raise TypeError(tr("its outline is neither polygons nor run lengths"))
    rings = [ring for numbers in outline if (ring := checked_ring(points_of(numbers)))]
    corners = sum(map(len, rings))
    sortable = corners <= _MOST_CORNERS and corners * len(rings) <= _MOST_TESTS
    return Shape(value, with_holes(rings) if sortable else [rings])


def _area(row: Row) -> float:
    """Return the area of an annotation, as its file has it, else from its outline."""
    area = row.get("area")
    if isinstance(area, int | float) and area > 0:
        return float(area)
    outline = row["segmentation"]
    if isinstance(outline, dict):
        counts = outline["counts"]
        return float(sum((from_text(counts) if isinstance(counts, str) else counts)[1::2]))
    numbers = list(chain.from_iterable(outline))
    across = [max(side) - min(side) for side in (numbers[::2], numbers[1::2]) if side]
    return float(across[0] * across[1]) if len(across) == 2 else 0.0


def _split_of(file: Path) -> Split | None:
    """Return the split that the name of a file or of its folder tells: ``instances_val2017.json``, ``valid/``."""
    words = re.split(r"[^a-z]+", f"{file.stem} {file.parent.name}".casefold())
    return split_by_folders("/".join([*words, ""]))
