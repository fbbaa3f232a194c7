"""Where a project's stroke journals lie: in the user's local state folder, one file an image that has unsaved steps.

Not in the project: that may be a network share, protected, full, or watched by a program that copies files about.
"""

from __future__ import annotations

import hashlib
import os
from contextlib import suppress
from pathlib import Path

from fcn_studio import paths
from fcn_studio.errors import ProjectError
from fcn_studio.formats.atomic import told
from fcn_studio.formats.journal import Journal, read_journal
from fcn_studio.formats.lock import ProjectLock

SUFFIX = ".journal"


def journals_dir() -> Path:
    """The folder of the journals of all projects."""
    return paths.state_dir() / "journals"


class JournalFolder:
    """The journals of one project at one place; held by one process, from construction to `close`.

    Raises:
        ProjectLocked: if another process holds them.
        ProjectError: if the state folder cannot be written.
    """

    def __init__(self, project_id: str, folder: Path) -> None:
        """Take the journals of the project in ``folder``. A copied folder shares the id, hence both count."""
        place = os.path.realpath(folder)
        key = hashlib.sha256(f"{project_id}\0{place}".encode("utf-8", "surrogateescape")).hexdigest()[:32]
        self.path = journals_dir() / key
        with told("written, so strokes are safe only once they are saved", self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self._lock = ProjectLock(self.path / "lock")
        with suppress(OSError):  # for people who look into the state folder; nothing reads it
            (self.path / "project.txt").write_text(place + "\n", encoding="utf-8", errors="backslashreplace")

    def path_of(self, image_id: str) -> Path:
        """The journal file of an image, whether it exists or not."""
        name = hashlib.sha256(image_id.encode("utf-8", "surrogateescape")).hexdigest()[:32]
        return self.path / f"{name}{SUFFIX}"

    def read_all(self) -> tuple[list[Journal], list[str]]:
        """All journals with steps, the one last written first; and a sentence for each file that is unreadable.

        Journals without a step are deleted.
        """
        journals: list[Journal] = []
        problems: list[str] = []
        for path in sorted(self.path.glob(f"*{SUFFIX}")):
            try:
                journal = read_journal(path)
                if journal.entries:
                    journals.append(journal)
                else:
                    path.unlink()
            except (ProjectError, OSError) as error:
                problems.append(str(error))
        return sorted(journals, key=lambda journal: -journal.written_at), problems

    def close(self) -> None:
        """Give the journals back; the folder goes if there is none in it."""
        with suppress(OSError):
            if not any(self.path.glob(f"*{SUFFIX}")):
                (self.path / "project.txt").unlink()
        self._lock.release()


def set_aside(path: Path) -> Path:
    """Give a journal, if there is one at ``path``, a name under which nothing writes over it; the new path.

    Raises:
        OSError: if that fails.
    """
    aside = path
    with suppress(FileNotFoundError):
        aside = path.with_name(f"{path.stem[:32]}-{path.stat().st_mtime_ns}{SUFFIX}")
        path.rename(aside)
    return aside
