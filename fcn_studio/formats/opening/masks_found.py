"""Masks that lie among the images of a folder or beside them, and are no photographs.

They are told from photographs by three signs together: the name of their folder or file, images of the same names,
and few values.
"""

from __future__ import annotations

import os
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from itertools import islice
from pathlib import Path

import numpy as np
from PIL import Image

from fcn_studio.core.sample import Sample
from fcn_studio.formats.finding import Finding, first_names, in_a_row
from fcn_studio.formats.images.images import DECODER_ERRORS, MAX_PIXELS, quiet_pillow
from fcn_studio.formats.images.scan import MASKS
from fcn_studio.formats.importers.mask_files import MARK, MASK_FOLDERS
from fcn_studio.i18n import tr_n
from fcn_studio.paths import open_file

_ANNOT = "annot"
_LOSSLESS = frozenset({".png", ".tif", ".tiff", ".bmp", ".gif"})
_MOST_VALUES = 64
"""Grey values or colours that a mask has at most; a photograph has thousands."""
_LOOKED_AT = 5
"""Files of a group whose values are counted."""
_LISTED = 2000
"""Entries of a folder beside the images that are looked at."""


def masks_among(samples: Sequence[Sample]) -> dict[str, list[Sample]]:
    """Return the masks among images, by their folder, or by "" if they lie beside their images.

    A mask's id is its name without suffix: a file that shares its name with another is no mask.
    """
    folders = {sample.image_id.rpartition("/")[0] for sample in samples}
    root_of = {folder: root for folder in folders if (root := _mask_root(folder, folders)) is not None}
    groups: dict[str, list[Sample]] = defaultdict(list)
    names: dict[str, set[str]] = defaultdict(set)
    outside = []
    for sample in samples:
        folder, _, name = sample.mask_id.rpartition("/")
        if (root := root_of.get(folder)) is not None:
            groups[root].append(sample)
        else:
            outside.append(sample)
            names[folder].add(name)
    beside = [s for s in outside if _is_marked(s, names)]
    stems = {_stem(sample.mask_id) for sample in outside}
    found = {root: masks for root, masks in groups.items() if _fit(masks, stems)}
    if beside and _few_valued(s.image_path for s in beside):
        found[""] = beside
    return {root: plain for root, masks in found.items() if (plain := [s for s in masks if s.mask_id != s.image_id])}


def masks_beside(folder: Path, samples: Sequence[Sample]) -> Finding | None:
    """Return what to say of a folder of masks that lies in a folder, None if there is none.

    Its files must be named as the images and have few values.
    """
    stems = {_stem(sample.mask_id) for sample in samples}
    try:
        with os.scandir(folder) as entries:
            below = {entry.name.casefold(): entry.path for entry in islice(entries, _LISTED) if entry.is_dir()}
    except OSError:
        return None
    for name in (name for name in MASK_FOLDERS if name in below and Path(below[name]).name != MASKS):
        files = [file for file in islice(Path(below[name]).rglob("*"), _LISTED) if _lossless(file)]
        matched = [file for file in files if MARK.sub("", file.stem) in stems]
        if matched and 2 * len(matched) >= min(len(files), len(stems)) and _few_valued(matched):
            return found_masks(Path(below[name]), [file.name for file in matched])
    return None


def found_masks(source: Path, names: Sequence[str]) -> Finding:
    """Return what to say of masks that can be imported."""
    sentence = tr_n(
        "{n} file in '{source}' is a mask of these images and not in use yet: {names}. Import it.",
        "{n:,} files in '{source}' are masks of these images and not in use yet: {names}. Import them.",
        len(names),
        source=source,
        names=in_a_row(names),
    )
    return Finding("masks_to_import", sentence, len(names), first_names(names), str(source))


def _mask_root(folder: str, folders: Iterable[str]) -> str | None:
    """Return the folder of masks that a folder of images is or lies in, None if its names tell of none."""
    parts = folder.split("/")
    for place, part in enumerate(parts):
        plain = part.casefold()
        root = "/".join(parts[: place + 1])
        if plain in MASK_FOLDERS:
            return root
        if plain.endswith(_ANNOT) and root[: -len(_ANNOT)] in folders:
            return root
    return None


def _is_marked(sample: Sample, names: Mapping[str, set[str]]) -> bool:
    """Return whether an image is called as another of its folder, with the mark of a mask."""
    folder, _, name = sample.mask_id.rpartition("/")
    plain = MARK.sub("", name)
    return plain != name and plain in names[folder] and _lossless(sample.image_path)


def _fit(masks: Sequence[Sample], stems: set[str]) -> bool:
    """Return whether half of the files have images of their names, and few values."""
    matched = [s for s in masks if MARK.sub("", _stem(s.mask_id)) in stems and _lossless(s.image_path)]
    return bool(matched) and 2 * len(matched) >= len(masks) and _few_valued(s.image_path for s in matched)


def _stem(mask_id: str) -> str:
    return mask_id.rpartition("/")[2]


def _lossless(path: Path) -> bool:
    return path.suffix.casefold() in _LOSSLESS


def _few_valued(paths: Iterable[Path]) -> bool:
    """Return whether some of the files, spread over all of them, have few values each."""
    every = list(paths)
    return all(map(_has_few_values, every[:: max(1, len(every) // _LOOKED_AT)][:_LOOKED_AT]))


def _has_few_values(path: Path) -> bool:
    try:
        with open_file(path) as file, quiet_pillow(), Image.open(file) as image:
            if image.width * image.height > MAX_PIXELS:
                return False
            if image.mode in ("1", "L", "P", "LA", "RGB", "RGBA"):
                return image.getcolors(_MOST_VALUES) is not None
            return np.unique(np.asarray(image)).size <= _MOST_VALUES
    except (*DECODER_ERRORS, MemoryError):
        return False
