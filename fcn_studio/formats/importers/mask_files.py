"""Which files of a folder are masks, which are their images, and how they are called."""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

from fcn_studio.core.sample import MaskId, Sample, Split
from fcn_studio.errors import ProjectError
from fcn_studio.formats.images.images import IMAGE_SUFFIXES
from fcn_studio.formats.importers.base import MaskItem
from fcn_studio.formats.voc.lists import read_splits
from fcn_studio.i18n import tr

MASK_FOLDERS = (
    "segmentationclass", "segmentationclasspng", "masks", "mask", "labels", "label", "annotations", "annotation",
    "gt", "groundtruth", "ground_truth", "seg",
)  # fmt: skip
"""Casefolded names of folders that hold masks; the first that is there is taken."""

IMAGE_FOLDERS = ("jpegimages", "images", "image", "imgs", "img", "photos")
"""Casefolded names of folders that hold the images of masks."""

_ENDS = re.compile("(?:annot|_labels|_masks)$", re.IGNORECASE)
"""End of folders of masks beside those of images, as in CamVid: ``trainannot`` or ``train_labels`` by ``train``."""

MARK = re.compile(
    "(?:_gtFine_(?:color|labelIds|labelTrainIds)|_gtCoarse_(?:color|labelIds)|[_-](?:mask|masks|label|labels|labelIds"
    "|labelTrainIds|seg|segmentation|gt|annotation|lab|L))$",
    re.IGNORECASE,
)
"""What mask files have behind the name of their image. Sources: Cityscapes, CamVid (``_L``), home-made data sets."""

_LOSSY = frozenset({".jpg", ".jpeg", ".jpe", ".jfif", ".webp", ".avif", ".jp2"})
_SPLITS = {"training": "train", "valid": "val", "validation": "val", "testing": "test"}


@dataclass
class MaskFiles:
    """The mask files of a folder.

    Attributes:
        items: one for each image, in the order of names.
        folders: those that may hold files that name the classes.
        notices: what was left out.
    """

    items: list[MaskItem] = field(default_factory=list)
    folders: list[Path] = field(default_factory=list)
    notices: list[str] = field(default_factory=list)


def find_masks(path: Path) -> MaskFiles:
    """Return the masks of a folder, or the one mask that ``path`` is.

    A folder that holds folders of masks and of images is looked through as such.
    """
    if path.is_file():
        found = _in_folder({MARK.sub("", path.stem): path}, _images_beside(path.parent), {})
        return MaskFiles(found, [path.parent, path.parent.parent])
    roots = _mask_folders(path) or [path]
    result = MaskFiles(folders=list(dict.fromkeys([path, *roots, path.parent])))
    for root in roots:
        files = _files(root)
        masks, images = _told_apart(files, result.notices)
        images = {**_images_beside(root), **images}
        splits = _splits_of(root, path, masks, result.notices)
        prefix = _ENDS.sub("", root.name) if root != path and _ENDS.search(root.name) else ""
        result.items += _in_folder(masks, images, splits, prefix)
    return result


def holds_masks(path: Path) -> bool:
    """Return whether `find_masks` may find a mask, by names alone."""
    if path.is_file():
        return path.suffix.casefold() in IMAGE_SUFFIXES
    return path.is_dir() and any(next(_walk(root), None) for root in _mask_folders(path) or [path])


def _in_folder(
    masks: Mapping[str, Path], images: Mapping[str, Path], splits: Mapping[str, Split], prefix: str = ""
) -> list[MaskItem]:
    by_stem = _unique_stems(images)
    return [
        MaskItem(
            f"{prefix}/{name}" if prefix else name,
            images.get(name) or by_stem.get(_stem(name)),
            splits.get(name) or split_by_folders(f"{prefix}/{name}"),
            mask,
        )
        for name, mask in sorted(masks.items())
    ]


def _mask_folders(path: Path) -> list[Path]:
    """Return the folders of masks below a folder, empty if it has none of a known name."""
    below = _subfolders(path)
    for name in MASK_FOLDERS:
        if name in below:
            return [below[name]]
    return [folder for name, folder in sorted(below.items()) if _ENDS.search(name) and _ENDS.sub("", name) in below]


def _images_beside(masks: Path) -> dict[str, Path]:
    """Return name -> file of the images in the folder that lies beside a folder of masks."""
    beside = _subfolders(masks.parent)
    names: Sequence[str] = IMAGE_FOLDERS if masks.name.casefold() in MASK_FOLDERS else ()
    if _ENDS.search(masks.name):
        names = (_ENDS.sub("", masks.name.casefold()),)
    folder = next((beside[name] for name in names if name in beside), None)
    return {} if folder is None else _by_name(_files(folder))


def _subfolders(path: Path) -> dict[str, Path]:
    """Return casefolded name -> folder, empty if it cannot be listed."""
    try:
        with os.scandir(path) as entries:
            return {entry.name.casefold(): Path(entry.path) for entry in entries if entry.is_dir()}
    except OSError:
        return {}


def _files(root: Path) -> list[tuple[str, Path]]:
    """Return (path relative to the root without suffix, file) of all picture files, sorted."""
    return sorted(_walk(root), key=lambda pair: str(pair[1]))


def _walk(root: Path) -> Iterator[tuple[str, Path]]:
    for folder, below, names in os.walk(root):
        below[:] = sorted(name for name in below if not name.startswith(".") and name != "SegmentationObject")
        for name in names:
            stem, suffix = os.path.splitext(name)
            if suffix.casefold() in IMAGE_SUFFIXES and not name.startswith("."):
                file = Path(folder, name)
                relative = file.relative_to(root).with_name(stem).as_posix()
                yield unicodedata.normalize("NFC", relative), file


def _told_apart(files: list[tuple[str, Path]], notices: list[str]) -> tuple[dict[str, Path], dict[str, Path]]:
    """Return the masks and the images of a folder, each as name -> file.

    A file whose name is that of another without its mark is the image of that one. So is a photograph's file with
    the name of a lossless one.
    """
    names = {name for name, _ in files}
    marked = {name for name in names if MARK.search(name) and MARK.sub("", name) in names}
    lossless = {name for name, file in files if file.suffix.casefold() not in _LOSSY}
    masks: dict[str, Path] = {}
    images: list[tuple[str, Path]] = []
    for name, file in files:
        photograph = file.suffix.casefold() in _LOSSY and name in lossless
        if (name not in marked) if marked else photograph:
            images.append((name, file))
            continue
        plain = MARK.sub("", name)
        if plain in masks:
            notices.append(tr("{file} is left out: {mask} is a mask of the same image", file=file, mask=masks[plain]))
        else:
            masks[plain] = file
    return masks, _by_name(images)


def _by_name(files: list[tuple[str, Path]]) -> dict[str, Path]:
    return dict(reversed(files))


def _unique_stems(images: Mapping[str, Path]) -> dict[str, Path]:
    """Return stem -> file of the images whose stem no other has."""
    stems: dict[str, list[Path]] = {}
    for name, file in images.items():
        stems.setdefault(_stem(name), []).append(file)
    return {stem: files[0] for stem, files in stems.items() if len(files) == 1}


def _stem(name: str) -> str:
    return name.rpartition("/")[2]


def _splits_of(root: Path, path: Path, masks: Mapping[str, Path], notices: list[str]) -> Mapping[str, Split]:
    """Return name -> split by the ImageSets lists of a tree; lists that cannot be read become a notice."""
    samples = [Sample(name, str(file), MaskId(name)) for name, file in masks.items()]
    try:
        return read_splits(path, samples).splits or read_splits(root.parent, samples).splits
    except ProjectError as error:
        notices.append(str(error))
        return {}


def split_by_folders(name: str) -> Split | None:
    """Return the split that a folder in a path names, None if none does."""
    known = {split.value: split for split in Split}
    words = (_SPLITS.get(part.casefold(), part.casefold()) for part in name.split("/")[:-1])
    return next((known[word] for word in words if word in known), None)
