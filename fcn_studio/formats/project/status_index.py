"""``.fcn-studio/index``, the statuses as last found.

With it, opening a large project reads no records. Rebuildable: an entry counts only while record and mask have the
size and modification time that it names. Each line is a JSON object of some entries, so that no one call of the
parser holds up the other threads for long; a file of earlier versions is one line.
"""

from __future__ import annotations

import json
import os
from pathlib import Path

from fcn_studio.core.sample import MaskId, Status
from fcn_studio.formats.atomic import write_atomically
from fcn_studio.formats.strict_json import parse, whole
from fcn_studio.paths import read_file

_BYTES_A_RECORD = 4096
"""An entry of the longest file name in escapes has 1,600; of a path that goes deep, some more."""
_A_LINE = 500
"""Entries."""

Stamp = tuple[int, ...]
"""Modification time (ns) and size of the record, then of the mask; zeros for a file that is not there."""


def stamp_of(*paths: Path | str) -> Stamp:
    """Return the stamp of a record and its mask."""
    numbers: list[int] = []
    for path in paths:
        try:
            stat = os.stat(path)
            numbers += stat.st_mtime_ns, stat.st_size
        except OSError:
            numbers += 0, 0
    return tuple(numbers)


class StatusIndex:
    """Index of statuses, mask id -> (stamp, status).

    A broken or missing file is an empty index.
    """

    def __init__(self, path: Path, records: int) -> None:
        """Read the index file of a project with ``records`` records.

        A file at ``path`` that is much larger cannot be ours and is not read.
        """
        self._path = path
        self._changed = False
        self._entries: dict[str, tuple[int | str, ...]] = {}
        try:
            for line in read_file(path, _BYTES_A_RECORD * (records + 1)).splitlines():
                for mask_id, (*stamp, status) in parse(line).items():
                    self._entries[mask_id] = *map(whole, stamp), Status(status).value
        except (OSError, ValueError, TypeError, AttributeError):
            self._entries.clear()

    def get(self, mask_id: MaskId, stamp: Stamp) -> Status | None:
        """Return the status found when the files had this stamp.

        It is None if they had another.
        """
        entry = self._entries.get(mask_id)
        return Status(str(entry[-1])) if entry is not None and entry[:-1] == stamp else None

    def put(self, mask_id: MaskId, stamp: Stamp, status: Status) -> None:
        """Remember a status."""
        self._entries[mask_id] = *stamp, status.value
        self._changed = True

    def save(self) -> None:
        """Write the file if anything changed.

        Raises:
            ProjectError: if it cannot be written.
        """
        if self._changed:
            entries = list(self._entries.items())
            parts = (dict(entries[at : at + _A_LINE]) for at in range(0, len(entries), _A_LINE))
            write_atomically(self._path, b"".join(json.dumps(part).encode("ascii") + b"\n" for part in parts))
            self._changed = False
