"""Known statuses of a project's images, and their counts.

The counts are by status.
"""

from __future__ import annotations

import threading
from collections import Counter
from collections.abc import Mapping
from pathlib import Path

from fcn_studio.core.sample import MaskId, Status
from fcn_studio.formats.project.status_index import Stamp, StatusIndex


class Statuses:
    """Statuses by mask id, with the index on disk behind them.

    A status is known once it was asked for. Several threads use the object.
    """

    def __init__(self, index_path: Path, records: int) -> None:
        """Read the index of a project with so many records."""
        self._lock = threading.Lock()
        self._known: dict[str, Status] = {}
        self._count: Counter[Status] = Counter()
        self._index = StatusIndex(index_path, records)

    def get(self, mask_id: MaskId) -> Status | None:
        """Return the status, None if nobody has asked yet."""
        return self._known.get(mask_id)

    def know(self, mask_id: MaskId, status: Status) -> Status:
        """Note what an image's status is now."""
        with self._lock:
            before = self._known.get(mask_id)
            if before is not None:
                self._count[before] -= 1
            self._known[mask_id] = status
            self._count[status] += 1
        return status

    def find(self, mask_id: MaskId, status: Status) -> Status:
        """Note a status that was looked up without waiting.

        A status that is known already stays, since whoever writes the image knows it better.
        """
        with self._lock:
            if mask_id not in self._known:
                self._known[mask_id] = status
                self._count[status] += 1
            return self._known[mask_id]

    def counts(self) -> tuple[Mapping[Status, int], int]:
        """Return the known numbers of images by status, and their sum.

        Every status is a key.
        """
        with self._lock:
            return {status: self._count[status] for status in Status}, len(self._known)

    def indexed(self, mask_id: MaskId, stamp: Stamp) -> Status | None:
        """Return the status by the index, if files are unchanged."""
        return self._index.get(mask_id, stamp)

    def put_into_index(self, mask_id: MaskId, stamp: Stamp, status: Status) -> None:
        """Remember it for the next opening."""
        with self._lock:
            self._index.put(mask_id, stamp, status)

    def save_index(self) -> None:
        """Write the index, if it changed. Raises: ProjectError if that fails."""
        with self._lock:
            self._index.save()
