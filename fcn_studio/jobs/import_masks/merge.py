"""Writing of imported annotations into a project.

Each image is one save of the project's store: the former annotation is kept as an earlier version, a foreign mask as
an original. If the process is killed, each image has its former annotation or the new one (`pending_records`).
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Generator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto

import numpy as np

from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.sample import Sample, Split, Status
from fcn_studio.errors import GreyMaskFound, ImageError, MaskDamaged, MaskError, NameTooLong
from fcn_studio.formats.atomic import CANNOT_READ, os_errors_as, refuse_outside, write_atomically
from fcn_studio.formats.images.images import image_size
from fcn_studio.formats.importers.base import MaskSource
from fcn_studio.formats.project.loaded import LoadedLabels
from fcn_studio.formats.project.pending_records import pending_record
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.i18n import listed, tr, tr_n
from fcn_studio.jobs.import_masks.mapping import ResolvedMap, read
from fcn_studio.jobs.import_masks.matching import Match, is_own_file
from fcn_studio.paths import open_file

_LISTED = 5
"""Images that a sentence names."""


class Outcome(Enum):
    """What became of an image."""

    VERIFIED = auto()
    IN_PROGRESS = auto()
    KEPT = auto()
    SAME = auto()
    EMPTY = auto()


@dataclass
class ImportResult:
    """What an import did.

    Attributes:
        images: image ids by what became of them.
        copied: image ids of the images that were copied into the folder.
        failed: image id -> why it was left out.
        splits: split -> number of images that have it from the source.
    """

    images: dict[Outcome, list[str]] = field(default_factory=lambda: {outcome: [] for outcome in Outcome})
    copied: list[str] = field(default_factory=list)
    failed: dict[str, str] = field(default_factory=dict)
    splits: dict[Split, int] = field(default_factory=dict)

    @property
    def written(self) -> int:
        """Number of images whose annotation was written."""
        return len(self.images[Outcome.VERIFIED]) + len(self.images[Outcome.IN_PROGRESS])


def import_masks(
    project: ProjectFolder,
    source: MaskSource,
    matches: Sequence[Match],
    resolved: ResolvedMap,
    take: Callable[[Sample], bool],
) -> Generator[tuple[int, int], None, ImportResult]:
    """Write annotations of a source into a project. Yields (done, total) after each image.

    Args:
        project: open to write.
        source: the annotations.
        matches: which of them, and the images that they belong to.
        resolved: what their values mean.
        take: whether an image that a person has worked on gets the annotation of the source.

    Raises:
        ProjectError: if anything cannot be written. Images before that have their new annotations.
    """
    result = ImportResult()
    set_classes(project, resolved)
    for done, match in enumerate(matches, 1):
        sample = match.sample
        try:
            labels = resolved.apply(read(source, match, project.max_pixels))
            if match.copy_from is not None:
                _copy_image(project, match)
                result.copied.append(sample.image_id)
            result.images[_merge(project, match, labels, take)].append(sample.image_id)
        except (ImageError, MaskError, NameTooLong) as error:
            result.failed[sample.image_id] = str(error)
        yield done, len(matches)
    result.splits = _take_splits(project, matches, result)
    return result


def _take_splits(project: ProjectFolder, matches: Sequence[Match], result: ImportResult) -> dict[Split, int]:
    """Take the splits of a source for imported images that have none yet; return the number of images of each.

    Raises:
        ProjectError: if they cannot be written.
    """
    written = {*result.images[Outcome.VERIFIED], *result.images[Outcome.IN_PROGRESS], *result.images[Outcome.SAME]}
    splits = {m.sample.image_id: m.item.split for m in matches if m.sample.image_id in written and m.item.split}
    free = set(project.splits.pending(m.sample for m in matches if m.sample.image_id in splits))
    taken = {image_id: split for image_id, split in splits.items() if image_id in free}
    if taken:
        project.splits.choose(taken)
        project.splits.store()
    return dict(Counter(taken.values()))


def set_classes(project: ProjectFolder, resolved: ResolvedMap) -> None:
    """Add the new classes to the project's table.

    Raises:
        ProjectError: if it cannot be written.
    """
    if resolved.table == project.config.table:
        return
    project.set_table(resolved.table)


def conflicts(project: ProjectFolder, matches: Sequence[Match]) -> list[Sample]:
    """Return the images that a person has worked on, by their statuses."""
    kinds = (Status.IN_PROGRESS, Status.VERIFIED, Status.SKIPPED)
    return [
        match.sample
        for match in matches
        if match.copy_from is None
        and not is_own_file(project, match)
        and project.annotations.status(match.sample) in kinds
    ]


def _merge(project: ProjectFolder, match: Match, labels: Labels, take: Callable[[Sample], bool]) -> Outcome:
    """Write the annotation of one image, if it may be.

    Raises:
        MaskError, ProjectError: if the former one cannot be read, or nothing can be written.
    """
    sample = match.sample
    former = _former(project, match)
    if not labels.provenance.any():
        return Outcome.EMPTY
    complete = bool(labels.provenance.all())
    if former is not None:
        same = np.array_equal(former.labels.label_map, labels.label_map)
        if same and np.array_equal(former.labels.provenance, labels.provenance):
            return Outcome.SAME
        interrupted = same and Provenance.HUMAN not in former.labels.provenance
        if not interrupted and _is_worked_on(former) and not is_own_file(project, match) and not take(sample):
            return Outcome.KEPT
    elif not is_own_file(project, match) and not take(sample):
        return Outcome.KEPT
    encoded = project.annotations.encode(sample, labels, Status.VERIFIED if complete else Status.IN_PROGRESS)
    assert encoded is not None  # some pixel is labelled
    with pending_record(project.folder, encoded):
        project.annotations.write(encoded)
    return Outcome.VERIFIED if complete else Outcome.IN_PROGRESS


def _former(project: ProjectFolder, match: Match) -> LoadedLabels | None:
    """Return the annotation that an image has; None if its mask makes no sense as one.

    Raises:
        ImageError, MaskError: if only the user can tell whose the mask is, or it cannot be opened.
    """
    size = image_size(match.sample.image_path, max_pixels=project.max_pixels)
    try:
        return project.annotations.load(match.sample, size)
    except (MaskDamaged, GreyMaskFound):
        return None


def _is_worked_on(former: LoadedLabels) -> bool:
    """Return whether an annotation may be a person's."""
    decided = former.status in (Status.VERIFIED, Status.SKIPPED)
    return decided or bool((former.labels.provenance > Provenance.NETWORK).any())


def _copy_image(project: ProjectFolder, match: Match) -> None:
    """Copy an image file into the project, where none of its name lies.

    Raises:
        ProjectError: if it cannot be read or written, or a file lies there.
    """
    assert match.copy_from is not None
    target = match.sample.image_path
    refuse_outside(project.folder, target)
    if target.exists():
        raise ImageError(tr("{path} is there already; it is not written over", path=target))
    with os_errors_as(CANNOT_READ, match.copy_from), open_file(match.copy_from) as file:
        data = file.read()
    write_atomically(target, data)


def result_sentences(result: ImportResult, resolved: ResolvedMap) -> list[str]:
    """Return sentences on what an import did."""
    lines = [tr_n("{n} annotation imported", "{n:,} annotations imported", result.written)]
    if resolved.added:
        names = listed(resolved.added)
        lines.append(tr_n("{n} class added: {names}", "{n} classes added: {names}", len(resolved.added), names=names))
    if result.copied:
        lines.append(
            tr_n("{n} image copied into the folder", "{n:,} images copied into the folder", len(result.copied))
        )
    lines += [_outcome_sentence(outcome, ids) for outcome, ids in result.images.items() if ids]
    if result.splits:
        splits = listed(f"{split.words} {number:,}" for split, number in sorted(result.splits.items()))
        lines.append(tr("Splits as in the source: {splits}", splits=splits))
    if result.failed:
        lines.append(tr_n("{n} annotation left out", "{n:,} annotations left out", len(result.failed)))
    return [line for line in lines if line]


def _outcome_sentence(outcome: Outcome, image_ids: Sequence[str]) -> str:
    """Return a sentence on the images of an outcome, "" for those that need none."""
    count, names = len(image_ids), _listed(image_ids)
    if outcome is Outcome.IN_PROGRESS:
        return tr_n(
            "{n} image has unlabelled pixels left and is In progress",
            "{n:,} images have unlabelled pixels left and are In progress",
            count,
        )
    if outcome is Outcome.KEPT:
        return tr_n(
            "{n} image keeps your labels: {names}; to take those of the source, choose Take theirs (--conflict take)",
            "{n:,} images keep your labels: {names}; to take those of the source, choose Take theirs "
            "(--conflict take)",
            count,
            names=names,
        )
    if outcome is Outcome.SAME:
        return tr_n("{n} image had these labels already", "{n:,} images had these labels already", count)
    if outcome is Outcome.EMPTY:
        return tr_n(
            "{n} annotation labels no pixel: {names}", "{n:,} annotations label no pixel: {names}", count, names=names
        )
    return ""


def _listed(names: Sequence[str]) -> str:
    return listed([*names[:_LISTED], *(["..."] if len(names) > _LISTED else [])])
