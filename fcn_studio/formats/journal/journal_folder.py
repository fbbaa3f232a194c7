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
from fcn_studio.formats.journal.journal import Journal, read_journal
from fcn_studio.formats.project.lock import ProjectLock

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
        """Take the journals of the project in ``folder``. A copied folder shares the id, hence both count.

        ``project_id`` is "" as long as the project has no file: an id that is not written yet may not be the same
        tomorrow.
        """
        place = os.path.realpath(folder)
        self.path = journals_dir() / _name(f"{project_id}\0{place}")
        with told("written, so strokes are safe only once they are saved", self.path):
            self.path.mkdir(parents=True, exist_ok=True)
        self._lock = ProjectLock(self.path / "lock")
        if project_id:
            self._adopt(journals_dir() / _name(f"\0{place}"))
        with suppress(OSError):  # for people who look into the state folder; nothing reads it
            (self.path / "project.txt").write_text(place + "\n", encoding="utf-8", errors="backslashreplace")

    def _adopt(self, unnamed: Path) -> None:
        """Take over what was journalled before the project had a file, and with it an id; two images never clash."""
        for path in unnamed.glob(f"*{SUFFIX}"):
            with suppress(OSError):  # it stays where it is, and is tried again
                path.rename(set_aside(self.path / path.name).with_name(path.name))

    def path_of(self, image_id: str) -> Path:
        """The journal file of an image, whether it exists or not."""
        return self.path / f"{_name(image_id)}{SUFFIX}"

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
                elif path.stat().st_size == journal.size:
                    path.unlink()
                else:
                    problems.append(f"{path} holds steps that cannot be read; it is left as it is")
            except (ProjectError, OSError) as error:
                problems.append(str(error))
        return sorted(journals, key=lambda journal: -journal.written_at), problems

    def close(self) -> None:
        """Give the journals back; the folder goes if there is none in it."""
        with suppress(OSError):
            if not any(self.path.glob(f"*{SUFFIX}")):
                (self.path / "project.txt").unlink()
        self._lock.release()


def _name(text: str) -> str:
    """A file name for any text: 32 hex digits."""
    return hashlib.sha256(text.encode("utf-8", "surrogateescape")).hexdigest()[:32]


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
