"""VOC trees: year folders, ImageSets lists, and masks with VOC's class indices."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterable
from pathlib import Path

from fcn_studio.core.classes import VOC_NAMES, VOID
from fcn_studio.core.sample import Split
from fcn_studio.formats.images.scan import IMAGES, MAX_LIST_BYTES
from fcn_studio.formats.voc.masks import indices_in
from fcn_studio.formats.voc.text import text_lines

DEVKIT = "VOCdevkit"
LISTS = Path("ImageSets", "Segmentation")
_MASKS_LOOKED_AT = 24


def voc_years(folder: Path) -> tuple[Path, ...]:
    """Return the VOC trees in a VOCdevkit.

    The VOCdevkit is the folder or the one below it. The result is empty if the folder is a tree itself.
    """
    if (folder / IMAGES).is_dir():
        return ()
    devkit = folder / DEVKIT if (folder / DEVKIT).is_dir() else folder
    return tuple(sorted(p.parent for p in devkit.glob(f"VOC*/{IMAGES}")))


def read_splits(folder: Path) -> dict[str, Split]:
    """Return mask id -> split.

    The images are those that the tree's train and val lists name. An image in both lists is for validation: no
    network is scored on what it was trained on. ``trainval`` alone does not say which.

    Raises:
        ProjectError: if a list is there and cannot be read.
    """
    splits: dict[str, Split] = {}
    for split in (Split.TRAIN, Split.VAL):
        path = folder / LISTS / f"{split.value}.txt"
        if path.is_file():
            names = (line.strip() for line in text_lines(path, MAX_LIST_BYTES))
            splits.update((unicodedata.normalize("NFC", name), split) for name in names if name)
    return splits


def fits_voc(masks: Iterable[Path]) -> bool:
    """Return whether the indices of some masks are VOC's.

    The masks are spread over all of them. VOC's indices are 0 to 20 and 255.
    """
    paths = list(masks)
    step = max(1, len(paths) // _MASKS_LOOKED_AT)
    found = [indices for path in paths[::step] if (indices := indices_in(path)) is not None]
    return bool(found) and frozenset().union(*found) <= {*range(len(VOC_NAMES)), VOID}
