"""``.fcn-studio/pending``: records that wait for their masks.

A mask is written first, then its record. A process that is killed between the two leaves pixels of unknown origin.
Strokes have the journal for that; an import writes the record here first. When the project is opened to write,
a record whose mask is in place is moved to its own place, and the others are removed.
"""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from pathlib import Path

from fcn_studio.errors import MaskError
from fcn_studio.formats.atomic import refuse_outside
from fcn_studio.formats.images.scan import MASKS, scan_masks
from fcn_studio.formats.project.encoded import EncodedAnnotation
from fcn_studio.formats.project.loaded import bytes_of, sha256_of
from fcn_studio.formats.project.records import Record, read_record, write_record

_PENDING = Path(".fcn-studio", "pending")
_RECORDS = Path(".fcn-studio", "provenance")


@contextmanager
def pending_record(folder: Path, encoded: EncodedAnnotation) -> Iterator[None]:
    """Keep the record of an annotation while the block writes the annotation.

    Args:
        folder: the project, whose lock is held.
        encoded: the annotation.

    Raises:
        ProjectError: if the record cannot be written.
    """
    path = folder / _PENDING / f"{encoded.sample.mask_id}.png"
    refuse_outside(folder, path)
    record = Record(encoded.status, encoded.sha256, encoded.prelabelled_by, encoded.image)
    write_record(path, record, encoded.labels.provenance)
    yield
    _remove(folder, path)


def finish_pending_records(folder: Path) -> None:
    """Move records whose masks are in place to their own places, and remove the others.

    What cannot be moved or read stays for the next time.
    """
    pending = scan_masks(folder / _PENDING)
    masks = scan_masks(folder / MASKS) if pending else {}
    records = scan_masks(folder / _RECORDS) if pending else {}
    for mask_id, name in pending.items():
        path, target = Path(name), Path(records.get(mask_id) or folder / _RECORDS / f"{mask_id}.png")
        with suppress(OSError, MaskError):
            refuse_outside(folder, path, target)
            record, data = read_record(path), bytes_of(Path(masks[mask_id])) if mask_id in masks else None
            if record is not None and data is not None and record.mask_sha256 == sha256_of(data):
                target.parent.mkdir(parents=True, exist_ok=True)
                os.replace(path, target)
            _remove(folder, path)


def _remove(folder: Path, path: Path) -> None:
    """Remove a file below the folder of pending records, and the folders that are empty then."""
    with suppress(OSError):
        path.unlink(missing_ok=True)
        for parent in path.parents:
            if not parent.is_relative_to(folder / _PENDING):
                break
            parent.rmdir()
