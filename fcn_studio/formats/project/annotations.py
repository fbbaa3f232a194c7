"""Annotations of a project on disk.

Annotations are masks with their provenance records and statuses. The provenance and the status of a mask are:

- those of its record, if the record belongs to this mask and this image;
- human and Verified, if the mask was there when the folder was first opened and the program has never written it;
- unknown origin and In progress otherwise, for example if another program has written the mask since, or if the image
  file has another picture than when it was labelled.

``.fcn-studio/adopted_masks`` lists the masks that were found at the first opening. It is written once, just before
``fcn-studio.toml``. Before the program overwrites one of them, it copies the mask to ``.fcn-studio/originals``, and
then writes a record with its provenance and status. A mask that was overwritten is therefore never taken for one that
was not, whenever the program crashes.

Before a mask is first overwritten after it was loaded, it is kept as an earlier version (`formats.project.versions`).
"""

from __future__ import annotations

import threading
from collections.abc import Callable, Collection, Container, Set
from dataclasses import replace
from pathlib import Path

import numpy as np

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.history_cache import fingerprint
from fcn_studio.core.labels import Labels, made_by_human
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import MaskError, MaskNeedsDecision, ProjectError
from fcn_studio.formats.atomic import refuse_outside, write_atomically
from fcn_studio.formats.images.scan import MASKS, scan_masks
from fcn_studio.formats.opening.mask_header import looks_readable
from fcn_studio.formats.project import loaded
from fcn_studio.formats.project.adopted import read_adopted, write_adopted
from fcn_studio.formats.project.encoded import EncodedAnnotation
from fcn_studio.formats.project.image_digests import ImageDigests
from fcn_studio.formats.project.loaded import EarlierLabels, LoadedLabels, Reading, bytes_of, sha256_of
from fcn_studio.formats.project.read_ahead import DecodedFrom, ReadAhead, record_sha256
from fcn_studio.formats.project.records import Record, read_provenance, read_record, write_record
from fcn_studio.formats.project.status_index import Stamp, stamp_of
from fcn_studio.formats.project.statuses import Statuses
from fcn_studio.formats.project.versions import Version, Versions, same_content
from fcn_studio.formats.voc.masks import encode_mask
from fcn_studio.i18n import tr


class AnnotationStore:
    """Storage of a project's annotations.

    It is thread-safe. One thread may save while another loads and asks for statuses. Every method takes samples whose
    mask ids are unique in the project.

    Attributes:
        statuses: those known by now.
        image_digests: tells whether image files are still those that were labelled.
    """

    def __init__(
        self,
        folder: Path,
        *,
        first_opening: bool,
        rules: Callable[[], tuple[ClassTable, bool | None]],
        require_writable: Callable[[], None],
        prepare: Callable[[], None],
    ) -> None:
        """List the files of a project.

        Args:
            folder: the project.
            first_opening: whether the folder has no project file, so that its masks are the user's finished work.
            rules: returns how masks are read now: the class table, and ``grey_as_indices`` of `masks.read_mask`.
            require_writable: raises if the project was opened to read.
            prepare: called before anything is written; raises if it must not be.
        """
        self._folder = folder
        self._rules = rules
        self._require_writable = require_writable
        self._state = folder / ".fcn-studio"
        self._prepare = prepare
        self._masks = scan_masks(folder / MASKS)
        self._records = scan_masks(self._state / "provenance")
        self._originals = set(scan_masks(self._state / "originals"))
        self._adopted = frozenset(self._masks) if first_opening else read_adopted(self._state / "adopted_masks")
        self.statuses = Statuses(self._state / "index", len(self._records))
        self._versions = Versions(self._state / "previous" / "masks")
        self._version_kept: set[str] = set()
        """Mask ids whose mask was kept as an earlier version since it was loaded last."""
        self._writing = threading.RLock()
        """Held by the thread that writes; nobody who only reads waits for it, for a slow folder may take long."""
        self._images: dict[str, threading.RLock] = {}
        """Mask id -> held while this image is read or written: mask and record belong together."""
        self._seen: dict[str, str | None] = {}
        """Mask id -> sha256 of the mask as it was last opened or written here."""
        self._distrusted = False
        self._ahead = ReadAhead()
        self.image_digests = ImageDigests()

    @property
    def mask_ids(self) -> Set[str]:
        """Mask ids of all annotations, those without an image too."""
        return self._masks.keys() | self._records.keys()

    @property
    def masks(self) -> dict[str, Path]:
        """Mask id -> file of all masks, those without an image too."""
        return {mask_id: Path(path) for mask_id, path in self._masks.items()}

    def write_adopted(self) -> None:
        """Write the list of the masks found at first opening.

        Raises:
            ProjectError: if it cannot be written.
        """
        refuse_outside(self._folder, self._state / "adopted_masks")
        write_adopted(self._state / "adopted_masks", self._adopted)

    def mask_path(self, sample: Sample) -> Path:
        """Return the mask file of an image, whether it exists or not."""
        return Path(self._masks.get(sample.mask_id) or self._folder / MASKS / f"{sample.mask_id}.png")

    def record_path(self, sample: Sample) -> Path:
        """Return the record file of an image, whether it exists or not."""
        return Path(self._records.get(sample.mask_id) or self._state / "provenance" / f"{sample.mask_id}.png")

    def original_path(self, sample: Sample) -> Path:
        """Return where the mask of an image lies as it was before we first wrote it."""
        return self._state / "originals" / f"{sample.mask_id}.png"

    def status(self, sample: Sample) -> Status:
        """Return the status of an image, at little cost after the first call or without a record."""
        mask_id = sample.mask_id
        status = self.statuses.get(mask_id)
        if status is None and (quick := self._quick_status(sample)) is not None:
            status = self.statuses.find(mask_id, quick)
        if status is None:
            with self._image(sample):
                status = self.statuses.know(mask_id, self._find_status(sample))
        return status

    def _quick_status(self, sample: Sample) -> Status | None:
        """Return the status by names, dates and sizes, without a lock; None if they do not tell it."""
        mask_id = sample.mask_id
        if mask_id in self._records:
            return self.statuses.indexed(mask_id, self._stamp(sample))
        if mask_id not in self._masks:
            return Status.NEW
        return None if mask_id in self._originals or mask_id in self._adopted else Status.IN_PROGRESS

    def _stamp(self, sample: Sample) -> Stamp:
        return stamp_of(self._records[sample.mask_id], self._masks.get(sample.mask_id, ""))

    def _image(self, sample: Sample) -> threading.RLock:
        """Return the lock of an image's files."""
        return self._images.setdefault(sample.mask_id, threading.RLock())

    def _find_status(self, sample: Sample) -> Status:
        """Return the status by the files, or by the index if they have not changed."""
        mask_id = sample.mask_id
        if mask_id not in self._records:
            return self._without_record(sample) if mask_id in self._masks else Status.NEW
        stamp = self._stamp(sample)
        status = self.statuses.indexed(mask_id, stamp)
        if status is None:
            try:
                data = bytes_of(self.mask_path(sample))
            except MaskError:  # whoever loads it is told; one bad file must not cost the list of all statuses
                return Status.IN_PROGRESS
            if data is None and mask_id in self._masks:  # gone since the folder was opened, perhaps with its disk
                return Status.IN_PROGRESS
            digest = None if data is None else sha256_of(data)
            status = self._judged(sample, read_record(self.record_path(sample)), digest)
            self.statuses.put_into_index(mask_id, stamp, status)
        return status

    def untouched(self, sample: Sample) -> bool:
        """Return whether the mask is as it was found at first opening."""
        if (mask_id := sample.mask_id) not in self._adopted or mask_id in self._records:
            return False
        return mask_id not in self._originals or same_content(self.mask_path(sample), self.original_path(sample))

    def has_written(self, sample: Sample) -> bool:
        """Return whether the program has written the mask of an image as it is now."""
        with self._image(sample):
            data, record = bytes_of(self.mask_path(sample)), read_record(self.record_path(sample))
            if data is None or record is None or record.mask_sha256 != sha256_of(data):
                return False
            return not same_content(self.mask_path(sample), self.original_path(sample))

    def _judged(self, sample: Sample, record: Record | None, mask_sha256: str | None) -> Status:
        """Return the status that follows from record and mask, by the rules above."""
        if record is not None and record.mask_sha256 == mask_sha256:
            return record.status
        return Status.NEW if mask_sha256 is None else self._without_record(sample)

    def _without_record(self, sample: Sample) -> Status:
        """Return the status of a mask that no record fits."""
        finished = self.untouched(sample) and looks_readable(self.mask_path(sample))
        return Status.VERIFIED if finished else Status.IN_PROGRESS

    def load(
        self,
        sample: Sample,
        size: tuple[int, int],
        *,
        known_masks: Container[str | None] = (),
        peek: bool = False,
    ) -> LoadedLabels:
        """Return the annotation of an image, unlabelled without a mask.

        The image has ``size`` (width, height) as displayed. ``known_masks``: sha256 of masks that are known to be
        ours (None: of no mask yet). If both the mask on disk and that of the record are among them, the record counts
        as fitting: the caller knows what lies between. ``peek``: nobody will edit what is read here; saves still
        answer for what was opened before.

        Raises:
            MaskNeedsDecision: if only the user can say how to read the mask, or whose it is.
            MaskDamaged: if the mask is damaged or is no label map of the image; it is never taken for empty.
            MaskError: if the file cannot be opened, or there is not enough memory.
        """
        with self._image(sample):
            self._refuse_older_mask(sample)
            path, record_path = self.mask_path(sample), self.record_path(sample)
            data, record = bytes_of(path), read_record(record_path)
            if data is None and sample.mask_id in self._masks:
                raise MaskError(
                    tr("{path} is gone; bring it back, or open the folder again if you deleted it", path=path)
                )
            digest = believed = None if data is None else sha256_of(data)
            if not peek:
                self._seen[sample.mask_id] = digest
                self._version_kept.discard(sample.mask_id)
                self.image_digests.note_opened(sample)
            if record is not None and record.mask_sha256 in known_masks and digest in known_masks:
                believed = record.mask_sha256
            other = self._is_other_image(sample, record)
            status = self.statuses.know(sample.mask_id, self._judged(sample, None if other else record, believed))
            fits = record is not None and record.mask_sha256 == believed and not other
            if data is None:
                width, height = size
                by = record.prelabelled_by if record is not None and fits else None
                notices = (loaded.other_image_sentence(sample.image_path),) if other else ()
                return LoadedLabels(Labels.unlabelled(height, width), status, by, notices=notices, other_image=other)
            assert digest is not None
            reading = Reading(sample, size, *(rules := self._rules()))
            if self.untouched(sample):
                return self._finished(reading, data, digest)
            source = DecodedFrom(digest, record_sha256(record_path), fits, other, size, *rules)
            found = None if peek else self._ahead.take(sample.mask_id, source)
            if found is None:
                fitting, changed = record_path if fits else None, sample.image_path if other else None
                found = reading.annotation(data, digest, path, record, fitting, other_image=changed)
            self.statuses.know(sample.mask_id, found.status)
            if not known_masks and sample.mask_id in self._records:
                stamp = self._stamp(sample)  # the index does not look at images, and may say what the record says
                if other or self.statuses.indexed(sample.mask_id, stamp) not in (None, found.status):
                    self.statuses.put_into_index(sample.mask_id, stamp, found.status)
            return found

    def _finished(self, reading: Reading, data: bytes, digest: str) -> LoadedLabels:
        """Return the annotation of a mask that was found at first opening, which is Verified if it can be read."""
        try:
            found = reading.finished(data, digest, self.mask_path(reading.sample))
        except MaskError:
            self.statuses.know(reading.sample.mask_id, Status.IN_PROGRESS)
            raise
        self.statuses.know(reading.sample.mask_id, found.status)
        return found

    def _is_other_image(self, sample: Sample, record: Record | None) -> bool:
        """Return whether the image file has another picture than the record was made for."""
        return record is not None and self.image_digests.is_another(sample, record.image)

    def read_ahead(self, sample: Sample, size: tuple[int, int]) -> None:
        """Decode the annotation of an image that may be opened soon.

        Nothing that is known of the annotation changes.

        Raises:
            MaskError: as `load`.
        """
        with self._image(sample):
            if sample.mask_id not in self._masks or self.untouched(sample):
                return
            path, record_path = self.mask_path(sample), self.record_path(sample)
            data, record, record_digest = bytes_of(path), read_record(record_path), record_sha256(record_path)
            if data is None:
                return
            digest = sha256_of(data)
            other = self._is_other_image(sample, record)
            fits = record is not None and record.mask_sha256 == digest and not other
            table, grey_as_indices = self._rules()
            source = DecodedFrom(digest, record_digest, fits, other, size, table, grey_as_indices)
            if self._ahead.has(sample.mask_id, source):
                return
            fitting, changed = record_path if fits else None, sample.image_path if other else None
            reading = Reading(sample, size, table, grey_as_indices)
            found = reading.annotation(data, digest, path, record, fitting, other_image=changed)
            if record_sha256(record_path) == record_digest:  # else something else is writing it just now
                found = replace(found, fingerprint=fingerprint(found.labels, found.state))
                self._ahead.put(sample.mask_id, source, found)

    def forget_ahead(self, wanted: Collection[Sample] = ()) -> None:
        """Forget what was decoded ahead of all other images."""
        self._ahead.keep_only({sample.mask_id for sample in wanted})

    def earlier(self, sample: Sample, size: tuple[int, int]) -> tuple[EarlierLabels, ...]:
        """Return the readable earlier versions of an annotation, the newest first."""
        reading = Reading(sample, size, *self._rules())
        with self._image(sample):
            found = map(reading.version, self._versions.of(sample.mask_id))
            return tuple(version for version in found if version is not None)

    def _refuse_older_mask(self, sample: Sample) -> None:
        """Raise MaskNeedsDecision if an older mask is ambiguous.

        It may belong to this image or to another of the same stem.
        """
        if sample.mask_id != sample.image_id or sample.mask_id in self._masks:
            return
        stem = sample.image_id.rpartition(".")[0]
        if (older := self._masks.get(stem)) is not None:
            raise MaskNeedsDecision(
                tr(
                    "{older}: several images are called {stem}, and this mask does not say whose it is; rename "
                    "it to {name}.png if it belongs to {image_id}, else like its image",
                    older=older,
                    stem=stem,
                    name=Path(sample.mask_id).name,
                    image_id=sample.image_id,
                )
            )

    def save(self, sample: Sample, labels: Labels, status: Status, prelabelled_by: str | None = None) -> str | None:
        """Encode and write an annotation.

        Returns the sha256 of the mask file, None if the annotation needs none.

        Raises:
            ProjectError: as `encode` and `write`.
        """
        encoded = self.encode(sample, labels, status, prelabelled_by)
        if encoded is None:
            return None
        self.write(encoded)
        return encoded.sha256

    def encode(
        self, sample: Sample, labels: Labels, status: Status, prelabelled_by: str | None = None
    ) -> EncodedAnnotation | None:
        """Encode an annotation for `write`.

        The result is None for a New image without labels, which needs no file.

        Raises:
            ProjectError: if the project was opened to read.
        """
        self._require_writable()
        with self._image(sample):
            unlabelled = not labels.provenance.any() and bool((labels.label_map == VOID).all())
            needs_mask = not unlabelled or sample.mask_id in self._masks
            if not needs_mask and status is Status.NEW and sample.mask_id not in self._records:
                return None
        data = encode_mask(labels.label_map) if needs_mask else None
        digest = None if data is None else sha256_of(data)
        return EncodedAnnotation(
            sample, labels, status, prelabelled_by, self.image_digests.opened(sample), data, digest
        )

    def write(self, encoded: EncodedAnnotation) -> None:
        """Write mask, then record, in any thread.

        A mask that is not ours is kept in ``originals`` first.

        Raises:
            ProjectError: if the project was opened to read, or anything cannot be written, as on a full disk; the
                old files are then unchanged.
        """
        sample, labels, status = encoded.sample, encoded.labels, encoded.status
        with self._writing, self._image(sample):
            path = self.mask_path(sample)
            version = self._state / "previous" / "masks" / sample.mask_id / "any.png"
            refuse_outside(self._folder, path, self.record_path(sample), self.original_path(sample), version)
            self._prepare()
            if encoded.mask is not None:
                self._write_mask(sample, path, encoded.mask, labels)
            record_path = self.record_path(sample)
            record = Record(status, encoded.sha256, encoded.prelabelled_by, encoded.image)
            write_record(record_path, record, labels.provenance)
            self._records[sample.mask_id] = str(record_path)
            self.statuses.know(sample.mask_id, status)
            self.statuses.put_into_index(sample.mask_id, stamp_of(record_path, path), status)
            self._versions.settle()

    def restore(self, sample: Sample, earlier: EarlierLabels) -> None:
        """Replace a damaged mask by an earlier version.

        The damaged file is kept in ``originals``.

        Raises:
            ProjectError: as `write`.
        """
        with self._writing, self._image(sample):
            self._prepare()
            path = self.mask_path(sample)
            if (data := bytes_of(path)) is not None:
                self._keep_original(sample, data)
            self._version_kept.add(sample.mask_id)  # a damaged mask is no version worth keeping
            found = earlier.found
            self.save(sample, found.labels, found.status, found.prelabelled_by)

    def _write_mask(self, sample: Sample, path: Path, data: bytes, labels: Labels) -> None:
        """Write a mask, once what it replaces is kept.

        Raises: ProjectError if the old mask cannot be kept or the new one not written.
        """
        version, old = None, bytes_of(path)
        self._refuse_if_changed(sample, path, old)
        if old is not None:
            self._put_aside(sample, old, labels)
            version = self._keep_version(sample, labels, same_mask=old == data)
        else:
            self._version_kept.add(sample.mask_id)  # it was opened without a mask: there is none to keep
        try:
            write_atomically(path, data)
        except ProjectError:
            if version is None or not self._versions.give_room(version):
                raise
            write_atomically(path, data)
        self._masks[sample.mask_id] = str(path)
        self._seen[sample.mask_id] = sha256_of(data)

    def distrust(self) -> None:
        """Note that the lock was lost for a while: masks of another process are not overwritten."""
        self._distrusted = True

    def _refuse_if_changed(self, sample: Sample, path: Path, old: bytes | None) -> None:
        """Raise ProjectError if another process may have changed the mask.

        The change counts from when the mask was read.
        """
        digest = None if old is None else sha256_of(old)
        if self._distrusted and self._seen.get(sample.mask_id, digest) != digest:
            raise ProjectError(
                tr(
                    "{path} has been changed by another program meanwhile and is left as it is; open the folder "
                    "again to choose between it and your strokes",
                    path=path,
                )
            )

    def _put_aside(self, sample: Sample, old: bytes, labels: Labels) -> None:
        """Copy a mask to ``originals`` and record what we believed of it.

        Nothing is done if the mask is just as we wrote it. That record only an untouched mask gets: it fits until the
        mask is overwritten, and says afterwards what was overwritten.
        """
        record_path, digest = self.record_path(sample), sha256_of(old)
        record = read_record(record_path)
        if record is not None and record.mask_sha256 == digest:
            return
        untouched = self.untouched(sample)
        self._keep_original(sample, old)
        if untouched:
            write_record(record_path, Record(Status.VERIFIED, digest), made_by_human(labels.label_map).provenance)
            self._records[sample.mask_id] = str(record_path)

    def _keep_original(self, sample: Sample, data: bytes) -> None:
        """Write a foreign or damaged mask to ``originals``.

        Nothing is written if it is there already.
        """
        if (target := self.place_of_original(sample, data)) is not None:
            write_atomically(target, data)
        self._originals.add(sample.mask_id)

    def place_of_original(self, sample: Sample, data: bytes) -> Path | None:
        """Return where to keep a foreign mask, None if it is kept already."""
        target = self.original_path(sample)
        if target.exists() and bytes_of(target) != data:  # something else has written it since: that is kept too
            target = target.with_name(f"{target.stem[:40]}.{sha256_of(data)[:16]}.png")
        return None if target.exists() else target

    def _keep_version(self, sample: Sample, labels: Labels, *, same_mask: bool) -> Version | None:
        """Keep the mask on disk as an earlier version.

        It is kept only if it is the first that is overwritten since it was loaded. Where only the status changes,
        nothing is overwritten that anybody would want back.
        """
        if sample.mask_id in self._version_kept:
            return None
        record_path = self.record_path(sample)
        height, width = labels.shape
        provenance = read_provenance(record_path, (width, height)) if same_mask else None
        if provenance is not None and np.array_equal(provenance, labels.provenance):
            return None
        self._version_kept.add(sample.mask_id)
        return self._versions.keep(sample.mask_id, self.mask_path(sample), record_path)
