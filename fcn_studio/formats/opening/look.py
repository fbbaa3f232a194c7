"""What a folder holds when it is opened."""

from __future__ import annotations

import os
from collections.abc import Mapping, Set
from dataclasses import dataclass
from pathlib import Path

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.sample import Sample
from fcn_studio.formats.finding import MOST_NAMES, Finding, first_names, in_a_row
from fcn_studio.formats.images.scan import IMAGES, MASKS, NOT_IMAGES, NOT_SEARCHED, other_files, scan_images
from fcn_studio.formats.importers.mask_files import MARK
from fcn_studio.formats.opening.mask_header import looks_readable
from fcn_studio.formats.opening.masks_found import found_masks, masks_among, masks_beside
from fcn_studio.formats.opening.report import OpeningReport
from fcn_studio.formats.voc.lists import ImageList
from fcn_studio.formats.voc.masks import indices_in
from fcn_studio.i18n import listed, tr, tr_n

_LEVELS = 4
"""Folders above one that is opened in which a VOC tree is looked for."""
_LONGEST_LINE = 80
_OF_WINDOWS = ("thumbs.db", "desktop.ini")
_DECODED = 3
"""Masks whose values are compared with the classes at first opening."""
_HEADERS = 1000
"""Masks whose headers are read at opening; the others are read in the background or when they are needed."""


@dataclass(frozen=True)
class FoundImages:
    """The images of a folder.

    Attributes:
        samples: sorted as people count.
        findings: what was left out and why.
    """

    samples: tuple[Sample, ...]
    findings: tuple[Finding, ...]


def find_images(folder: Path, annotated: Set[str]) -> FoundImages:
    """Return the images of a project, without masks that lie among them.

    An image that has an annotation is never left out.

    Args:
        folder: the project.
        annotated: the mask ids of all annotations.
    """
    with_all = any(part.casefold() in NOT_SEARCHED for i in annotated if "/" in i for part in i.split("/")[:-1])
    root = image_root_of(folder)
    scan = scan_images(root, with_all=with_all)
    among = {
        place: [sample for sample in masks if sample.mask_id not in annotated]
        for place, masks in masks_among(scan.samples).items()
    }
    left_out = {sample.image_id for masks in among.values() for sample in masks}
    samples = tuple(sample for sample in scan.samples if sample.image_id not in left_out)
    stems = {_stem(sample.mask_id): sample.mask_id for sample in samples}
    findings = list(scan.findings)
    for place, masks in among.items():
        names = [s.image_id for s in masks if not _has_mask(s, stems, annotated)]
        if names:
            findings.append(found_masks(root / place, names))
    return FoundImages(samples, tuple(findings))


def image_root_of(folder: Path) -> Path:
    """Return the folder of a project's images: ``JPEGImages`` if there is one, else the project."""
    return folder / IMAGES if (folder / IMAGES).is_dir() else folder


def report_on(
    folder: Path,
    found: FoundImages,
    masks: Mapping[str, Path],
    lists: Mapping[str, ImageList],
    table: ClassTable | None,
) -> OpeningReport:
    """Return the report on a folder.

    Args:
        folder: the project.
        found: its images.
        masks: mask id -> file of every mask.
        lists: file name -> what this ImageSets list names.
        table: the class table, if the masks count as the user's finished work; else None.
    """
    ids = {sample.mask_id for sample in found.samples}
    matched = [path for mask_id, path in masks.items() if mask_id in ids]
    findings = list(found.findings)
    findings += _masks_not_used(folder, found.samples, masks)
    findings += [_unknown_names(name, listed) for name, listed in lists.items() if listed.unknown]
    if (tree := tree_around(folder)) is not None:
        findings.append(_inside(folder, tree))
    elif len(matched) < len(ids):
        place = folder if image_root_of(folder) != folder else folder.parent
        beside = masks_beside(place, [s for s in found.samples if s.mask_id not in masks])
        findings += [beside] if beside is not None else []
    if table is not None and matched:
        findings += _first_masks(folder, matched)
        findings += _unknown_indices(folder, matched, table)
    matches = {name: len(listed.images) for name, listed in lists.items()}
    return OpeningReport(len(found.samples), len(matched), matches, tuple(findings))


def tree_around(folder: Path) -> Path | None:
    """Return the VOC tree that a folder of images, masks or lists belongs to, None if it belongs to none."""
    if (folder / IMAGES).is_dir():
        return None
    for tree in folder.parents[:_LEVELS]:
        part = folder.relative_to(tree).parts[0]
        inside = part == IMAGES or part in NOT_IMAGES or part.casefold() in NOT_SEARCHED
        if inside and (tree / IMAGES).is_dir() and ((tree / MASKS).is_dir() or (tree / "ImageSets").is_dir()):
            return tree
    return None


def _inside(folder: Path, tree: Path) -> Finding:
    sentence = tr(
        "'{folder}' is a part of the data set '{tree}'. Open '{tree}' to see its masks and lists.",
        folder=folder.name,
        tree=tree,
    )
    return Finding("inside_tree", sentence)


def _has_mask(sample: Sample, stems: Mapping[str, str], annotated: Set[str]) -> bool:
    """Return whether the image that a mask belongs to has an annotation already."""
    stem = MARK.sub("", _stem(sample.mask_id))
    return stem in stems and stems[stem] in annotated


def _masks_not_used(folder: Path, samples: tuple[Sample, ...], masks: Mapping[str, Path]) -> list[Finding]:
    """Return what to say of files in the mask folder that belong to no image, and of those that are no PNGs."""
    ids = {sample.mask_id for sample in samples}
    strays = [f"{mask_id}.png" for mask_id in masks if mask_id not in ids]
    others = [name for name in other_files(folder / MASKS) if os.path.basename(name).casefold() not in _OF_WINDOWS]
    findings = []
    if strays:
        stems = {_stem(mask_id) for mask_id in ids}
        matched = any(MARK.sub("", _stem(name.removesuffix(".png"))) in stems for name in strays)
        sentence = tr_n(
            "{n} mask in SegmentationClass belongs to no image: {names}. Rename it like its image, or import it.",
            "{n:,} masks in SegmentationClass belong to no image: {names}. Rename them like their images, or import "
            "them.",
            len(strays),
            names=in_a_row(strays),
        )
        source = str(folder / MASKS) if matched else ""
        findings.append(Finding("masks_without_image", sentence, len(strays), first_names(strays), source))
    if others:
        sentence = tr_n(
            "{n} file in SegmentationClass is no PNG and is not read: {names}. Import it, or save it as a PNG.",
            "{n:,} files in SegmentationClass are no PNGs and are not read: {names}. Import them, or save them as "
            "PNGs.",
            len(others),
            names=in_a_row(others),
        )
        source = str(folder / MASKS)
        findings.append(Finding("masks_of_other_kinds", sentence, len(others), first_names(others), source))
    return findings


def _stem(mask_id: str) -> str:
    return mask_id.rpartition("/")[2]


def _unknown_names(name: str, listed: ImageList) -> Finding:
    lines = [line[:_LONGEST_LINE] for line in listed.unknown]
    sentence = tr_n(
        "{n} line of {list} names no image of this folder: {names}. Correct the line, or add the image.",
        "{n:,} lines of {list} name no image of this folder: {names}. Correct the lines, or add the images.",
        len(lines),
        list=name,
        names=in_a_row(lines),
    )
    return Finding("names_without_image", sentence, len(lines), first_names(lines))


def _first_masks(folder: Path, matched: list[Path]) -> list[Finding]:
    """Return what to say of the masks that were found at first opening."""
    looked_at = matched[:: max(1, len(matched) // _HEADERS)][:_HEADERS]
    broken = [os.path.relpath(path, folder) for path in looked_at if not looks_readable(path)]
    readable, findings = len(matched) - len(broken), []
    if readable:
        sentence = tr_n(
            "{n} mask was found here and counts as finished: Verified, made by you.",
            "{n:,} masks were found here and count as finished: Verified, made by you.",
            readable,
        )
        findings.append(Finding("masks_found", sentence, readable))
    if broken:
        sentence = tr_n(
            "{n} mask is damaged, or no 8-bit palette or grey PNG: {names}. Import or replace it.",
            "{n:,} masks are damaged, or no 8-bit palette or grey PNGs: {names}. Import or replace them.",
            len(broken),
            names=in_a_row(broken),
        )
        findings.append(Finding("unreadable_masks", sentence, len(broken), first_names(broken), str(folder / MASKS)))
    return findings


def _unknown_indices(folder: Path, matched: list[Path], table: ClassTable) -> list[Finding]:
    """Return what to say of masks with values that are no class, by a few of them."""
    known = table.with_indices()
    looked_at = matched[:: max(1, len(matched) // _DECODED)][:_DECODED]
    values = {value for path in looked_at for value in indices_in(path) or () if not known[value]}
    if not values:
        return []
    sentence = tr_n(
        "Masks have {n} value that is no class: {values}. Name it in class_names.txt before you label, or import the "
        "masks and say what it means.",
        "Masks have {n:,} values that are no classes: {values}. Name them in class_names.txt before you label, or "
        "import the masks and say what they mean.",
        len(values),
        values=listed(map(str, sorted(values)[:MOST_NAMES])),
    )
    return [Finding("unknown_values", sentence, len(values), source=str(folder / MASKS))]
