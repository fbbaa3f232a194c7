"""Import of the frames of a film as images of a folder."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from fcn_studio.i18n import as_text, ended, tr
from fcn_studio.paths import expanded
from fcn_studio.settings import Settings
from fcn_studio.ui.commands.open_folder import OpenFolder
from fcn_studio.ui.runtime.user_messages import Messages
from fcn_studio.ui.session.session import Session


class ImportFrames(QObject):
    """The command *Import frames*.

    Args:
        session: has the open project, if there is one.
        opening: opens the folder of the images.
        settings: the limit of pixels.
        messages: tells what was written.
        window: the window that the dialog belongs to.
    """

    def __init__(
        self, session: Session, opening: OpenFolder, settings: Settings, messages: Messages, window: QWidget
    ) -> None:
        super().__init__(window)
        self._session, self._opening, self._settings = session, opening, settings
        self._messages, self._window = messages, window

    def import_frames(self, film: Path | None = None) -> None:
        """Ask for a film and a folder, write the frames, and open the folder.

        Of the folder that is open already, the new images are offered.

        Raises:
            FcnStudioError: if the folder cannot be opened.
        """
        from fcn_studio.jobs.import_masks.frames import result_sentences
        from fcn_studio.ui.dialogs.data_sets.frames_dialog import FramesDialog

        project = self._session.project
        folder = None if project is None else project.folder
        max_pixels = self._settings.max_pixels if project is None else project.max_pixels
        dialog = FramesDialog(folder, max_pixels, self._window)
        if film is not None:
            dialog.film.setText(str(film))
        dialog.asked()
        begun, result, target = dialog.begun, dialog.result_of_import, expanded(dialog.folder.text().strip())
        if not begun:
            return
        if result is None:
            self._messages.say(tr("The import was stopped. The images before that are in the folder."))
        else:
            self._messages.say(as_text(map(ended, result_sentences(result))))
        if target.is_dir() and (result is None or result.written):
            self._opening.open(target)
