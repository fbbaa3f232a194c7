"""An annotation as found on disk.

It follows from the bytes of a mask and its record. Earlier versions are loaded too.
"""

from __future__ import annotations

import hashlib
from dataclasses import dataclass, replace
from pathlib import Path

import cv2
import numpy as np

from fcn_studio.core.class_changes.change import replaced, status_of
from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.history import AnnotationState
from fcn_studio.core.labels import LabelMap, Labels, Provenance, made_by_human, with_unknown_origin
from fcn_studio.core.rules import look_up
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import MaskDamaged, MaskError, MaskNeedsDecision, MaskNotRead, MaskUnmapped
from fcn_studio.formats.project.records import Record, read_provenance, read_record
from fcn_studio.formats.project.versions import Version
from fcn_studio.formats.voc.masks import MAX_MASK_BYTES, MaskFile, decode_mask
from fcn_studio.i18n import tr
from fcn_studio.paths import read_file

_VALUES = np.arange(256)
_NOBODY = np.where(_VALUES == Provenance.NOBODY, 255, 0).astype(np.uint8)
_STRANGE = np.where(_VALUES > Provenance.UNKNOWN, 255, 0).astype(np.uint8)
_LABELLED = np.where(_VALUES != VOID, 255, 0).astype(np.uint8)


@dataclass(frozen=True)
class LoadedLabels:
    """An annotation as found on disk.

    Attributes:
        labels: label map and provenance, of the image's size, writable.
        status: how far the image is.
        prelabelled_by: sha256 of the checkpoint whose prediction went into them; None if none did.
        mask_sha256: of the mask file's bytes, 64 hex digits; None if there is no mask.
        notices: sentences for the user on how the files were read.
        other_image: the image file has another picture than was labelled.
        fingerprint: see `core.history_cache.fingerprint`; None if nobody made it in advance.
    """

    labels: Labels
    status: Status
    prelabelled_by: str | None = None
    mask_sha256: str | None = None
    notices: tuple[str, ...] = ()
    other_image: bool = False
    fingerprint: bytes | None = None

    def refuse_other_image(self) -> None:
        """Raise MaskError if the image file has another picture than was labelled."""
        if self.other_image:
            raise MaskError(" ".join(self.notices))

    @property
    def state(self) -> AnnotationState:
        """Status and origin, as a document has them."""
        return AnnotationState(self.status, self.prelabelled_by or "")


@dataclass(frozen=True)
class EarlierLabels:
    """An annotation as it was.

    Attributes:
        saved_at: when it was written, in seconds since the epoch.
        found: the annotation.
    """

    saved_at: float
    found: LoadedLabels


@dataclass(frozen=True)
class Reading:
    """How the masks of one image are to be read.

    Attributes:
        sample: the image.
        size: (width, height) as displayed.
        table: the class table of the project.
        grey_as_indices: see `masks.read_mask`.
    """

    sample: Sample
    size: tuple[int, int]
    table: ClassTable
    grey_as_indices: bool | None = None

    def decoded(self, data: bytes, path: Path) -> MaskFile:
        """Return the mask of a file's bytes.

        Raises:
            MaskNeedsDecision: if only the user can say how to read it.
            MaskNotRead: if there is not enough memory.
            MaskDamaged: if it is damaged or is no label map of the image.
        """
        try:
            return decode_mask(data, path, self.size, self.table, grey_as_indices=self.grey_as_indices)
        except (MaskNeedsDecision, MaskNotRead):
            raise
        except MaskError as error:
            unmapped = isinstance(error, MaskUnmapped)
            raise MaskDamaged(str(error), self.sample.image_id, unmapped=unmapped) from error

    def annotation(
        self,
        data: bytes,
        mask_sha256: str,
        path: Path,
        record: Record | None,
        fitting: Path | None,
        *,
        other_image: Path | None = None,
    ) -> LoadedLabels:
        """Return the annotation of a file's bytes and its record, as `decoded` and `with_record` make it.

        Pixels of classes that were merged or deleted are what these were replaced by: the mask may be older than
        that, or another program's.

        Raises:
            MaskNeedsDecision, MaskNotRead, MaskDamaged: as `decoded`.
        """
        mask = self.decoded(data, path)
        return self._replaced(with_record(mask, mask_sha256, record, fitting, path, other_image=other_image), path)

    def finished(self, data: bytes, mask_sha256: str, path: Path) -> LoadedLabels:
        """Return the annotation of a mask that was found at first opening: all of it human, and Verified.

        Raises:
            MaskNeedsDecision, MaskNotRead, MaskDamaged: as `decoded`.
        """
        mask = self.decoded(data, path)
        labels = made_by_human(mask.label_map)
        return self._replaced(LoadedLabels(labels, Status.VERIFIED, None, mask_sha256, mask.notices), path)

    def _replaced(self, found: LoadedLabels, path: Path) -> LoadedLabels:
        """Return an annotation without classes that were merged or deleted."""
        labels = replaced(found.labels, self.table.replacements())
        if labels is None:
            return found
        notice = tr(
            "{name}: pixels of classes that were merged or deleted are shown as what replaced them", name=path.name
        )
        status = status_of(labels, found.status)
        return replace(found, labels=labels, status=status, notices=(*found.notices, notice))

    def version(self, version: Version) -> EarlierLabels | None:
        """Return an earlier version, None if it is damaged too."""
        try:
            data = bytes_of(version.mask)
            if data is None:
                return None
            digest, record = sha256_of(data), read_record(version.record)
            fits = record is not None and record.mask_sha256 == digest
            found = self.annotation(data, digest, version.mask, record, version.record if fits else None)
        except MaskError:
            return None
        return EarlierLabels(version.saved_at, found)


def with_record(
    mask: MaskFile,
    mask_sha256: str,
    record: Record | None,
    fitting: Path | None,
    path: Path,
    *,
    other_image: Path | None = None,
) -> LoadedLabels:
    """Return a mask with what is known of its pixels.

    Args:
        mask: the mask.
        mask_sha256: of the bytes of its file.
        record: its record, whether it fits or not.
        fitting: the file of that record if it fits the mask, else None: the pixels are then of unknown origin.
        path: the file of the mask, for a sentence.
        other_image: the image file if it has another picture than was labelled; ``fitting`` is then None.
    """
    by = record.prelabelled_by if record is not None else None
    height, width = mask.label_map.shape
    provenance = None if fitting is None else read_provenance(fitting, (width, height))
    if record is not None and provenance is not None:
        labels = _checked(mask.label_map, provenance)
        return LoadedLabels(labels, record.status, by, mask_sha256, mask.notices)
    notice = tr(
        "{name}: nobody knows who labelled this mask; it is kept, and trained on once verified", name=path.name
    )
    notices = (*mask.notices, notice if other_image is None else other_image_sentence(other_image))
    labels = with_unknown_origin(mask.label_map)
    return LoadedLabels(labels, Status.IN_PROGRESS, by, mask_sha256, notices, other_image is not None)


def other_image_sentence(image_path: Path) -> str:
    """Return the sentence on an image file that has another picture than was labelled."""
    return tr(
        "{path}: the image file has changed since it was labelled. Check that the labels are of this image; they are "
        "kept, and trained on once verified.",
        path=image_path,
    )


def bytes_of(path: Path) -> bytes | None:
    """Return the bytes of a mask file, None without one.

    Raises: MaskError if the file cannot be read.
    """
    try:
        return read_file(path, MAX_MASK_BYTES)
    except FileNotFoundError:
        return None
    except OSError as error:
        raise MaskError(
            tr("{path}: the mask cannot be opened: {reason}", path=path, reason=error.strerror)
        ) from error


def sha256_of(data: bytes) -> str:
    """64 hex digits."""
    return hashlib.sha256(data).hexdigest()


def _checked(label_map: LabelMap, provenance: LabelMap) -> Labels:
    """Return the labels of a record that fits.

    Invalid pairs of values become UNKNOWN, in place.
    """
    odd = cv2.bitwise_and(look_up(provenance, _NOBODY), look_up(label_map, _LABELLED))
    cv2.bitwise_or(odd, look_up(provenance, _STRANGE), dst=odd)
    if cv2.countNonZero(odd):
        provenance[np.asarray(odd) != 0] = Provenance.UNKNOWN
    return Labels(label_map, provenance)
