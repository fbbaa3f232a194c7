"""Import of masks and annotations of other programs into the open project."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from fcn_studio.errors import ProjectError
from fcn_studio.i18n import tr
from fcn_studio.ui.commands.open_folder import OpenFolder
from fcn_studio.ui.runtime.user_messages import Messages

if TYPE_CHECKING:
    from fcn_studio.ui.session.session import Session


class ImportMasks(QObject):
    """The command *Import masks*.

    Args:
        session: has the project.
        opening: opens the project again after an import.
        may_leave: asks whether jobs may be ended, and returns the answer.
        messages: tells what was imported.
        window: the window that the dialog belongs to.
    """

    def __init__(
        self,
        session: Session,
        opening: OpenFolder,
        may_leave: Callable[[], bool],
        messages: Messages,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._session, self._opening, self._may_leave = session, opening, may_leave
        self._messages, self._window = messages, window

    def import_masks(self, source: Path | None = None) -> None:
        """Save everything, ask what to import, and open the project again with what was imported.

        Raises:
            ProjectError: if strokes cannot be saved, or the project cannot be opened again.
        """
        from fcn_studio.jobs.import_masks.merge import result_sentences
        from fcn_studio.ui.dialogs.import_dialog import ImportDialog

        session, project = self._session, self._session.project
        if project is None or not self._may_leave():
            return
        session.settle()
        session.autosave.drain()
        if session.autosave.newer():
            raise ProjectError(tr("Some images cannot be saved. Mend that before an import; your strokes are kept."))
        dialog = ImportDialog(project, self._window)
        if source is not None:
            dialog.set_source(source)
        dialog.asked()
        begun, imported, resolved = dialog.begun, dialog.imported, dialog.resolved
        if not begun:
            return
        self._opening.open_again(project)
        if imported is None or resolved is None:
            self._messages.say(tr("The import was stopped. Images before that have the labels of the source."))
            return
        for image_id, sentence in imported.failed.items():
            session.note_failure(image_id, sentence)
        self._messages.say(". ".join(result_sentences(imported, resolved)) + ".")
