"""VOC trees: which year folders there are, the ImageSets lists, and the files that name the classes."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path

from fcn_studio.core.classes import VOC_NAMES, VOID, ClassTable, Colour, voc_colour
from fcn_studio.core.sample import Split
from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import told
from fcn_studio.formats.images.scan import IMAGES, MAX_LIST_BYTES
from fcn_studio.formats.voc.masks import indices_in
from fcn_studio.paths import read_file

DEVKIT = "VOCdevkit"
LISTS = Path("ImageSets", "Segmentation")
CLASS_FILES = ("class_names.txt", "labels.txt", "labelmap.txt")
"""Files that name the classes of a tree, in the order in which they are looked for."""

_MASKS_LOOKED_AT = 24
_MAX_TABLE_BYTES = 1 << 20
_CVAT_ROW = re.compile(r"(?P<name>.*):(?P<colour>\d{1,3},\d{1,3},\d{1,3})?:[^:]*:[^:]*")
_UNUSED = re.compile(r"unused_\d+")


def voc_years(folder: Path) -> tuple[Path, ...]:
    """The VOC trees in a VOCdevkit, or in the VOCdevkit below a folder; empty if it is a tree itself or none."""
    if (folder / IMAGES).is_dir():
        return ()
    devkit = folder / DEVKIT if (folder / DEVKIT).is_dir() else folder
    return tuple(sorted(p.parent for p in devkit.glob(f"VOC*/{IMAGES}")))


def read_splits(folder: Path) -> dict[str, Split]:
    """Mask id -> split, for the images that the tree's train and val lists name.

    An image in both lists is for validation: no network is scored on what it was trained on. ``trainval`` alone
    does not say which.

    Raises:
        ProjectError: if a list is there and cannot be read.
    """
    splits: dict[str, Split] = {}
    for split in (Split.TRAIN, Split.VAL):
        path = folder / LISTS / f"{split.value}.txt"
        if path.is_file():
            names = (line.strip() for line in _lines(path, MAX_LIST_BYTES))
            splits.update((unicodedata.normalize("NFC", name), split) for name in names if name)
    return splits


def read_class_files(folder: Path) -> ClassTable | None:
    """The class table of the first of `CLASS_FILES` in a folder; None if there is none.

    Raises:
        ProjectError: if the file cannot be read or names a class twice.
    """
    path = next((folder / name for name in CLASS_FILES if (folder / name).is_file()), None)
    if path is None:
        return None
    try:
        return _table_of(_lines(path, _MAX_TABLE_BYTES))
    except ProjectError as error:
        raise ProjectError(f"{path}: {error}; correct the file") from error


def class_file_lines(table: ClassTable, *, cvat: bool) -> list[str]:
    """A class table as lines whose number is the class index, from 0; ``unused_N`` stands for free indices.

    With ``cvat`` each is ``name:r,g,b::``, with the VOC colour that the class has in mask files.
    """
    names = [_unique_name(table, index) for index in range(max((c.index for c in table), default=-1) + 1)]
    if not cvat:
        return names
    return [f"{name}:{','.join(map(str, voc_colour(i)))}::" for i, name in enumerate(names)]


def fits_voc(masks: Iterable[Path]) -> bool:
    """Whether the indices of some of the masks, spread over all of them, are VOC's: 0 to 20 and 255."""
    paths = list(masks)
    step = max(1, len(paths) // _MASKS_LOOKED_AT)
    found = [indices for path in paths[::step] if (indices := indices_in(path)) is not None]
    return bool(found) and frozenset().union(*found) <= {*range(len(VOC_NAMES)), VOID}


def _lines(path: Path, limit: int) -> list[str]:
    """Lines of a UTF-8 text file of at most ``limit`` bytes. Raises: ProjectError if it cannot be read."""
    with told("read", path):
        data = read_file(path, limit)
    try:
        return data.decode("utf-8-sig").splitlines()
    except UnicodeDecodeError as error:
        raise ProjectError(f"{path} is not UTF-8 text; save it as UTF-8") from error


def _table_of(lines: list[str]) -> ClassTable:
    """Class table of lines ``name`` or CVAT's ``name:r,g,b:parts:actions``; the line's number is the index.

    Source: CVAT manual, "Pascal VOC" (labelmap.txt); labelme ``examples/semantic_segmentation`` (labels.txt, whose
    first line ``__ignore__`` is index -1).
    """
    rows = [line.strip() for line in lines if not line.startswith("# label:")]
    while rows and not rows[-1]:
        rows.pop()
    if rows and rows[0] == "__ignore__":
        rows.pop(0)
    parsed = [_row(row) for row in rows]
    table = ClassTable.from_names(name or f"unused_{i}" for i, (name, _) in enumerate(parsed))
    classes = zip(table, parsed, strict=True)
    kept = (replace(c, colour=colour or c.colour) for c, (_, colour) in classes if not _UNUSED.fullmatch(c.name))
    return replace(table, classes=tuple(kept))


def _row(row: str) -> tuple[str, Colour | None]:
    """Name and colour of a line; no name if it is void's, which is index 255 and no class."""
    match = _CVAT_ROW.fullmatch(row)
    if match is None:
        return row, None
    colour = _colour(match["colour"]) if match["colour"] else None
    is_void = match["name"].casefold() == "void" and colour == voc_colour(VOID)
    return "" if is_void else match["name"], colour


def _colour(text: str) -> Colour:
    """The colour of "r,g,b". Raises: ProjectError if a part is over 255."""
    red, green, blue = (int(part) for part in text.split(","))
    if max(red, green, blue) > 255:
        raise ProjectError(f"{text} is no colour: its parts are 0 to 255")
    return red, green, blue


def _unique_name(table: ClassTable, index: int) -> str:
    """Name of an index in a class file; a retired class may bear the name of an active one, a file's row may not."""
    info = table.get(index)
    if info is None:
        return f"unused_{index}"
    taken = info.retired and any(
        c.index != index and c.name.casefold() == info.name.casefold() for c in table.classes
    )
    return f"{info.name} (retired {index})" if taken else info.name
