"""Lists of images, such as ``train.txt`` of a VOC tree.

A line names an image by its id, its mask id, a path, or the same in another case. What follows the name in the line
is ignored: the mask of the image, or the 1, 0 or -1 of VOC's lists for each class. The bytes are UTF-8 or UTF-16;
a list that is neither is read as Latin-1, since most names are ASCII.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path

from fcn_studio.core.sample import Sample, Split
from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as
from fcn_studio.formats.images.images import IMAGE_SUFFIXES
from fcn_studio.formats.images.scan import MAX_LIST_BYTES
from fcn_studio.formats.voc.text import text_lines

LISTS = Path("ImageSets", "Segmentation")

_FILES = {
    Split.TRAIN: ("train.txt", "training.txt"),
    Split.VAL: ("val.txt", "valid.txt", "validation.txt"),
    Split.TEST: ("test.txt", "testing.txt"),
}
"""Casefolded names of the lists of each split. An image in several lists belongs to the last split here."""

_SEPARATORS = re.compile(r"[\s,;]+")


@dataclass(frozen=True)
class ImageList:
    """What a list names.

    Attributes:
        images: the images that it names, in its order.
        unknown: the lines that name no image.
    """

    images: tuple[Sample, ...]
    unknown: tuple[str, ...]


@dataclass(frozen=True)
class ListedSplits:
    """What the lists of a VOC tree say.

    Attributes:
        splits: image id -> split.
        lists: file name -> what the list names.
    """

    splits: Mapping[str, Split]
    lists: Mapping[str, ImageList]


class ImageNames:
    """The names by which a line can mean an image.

    Tables that only unusual lists need are made when they are needed.
    """

    def __init__(self, samples: Sequence[Sample]) -> None:
        self._samples = samples

    def find(self, line: str) -> Sample | None:
        """Return the image that a line names, None if it names none or it is not clear which."""
        if (sample := self._exact.get(line)) is not None:
            return sample
        found = (self._exact.get(name) or self._by_path(name) for name in _names(line))
        return next((sample for sample in found if sample is not None), None)

    def _by_path(self, name: str) -> Sample | None:
        """Return the image of a path that may begin anywhere and end in any suffix."""
        parts = [part for part in name.replace("\\", "/").split("/") if part not in ("", ".")]
        paths = ["/".join(parts[first:]) for first in range(len(parts))]
        for table in (self._exact, self._folded, self._file_names):
            for path in paths if table is not self._file_names else paths[-1:]:
                stem, suffix = os.path.splitext(path)
                for key in (path, stem) if suffix.casefold() in IMAGE_SUFFIXES else (path,):
                    if (sample := table.get(key if table is self._exact else key.casefold())) is not None:
                        return sample
        return None

    @cached_property
    def _exact(self) -> dict[str, Sample]:
        """Mask id or image id -> image."""
        return {sample.image_id: sample for sample in self._samples} | {s.mask_id: s for s in self._samples}

    @cached_property
    def _folded(self) -> Mapping[str, Sample | None]:
        """The same, casefolded; None where several images have the name."""
        return _unique((name.casefold(), sample) for name, sample in self._exact.items())

    @cached_property
    def _file_names(self) -> Mapping[str, Sample | None]:
        """The same without folders."""
        return _unique((name.rpartition("/")[2].casefold(), sample) for name, sample in self._exact.items())


def read_image_list(path: Path, names: ImageNames) -> ImageList:
    """Return what a list names. Empty lines and comments are ignored.

    Raises:
        ProjectError: if it cannot be read.
    """
    images: dict[str, Sample] = {}
    unknown: list[str] = []
    for line in map(str.strip, text_lines(path, MAX_LIST_BYTES, other="latin-1")):
        if not line:
            continue
        if (sample := names.find(line)) is not None:
            images.setdefault(sample.image_id, sample)
        elif not line.startswith("#"):
            unknown.append(line)
    return ImageList(tuple(images.values()), tuple(unknown))


def read_splits(folder: Path, samples: Sequence[Sample]) -> ListedSplits:
    """Return what the ImageSets lists of a folder say of its images.

    An image in several lists is a test image, or else for validation: no network is scored on what it was trained
    on. ``trainval`` alone does not say which.

    Raises:
        ProjectError: if a list is there and cannot be read.
    """
    splits: dict[str, Split] = {}
    lists: dict[str, ImageList] = {}
    with os_errors_as(CANNOT_READ, folder / LISTS):
        files = sorted((folder / LISTS).iterdir()) if (folder / LISTS).is_dir() else []
    names = ImageNames(samples)
    for split, wanted in _FILES.items():
        for path in files:
            if path.name.casefold() in wanted and path.is_file():
                lists[path.name] = found = read_image_list(path, names)
                splits.update((sample.image_id, split) for sample in found.images)
    return ListedSplits(splits, lists)


def _names(line: str) -> Iterator[str]:
    """Yield what the name of an image in a line may be, the longest first."""
    line = unicodedata.normalize("NFC", line)
    yield line
    fields = [field for field in (line.rsplit(None, 1)[0], *_SEPARATORS.split(line)[:1]) if field]
    for name in dict.fromkeys(name.strip("\"'") for name in (line, *fields)):
        if name and name != line:
            yield name


def _unique(pairs: Iterable[tuple[str, Sample]]) -> dict[str, Sample | None]:
    """Return key -> image, None where a key belongs to several images."""
    found: dict[str, Sample | None] = {}
    for key, sample in pairs:
        found[key] = sample if found.get(key, sample) is sample else None
    return found
