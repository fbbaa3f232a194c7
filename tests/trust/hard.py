"""The hard files of the shared data as a project: what each of them must come to."""

from __future__ import annotations

import shutil
from pathlib import Path

from fcn_studio.core.classes import VOC_NAMES
from tests.data import shared_data

BROKEN = {
    "bitrot.jpg": "damaged or cut off",
    "empty.jpg": "not an image of a kind that is read",
    "html_as.jpg": "not an image of a kind that is read",
    "trunc.png": "damaged or cut off",
    "trunc_100B.jpg": "damaged or cut off",
    "trunc_half.jpg": "damaged or cut off",
}
"""Image -> words of its sentence."""

BAD_MASKS = {
    "binary255.jpg": "a grey mask of only two values",
    "class77_out_of_range.jpg": "value 77",
    "half_size.jpg": "187 x 250 pixels, its image 375 x 500",
    "rgb_colour.jpg": "in colour",
    "u16.jpg": "16 bits",
}
"""Image -> words of its mask's sentence."""

NO_INDICES = frozenset({"rgb_colour.jpg", "u16.jpg"})
"""Images whose masks do not count as Verified, as their headers tell."""

GOOD_MASKS = frozenset({"ok_P.jpg", "P_gray_palette.jpg", "gray_index.jpg"})


def hard_project(folder: Path) -> Path:
    """Copies of all hard images in one folder, with the masks of those that have one.

    Images that are the same picture under several masks bear the masks' names.
    """
    hard = shared_data("hard")
    masks = folder / "SegmentationClass"
    masks.mkdir(parents=True)
    for part in (hard / "formats", hard / "corrupt", hard / "exif" / "JPEGImages"):
        for path in part.iterdir():
            shutil.copyfile(path, folder / path.name)
    for path in (hard / "exif" / "SegmentationClass_display_orientation").iterdir():
        shutil.copyfile(path, masks / path.name)
    for path in (hard / "bad_masks").glob("*.png"):
        shutil.copyfile(path, masks / path.name)
        shutil.copyfile(hard / "bad_masks" / "2009_000029.jpg", folder / f"{path.stem}.jpg")
    (folder / "class_names.txt").write_text("".join(f"{name}\n" for name in VOC_NAMES))
    return folder
