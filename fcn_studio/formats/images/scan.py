"""Search for the images and masks of a folder by name.

No file is opened.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path

from fcn_studio.core.sample import Sample, image_id_of, mask_ids
from fcn_studio.formats.atomic import os_errors_as
from fcn_studio.formats.images.images import IMAGE_SUFFIXES
from fcn_studio.formats.images.other_kinds import kind_of, left_out_sentence
from fcn_studio.i18n import tr, tr_n, tr_noop

IMAGES = "JPEGImages"
MASKS = "SegmentationClass"
NOT_IMAGES = frozenset({MASKS, "SegmentationObject", "ImageSets"})
"""Folders of a VOC tree that hold PNGs which are no photographs."""

MAX_LIST_BYTES = 32 << 20
"""A list of images is not read if it is larger: half a million names have so many bytes."""

_NUMBER = re.compile("[0-9]+")


@dataclass(frozen=True)
class ImageScan:
    """The images below a folder.

    Attributes:
        samples: sorted as people count: ``img2`` before ``img10``.
        notices: what was left out and why.
    """

    samples: tuple[Sample, ...]
    notices: tuple[str, ...]


def scan_images(root: Path) -> ImageScan:
    """Return all images below ``root``.

    Links to folders are followed once. Hidden files and `NOT_IMAGES` are left out.

    Raises:
        ProjectError: if ``root`` itself cannot be listed.
    """
    with os_errors_as(tr_noop("{path} cannot be opened: {reason}"), root):
        os.scandir(root).close()
    notices: list[str] = []
    paths: dict[str, str] = {}
    odd: list[str] = []
    others: list[str] = []
    for relative, entry in _files(root, notices):
        if os.path.splitext(relative)[1].casefold() in IMAGE_SUFFIXES:
            image_id = image_id_of(relative)
            if not _leads_to(entry.is_file):
                odd.append(entry.path)
            elif image_id in paths:
                notices.append(
                    tr(
                        "{path} is left out: {other} has the same name in another spelling",
                        path=entry.path,
                        other=paths[image_id],
                    )
                )
            else:
                paths[image_id] = entry.path
        elif (kind := kind_of(relative)) is not None:
            others.append(kind)
    if (sentence := left_out_sentence(others)) is not None:
        notices.append(sentence)
    if odd:
        notices.append(
            tr_n(
                "{n} entry is left out, because it is not a file, or a link that leads nowhere: {path}",
                "{n:,} entries are left out, because they are not files, or links that lead nowhere: {path}, ...",
                len(odd),
                path=odd[0],
            )
        )
    masks = mask_ids(paths)
    ordered = sorted(paths, key=_natural)
    return ImageScan(tuple(Sample(i, paths[i], masks[i]) for i in ordered), tuple(notices))


def scan_masks(folder: Path) -> dict[str, str]:
    """Return the PNGs below a mask folder as mask id -> file.

    Files are spelled as on disk. The result is empty if there is no such folder. Not as ``Path``s, which would take
    most of the time and memory.
    """
    found: dict[str, str] = {}
    for relative, entry in _files(folder, []):
        stem, suffix = os.path.splitext(relative)
        if suffix.casefold() == ".png" and _leads_to(entry.is_file):
            found.setdefault(unicodedata.normalize("NFC", stem), entry.path)
    return found


def _files(root: Path, notices: list[str]) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield (path relative to ``root``, entry) of each visible file.

    That is all that is no folder and not hidden. Folders that cannot be listed are added to ``notices``. An entry may
    be a pipe, or a link that leads nowhere or in a circle: ask ``is_file``.
    """
    pending = [("", str(root))]
    seen = {os.path.realpath(root)}
    while pending:
        prefix, folder = pending.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            notices.append(tr("{folder} is left out: {reason}", folder=folder, reason=error.strerror))
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if not _leads_to(entry.is_dir):
                yield prefix + entry.name, entry
            elif entry.name not in NOT_IMAGES:
                real = os.path.realpath(entry.path)
                if real not in seen:
                    seen.add(real)
                    pending.append((f"{prefix}{entry.name}/", entry.path))


def _leads_to(what: Callable[[], bool]) -> bool:
    """Return whether an entry is ``what``.

    It is False if the entry cannot be examined, such as a link to itself.
    """
    try:
        return what()
    except OSError:
        return False


def _natural(name: str) -> str:
    """Return a sort key that orders numbers by value.

    Every number is padded. The key is one text, since pairs are sorted at a third of the speed.
    """
    return f"{_NUMBER.sub(_padded, name.casefold())}\0{name}"


def _padded(digits: re.Match[str]) -> str:
    return digits[0].rjust(12, "0")
