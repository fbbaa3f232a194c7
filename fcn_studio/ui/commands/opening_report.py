"""What was found in a folder that was opened, as the user is told."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QWidget

from fcn_studio.i18n import tr
from fcn_studio.ui.commands.import_masks import ImportMasks
from fcn_studio.ui.runtime.user_messages import ActionDoor, MessageButton, Messages

if TYPE_CHECKING:
    from fcn_studio.formats.opening.report import OpeningReport
    from fcn_studio.ui.dialogs.data_sets.opening_dialog import OpeningDialog
    from fcn_studio.ui.session.session import Session


class OpeningReports(QObject):
    """Tells what was found at an opening, and shows it again on request.

    Args:
        session: opens folders.
        importing: imports what was found and is not in use.
        messages: shows the sentence.
        window: the window that the dialog belongs to.
    """

    def __init__(self, session: Session, importing: ImportMasks, messages: Messages, window: QWidget) -> None:
        super().__init__(window)
        self._session, self._importing, self._messages, self._window = session, importing, messages, window
        session.reported.connect(self._tell)

    def show(self) -> None:
        """Show the report on the open project."""
        from fcn_studio.ui.dialogs.data_sets.opening_dialog import OpeningDialog

        project = self._session.project
        if project is not None:
            dialog = OpeningDialog(
                project.folder, project.opening, can_import=not self._session.read_only, parent=self._window
            )
            dialog.import_wanted.connect(ActionDoor(self._messages)(partial(self._import_chosen, dialog)))
            dialog.open()

    def _import_chosen(self, dialog: OpeningDialog) -> None:
        dialog.close()
        self._importing.import_masks(Path(dialog.chosen))

    def _tell(self, report: OpeningReport) -> None:
        """Show a sentence, with buttons for details and for an import if there is more than masks in use."""
        if all(found.kind == "masks_found" for found in report.findings):
            self._messages.say(report.summary)
            return
        sources = list(dict.fromkeys(found.source for found in report.findings if found.source))
        more: list[MessageButton] = []
        if len(sources) == 1 and not self._session.read_only:
            more.append((tr("Import…"), partial(self._importing.import_masks, Path(sources[0]))))
        self._messages.offer(report.summary, tr("Details…"), self.show, *more)
