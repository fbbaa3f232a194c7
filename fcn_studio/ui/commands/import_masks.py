"""Import of masks and annotations of other programs into the open project."""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from fcn_studio.errors import FcnStudioError, ProjectError
from fcn_studio.i18n import as_text, ended, tr
from fcn_studio.ui.commands.open_folder import OpenFolder
from fcn_studio.ui.network.job_list import Kind
from fcn_studio.ui.runtime.user_messages import Messages

if TYPE_CHECKING:
    from fcn_studio.jobs.import_masks.mapping import ResolvedMap
    from fcn_studio.jobs.import_masks.merge import ImportResult
    from fcn_studio.ui.network.job_list import JobList
    from fcn_studio.ui.saving.exporter import Exporter
    from fcn_studio.ui.session.session import Session


class ImportMasks(QObject):
    """The command *Import masks*.

    Args:
        session: has the project.
        opening: opens the project again after an import.
        job_list: the jobs that an import ends.
        exporter: must not run meanwhile.
        may_leave: asks whether jobs may be ended, and returns the answer.
        messages: tells what was imported.
        window: the window that the dialog belongs to.
    """

    def __init__(
        self,
        session: Session,
        opening: OpenFolder,
        job_list: JobList,
        exporter: Exporter,
        may_leave: Callable[[], bool],
        messages: Messages,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._session, self._opening, self._may_leave = session, opening, may_leave
        self._job_list, self._exporter = job_list, exporter
        self._messages, self._window = messages, window

    def import_masks(self, source: Path | None = None) -> None:
        """Ask what to import, and open the project again with what was imported.

        Raises:
            ProjectError: if something else works on the project, or it cannot be opened again.
        """
        from fcn_studio.ui.dialogs.data_sets.import_dialog import ImportDialog

        session, project, row = self._session, self._session.project, self._session.index
        if project is None:
            return
        self._exporter.refuse_second()
        if session.recovery.left_over:
            raise ProjectError(
                tr("Recovered strokes wait for your decision. Apply or delete them first: File > What came back.")
            )
        if not self._may_leave():
            return
        session.settle()
        session.autosave.drain()  # the dialog asks the folder which images have labels
        dialog = ImportDialog(project, self._prepare, self._window)
        if source is not None:
            dialog.set_source(source)
        dialog.asked()
        begun, imported, resolved = dialog.begun, dialog.imported, dialog.resolved
        if begun:
            self._opening.open_again(project)
            self._tell(imported, resolved)
        elif session.document is None and row >= 0:
            with suppress(FcnStudioError):
                session.go_to(row)

    def _prepare(self) -> None:
        """Save everything and close the image: nothing may come into a mask that is about to change.

        Raises:
            ProjectError: if something cannot be saved.
        """
        session = self._session
        self._job_list.forget_all(but=Kind.INSTALL)
        session.last_places.remember()
        session.close_image()
        session.autosave.drain()
        if session.autosave.newer():
            raise ProjectError(tr("Nothing can be imported before everything is saved in the folder."))

    def _tell(self, imported: ImportResult | None, resolved: ResolvedMap | None) -> None:
        """Tell what was imported, and why annotations were left out."""
        from fcn_studio.jobs.import_masks.merge import result_sentences

        if imported is None or resolved is None:
            self._messages.say(tr("The import was stopped. Images before that have the labels of the source."))
            return
        for image_id, sentence in imported.failed.items():
            self._session.note_failure(image_id, sentence)
        self._messages.say(as_text(map(ended, result_sentences(imported, resolved))))
