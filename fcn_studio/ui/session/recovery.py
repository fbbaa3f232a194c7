"""What an earlier run left in the stroke journals of the open project: what came back, and what waits for a word."""

from __future__ import annotations

from contextlib import suppress
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.labels import Labels
from fcn_studio.core.sample import Status
from fcn_studio.errors import ProjectError, ProjectLocked

if TYPE_CHECKING:
    from fcn_studio.formats.journal.journal import Journal, JournalHead
    from fcn_studio.formats.journal.recovery import CameBack, LeftOver
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.ui.session.session import Session


@dataclass(frozen=True, slots=True)
class Back:
    """An image whose steps are back.

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
    """Brings back what fits when a project is opened, and applies the rest when the user says so.

    Attributes:
        came_back: images whose steps are back, the one worked on last first.
        left_over: journals that fit no image as it is; they stay until they are applied or deleted.
    """

    def __init__(self, session: Session) -> None:
        self._session = session
        self.came_back: list[Back] = []
        self.left_over: list[LeftOver] = []

    def start(self, project: ProjectFolder) -> None:
        """Take the journals of a project that was just opened and bring back what fits; nothing is opened."""
        self.clear()
        if not project.writable:
            return
        session = self._session
        try:
            folder = session.autosave.journal.open(
                "" if project.first_opening else project.config.project_id, project.folder
            )
        except ProjectLocked as error:
            if project.protected:  # another window edits it already, on this computer only, as this one would
                project.writable = False
            session.problem.emit(f"{'Opened read-only: ' if project.protected else ''}{error}.")
            return
        except ProjectError as error:
            session.problem.emit(str(error))
            return
        if project.protected:
            session.problem.emit(
                f"{project.folder} cannot be written. You can label all the same: your work is kept on this computer "
                "and saved as soon as the folder can be written."
            )
        journals, problems = folder.read_all()
        for sentence in problems:
            session.problem.emit(sentence)
        # Histories of images that are not open share the memory of one.
        budget = (session.settings.undo_budget_mb << 20) // max(1, len(journals))
        for journal in journals:
            self._bring_back(project, journal, budget)

    def _bring_back(self, project: ProjectFolder, journal: Journal, budget: int) -> None:
        """Bring one journal back, or let it wait."""
        from fcn_studio.formats.journal.journal_folder import set_aside
        from fcn_studio.formats.journal.recovery import CameBack, LeftOver, bring_back

        session, image_id = self._session, journal.head.image_id
        if any(back.image_id == image_id for back in self.came_back):
            found: CameBack | LeftOver = LeftOver(journal, f"newer strokes of {image_id} came back")
        else:
            found = bring_back(project, journal, budget)
        if isinstance(found, CameBack):
            session.autosave.restore(project, found)
            steps, when = len(journal.entries), journal.written_at
            self.came_back.append(Back(image_id, steps, when, found.saved))
            return
        if self.row_of(image_id) is not None:
            with suppress(OSError):  # a new journal of the image would be in its way, and sets it aside itself
                found = replace(found, journal=replace(journal, path=set_aside(journal.path)))
        self.left_over.append(found)

    def tell(self) -> None:
        """Say what came back, if anything did that was not on disk."""
        unsaved = [found for found in self.came_back if not found.saved]
        words = []
        if unsaved:
            words.append(f"Work in {_images(len(unsaved))} that had not been saved came back, with its undo steps.")
        if self.left_over:
            words.append(f"Strokes of {_images(len(self.left_over))} wait for you: they do not fit what is there.")
        if words:
            self._session.recovered.emit(" ".join(words))

    def clear(self) -> None:
        """Forget all of it; the journals on disk are as they are."""
        self.came_back, self.left_over = [], []

    @property
    def row(self) -> int | None:
        """The image worked on last, None if nothing came back."""
        return self.row_of(self.came_back[0].image_id) if self.came_back else None

    def row_of(self, image_id: str) -> int | None:
        """The row of an image, None if it is not in the project."""
        samples = self._session.samples
        return next((row for row, sample in enumerate(samples) if sample.image_id == image_id), None)

    def apply(self, left_over: LeftOver) -> None:
        """Open the image and write the strokes on it as one step, which can be undone; their journal is then deleted.

        Raises:
            FcnStudioError: if the image cannot be opened, or is of another size.
        """
        from fcn_studio.formats.journal.recovery import strokes_of

        session, head = self._session, left_over.journal.head
        row = self.row_of(head.image_id)
        if row is None:
            raise ProjectError(left_over.reason)
        session.go_to(row)
        document = session.editable()
        if (document.width, document.height) != (head.width, head.height):
            raise ProjectError(
                f"{head.image_id} is {document.width} x {document.height} pixels, the strokes were made on "
                f"{head.width} x {head.height}; they cannot be applied"
            )
        strokes, changed = strokes_of(left_over.journal)
        meant = _by_name(head, np.unique(strokes.label_map[changed]).tolist(), session.table)
        label_map = np.where(changed, meant[strokes.label_map], document.label_map)
        provenance = np.where(changed, strokes.provenance, document.provenance)
        with document.edit("Recovered strokes") as edit:
            edit.replace(Labels(label_map, provenance), status=Status.IN_PROGRESS)
        if session.autosave.journal.holds(head.image_id):
            self.delete(left_over)

    def delete(self, left_over: LeftOver) -> None:
        """Give the strokes up, because the user said so, or they are applied."""
        self.left_over.remove(left_over)
        self._session.autosave.journal.delete(left_over.journal.path)


def _by_name(head: JournalHead, values: list[int], table: ClassTable) -> NDArray[np.uint8]:
    """What each class index of a journal is in the table by its class's name: uint8 (256,).

    Raises:
        ProjectError: if the table has no class of that name.
    """
    now = {info.name: info.index for info in table}
    meant = np.arange(256, dtype=np.uint8)
    for value in values:
        name = head.classes.get(value)
        if value == VOID:
            continue
        if name not in now:
            raise ProjectError(
                f"The strokes of {head.image_id} have the class '{name or value}', which the project has no more; "
                "add a class of that name, then apply them"
            )
        meant[value] = now[name]
    return meant


def _images(count: int) -> str:
    return "one image" if count == 1 else f"{count} images"
