"""Search for the images and masks of a folder by name.

No file is opened.
"""

from __future__ import annotations

import os
import re
import unicodedata
from collections.abc import Callable, Container, Iterator
from dataclasses import dataclass
from pathlib import Path

from fcn_studio.core.sample import Sample, image_id_of, mask_ids
from fcn_studio.formats.atomic import os_errors_as
from fcn_studio.formats.finding import Finding, first_names, in_a_row
from fcn_studio.formats.images.images import IMAGE_SUFFIXES
from fcn_studio.formats.images.other_kinds import kind_of, kinds_left_out
from fcn_studio.i18n import tr, tr_n, tr_noop

IMAGES = "JPEGImages"
MASKS = "SegmentationClass"
NOT_IMAGES = frozenset({MASKS, "SegmentationObject", "ImageSets"})
"""Folders of a VOC tree that hold PNGs which are no photographs."""

NOT_SEARCHED = frozenset(
    {"@eadir", "@recycle", "#recycle", "$recycle.bin", "system volume information", "__macosx", "lost+found"}
    | {"thumbs", "thumbnails"}
    | {f"segmentation{what}{form}" for what in ("class", "object") for form in ("png", "visualization", "npy")}
)
"""Casefolded names of folders that hold no photographs: those in which file managers and servers keep thumbnails and
deleted files, and those that labelme's converter to VOC writes."""

MAX_LIST_BYTES = 32 << 20
"""A list of images is not read if it is larger: half a million names have so many bytes."""

_NUMBER = re.compile("[0-9]+")


@dataclass(frozen=True)
class ImageScan:
    """The images below a folder.

    Attributes:
        samples: sorted as people count: ``img2`` before ``img10``.
        findings: what was left out and why.
    """

    samples: tuple[Sample, ...]
    findings: tuple[Finding, ...]


def scan_images(root: Path, *, with_all: bool = False) -> ImageScan:
    """Return all images below ``root``.

    Links to folders are followed once. Hidden files and `NOT_IMAGES` are left out, and `NOT_SEARCHED` too unless
    ``with_all``.

    Raises:
        ProjectError: if ``root`` itself cannot be listed.
    """
    with os_errors_as(tr_noop("{path} cannot be opened: {reason}"), root):
        os.scandir(root).close()
    findings: list[Finding] = []
    paths: dict[str, str] = {}
    odd: list[str] = []
    others: dict[str, str] = {}
    for relative, entry in _files(root, findings, () if with_all else NOT_SEARCHED):
        if os.path.splitext(relative)[1].casefold() in IMAGE_SUFFIXES:
            image_id = image_id_of(relative)
            if not _leads_to(entry.is_file):
                odd.append(entry.path)
            elif image_id in paths:
                sentence = tr(
                    "{path} is left out: {other} has the same name in another spelling.",
                    path=entry.path,
                    other=paths[image_id],
                )
                findings.append(Finding("same_name", sentence, 1, (relative,)))
            else:
                paths[image_id] = entry.path
        elif (kind := kind_of(relative)) is not None:
            others[relative] = kind
    if (finding := kinds_left_out(others)) is not None:
        findings.append(finding)
    if odd:
        sentence = tr_n(
            "{n} entry is left out, because it is not a file, or a link that leads nowhere: {names}.",
            "{n:,} entries are left out, because they are not files, or links that lead nowhere: {names}.",
            len(odd),
            names=in_a_row(odd),
        )
        findings.append(Finding("no_file", sentence, len(odd), first_names(odd)))
    masks = mask_ids(paths)
    ordered = sorted(paths, key=_natural)
    return ImageScan(tuple(Sample(i, paths[i], masks[i]) for i in ordered), tuple(findings))


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


def other_files(folder: Path) -> dict[str, str]:
    """Return the visible files below a mask folder that `scan_masks` passes by, as relative path -> file."""
    found = ((relative, entry) for relative, entry in _files(folder, []) if not relative.casefold().endswith(".png"))
    return {relative: entry.path for relative, entry in found if _leads_to(entry.is_file)}


def _files(
    root: Path, findings: list[Finding], left_out: Container[str] = ()
) -> Iterator[tuple[str, os.DirEntry[str]]]:
    """Yield (path relative to ``root``, entry) of each visible file.

    That is all that is no folder and not hidden. Folders that cannot be listed are added to ``findings``. An entry
    may be a pipe, or a link that leads nowhere or in a circle: ask ``is_file``. Folders whose casefolded names are in
    ``left_out`` are not searched.
    """
    pending = [("", str(root))]
    seen = {os.path.realpath(root)}
    while pending:
        prefix, folder = pending.pop()
        try:
            entries = list(os.scandir(folder))
        except OSError as error:
            sentence = tr("{folder} is left out: {reason}.", folder=folder, reason=error.strerror)
            findings.append(Finding("unreadable_folder", sentence, 1, (prefix.rstrip("/"),)))
            continue
        for entry in entries:
            if entry.name.startswith("."):
                continue
            if not _leads_to(entry.is_dir):
                yield prefix + entry.name, entry
            elif entry.name not in NOT_IMAGES and entry.name.casefold() not in left_out:
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
