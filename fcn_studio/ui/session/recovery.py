"""Recovery of strokes from the journals of the open project.

An earlier run left them.
"""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from fcn_studio.core.project import Access
from fcn_studio.errors import ProjectError, ProjectLocked
from fcn_studio.i18n import as_text, tr, tr_n
from fcn_studio.settings import Settings
from fcn_studio.ui.saving.autosave import Autosave
from fcn_studio.ui.session.open_project import OpenProject

if TYPE_CHECKING:
    from fcn_studio.formats.journal.journal import Journal
    from fcn_studio.formats.journal.recovery import CameBack, LeftOver
    from fcn_studio.formats.project.project_folder import ProjectFolder


@dataclass(frozen=True, slots=True)
class Back:
    """An image whose steps were recovered.

    Attributes:
        image_id: the image.
        steps: how many there are in its journal.
        written_at: when the last was made, seconds since the epoch.
        saved: whether all of it was on disk already, and only the undo steps came back.
    """

    image_id: str
    steps: int
    written_at: float
    saved: bool


class Recovery:
    """Recovery of strokes when a project is opened.

    Strokes that fit are recovered. The others are held until the user decides.

    Attributes:
        came_back: images whose steps were recovered, the one worked on last first.
        left_over: journals that fit no image as it is; they stay until they are applied or deleted.
    """

    def __init__(self, open_project: OpenProject, autosave: Autosave, settings: Settings) -> None:
        self._open, self._autosave, self._settings = open_project, autosave, settings
        self.came_back: list[Back] = []
        self.left_over: list[LeftOver] = []

    def start(self, project: ProjectFolder) -> None:
        """Read the journals of an opened project and recover what fits.

        The project was just opened. No image is opened.
        """
        self.clear()
        if project.access is Access.READ_ONLY:
            return
        opened = self._open
        try:
            folder = self._autosave.journal.open(
                "" if project.first_opening else project.config.project_id, project.folder
            )
        except ProjectLocked as error:
            if project.access is Access.FOLDER_READ_ONLY:  # another window labels it too, on this computer only
                project.access = Access.READ_ONLY
                opened.problem.emit(tr("Opened read-only: {reason}.", reason=error))
            else:
                opened.problem.emit(tr("{reason}.", reason=error))
            return
        except ProjectError as error:
            opened.problem.emit(str(error))
            return
        if project.access is Access.FOLDER_READ_ONLY:
            opened.problem.emit(
                tr(
                    "{folder} cannot be written. You can still label: your work is kept on this computer and saved "
                    "as soon as the folder can be written.",
                    folder=project.folder,
                )
            )
        journals, problems = folder.read_all()
        for sentence in problems:
            opened.problem.emit(sentence)
        # Histories of images that are not open share the memory of one.
        budget = (self._settings.undo_budget_mb << 20) // max(1, len(journals))
        for journal in journals:
            self._bring_back(project, journal, budget)

    def _bring_back(self, project: ProjectFolder, journal: Journal, budget: int) -> None:
        """Recover one journal, or hold it for the user."""
        from fcn_studio.formats.journal.journal_folder import set_aside
        from fcn_studio.formats.journal.recovery import CameBack, LeftOver, bring_back

        image_id = journal.head.image_id
        if any(back.image_id == image_id for back in self.came_back):
            found: CameBack | LeftOver = LeftOver(
                journal, tr("newer strokes of {image} were recovered", image=image_id)
            )
        else:
            found = bring_back(project, journal, budget)
        if isinstance(found, CameBack):
            self._autosave.restore(project, found)
            steps, when = len(journal.entries), journal.written_at
            self.came_back.append(Back(image_id, steps, when, found.saved))
            return
        if self._open.row_of(image_id) is not None:
            with suppress(OSError):  # a new journal of the image would be in its way, and sets it aside itself
                found = replace(found, journal=replace(journal, path=set_aside(journal.path)))
        self.left_over.append(found)

    def tell(self) -> None:
        """Say what was recovered, unless all of it was on disk."""
        unsaved = [found for found in self.came_back if not found.saved]
        words = []
        if unsaved:
            words.append(
                tr_n(
                    "Unsaved work in {n} image was recovered, with its undo steps.",
                    "Unsaved work in {n:,} images was recovered, with its undo steps.",
                    len(unsaved),
                )
            )
        if self.left_over:
            words.append(
                tr_n(
                    "Strokes of {n} image do not fit what is in the folder and wait for your decision.",
                    "Strokes of {n:,} images do not fit what is in the folder and wait for your decision.",
                    len(self.left_over),
                )
            )
        if words:
            self._open.recovered.emit(as_text(words))

    def clear(self) -> None:
        """Forget everything.

        The journals on disk stay.
        """
        self.came_back, self.left_over = [], []

    @property
    def row(self) -> int | None:
        """The row of the recovered image worked on last.

        It is None if nothing was recovered.
        """
        return self._open.row_of(self.came_back[0].image_id) if self.came_back else None

    def delete(self, left_over: LeftOver) -> None:
        """Delete strokes that the user gave up, or that are applied."""
        self.left_over.remove(left_over)
        self._autosave.journal.delete(left_over.journal.path)
