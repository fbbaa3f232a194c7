"""What an earlier run left in stroke journals: brought back where it surely fits, told about where it does not."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.journal import Replayed, changed_pixels, replay, values_in
from fcn_studio.core.labels import Labels, Mask
from fcn_studio.core.sample import Sample
from fcn_studio.errors import ImageError, MaskError
from fcn_studio.formats.images.images import image_size
from fcn_studio.formats.journal.journal import Journal
from fcn_studio.formats.project.project_folder import ProjectFolder


@dataclass(frozen=True)
class CameBack:
    """An image whose journal fits the mask on disk.

    Attributes:
        sample: the image.
        journal: what was read.
        replayed: annotation, standing and history after the last step.
        saved: whether the files on disk say the same already; then only the history has come back.
    """

    sample: Sample
    journal: Journal = field(repr=False)
    replayed: Replayed = field(repr=False)
    saved: bool


@dataclass(frozen=True)
class LeftOver:
    """A journal that is not applied by itself.

    Attributes:
        journal: what was read.
        reason: why not, a sentence.
    """

    journal: Journal = field(repr=False)
    reason: str


def bring_back(project: ProjectFolder, journal: Journal, budget_bytes: int) -> CameBack | LeftOver:
    """Replay a journal on the annotation that it belongs to, in memory; nothing is written.

    Args:
        project: the journal's project.
        journal: of one of the project's images.
        budget_bytes: of the history.
    """
    head = journal.head
    try:
        sample = project.sample(head.image_id)
    except KeyError:
        return LeftOver(journal, f"{head.image_id} is not in the folder; put the image back to get its strokes back")
    try:
        size = image_size(sample.image_path, max_pixels=project.max_pixels)
        if size != (head.width, head.height):
            return LeftOver(journal, f"{head.image_id} is {size[0]} x {size[1]} pixels now, and was another picture")
        found = project.annotations.load(sample, (head.width, head.height), known_masks=journal.masks)
    except (ImageError, MaskError) as error:
        return LeftOver(journal, str(error))
    if found.mask_sha256 not in journal.masks:
        return LeftOver(journal, f"the mask of {head.image_id} has been changed by something else since")
    if (strange := _other_class(journal, project.config.table)) is not None:
        return LeftOver(journal, f"the strokes of {head.image_id} were made with other classes: {strange}")
    try:
        replayed = replay(journal.entries, found.labels, head.standing, budget_bytes)
    except ValueError as error:
        return LeftOver(journal, f"the journal of {head.image_id} does not fit its image ({error})")
    on_disk = project.annotations.load(sample, (head.width, head.height))  # as anybody would find it, journal or none
    saved = _equal(on_disk.labels, replayed.labels) and on_disk.status == replayed.standing.status
    return CameBack(sample, journal, replayed, saved)


def strokes_of(journal: Journal) -> tuple[Labels, Mask]:
    """What a journal that does not fit would write: the annotation after it, and which pixels it changed.

    Raises:
        ValueError: if its entries do not fit its own size.
    """
    return changed_pixels(journal.entries, journal.head.height, journal.head.width)


def _other_class(journal: Journal, table: ClassTable) -> str | None:
    """What is said of the first class index in the strokes that does not mean what it meant; None if all do."""
    for index in sorted(values_in(journal.entries) - {VOID}):
        info, name = table.get(index), journal.head.classes.get(index)
        if info is None or (name is not None and name != info.name):
            now = "no class" if info is None else f"'{info.name}'"
            return f"class {index} was '{name or '?'}' and is {now} now"
    return None


def _equal(one: Labels, other: Labels) -> bool:
    return np.array_equal(one.label_map, other.label_map) and np.array_equal(one.provenance, other.provenance)
