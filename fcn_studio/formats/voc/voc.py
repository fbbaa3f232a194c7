"""VOC trees: year folders, ImageSets lists, and masks with VOC's class indices."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path

from fcn_studio.core.classes import VOC_NAMES, VOID
from fcn_studio.formats.images.scan import IMAGES
from fcn_studio.formats.voc.masks import indices_in

DEVKIT = "VOCdevkit"
_MASKS_LOOKED_AT = 24
_VOC_NAME = re.compile("20[01][0-9]_[0-9]{6}")
"""Names of VOC's images, as ``2007_000032``."""
_VOC_YEAR = re.compile("VOC20[01][0-9]")


def voc_years(folder: Path) -> tuple[Path, ...]:
    """Return the VOC trees in a VOCdevkit.

    The VOCdevkit is the folder or the one below it. The result is empty if the folder is a tree itself.
    """
    if (folder / IMAGES).is_dir():
        return ()
    devkit = folder / DEVKIT if (folder / DEVKIT).is_dir() else folder
    return tuple(sorted(p.parent for p in devkit.glob(f"VOC*/{IMAGES}")))


def fits_voc(masks: Iterable[Path]) -> bool:
    """Return whether some masks are VOC's, by their names and indices.

    The masks are spread over all of them. VOC's indices are 0 to 20 and 255. Such indices may be anybody's, so a mask
    must have a name as VOC's have, or lie in a folder such as ``VOC2012``, unless all of VOC's indices occur.
    """
    paths = list(masks)
    step = max(1, len(paths) // _MASKS_LOOKED_AT)
    found = [indices for path in paths[::step] if (indices := indices_in(path)) is not None]
    if not found:
        return False
    indices = frozenset().union(*found) - {VOID}
    every = frozenset(range(len(VOC_NAMES)))
    named = any(_VOC_NAME.fullmatch(path.stem) or any(map(_VOC_YEAR.fullmatch, path.parts)) for path in paths)
    return indices == every or (indices <= every and named)
