"""Folder of a project's stroke journals.

There is one file for each image that has unsaved steps. The folder lies in the user's local state folder. The project
may be on a network share, read-only, full, or watched by a program that synchronises files.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from fcn_studio import paths
from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import os_errors_as
from fcn_studio.formats.journal.journal import Journal, read_journal
from fcn_studio.formats.project.lock import ProjectLock, holder
from fcn_studio.i18n import tr, tr_noop

SUFFIX = ".journal"
PLACE = "project.txt"
"""File with the path of the project's folder."""


def journals_dir() -> Path:
    """Return the folder of the journals of all projects."""
    return paths.state_dir() / "journals"


def folders_with_strokes() -> list[Path]:
    """Return the project folders with strokes on this computer that no process holds, the last written first."""
    found: dict[Path, float] = {}
    for journals in journals_dir().glob("*/"):
        with suppress(OSError):
            written = max((path.stat().st_mtime for path in journals.glob(f"*{SUFFIX}")), default=0.0)
            folder = Path((journals / PLACE).read_text(encoding="utf-8").removesuffix("\n"))
            if written and holder(journals / "lock") is None and folder.is_dir():
                found[folder] = written
    return sorted(found, key=lambda folder: -found[folder])


class JournalFolder:
    """Journals of a project at one place.

    One process holds a lock on them until `close`.

    Raises:
        ProjectLocked: if another process holds them.
        ProjectError: if the state folder cannot be written.
    """

    def __init__(self, project_id: str, folder: Path) -> None:
        """Lock the journals of the project in ``folder``.

        A copied folder has the same id, so the place counts too. ``project_id`` is "" as long as the project has no
        file: an id that is not written yet may change.
        """
        place = os.path.realpath(folder)
        self.path = journals_dir() / _name(f"{project_id}\0{place}")
        with os_errors_as(
            tr_noop("{path} cannot be written, so strokes are safe only once they are saved: {reason}"), self.path
        ):
            self.path.mkdir(parents=True, exist_ok=True)
        self._lock = ProjectLock(self.path / "lock")
        if project_id:
            self._adopt(journals_dir() / _name(f"\0{place}"))
        with suppress(OSError):  # for people who look into the state folder, and to name the folder after a crash
            (self.path / PLACE).write_text(place + "\n", encoding="utf-8", errors="backslashreplace")

    def _adopt(self, unnamed: Path) -> None:
        """Move the journals from before the project had a file.

        Without the file the project had no id.
        """
        for path in unnamed.glob(f"*{SUFFIX}"):
            with suppress(OSError):  # it stays where it is, and is tried again
                path.rename(set_aside(self.path / path.name).with_name(path.name))

    def path_of(self, image_id: str) -> Path:
        """Return the journal file of an image, whether it exists or not."""
        return self.path / f"{_name(image_id)}{SUFFIX}"

    def read_all(self) -> tuple[list[Journal], list[str]]:
        """Return the journals with steps, the last written first.

        A sentence for each unreadable file is returned too. Journals without a step are deleted.
        """
        journals: list[Journal] = []
        problems: list[str] = []
        for path in sorted(self.path.glob(f"*{SUFFIX}")):
            try:
                journal = read_journal(path)
                if journal.entries:
                    journals.append(journal)
                elif path.stat().st_size == journal.size:
                    path.unlink()
                else:
                    problems.append(tr("{path} has steps that cannot be read. The file stays as it is.", path=path))
            except (ProjectError, OSError) as error:
                problems.append(str(error))
        return sorted(journals, key=lambda journal: -journal.written_at), problems

    def close(self) -> None:
        """Release the journals."""
        with suppress(OSError):
            if not any(self.path.glob(f"*{SUFFIX}")):
                (self.path / "project.txt").unlink()
        self._lock.release()


def _name(text: str) -> str:
    """Return a file name for any text: 32 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


def set_aside(path: Path) -> Path:
    """Rename the journal at ``path`` so that nothing overwrites it.

    Returns the new path. There may be no journal.

    Raises:
        OSError: if that fails.
    """
    aside = path
    with suppress(FileNotFoundError):
        aside = path.with_name(f"{path.stem[:32]}-{path.stat().st_mtime_ns}{SUFFIX}")
        path.rename(aside)
    return aside
