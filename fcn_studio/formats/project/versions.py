"""Earlier versions of masks and of the project file.

They are the last states of each mask with its record, and of the project file.

::

    .fcn-studio/previous/masks/<mask id>/.N.png          a mask as it was
    .fcn-studio/previous/masks/<mask id>/.N.record.png   its record, if it had one
    .fcn-studio/previous/fcn-studio.toml.N               the project file

N grows. No part of a mask id begins with a dot, so no image can have a name that is in a version's way. A version is
there once its mask is: the record comes before it, and goes after it. Masks are linked where the file system can,
since ours are only ever replaced by rename; the file in use is never moved.
"""

from __future__ import annotations

import logging
import os
import re
from collections.abc import Iterable
from contextlib import suppress
from dataclasses import dataclass
from pathlib import Path

from fcn_studio.core.sample import MaskId
from fcn_studio.paths import replace_file

_log = logging.getLogger(__name__)

KEPT = 3
"""Versions of a mask that are kept."""

KEPT_FILES = 4
"""Versions of the project file that are kept: as it is, since people edit it by hand, and the three before."""

_MASK = r"\.([0-9]+)\.png"
_MASK_OR_RECORD = r"\.([0-9]+)\.(?:record\.)?png"


@dataclass(frozen=True, slots=True)
class Version:
    """An earlier state of a mask.

    Attributes:
        mask: the mask file.
        record: its record, whether there is one or not.
    """

    mask: Path
    record: Path

    @property
    def saved_at(self) -> float:
        """Time when the mask was written, in seconds since the epoch.

        It is 0 if the mask is gone.
        """
        try:
            return self.mask.stat().st_mtime
        except OSError:
            return 0.0


class Versions:
    """The earlier versions of a project's masks. Not thread-safe.

    What the disk refuses to keep is held in memory and tried again, so that it stops no save and yet is not lost.
    """

    def __init__(self, folder: Path) -> None:
        """Take the versions in ``folder``.

        Nothing is made yet.
        """
        self._folder = folder
        self._held: dict[Path, tuple[bytes, int]] = {}

    def of(self, mask_id: MaskId) -> list[Version]:
        """Return the versions of a mask on disk, newest first."""
        folder = self._folder / mask_id
        numbers = _numbers(folder, _MASK)
        return [_version(folder, number) for number in sorted(numbers, reverse=True)]

    def keep(self, mask_id: MaskId, mask: Path, record: Path) -> Version | None:
        """Keep a mask and its record as they are now.

        Returns:
            The new version; None if the newest one is just that already, or if it had to be held in memory.
        """
        earlier = self.of(mask_id)
        if earlier and same_content(earlier[0].mask, mask) and same_content(earlier[0].record, record):
            self._drop(earlier[KEPT:])  # one too many, if dropping it was what a crash came before
            return None
        folder = self._folder / mask_id
        taken = _numbers(folder, _MASK_OR_RECORD, self._held)
        version = _version(folder, max(taken, default=0) + 1)
        pairs = [(record, version.record)] if record.exists() else []
        try:
            for source, target in (*pairs, (mask, version.mask)):
                _link_or_copy(source, target)
        except OSError as error:
            _log.warning("an earlier version of %s is held in memory: %s", mask, error)
            self._hold(*pairs, (mask, version.mask))
            return None
        halves = taken - _numbers(folder, _MASK) - {n for n in taken if _version(folder, n).mask in self._held}
        self._drop((*earlier[KEPT - 1 :], *(_version(folder, number) for number in halves)))
        return version

    def give_room(self, version: Version) -> bool:
        """Move a version into memory to free disk space.

        The version was just kept, and a mask may need its room. Returns whether it took room.
        """
        if version.mask.stat().st_nlink > 1:
            return False
        self._hold((version.record, version.record), (version.mask, version.mask))
        self._drop([version])
        return True

    def settle(self) -> None:
        """Try again to write what is held in memory."""
        for target, (data, time_ns) in list(self._held.items()):
            try:
                _write(target, data, time_ns)
            except OSError:
                return
            del self._held[target]

    def _hold(self, *pairs: tuple[Path, Path]) -> None:
        """Read files into memory, to be written later.

        Each pair is the file to read and the path to write. Files that cannot be read are left out.
        """
        for source, target in pairs:
            with suppress(OSError):
                self._held[target] = source.read_bytes(), source.stat().st_mtime_ns

    @staticmethod
    def _drop(versions: Iterable[Version]) -> None:
        """Remove versions.

        One that stays does no harm.
        """
        for version in versions:
            with suppress(OSError):
                version.mask.unlink(missing_ok=True)
                version.record.unlink(missing_ok=True)


def keep_file(path: Path, folder: Path) -> None:
    """Keep a copy of a small file in ``folder``, as ``<name>.N``.

    None is made if the newest copy has the same content.

    Raises:
        OSError: if it cannot be kept.
    """
    copies = earlier_files(path, folder)
    if copies and same_content(copies[0], path):
        return
    numbers = _numbers(folder, re.escape(path.name) + r"\.([0-9]+)")
    # A copy, never a link: a text editor may write into the file itself.
    _write(folder / f"{path.name}.{max(numbers, default=0) + 1}", path.read_bytes(), path.stat().st_mtime_ns)
    for old in copies[KEPT_FILES - 1 :]:
        with suppress(OSError):
            old.unlink()


def earlier_files(path: Path, folder: Path) -> list[Path]:
    """Return the copies that `keep_file` made, newest first."""
    numbers = _numbers(folder, re.escape(path.name) + r"\.([0-9]+)")
    return [folder / f"{path.name}.{number}" for number in sorted(numbers, reverse=True)]


def _version(folder: Path, number: int) -> Version:
    return Version(folder / f".{number}.png", folder / f".{number}.record.png")


def _numbers(folder: Path, pattern: str, more: Iterable[Path] = ()) -> set[int]:
    """Return the numbers in names that fit a pattern.

    The names are of the files of a folder, and of ``more`` files.
    """
    try:
        names = os.listdir(folder)
    except OSError:
        names = []
    names += [path.name for path in more if path.parent == folder]
    return {int(match[1]) for name in names if (match := re.fullmatch(pattern, name))}


def same_content(one: Path, other: Path) -> bool:
    """Return whether two files have the same bytes, or are both missing."""
    try:
        return one.read_bytes() == other.read_bytes() if one.exists() else not other.exists()
    except OSError:
        return False


def _link_or_copy(source: Path, target: Path) -> None:
    """Make ``target`` a link to ``source`` or a copy of it.

    Raises: OSError if that is impossible. There is then no target.
    """
    target.parent.mkdir(parents=True, exist_ok=True)
    if not source.is_symlink():
        with suppress(OSError):
            os.link(source, target)
            return
    _write(target, source.read_bytes(), source.stat().st_mtime_ns)


def _write(target: Path, data: bytes, time_ns: int) -> None:
    """Write a file atomically, with the time of its original.

    The original is the file that it is a copy of. Raises: OSError.
    """
    replace_file(target, data)
    with suppress(OSError):
        os.utime(target, ns=(time_ns, time_ns))
