"""What the start page tells of folders that were open, kept in the user's state folder.

Counts are written while a project is open, so that the page opens no project. The pictures are small.
"""

from __future__ import annotations

import hashlib
import json
import os
from collections.abc import Generator, Iterable
from contextlib import suppress
from dataclasses import astuple, dataclass
from pathlib import Path

from fcn_studio import paths
from fcn_studio.formats.strict_json import parse, whole

_MAX_BYTES = 1 << 18
_MAX_PICTURE = 1 << 18


@dataclass(frozen=True, slots=True)
class RecentProject:
    """What is known of a project since it was last open.

    Attributes:
        at: when that was, whole seconds since 1970.
        images: number of images.
        verified: how many are Verified; None if they were not counted.
    """

    at: int
    images: int
    verified: int | None


@dataclass(frozen=True, slots=True)
class RecentFolder:
    """A folder as it is now.

    Attributes:
        folder: its path.
        there: whether it is there.
        unsaved: whether strokes of it are kept on this computer that are not saved in it.
        known: what is known of it, None if nothing is.
        picture: a small picture as PNG, b"" if there is none.
    """

    folder: Path
    there: bool
    unsaved: bool
    known: RecentProject | None
    picture: bytes


def remember(folder: Path, project: RecentProject, picture: bytes, kept: Iterable[Path]) -> None:
    """Note what is known of a folder, and forget all but those in ``kept``.

    Raises:
        OSError: if it cannot be written.
    """
    rows = {place: row for place, row in _read().items() if place in {*kept, folder}}
    rows[folder] = project
    _pictures().mkdir(parents=True, exist_ok=True)
    if picture:
        _picture_of(folder).write_bytes(picture)
    _write(rows)


def forget(folder: Path) -> None:
    """Forget a folder. Raises: OSError if that cannot be written."""
    rows = _read()
    rows.pop(folder, None)
    _write(rows)


def look(folders: Iterable[Path]) -> Generator[RecentFolder, None, None]:
    """Yield what there is to tell of folders: those with unsaved strokes first, then the given ones."""
    from fcn_studio.formats.journal.journal_folder import folders_with_strokes

    unsaved, known = folders_with_strokes(), _read()
    for folder in (*unsaved, *(folder for folder in folders if folder not in unsaved)):
        picture = b""
        with suppress(OSError):
            picture = paths.read_file(_picture_of(folder), _MAX_PICTURE)
        yield RecentFolder(folder, folder.is_dir(), folder in unsaved, known.get(folder), picture)


def _read() -> dict[Path, RecentProject]:
    """Return what is known by folder; rows that are damaged are left out."""
    found: dict[Path, RecentProject] = {}
    try:
        rows = parse(paths.read_file(_file(), _MAX_BYTES))
    except (OSError, ValueError):
        return found
    for place, row in rows.items() if isinstance(rows, dict) else ():
        with suppress(ValueError, TypeError):
            at, images, verified = row
            found[Path(place)] = RecentProject(
                whole(at), whole(images), None if verified is None else whole(verified)
            )
    return found


def _write(rows: dict[Path, RecentProject]) -> None:
    """Write the rows, and remove the pictures of other folders.

    Nothing is flushed to the disk: closing a project need not wait for what is only a convenience.
    """
    text = json.dumps({os.fspath(place): astuple(row) for place, row in rows.items()})
    _file().write_text(text, encoding="ascii")
    used = {_picture_of(folder).name for folder in rows}
    for path in _pictures().glob("*.png"):
        if path.name not in used:
            with suppress(OSError):
                path.unlink()


def _file() -> Path:
    return paths.state_dir() / "recent.json"


def _pictures() -> Path:
    return paths.state_dir() / "recent"


def _picture_of(folder: Path) -> Path:
    return _pictures() / f"{hashlib.sha256(os.fsencode(folder)).hexdigest()[:32]}.png"
