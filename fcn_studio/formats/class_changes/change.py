"""Merging and deleting classes of a project, as one transaction that can be taken back.

All new masks, records and the project file are prepared beside the old ones (`formats.transaction`) and come into
place together. The files as they were stay in ``.fcn-studio/class_change/last`` until the next change.

Masks that cannot be read stay as they are. Once they can be read, the reading of masks replaces the classes
(`Reading.annotation`); so it does in earlier versions, and in masks that come from elsewhere.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass, field, replace
from pathlib import Path

import numpy as np

from fcn_studio.core.class_changes.change import ClassChange, status_of
from fcn_studio.core.classes import UNLABELLED, VOID, ClassTable
from fcn_studio.core.labels import Labels
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import ImageError, MaskError, ProjectError
from fcn_studio.formats.class_changes.usage import with_masks
from fcn_studio.formats.images.images import image_size
from fcn_studio.formats.project.image_digests import ImageOrigin
from fcn_studio.formats.project.loaded import LoadedLabels, Reading, bytes_of, sha256_of
from fcn_studio.formats.project.project_file import project_file_with, read_project_file
from fcn_studio.formats.project.project_folder import PROJECT_FILE, ProjectFolder
from fcn_studio.formats.project.records import Record, encode_record, read_record
from fcn_studio.formats.strict_json import whole
from fcn_studio.formats.transaction import Staging, Transaction
from fcn_studio.formats.voc.masks import encode_mask
from fcn_studio.i18n import tr


@dataclass(frozen=True)
class ChangeResult:
    """What a change of classes has done.

    Attributes:
        images: ids of the images whose masks have changed.
        left_out: image id -> why its mask could not be read and stays as it is.
    """

    images: tuple[str, ...] = ()
    left_out: Mapping[str, str] = field(default_factory=dict)


ChangeSteps = Generator[tuple[int, int], None, ChangeResult]
"""Yields (done, total) after each mask. Closed before its end, nothing has changed."""


@dataclass(frozen=True)
class _Found:
    """An annotation on disk.

    Attributes:
        labels: label map and provenance.
        status: how far the image is.
        prelabelled_by: sha256 of the checkpoint that pre-labelled it, or None.
        image: the image file that was labelled, None if that is not known.
        mask: bytes of the mask file.
        ours: whether the record belongs to the mask, so that no other program has written it.
    """

    labels: Labels
    status: Status
    prelabelled_by: str | None
    image: ImageOrigin | None
    mask: bytes
    ours: bool


def change_classes(project: ProjectFolder, change: ClassChange) -> ChangeSteps:
    """Merge or delete classes in all masks of a project, all or nothing.

    The project must be opened again afterwards. Nothing of it may be unsaved.

    Raises:
        ProjectError: if the change is impossible, the project cannot be written, or the disk is full. Nothing has
            then changed, unless the sentence says that the change is decided.
    """
    change.refuse_impossible(project.config)
    samples, images, left_out = with_masks(project), [], {}
    with project.begin_replacing() as staging:
        for done, sample in enumerate(samples, start=1):
            try:
                found = _found(project, sample, _reading(project, sample))
            except (ImageError, MaskError) as error:
                left_out[sample.image_id] = str(error)
                found = None
            labels = None if found is None else change.labels(found.labels)
            if found is not None and labels is not None:
                _put(staging, project, sample, replace(found, labels=labels))
                images.append(sample.image_id)
            yield done, len(samples)
        path = project.folder / PROJECT_FILE
        config = replace(project.config, table=change.table(project.config.table))
        staging.put(path, project_file_with(path, config))
        note = {"targets": {str(index): target for index, target in change.targets.items()}}
        project.replace_files(staging, note, kept=True)
    return ChangeResult(tuple(images), left_out)


def last_change(project: ProjectFolder) -> ClassChange | None:
    """Return the change of classes that can be taken back, None if there is none.

    Raises:
        ProjectError: if its files are broken.
    """
    last = project.transactions.last()
    return None if last is None else ClassChange(_targets_of(last))


def take_back(project: ProjectFolder) -> ChangeSteps:
    """Take the last change of classes back, all or nothing.

    Files that nobody has changed since are the same again, byte for byte. In masks that were worked on since, the
    pixels that the change has made, and nobody has painted on, are as they were before.

    Raises:
        ProjectError: if there is nothing to take back, and as `change_classes`.
    """
    last = project.transactions.last()
    if last is None:
        raise ProjectError(tr("There is no change of classes that can be taken back."))
    change = ClassChange(_targets_of(last))
    before = read_project_file(last.old(PROJECT_FILE)).table
    left_out: dict[str, str] = {}
    images: list[str] = []
    with project.begin_replacing() as staging:
        names = _names_of(project, last)
        for done, sample in enumerate(names, start=1):
            try:
                changed = _put_back(staging, project, sample, names[sample], last, change, before)
            except (ImageError, MaskError) as error:
                left_out[sample.image_id] = str(error)
            else:
                images += [sample.image_id] if changed else []
            yield done, len(names)
        _put_project_file_back(staging, project, last, change, before)
        project.replace_files(staging, {}, kept=False)
    return ChangeResult(tuple(images), left_out)


def _reading(project: ProjectFolder, sample: Sample, table: ClassTable | None = None) -> Reading:
    """Return how the masks of an image are read. Raises: ImageError."""
    size = image_size(sample.image_path, max_pixels=project.max_pixels)
    return Reading(sample, size, table or project.config.table, project.grey_as_indices)


def _found(project: ProjectFolder, sample: Sample, reading: Reading) -> _Found | None:
    """Return the annotation of an image on disk, None without a mask. Raises: MaskError if it cannot be read."""
    store = project.annotations
    path, record_path = store.mask_path(sample), store.record_path(sample)
    if (data := bytes_of(path)) is None:
        return None
    digest, record = sha256_of(data), read_record(record_path)
    if store.untouched(sample):
        found = reading.finished(data, digest, path)
        return _Found(found.labels, found.status, None, store.image_digests.opened(sample), data, ours=False)
    ours = record is not None and record.mask_sha256 == digest
    found = reading.annotation(data, digest, path, record, record_path if ours else None)
    image = store.image_digests.opened(sample) if record is None else record.image
    return _Found(found.labels, found.status, found.prelabelled_by, image, data, ours)


def _put(staging: Staging, project: ProjectFolder, sample: Sample, found: _Found) -> None:
    """Prepare mask and record of new labels, and keep the mask of another program."""
    store = project.annotations
    data = encode_mask(found.labels.label_map)
    status = status_of(found.labels, found.status)
    record = Record(status, sha256_of(data), found.prelabelled_by, found.image)
    if not found.ours and (original := store.place_of_original(sample, found.mask)) is not None:
        staging.put(original, store.mask_path(sample))
    staging.put(store.mask_path(sample), data)
    staging.put(store.record_path(sample), encode_record(record, found.labels.provenance))


def _names_of(project: ProjectFolder, last: Transaction) -> dict[Sample, list[str]]:
    """Return the paths of each image that a transaction has replaced. Images that are gone by now are left out."""
    store = project.annotations
    result: dict[Sample, list[str]] = {}
    for sample in with_masks(project):
        original = store.original_path(sample)
        paths = (store.mask_path(sample), store.record_path(sample), original)
        names = [path.relative_to(project.folder).as_posix() for path in paths]
        if names[0] in last.files:
            stem = names[2].removesuffix(".png") + "."
            more = [name for name in last.files if name.startswith(stem) and name not in names]
            result[sample] = [name for name in (*names, *more) if name in last.files]
    return result


def _put_back(
    staging: Staging,
    project: ProjectFolder,
    sample: Sample,
    names: list[str],
    last: Transaction,
    change: ClassChange,
    before: ClassTable,
) -> bool:
    """Prepare the files of an image as they were before a change, and return whether anything changes.

    Raises:
        ImageError, MaskError: if they cannot be read.
    """
    if all(last.unchanged(project.folder, name) for name in names):
        for name in names:
            staging.put(project.folder / name, None if last.files[name][0] is None else last.old(name))
        return True
    found = _found(project, sample, _reading(project, sample))
    earlier = _earlier(_reading(project, sample, before), names, last)
    if found is None or earlier is None or earlier.labels.shape != found.labels.shape:
        return False
    labels = change.labels_before(found.labels, earlier.labels)
    if np.array_equal(labels.label_map, found.labels.label_map):
        return False
    _put(staging, project, sample, replace(found, labels=labels))
    return True


def _earlier(reading: Reading, names: list[str], last: Transaction) -> LoadedLabels | None:
    """Return the annotation before a change. Raises: MaskError if it cannot be read."""
    mask, record_path = last.old(names[0]), last.old(names[1])
    if (data := bytes_of(mask)) is None:
        return None
    record, digest = read_record(record_path), sha256_of(data)
    if record is None and not record_path.exists():
        return reading.finished(data, digest, mask)
    fits = record is not None and record.mask_sha256 == digest
    return reading.annotation(data, digest, mask, record, record_path if fits else None)


def _put_project_file_back(
    staging: Staging, project: ProjectFolder, last: Transaction, change: ClassChange, before: ClassTable
) -> None:
    """Prepare the project file as it was, or as it is now with the classes offered again.

    Raises: ProjectError if another class has the name of one by now.
    """
    path: Path = project.folder / PROJECT_FILE
    if last.unchanged(project.folder, PROJECT_FILE):
        staging.put(path, last.old(PROJECT_FILE))
        return
    table = project.config.table
    for index in change.targets:
        now, then = table.get(index), before.get(index)
        if now is not None and then is not None and then.retired:
            table = table.with_class(replace(now, retired=True, replaced_by=then.replaced_by))
        elif now is not None and then is not None:
            table = table.with_retired(index, False)  # without its key if another class has it by now
    staging.put(path, project_file_with(path, replace(project.config, table=table)))


def _targets_of(last: Transaction) -> dict[int, int]:
    """Return the targets in a transaction's note. Raises: ProjectError if they make no sense."""
    try:
        targets = last.note["targets"]
        if not isinstance(targets, dict):
            raise TypeError("targets is no object")
        result = {int(index): whole(target) for index, target in targets.items()}
        if not all(0 <= index < VOID and UNLABELLED <= target <= VOID for index, target in result.items()):
            raise ValueError("targets has a number that is no class")
    except (ValueError, TypeError, KeyError) as error:
        raise ProjectError(
            tr("{path} is broken ({reason}); nothing can be taken back", path=last.folder, reason=error)
        ) from error
    return result
