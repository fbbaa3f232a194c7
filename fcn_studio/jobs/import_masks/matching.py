"""Which image of a project an annotation of a source belongs to."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from pathlib import Path, PurePosixPath

from fcn_studio.core.sample import MaskId, Sample, image_id_of, mask_ids
from fcn_studio.formats.importers.base import MaskItem
from fcn_studio.formats.importers.mask_files import MARK
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.i18n import listed, tr, tr_n

_IMAGE_MARKS = ("_leftImg8bit", "_0000", "_sat", "_image", "_img")
"""What image files have behind the name of the image. Sources: Cityscapes, nnU-Net, DeepGlobe."""

_NAMED = 5
"""Names that a sentence lists."""


@dataclass(frozen=True)
class Match:
    """An annotation of a source and its image.

    Attributes:
        item: the annotation.
        sample: the image, of the project or to be copied into it.
        copy_from: the image file that the project gets; None if it has the image.
    """

    item: MaskItem
    sample: Sample
    copy_from: Path | None = None

    @property
    def image_path(self) -> Path:
        """The image file, which is there before the copy too."""
        return self.copy_from or self.sample.image_path


@dataclass(frozen=True)
class Matches:
    """What of a source belongs to images.

    Attributes:
        found: annotations with an image.
        to_copy: the annotations whose image the project lacks and the source has.
        notices: translated sentences on what was left out.
    """

    found: tuple[Match, ...]
    to_copy: tuple[MaskItem, ...]
    notices: tuple[str, ...] = ()


def match_items(project: ProjectFolder, items: Sequence[MaskItem], *, copy_images: bool) -> Matches:
    """Return which image each annotation belongs to.

    An image has the same path without suffix, or the same name if no other has it. Ends such as ``_mask`` do not
    count. Masks that the program itself has written are left out.

    Args:
        project: the images.
        items: annotations of a source.
        copy_images: whether images that the project lacks are copied into it.
    """
    notices: list[str] = []
    found: dict[str, Match] = {}
    missing: list[MaskItem] = []
    index = _Index(project.samples, items)
    for item in items:
        sample = index.sample_of(item)
        if sample is None:
            missing.append(item)
        elif sample.image_id in found:
            other = found[sample.image_id].item
            notices.append(
                tr(
                    "{name} is left out: {other} belongs to {image} too",
                    name=item.name,
                    other=other.name,
                    image=sample.image_id,
                )
            )
        elif not (is_own_file(project, match := Match(item, sample)) and project.annotations.has_written(sample)):
            found[sample.image_id] = match
    to_copy = [item for item in missing if item.image is not None]
    copies = _copies(project, to_copy, notices) if copy_images else []
    _tell_missing(missing if not copy_images else [i for i in missing if i.image is None], notices)
    return Matches((*found.values(), *copies), tuple(to_copy), tuple(notices))


class _Index:
    """The images of a project by path and by name."""

    def __init__(self, samples: Sequence[Sample], items: Sequence[MaskItem]) -> None:
        self._by_mask_id = {str(sample.mask_id): sample for sample in samples}
        self._by_path = _unique((_path(sample.image_id), sample) for sample in samples)
        self._by_plain_path = _unique((_plain(_path(sample.image_id)), sample) for sample in samples)
        self._by_name = _unique((_name(_plain(_path(sample.image_id))), sample) for sample in samples)
        self._names = Counter(_name(_plain(_nfc(item.name))) for item in items)

    def sample_of(self, item: MaskItem) -> Sample | None:
        path = _nfc(item.name)
        plain = _plain(path)
        found = self._by_mask_id.get(path) or self._by_path.get(path) or self._by_plain_path.get(plain)
        if found is None and self._names[_name(plain)] == 1:
            found = self._by_name.get(_name(plain))
        return found


def _unique(pairs: Iterable[tuple[str, Sample]]) -> dict[str, Sample]:
    """Return key -> sample of the keys that only one sample has."""
    by_key: dict[str, list[Sample]] = {}
    for key, sample in pairs:
        by_key.setdefault(key, []).append(sample)
    return {key: samples[0] for key, samples in by_key.items() if len(samples) == 1}


def _nfc(name: str) -> str:
    return unicodedata.normalize("NFC", name)


def _path(image_id: str) -> str:
    return image_id.rpartition(".")[0] or image_id


def _plain(path: str) -> str:
    """Return a path, casefolded, without what stands behind the name of the image."""
    for mark in _IMAGE_MARKS:
        path = path.removesuffix(mark)
    return MARK.sub("", path).casefold()


def _name(path: str) -> str:
    return path.rpartition("/")[2]


def is_own_file(project: ProjectFolder, match: Match) -> bool:
    """Return whether a mask lies where the project has that of the image: there is nothing to choose then."""
    mask = match.item.mask
    return mask is not None and mask.resolve() == project.annotations.mask_path(match.sample).resolve()


def _copies(project: ProjectFolder, items: Sequence[MaskItem], notices: list[str]) -> list[Match]:
    """Return the images to copy, as samples that the project will have.

    Nothing is written over, and no image of the project may get another mask id.
    """
    ids = {sample.image_id: sample.mask_id for sample in project.samples}
    wanted: dict[str, MaskItem] = {}
    for item in items:
        assert item.image is not None
        image_id = image_id_of(PurePosixPath(item.name).parent / item.image.name)
        if image_id in wanted or image_id in ids or (project.image_root / image_id).exists():
            notices.append(tr("{image} is not copied: the folder has a file of that name", image=item.image))
        else:
            wanted[image_id] = item
    together = mask_ids([*ids, *wanted])
    changed = {_path(i).casefold() for i in ids if together[i] != ids[i]}
    matches: list[Match] = []
    for image_id, item in wanted.items():
        if together[image_id] == image_id or _path(image_id).casefold() in changed:
            notices.append(
                tr("{image} is not copied: another image has the same name and another suffix", image=item.image)
            )
            continue
        sample = Sample(image_id, str(project.image_root / image_id), MaskId(together[image_id]))
        matches.append(Match(item, sample, item.image))
    return matches


def _tell_missing(items: Sequence[MaskItem], notices: list[str]) -> None:
    if not items:
        return
    names = listed([*(item.name for item in items[:_NAMED]), *(["..."] if len(items) > _NAMED else [])])
    copyable = any(item.image is not None for item in items)
    notices.append(
        tr_n(
            "{n} annotation belongs to no image of the folder: {names}",
            "{n:,} annotations belong to no image of the folder: {names}",
            len(items),
            names=names,
        )
    )
    if copyable:
        notices.append(
            tr("Their images lie in the source; to copy them into the folder, choose Copy images (--copy-images).")
        )
