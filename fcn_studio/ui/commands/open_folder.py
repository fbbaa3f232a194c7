"""Opening of a folder.

It has the file dialog, drop, recent folder, and the questions that opening may raise.
"""

from __future__ import annotations

import os
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QMimeData, QObject, Signal
from PySide6.QtWidgets import QWidget

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.project import Access
from fcn_studio.errors import ClassTableNeeded, ImageTooLarge, ProjectError, YearsFound
from fcn_studio.i18n import as_text, tr, tr_n
from fcn_studio.paths import expanded
from fcn_studio.settings import Settings
from fcn_studio.ui.runtime.background import in_background
from fcn_studio.ui.runtime.user_messages import Messages
from fcn_studio.ui.session.session import Session

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder


class OpenFolder(QObject):
    """Opening of folders in the session.

    The user is asked what only the user can say.

    Args:
        session: opens the folders.
        settings: remember them.
        messages: shows what was found.
        may_leave: asks whether the open project may be closed, and returns the answer.
        window: the window that questions belong to.

    Signals:
        opened(): a folder is open, and may have questions of its own.
    """

    opened = Signal()

    def __init__(
        self,
        session: Session,
        settings: Settings,
        messages: Messages,
        may_leave: Callable[[], bool],
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._session, self._settings, self._may_leave = session, settings, may_leave
        self._messages, self._window = messages, window
        session.grey_mask_found.connect(self.ask_grey)
        session.pictures.too_large.connect(self.ask_large)

    def ask(self) -> None:
        """Let the user choose a folder and open it."""
        from PySide6.QtWidgets import QFileDialog  # as the questions: only those who are asked should pay

        recent = self._settings.recent
        start = str(recent[0].parent) if recent else str(expanded("~"))
        chosen = QFileDialog.getExistingDirectory(self._window, tr("Open a folder of images"), start)
        if chosen:
            self.open(Path(chosen))

    def open(self, folder: Path) -> None:
        """Open a folder, the folder of an image, or that of a project file.

        The folder of an image opens at that image. Each question is asked at most once. Of the open folder, offer the
        images that are new.

        Raises:
            FcnStudioError: if it cannot be opened.
        """
        from fcn_studio.formats.images.frames import is_film
        from fcn_studio.formats.project.project_folder import PROJECT_FILE, folder_of_image

        if is_film(folder) and folder.is_file():
            raise ProjectError(tr("{path} is a film; File > Import frames writes its frames as images", path=folder))
        if folder.is_file():
            image = Path(os.path.abspath(folder))
            self._open(folder_of_image(image))
            if image.name != PROJECT_FILE:
                self._show(image)
        else:
            self._open(folder)

    def _open(self, folder: Path) -> None:
        """Open a folder.

        Raises:
            FcnStudioError: if it cannot be opened.
        """
        from fcn_studio.ui.dialogs import questions

        if not folder.is_dir() and folder in self._settings.recent:
            self._settings.forget_recent(folder)
        table: ClassTable | None = None
        asked: Path | None = None
        agreed = False
        while not (self._session.opening or self._is_open(folder)):
            agreed = agreed or self._may_leave()
            if not agreed:
                return
            if folder != asked:
                chosen = self._tree_instead(folder)
                if chosen is None:
                    return
                asked, folder = folder, chosen
                continue
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
                self.opened.emit()
                return

    def _tree_instead(self, folder: Path) -> Path | None:
        """Return the folder to open: the data set that a folder is a part of, if the user wants it.

        It is None if the user wants neither. A part that was opened before is opened without a question.
        """
        from fcn_studio.formats.opening.look import tree_around
        from fcn_studio.formats.project.project_folder import PROJECT_FILE
        from fcn_studio.ui.dialogs.questions import TreeDialog

        tree = tree_around(Path(os.path.abspath(folder)))
        if tree is None or (folder / PROJECT_FILE).exists() or folder.resolve() in self._settings.recent:
            return folder
        question = TreeDialog(folder.name, tree, self._window)
        return question.folder(folder) if question.asked() else None

    def _show(self, image: Path) -> None:
        """Show an image of the open folder."""
        from fcn_studio.core.sample import image_id_of

        session = self._session
        if session.project is None or not image.is_relative_to(session.project.folder):
            return  # a question was not answered, or with no
        relative = Path(os.path.relpath(image, session.project.image_root))
        row = session.row_of(image_id_of(relative.as_posix()))
        if row is None:
            self._messages.say(tr("{name} is not an image of this folder that can be read.", name=image.name))
        else:
            session.open_from(row, +1, lambda wanted: wanted == row)

    def _is_open(self, folder: Path) -> bool:
        """Return whether a folder is the open project.

        If it is, the user is told of images that are new in it.

        Raises:
            ProjectError: if the folder cannot be listed.
        """
        from fcn_studio.formats.opening.look import find_images

        session = self._session
        project = session.project
        if project is None or project.access is not Access.WRITABLE or project.folder.resolve() != folder.resolve():
            return False
        known = {sample.image_id for sample in project.samples}
        found = in_background(lambda: find_images(project.folder, project.annotations.mask_ids))
        there = {sample.image_id for sample in found.samples}
        new, gone, name = len(there - known), len(known - there), project.folder.name
        if not (new or gone):
            self._messages.say(tr("{folder} is already open, and no image in it is new.", folder=name))
            return True
        sentences = [
            tr_n("{n} image of {name} is new.", "{n:,} images of {name} are new.", new, name=name) if new else "",
            tr_n("{n} image of {name} is gone.", "{n:,} images of {name} are gone.", gone, name=name) if gone else "",
            tr("Opening the folder again saves your work, ends running jobs and forgets undo steps."),
        ]
        text = as_text(filter(None, sentences))
        self._messages.offer(text, tr("Open again"), partial(self.open_again, project))
        return True

    def open_again(self, project: ProjectFolder, table: ClassTable | None = None) -> None:
        """Close and open the project at the same image.

        It is opened as the user last said. ``table`` is what was chosen just now, if anything was.

        Raises:
            ProjectError: as `Session.open_folder`.
        """
        session = self._session
        if table is None and not session.table.names_none:
            table = session.table
        image_id = session.document.image_id if session.document is not None else ""
        if session.project is not project or not session.close_project():
            return
        session.open_folder(project.folder, table=table, grey_as_indices=project.grey_as_indices)
        row = session.row_of(image_id)
        if row is not None:
            session.open_from(row, +1, lambda wanted: wanted == row)
        self.opened.emit()

    def ask_grey(self, sentence: str) -> None:
        """Ask how grey masks are to be read, and tell the project."""
        from fcn_studio.ui.dialogs import questions

        if self._session.project is not None and questions.GreyMaskDialog(sentence, self._window).asked():
            self._session.project.grey_as_indices = True

    def ask_large(self, path: Path, question: ImageTooLarge) -> None:
        """Ask whether an image over the limit is to be opened.

        If so, the project's limit is raised to it.
        """
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


def dropped_path(data: QMimeData) -> Path | None:
    """Return the folder or file that a drop means.

    It is None for anything else.
    """
    for url in data.urls():
        if url.isLocalFile():
            path = Path(url.toLocalFile())
            if path.is_dir() or path.is_file():
                return path
    return None
