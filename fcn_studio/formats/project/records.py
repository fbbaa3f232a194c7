"""Provenance records.

A record says who labelled which pixel of a mask, and how far the image is.

A record is an 8-bit grey PNG of `fcn_studio.core.labels.Provenance` values with a text chunk of JSON::

    {"status": "in_progress", "mask_sha256": "5f...", "prelabelled_by": "c0...",
     "image": {"sha256": "9a...", "state": [inode, size, mtime_ns, ctime_ns]}}

``mask_sha256`` is of the mask file's bytes: a mask that something else has written since no longer fits its record.
``image``, which older records lack, is the image file that was labelled (`image_digests`).
The mask is written first, then the record; a crash between the two only makes pixels of unknown origin.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from fcn_studio.core.labels import LabelMap
from fcn_studio.core.sample import Status
from fcn_studio.errors import ImageError
from fcn_studio.formats.atomic import write_atomically
from fcn_studio.formats.project.image_digests import ImageOrigin
from fcn_studio.formats.strict_json import parse
from fcn_studio.formats.voc.masks import encode_grey, read_grey, read_text_chunk

_CHUNK = "fcn_studio"


@dataclass(frozen=True, slots=True)
class Record:
    """What a provenance record says besides its pixels.

    Attributes:
        status: how far the image is.
        mask_sha256: of the mask file that it belongs to, 64 hex digits; None if there is no mask (Skipped).
        prelabelled_by: sha256 of the checkpoint whose prediction went into the labels; None if none did.
        image: the image file that was labelled; None if that is not known.
    """

    status: Status
    mask_sha256: str | None
    prelabelled_by: str | None = None
    image: ImageOrigin | None = None


def read_record(path: Path) -> Record | None:
    """Return the record in the header of a file.

    It is None if it is missing or damaged.
    """
    text = read_text_chunk(path, _CHUNK)
    if text is None:
        return None
    try:
        fields = parse(text)
        return Record(
            Status(fields["status"]),
            _text(fields["mask_sha256"]),
            _text(fields["prelabelled_by"]),
            ImageOrigin.parsed(fields.get("image")),
        )
    except (ValueError, TypeError, KeyError):
        return None


def read_provenance(path: Path, size: tuple[int, int]) -> LabelMap | None:
    """Return the pixels of a record as `Provenance` values.

    They are uint8 (H, W), or None if the file is damaged or not of ``size``.
    """
    try:
        return read_grey(path, size)
    except ImageError:
        return None


def write_record(path: Path, record: Record, provenance: LabelMap) -> None:
    """Write a record atomically.

    ``provenance`` is uint8 (H, W).

    Raises:
        ProjectError: if it cannot be written; an older one is then unchanged.
    """
    write_atomically(path, encode_record(record, provenance))


def encode_record(record: Record, provenance: LabelMap) -> bytes:
    """Return the bytes of a record's file. ``provenance`` is uint8 (H, W)."""
    fields: dict[str, object] = {
        "status": record.status.value,
        "mask_sha256": record.mask_sha256,
        "prelabelled_by": record.prelabelled_by,
    }
    if record.image is not None:
        fields["image"] = record.image.fields
    return encode_grey(provenance, {_CHUNK: json.dumps(fields)})


def _text(value: object) -> str | None:
    """Return a text or None. Raises: TypeError if it is anything else."""
    if value is None or isinstance(value, str):
        return value
    raise TypeError(f"{value!r} is no text")
