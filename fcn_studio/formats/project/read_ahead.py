"""Annotations decoded ahead of time.

Opening an image need not wait for them. What was decoded ahead counts only if mask and record have the very same
bytes when the image is opened, and are to be read in the same way; else it is decoded anew.
"""

from __future__ import annotations

import threading
from collections.abc import Container
from dataclasses import dataclass
from pathlib import Path

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.sample import MaskId
from fcn_studio.errors import MaskError
from fcn_studio.formats.project.loaded import LoadedLabels, bytes_of, sha256_of


@dataclass(frozen=True)
class DecodedFrom:
    """The state of the files and settings behind an annotation.

    The annotation was decoded from them.

    Attributes:
        mask_sha256: of the mask file.
        record_sha256: of the record file, None if there is none that can be read.
        fits: whether the record is of that mask and of the image.
        other_image: whether the record is of another image.
        size: (width, height) as displayed.
        table: the class table of the project.
        grey_as_indices: see `masks.read_mask`.
    """

    mask_sha256: str
    record_sha256: str | None
    fits: bool
    other_image: bool
    size: tuple[int, int]
    table: ClassTable
    grey_as_indices: bool | None


def record_sha256(path: Path) -> str | None:
    """Return the sha256 of a record file.

    It is None if the file is missing or cannot be read.
    """
    try:
        data = bytes_of(path)
    except MaskError:
        return None
    return None if data is None else sha256_of(data)


class ReadAhead:
    """Mask id -> annotation that was decoded ahead. Used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._found: dict[str, tuple[DecodedFrom, LoadedLabels]] = {}

    def put(self, mask_id: MaskId, source: DecodedFrom, found: LoadedLabels) -> None:
        """Keep a decoded annotation until it is taken.

        Whoever gave it must not use it any more.
        """
        with self._lock:
            self._found[mask_id] = source, found

    def has(self, mask_id: MaskId, source: DecodedFrom) -> bool:
        """Return whether `take` would find it."""
        with self._lock:
            entry = self._found.get(mask_id)
        return entry is not None and entry[0] == source

    def take(self, mask_id: MaskId, source: DecodedFrom) -> LoadedLabels | None:
        """Return and forget the annotation of an image.

        It is None if it was decoded from another state.
        """
        with self._lock:
            entry = self._found.pop(mask_id, None)
        return entry[1] if entry is not None and entry[0] == source else None

    def keep_only(self, mask_ids: Container[str]) -> None:
        """Forget all others."""
        with self._lock:
            self._found = {mask_id: entry for mask_id, entry in self._found.items() if mask_id in mask_ids}
