"""The annotations of a project on disk: masks with their provenance records, and the statuses.

What may be believed of a mask:

- its record fits it: what the record says;
- it lay there when the folder was first opened, and we have never written it: human and Verified;
- anything else, such as a mask that another program has written since: pixels of unknown origin, In progress.

Masks found at first opening are listed in ``.fcn-studio/adopted_masks``, which is written once, just before
``fcn-studio.toml``. A mask of that list that we overwrite has its original in ``.fcn-studio/originals`` first, so a
crash before its first record cannot make it look untouched.
"""

from __future__ import annotations

import hashlib
import threading
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.labels import LabelMap, Labels, Provenance, made_by_human, with_unknown_origin
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import MaskError, MaskNeedsDecision
from fcn_studio.formats.atomic import refuse_outside, told, write_atomically
from fcn_studio.formats.masks import MAX_MASK_BYTES, decode_mask, encode_mask
from fcn_studio.formats.records import Record, read_provenance, read_record, write_record
from fcn_studio.formats.scan import MASKS, MAX_LIST_BYTES, scan_masks
from fcn_studio.formats.status_index import StatusIndex, stamp_of
from fcn_studio.paths import read_file


@dataclass(frozen=True)
class LoadedLabels:
    """An annotation as found on disk.

    Attributes:
        labels: label map and provenance, of the image's size, writable.
        status: how far the image is.
        prelabelled_by: sha256 of the checkpoint whose prediction went into them; None if none did.
        mask_sha256: of the mask file's bytes, 64 hex digits; None if there is no mask.
        notices: sentences for the user on how the files were read.
    """

    labels: Labels
    status: Status
    prelabelled_by: str | None = None
    mask_sha256: str | None = None
    notices: tuple[str, ...] = ()


class AnnotationStore:
    """Loads and saves annotations. Thread-safe: one thread may save while another loads and asks statuses.

    Every method takes samples whose mask ids are unique in the project.
    """

    def __init__(self, folder: Path, *, first_opening: bool, prepare: Callable[[], None]) -> None:
        """Look at the files of the project in ``folder``.

        ``first_opening``: the folder has no project file, so its masks are the user's finished work.
        ``prepare`` is called before anything is written; it may raise to forbid it.
        """
        self._folder = folder
        self._state = folder / ".fcn-studio"
        self._prepare = prepare
        self._masks = scan_masks(folder / MASKS)
        self._records = scan_masks(self._state / "provenance")
        self._originals = set(scan_masks(self._state / "originals"))
        self._adopted = frozenset(self._masks) if first_opening else self._read_adopted()
        self._index = StatusIndex(self._state / "index", len(self._records))
        self._statuses: dict[str, Status] = {}
        self._lock = threading.RLock()

    @property
    def masks(self) -> dict[str, Path]:
        """Mask id -> file of all masks, those without an image too."""
        return dict(self._masks)

    def write_adopted(self) -> None:
        """Write the list of the masks found at first opening.

        Raises:
            ProjectError: if it cannot be written.
        """
        lines = "".join(f"{mask_id}\n" for mask_id in sorted(self._adopted))
        refuse_outside(self._folder, self._state / "adopted_masks")
        write_atomically(self._state / "adopted_masks", lines.encode("utf-8", "surrogateescape"))

    def _read_adopted(self) -> frozenset[str]:
        """The list that `write_adopted` wrote; empty if there is none. Raises: ProjectError if unreadable."""
        path = self._state / "adopted_masks"
        with told("read", path):
            data = read_file(path, MAX_LIST_BYTES) if path.exists() else b""
        return frozenset(data.decode("utf-8", "surrogateescape").split("\n")) - {""}

    def mask_path(self, sample: Sample) -> Path:
        """The mask file of an image, whether it exists or not."""
        return self._masks.get(sample.mask_id) or self._folder / MASKS / f"{sample.mask_id}.png"

    def _record_path(self, sample: Sample) -> Path:
        """The record file of an image, whether it exists or not."""
        return self._records.get(sample.mask_id) or self._state / "provenance" / f"{sample.mask_id}.png"

    def status(self, sample: Sample) -> Status:
        """How far an image is; cheap after the first call, and without a record always."""
        with self._lock:
            status = self._statuses.get(sample.mask_id)
            if status is None:
                status = self._statuses[sample.mask_id] = self._find_status(sample)
            return status

    def _find_status(self, sample: Sample) -> Status:
        """The status by the files, or by the index while they are as they were."""
        mask_id = sample.mask_id
        if mask_id not in self._records:
            return self._without_record(sample) if mask_id in self._masks else Status.NEW
        stamp = stamp_of(self._record_path(sample), self.mask_path(sample))
        status = self._index.get(mask_id, stamp)
        if status is None:
            try:
                data = _bytes_of(self.mask_path(sample))
            except MaskError:  # whoever loads it is told; one bad file must not cost the list of all statuses
                return Status.IN_PROGRESS
            digest = None if data is None else _sha256(data)
            status = self._judged(sample, read_record(self._record_path(sample)), digest)
            self._index.put(mask_id, stamp, status)
        return status

    def _untouched(self, sample: Sample) -> bool:
        """Whether the mask lay there at first opening and we have never begun to write it."""
        mask_id = sample.mask_id
        return mask_id in self._adopted and mask_id not in self._records and mask_id not in self._originals

    def _judged(self, sample: Sample, record: Record | None, mask_sha256: str | None) -> Status:
        """The status that record and mask add up to (see the top of this file)."""
        if record is not None and record.mask_sha256 == mask_sha256:
            return record.status
        return Status.NEW if mask_sha256 is None else self._without_record(sample)

    def _without_record(self, sample: Sample) -> Status:
        """The status of a mask that no record fits."""
        return Status.VERIFIED if self._untouched(sample) else Status.IN_PROGRESS

    def load(
        self, sample: Sample, size: tuple[int, int], table: ClassTable, grey_as_indices: bool | None
    ) -> LoadedLabels:
        """The annotation of an image of ``size`` (width, height) as displayed; unlabelled if there is no mask.

        Raises:
            MaskNeedsDecision: if only the user can say how to read the mask, or whose it is.
            MaskError: if the mask is damaged or is no label map of the image; it is never taken for empty.
        """
        with self._lock:
            self._refuse_older_mask(sample)
            path = self.mask_path(sample)
            data, record = _bytes_of(path), read_record(self._record_path(sample))
            digest = None if data is None else _sha256(data)
            status = self._statuses[sample.mask_id] = self._judged(sample, record, digest)
            fits = record is not None and record.mask_sha256 == digest
            by = record.prelabelled_by if record is not None else None
            if data is None:
                width, height = size
                return LoadedLabels(Labels.unlabelled(height, width), status, by if fits else None)
            mask = decode_mask(data, path, size, table, grey_as_indices=grey_as_indices)
            if self._untouched(sample):
                return LoadedLabels(made_by_human(mask.label_map), status, None, digest, mask.notices)
            provenance = read_provenance(self._record_path(sample), size) if fits else None
            if provenance is not None:
                return LoadedLabels(_checked(mask.label_map, provenance), status, by, digest, mask.notices)
            notice = f"{path.name}: nobody knows who labelled this mask; it is kept, and trained on once verified"
            self._statuses[sample.mask_id] = Status.IN_PROGRESS
            labels = with_unknown_origin(mask.label_map)
            return LoadedLabels(labels, Status.IN_PROGRESS, by, digest, (*mask.notices, notice))

    def _refuse_older_mask(self, sample: Sample) -> None:
        """Raises: MaskNeedsDecision if a mask of the time before a second image of that stem may be this one's."""
        if sample.mask_id != sample.image_id or sample.mask_id in self._masks:
            return
        stem = sample.image_id.rpartition(".")[0]
        if (older := self._masks.get(stem)) is not None:
            raise MaskNeedsDecision(
                f"{older}: several images are called {stem}, and this mask does not say whose it is; rename it to "
                f"{Path(sample.mask_id).name}.png if it belongs to {sample.image_id}, else like its image"
            )

    def save(self, sample: Sample, labels: Labels, status: Status, prelabelled_by: str | None) -> str | None:
        """Write mask, then record; returns the mask's sha256, None if the image needs no mask.

        Nothing is written for a New image without labels. A mask that is not ours is kept in ``originals`` first.

        Raises:
            ProjectError: if anything cannot be written; the old files are then unchanged.
        """
        with self._lock:
            path = self.mask_path(sample)
            unlabelled = not labels.provenance.any() and bool((labels.label_map == VOID).all())
            needs_mask = not unlabelled or sample.mask_id in self._masks
            if not needs_mask and status is Status.NEW and sample.mask_id not in self._records:
                return None
            original = self._state / "originals" / f"{sample.mask_id}.png"
            refuse_outside(self._folder, path, self._record_path(sample), original)
            self._prepare()
            digest = None
            if needs_mask:
                self._keep_original(sample, path)
                data = encode_mask(labels.label_map)
                digest = _sha256(data)
                write_atomically(path, data)
                self._masks[sample.mask_id] = path
            record_path = self._record_path(sample)
            write_record(record_path, Record(status, digest, prelabelled_by), labels.provenance)
            self._records[sample.mask_id] = record_path
            self._statuses[sample.mask_id] = status
            self._index.put(sample.mask_id, stamp_of(record_path, path), status)
            return digest

    def _keep_original(self, sample: Sample, path: Path) -> None:
        """Copy a mask to ``originals`` unless it is just as we wrote it."""
        data = _bytes_of(path)
        record = read_record(self._record_path(sample))
        if data is None or (record is not None and record.mask_sha256 == _sha256(data)):
            return
        target = self._state / "originals" / f"{sample.mask_id}.png"
        if target.exists():  # something else has written it since: that is kept too
            target = target.with_name(f"{target.stem[:40]}.{_sha256(data)[:16]}.png")
        write_atomically(target, data)
        self._originals.add(sample.mask_id)

    def save_index(self) -> None:
        """Write the status index, if it changed. Raises: ProjectError if that fails."""
        with self._lock:
            self._index.save()


def _checked(label_map: LabelMap, provenance: LabelMap) -> Labels:
    """Labels of a fitting record; a pair of values that we never write becomes UNKNOWN."""
    odd = (provenance > Provenance.UNKNOWN) | ((provenance == Provenance.NOBODY) & (label_map != VOID))
    return Labels(label_map, np.where(odd, np.uint8(Provenance.UNKNOWN), provenance))


def _bytes_of(path: Path) -> bytes | None:
    """The bytes of a mask file; None if there is none. Raises: MaskError if it cannot be read."""
    try:
        return read_file(path, MAX_MASK_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MaskError(f"{path}: the mask cannot be opened: {error.strerror}") from error


def _sha256(data: bytes) -> str:
    """64 hex digits."""
    return hashlib.sha256(data).hexdigest()
