"""Recovery of strokes from journals.

An earlier run left them. They are recovered where they surely fit.
"""

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
from fcn_studio.i18n import tr


@dataclass(frozen=True)
class CameBack:
    """An image whose journal fits the mask on disk.

    Attributes:
        sample: the image.
        journal: what was read.
        replayed: annotation, state and history after the last step.
        saved: whether the files on disk say the same already; then only the history has come back.
    """

    sample: Sample
    journal: Journal = field(repr=False)
    replayed: Replayed = field(repr=False)
    saved: bool


@dataclass(frozen=True)
class LeftOver:
    """A journal that is not applied automatically.

    Attributes:
        journal: what was read.
        reason: why not, a sentence.
    """

    journal: Journal = field(repr=False)
    reason: str


def bring_back(project: ProjectFolder, journal: Journal, budget_bytes: int) -> CameBack | LeftOver:
    """Replay a journal on its annotation in memory.

    Nothing is written.

    Args:
        project: the journal's project.
        journal: of one of the project's images.
        budget_bytes: of the history.
    """
    head = journal.head
    try:
        sample = project.sample(head.image_id)
    except KeyError:
        return LeftOver(
            journal,
            tr("{image} is not in the folder. Put the image back to recover its strokes.", image=head.image_id),
        )
    try:
        size = image_size(sample.image_path, max_pixels=project.max_pixels)
        if size != (head.width, head.height):
            return LeftOver(
                journal,
                tr(
                    "{image} has {width} x {height} pixels now and was another picture",
                    image=head.image_id,
                    width=size[0],
                    height=size[1],
                ),
            )
        found = project.annotations.load(sample, (head.width, head.height), known_masks=journal.masks)
    except (ImageError, MaskError) as error:
        return LeftOver(journal, str(error))
    if found.other_image:
        return LeftOver(journal, tr("{image} is another picture than was labelled", image=head.image_id))
    if found.mask_sha256 not in journal.masks:
        return LeftOver(journal, tr("the mask of {image} was changed by another program since", image=head.image_id))
    if (strange := _other_class(journal, project.config.table)) is not None:
        return LeftOver(
            journal,
            tr(
                "the strokes of {image} were made with other classes: {difference}",
                image=head.image_id,
                difference=strange,
            ),
        )
    try:
        replayed = replay(journal.entries, found.labels, head.state, budget_bytes)
    except ValueError as error:
        return LeftOver(
            journal, tr("the journal of {image} does not fit its image ({reason})", image=head.image_id, reason=error)
        )
    on_disk = project.annotations.load(sample, (head.width, head.height))  # as anybody would find it, journal or none
    saved = _equal(on_disk.labels, replayed.labels) and on_disk.status == replayed.state.status
    return CameBack(sample, journal, replayed, saved)


def strokes_of(journal: Journal) -> tuple[Labels, Mask]:
    """Return the annotation that a journal would write.

    The pixels that it changed are returned too.

    Raises:
        ValueError: if its entries do not fit its own size.
    """
    return changed_pixels(journal.entries, journal.head.height, journal.head.width)


def _other_class(journal: Journal, table: ClassTable) -> str | None:
    """Describe the first class index whose meaning has changed.

    Only indices in the strokes count. The result is None if none has changed.
    """
    for index in sorted(values_in(journal.entries) - {VOID}):
        info, name = table.get(index), journal.head.classes.get(index)
        if index in table.replacements():
            return tr("class {index} '{name}' was merged or deleted", index=index, name=table.name_of(index))
        if info is None or (name is not None and name != info.name):
            if info is None:
                return tr("class {index} was '{name}' and is no class now", index=index, name=name or "?")
            return tr("class {index} was '{name}' and is '{now}' now", index=index, name=name or "?", now=info.name)
    return None


def _equal(one: Labels, other: Labels) -> bool:
    return np.array_equal(one.label_map, other.label_map) and np.array_equal(one.provenance, other.provenance)
