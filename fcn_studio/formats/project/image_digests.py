"""Which image file an annotation was made for: the sha256 of its picture.

Images of one size that are renumbered would otherwise lie under each other's masks. A file is only read again for its
sha256 if its size, its times or its inode have changed. Records of before have the sha256 of the file's bytes.
"""

from __future__ import annotations

import os
import threading
from dataclasses import dataclass
from pathlib import Path

from fcn_studio.core.sample import Sample
from fcn_studio.formats.images.picture_digest import bytes_sha256, picture_sha256

FileState = tuple[int, int, int, int]
"""Inode, size, modification time (ns) and change time (ns) of a file, as git's index has them."""


@dataclass(frozen=True, slots=True)
class ImageOrigin:
    """The image file that an annotation was made for.

    Attributes:
        sha256: of its picture, 64 hex digits; in older records, of its bytes.
        state: of the file when it had this picture; on another computer it is another.
    """

    sha256: str
    state: FileState

    @property
    def fields(self) -> dict[str, object]:
        """The values of a JSON object from which `parsed` makes it again."""
        return {"sha256": self.sha256, "state": list(self.state)}

    @classmethod
    def parsed(cls, value: object) -> ImageOrigin | None:
        """Return the image file that a JSON value names; None if it names none that makes sense."""
        if not isinstance(value, dict) or not isinstance(value.get("sha256"), str):
            return None
        state = value.get("state")
        if not isinstance(state, list) or len(state) != 4 or any(type(number) is not int for number in state):
            return None
        return cls(value["sha256"], (state[0], state[1], state[2], state[3]))


class ImageDigests:
    """Mask id -> the image file as it was last seen here, and its sha256. Used by several threads."""

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._known: dict[str, ImageOrigin] = {}
        self._bytes: dict[str, ImageOrigin] = {}
        self._opened: dict[str, FileState | None] = {}

    def note_opened(self, sample: Sample) -> None:
        """Note that what is edited from now on belongs to the image file as it is."""
        self._opened[sample.mask_id] = _state_of(sample.image_path)

    def opened(self, sample: Sample) -> ImageOrigin | None:
        """Return the image file as it was when its annotation was opened; None if nobody can tell any more.

        Reads the file, unless that was done before.
        """
        now = _state_of(sample.image_path)
        state = self._opened.get(sample.mask_id, now)
        known = self._known.get(sample.mask_id)
        if known is not None and known.state == state:
            return known
        return self._read(sample, now) if state == now else None

    def is_another(self, sample: Sample, origin: ImageOrigin | None) -> bool:
        """Return whether the image file has another picture than an annotation was made for.

        Without an origin, or if the file cannot be read, there is no doubt. Reads the file, unless nothing of it has
        changed.
        """
        now = _state_of(sample.image_path)
        if origin is None or now is None:
            return False
        if origin.state == now:
            with self._lock:
                self._known[sample.mask_id] = origin
            return False
        known = self._known.get(sample.mask_id)
        if known is None or known.state != now:
            known = self._read(sample, now)
        if known is None or known.sha256 == origin.sha256:
            return False
        return self._bytes_of(sample, now) != origin.sha256

    def _read(self, sample: Sample, state: FileState | None) -> ImageOrigin | None:
        """Read the file; None if that fails or it changes meanwhile."""
        try:
            digest = picture_sha256(sample.image_path)
        except OSError:
            return None
        if state is None or _state_of(sample.image_path) != state:
            return None
        with self._lock:
            self._known[sample.mask_id] = origin = ImageOrigin(digest, state)
        return origin

    def _bytes_of(self, sample: Sample, state: FileState) -> str:
        """Return the sha256 of the file's bytes, "" if it cannot be read."""
        known = self._bytes.get(sample.mask_id)
        if known is None or known.state != state:
            try:
                known = ImageOrigin(bytes_sha256(sample.image_path), state)
            except OSError:
                return ""
            with self._lock:
                self._bytes[sample.mask_id] = known
        return known.sha256


def _state_of(path: Path) -> FileState | None:
    try:
        found = os.stat(path)
    except OSError:
        return None
    return found.st_ino, found.st_size, found.st_mtime_ns, found.st_ctime_ns
