"""Opening a folder: the file dialog, a drop, a recent folder, and the questions that opening may raise."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QObject
from PySide6.QtWidgets import QWidget

from fcn_studio.core.classes import ClassTable
from fcn_studio.errors import ClassTableNeeded, ImageTooLarge, YearsFound
from fcn_studio.settings import Settings

if TYPE_CHECKING:
    from fcn_studio.ui.session.session import Session


class Opener(QObject):
    """Opens folders in the session, asking what only the user can say."""

    def __init__(self, session: Session, settings: Settings, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._settings, self._window = session, settings, window
        session.grey_mask_found.connect(self.ask_grey)
        session.pictures.too_large.connect(self.ask_large)

    def ask(self) -> None:
        """Let the user choose a folder and open it."""
        from PySide6.QtWidgets import QFileDialog  # as the questions: only those who are asked should pay

        recent = self._settings.recent
        start = str(recent[0].parent) if recent else str(Path.home())
        chosen = QFileDialog.getExistingDirectory(self._window, "Open a folder of images", start)
        if chosen:
            self.open(Path(chosen))

    def open(self, folder: Path) -> None:
        """Open a folder; whatever it asks is asked at most once.

        Raises:
            FcnStudioError: if it cannot be opened.
        """
        from fcn_studio.ui.dialogs import questions

        if not folder.is_dir() and folder in self._settings.recent:
            self._settings.forget_recent(folder)
        table: ClassTable | None = None
        while True:
            try:
                self._session.open_folder(folder, table=table)
            except YearsFound as found:
                years = questions.YearDialog(found.years, self._window)
                if not years.asked():
                    return
                folder = years.year()
            except ClassTableNeeded as needed:
                question = questions.ClassTableDialog(str(needed), self._window)
                if table is not None or not question.asked():
                    return
                table = question.table()
            else:
                return

    def ask_grey(self, sentence: str) -> None:
        """Ask how grey masks are to be read, and tell the project."""
        from fcn_studio.ui.dialogs import questions

        if self._session.project is not None and questions.GreyMaskDialog(sentence, self._window).asked():
            self._session.project.grey_as_indices = True

    def ask_large(self, path: Path, question: ImageTooLarge) -> None:
        """Ask whether an image over the limit is to be opened, and raise the project's limit to it."""
        from fcn_studio.ui.dialogs.questions import LargeImageDialog

        project = self._session.project
        asked = LargeImageDialog(path.name, question.pixels, question.memory, self._window)
        if project is not None and asked.asked():
            project.max_pixels = max(project.max_pixels, question.pixels)

    def take_over(self) -> None:
        """Open a locked folder for writing, if the user is sure."""
        from fcn_studio.ui.dialogs.questions import TakeOverDialog

        project = self._session.project
        if project is not None and self._session.read_only and TakeOverDialog(self._window).asked():
            folder = project.folder
            if self._session.close_project():
                self._session.open_folder(folder, break_lock=True)


def dropped_folder(data: QMimeData) -> Path | None:
    """The folder that a drop means: a folder itself, or that of an image file; None for anything else."""
    for url in data.urls():
        if url.isLocalFile():
            path = Path(url.toLocalFile())
            if path.is_dir():
                return path
            if path.is_file():
                return path.parent
    return None
