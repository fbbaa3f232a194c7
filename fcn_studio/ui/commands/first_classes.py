"""The question for the classes of a folder that has none yet."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QDialog, QWidget

from fcn_studio.core.colours.screen_colours import chosen_colour
from fcn_studio.core.project import Access
from fcn_studio.errors import ProjectError
from fcn_studio.i18n import tr
from fcn_studio.settings import Settings
from fcn_studio.ui.runtime.user_messages import ActionDoor, Messages

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.core.classes import ClassTable
    from fcn_studio.fcn.weights.catalogue import NetworkInfo
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.ui.commands.open_folder import OpenFolder
    from fcn_studio.ui.dialogs.first_classes_dialog import FirstClassesDialog
    from fcn_studio.ui.network.current_network import CurrentNetwork
    from fcn_studio.ui.session.session import Session


class FirstClasses(QObject):
    """Asks for the classes of a folder that names none, when it is opened and whenever the user wants it.

    Until there is an answer, the folder has a background only.
    """

    def __init__(
        self,
        session: Session,
        opening: OpenFolder,
        network: CurrentNetwork,
        settings: Settings,
        messages: Messages,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._session, self._opening, self._network = session, opening, network
        self._settings, self._messages, self._window = settings, messages, window
        self._door = ActionDoor(messages)
        self._dialog: FirstClassesDialog | None = None
        self._offered = ""
        # A turn of its own, after the first image is painted. Qt runs timers of 0 ms before it paints.
        self._ask_soon = QTimer(self, singleShot=True, interval=1)
        self._ask_soon.timeout.connect(self._door(self._ask_unasked))
        opening.opened.connect(self._ask_soon.start)
        session.project_changed.connect(self._close_dialog)
        session.edited.connect(self._withdraw)
        session.table_changed.connect(self._withdraw)

    def ask(self) -> None:
        """Ask what is to be labelled in the open folder.

        Raises:
            ProjectError: if it has classes already, or nothing may be written.
        """
        from fcn_studio.jobs.networks import networks_with_classes
        from fcn_studio.ui.dialogs.first_classes_dialog import FirstClassesDialog

        session, project = self._session, self._session.project
        if project is None:
            raise ProjectError(tr("No project is open. Open a folder of images first."))
        if session.read_only:
            raise ProjectError(
                tr("The project is read-only: another window writes it, or its folder cannot be written.")
            )
        if not session.table.names_none:
            raise ProjectError(tr("This folder has classes. Add others in the Classes dock, or remove them there."))
        networks = networks_with_classes()
        others = [folder for folder in self._settings.recent if folder != project.folder.resolve()]
        dialog = FirstClassesDialog([(info.name, info.table) for info in networks], others, self._window)
        self._dialog = dialog
        dialog.finished.connect(self._door(partial(self._answered, project, dialog, networks)))
        dialog.open()

    def _ask_unasked(self) -> None:
        """Ask about a folder that was just opened, unless it needs no answer."""
        project = self._session.project
        if project is None or not project.samples or any(found.source for found in project.opening.findings):
            return
        if project.access is not Access.READ_ONLY and project.config.table.names_none and not self._labelled(project):
            self.ask()

    def _answered(self, project: ProjectFolder, dialog: FirstClassesDialog, networks: list[NetworkInfo]) -> None:
        """Use the classes that were chosen; if none were, offer the question again.

        Raises:
            FcnStudioError: as `use`.
        """
        self._dialog = None
        accepted = dialog.result() == QDialog.DialogCode.Accepted
        table, name = (dialog.table(), dialog.network()) if accepted else (None, "")
        dialog.deleteLater()
        if self._session.project is not project:
            return
        if table is None:
            if self._session.table.names_none and not self._labelled(project):
                self._offer()
            return
        self.use(table, next((info for info in networks if info.name == name), None))

    def use(self, table: ClassTable, network: NetworkInfo | None = None) -> None:
        """Give the open folder its first classes, and the network that knows them.

        If something is labelled already, classes are added to the background.

        Raises:
            FcnStudioError: if they cannot be written.
        """
        session, project = self._session, self._session.project
        assert project is not None
        if self._labelled(project):
            new = [(info.name, chosen_colour(info)) for info in table.active if session.table.find(info.name) is None]
            session.classes.add_all(new)
            self._network.load()
        else:
            if project.access is Access.WRITABLE:
                project.set_table(table)
            self._opening.open_again(project, table)
        if network is not None and self._network.info != network:
            self._network.use(network, network.name, {})

    def _labelled(self, project: ProjectFolder) -> bool:
        """Return whether an image has a label that would mean something else with another table."""
        session = self._session
        touched = session.document is not None and session.document.revision > 0
        return touched or bool(session.autosave.newer()) or bool(project.annotations.masks)

    # --- the offer --------------------------------------------------------------------------------------------

    def _offer(self) -> None:
        self._offered = tr("This folder has no classes yet.")
        self._messages.offer(self._offered, tr("What do you want to label?"), self.ask)

    def _withdraw(self) -> None:
        """Take the offer back once the folder has classes or labels."""
        project = self._session.project
        if self._offered and project is not None and (not self._session.table.names_none or self._labelled(project)):
            self._messages.withdrawn.emit(self._offered)
            self._offered = ""

    def _close_dialog(self) -> None:
        """Close the question about a folder that is no longer open."""
        if self._dialog is not None:
            self._dialog.reject()
