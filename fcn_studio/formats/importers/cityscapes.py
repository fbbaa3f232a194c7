"""Cityscapes tree: ``gtFine`` or ``gtCoarse`` beside ``leftImg8bit``.

Of the files of an image ``labelIds`` is read, else ``labelTrainIds``, else ``color``, else the polygons, which are
drawn in the order of the file. Where a tree has only the folders of Cityscapes, ``labels.json`` (id and name, as the
export writes it) or ``class_names.txt`` names its classes.

Source: cityscapesScripts, ``helpers/labels.py`` and ``preparation/createTrainIdLabelImgs.py``.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from pathlib import Path

from fcn_studio.core.regions.polygons import checked_ring
from fcn_studio.errors import MaskError, ProjectError
from fcn_studio.formats.importers.base import MaskItem, MaskSource
from fcn_studio.formats.importers.data_sets import CITYSCAPES
from fcn_studio.formats.importers.drawing import Drawing, DrawnSource, Shape, faults_of, files_below, read_json
from fcn_studio.formats.importers.known_values import KnownValues, named_beside
from fcn_studio.formats.importers.mask_files import MaskFiles, split_by_folders
from fcn_studio.formats.importers.mask_pixels import code_of
from fcn_studio.formats.importers.masks import MaskFolder
from fcn_studio.formats.strict_json import text, whole
from fcn_studio.i18n import tr

_GROUND_TRUTH = ("gtFine", "gtCoarse")
_IMAGES = "leftImg8bit"
_KINDS = ("labelIds", "labelTrainIds", "color", "polygons")
_FILE = re.compile(r"(?P<name>.+)_(?P<truth>gtFine|gtCoarse)_(?P<kind>labelIds|labelTrainIds|color|polygons)")


def found(path: Path) -> bool:
    """Return whether a folder has or is ``gtFine`` or ``gtCoarse``."""
    return _truth_of(path) is not None


def open_source(path: Path) -> MaskSource:
    """Return the annotations of a tree.

    Raises:
        ProjectError: if there are none.
    """
    truth = _truth_of(path)
    files = {} if truth is None else _files_by_kind(truth)
    if truth is None or not files:
        raise ProjectError(
            tr("{path} has no folder gtFine or gtCoarse with labelIds; choose the folder that has it", path=path)
        )
    kind = next(kind for kind in _KINDS if kind in files)
    items = [_item(truth, name, file, kind) for name, file in files[kind].items()]
    if kind == "polygons":
        return CityscapesPolygons(items, files[kind])
    notices: list[str] = []
    named = _own_names(truth.parent, notices) if kind == "labelIds" else {}
    return MaskFolder(MaskFiles(items, [], notices), named or _known(kind))


def _truth_of(path: Path) -> Path | None:
    """Return the folder of the annotations, None if there is none."""
    places = [path, *(path / name for name in _GROUND_TRUTH)]
    return next((place for place in places if place.name in _GROUND_TRUTH and place.is_dir()), None)


def _files_by_kind(truth: Path) -> dict[str, dict[str, Path]]:
    """Return kind -> name of the image below its split -> file."""
    files: dict[str, dict[str, Path]] = {}
    for file in files_below(truth, "**/*_gt*.png", "**/*_gt*.json"):
        if (match := _FILE.fullmatch(file.stem)) is not None:
            name = file.relative_to(truth).with_name(f"{match['name']}_{_IMAGES}").as_posix()
            files.setdefault(match["kind"], {})[name] = file
    return files


def _item(truth: Path, name: str, file: Path, kind: str) -> MaskItem:
    images = (truth.parent / _IMAGES / f"{name}{suffix}" for suffix in (".png", ".jpg"))
    image = next((image for image in images if image.is_file()), None)
    return MaskItem(name, image, split_by_folders(name), None if kind == "polygons" else file)


def _own_names(folder: Path, notices: list[str]) -> KnownValues:
    """Return the names that a tree gives its ids itself; none if it gives none.

    Raises:
        ProjectError: if ``labels.json`` is malformed.
    """
    table = folder / "labels.json"
    if not table.is_file():
        named, said = named_beside([folder])
        notices += said
        return named
    rows = read_json(table)
    with faults_of(table):
        return {whole(row["id"]): text(row["name"]) for row in rows}


def _known(kind: str) -> KnownValues:
    """Return what the values of a kind of masks mean in Cityscapes itself."""
    if kind == "labelIds":
        return {number: name for number, name, _, _ in CITYSCAPES}
    if kind == "labelTrainIds":
        return {255: "void", **{train: name for _, name, train, _ in CITYSCAPES if train != 255}}
    names: Mapping[int, str] = {code_of(colour): name for _, name, _, colour in reversed(CITYSCAPES)}
    return {**names, code_of((0, 0, 0)): "void"}


class CityscapesPolygons(DrawnSource):
    """The polygons of a tree, for trees without masks."""

    def __init__(self, items: list[MaskItem], files: Mapping[str, Path]) -> None:
        """Take over items and their files."""
        super().__init__()
        self.items, self._files = tuple(items), files

    def _drawing(self, item: MaskItem, _size: tuple[int, int] | None) -> Drawing:
        """Return the objects of an image in the order of the file."""
        file = self._files[item.name]
        try:
            data = read_json(file)
        except ProjectError as error:
            raise MaskError(str(error)) from error
        with faults_of(file, item.name):
            shapes = [
                Shape(self._index_of(_plain(text(row["label"]))), [[checked_ring(row["polygon"])]])
                for row in data["objects"]
                if not row.get("deleted")
            ]
            return Drawing(file, (whole(data["imgWidth"]), whole(data["imgHeight"])), shapes)


def _plain(label: str) -> str:
    """Return the class of a label: ``cargroup`` is several objects of ``car``."""
    names = {name for _, name, _, _ in CITYSCAPES}
    single = label.removesuffix("group")
    return single if label not in names and single in names else label
