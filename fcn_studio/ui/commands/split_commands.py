"""Commands that change what images are used for."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject
from PySide6.QtWidgets import QMenu, QWidget

from fcn_studio.core.project import Access
from fcn_studio.core.sample import Split
from fcn_studio.errors import ProjectError
from fcn_studio.i18n import tr, tr_n
from fcn_studio.ui.actions.qt_actions import Actions
from fcn_studio.ui.docks.files_dock import FilesDock
from fcn_studio.ui.runtime.user_messages import ActionDoor, Messages

if TYPE_CHECKING:
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.ui.session.session import Session


class SplitCommands(QObject):
    """Divides the images of the project, and moves selected ones to another split.

    Args:
        session: has the project.
        dock: has the selection, and shows the splits.
        actions: gets the command.
        messages: tells what was done.
        window: the window that the dialog belongs to.
    """

    def __init__(
        self, session: Session, dock: FilesDock, actions: Actions, messages: Messages, window: QWidget
    ) -> None:
        super().__init__(window)
        self._session, self._dock, self._actions = session, dock, actions
        self._messages, self._window = messages, window
        actions.bind("splits", self.divide)

    def divide(self) -> None:
        """Ask how to divide the images, and do it.

        Raises:
            ProjectError: if the splits cannot be read or written.
        """
        from fcn_studio.ui.dialogs.data_sets.splits_dialog import SplitsDialog

        project = self._project()
        self._session.drain()
        dialog = SplitsDialog(project, self._window)
        if dialog.asked() and dialog.division is not None:
            self._change(project, dialog.division.changes)

    def use_for(self, split: Split) -> None:
        """Use the selected images for training, validation or test.

        Raises:
            ProjectError: if the splits cannot be read or written.
        """
        samples = [self._session.samples[row] for row in self._dock.selected]
        self._change(self._project(), {sample.image_id: split for sample in samples})

    def menu(self, parent: QWidget) -> QMenu:
        """Return a menu of the splits for the selected images."""
        menu, project, door = QMenu(tr("&Use for"), parent), self._session.project, ActionDoor(self._messages)
        rows = self._dock.selected
        has = {None if project is None else project.splits.decided(self._session.samples[row]) for row in rows}
        for split in Split:
            action = menu.addAction(split.words, door(partial(self.use_for, split)))
            action.setCheckable(True)
            action.setChecked(has == {split})
        menu.addSeparator()
        menu.addAction(self._actions["splits"])
        menu.setEnabled(bool(rows) and not self._session.read_only)
        return menu

    def _project(self) -> ProjectFolder:
        """Return the open project. Raises: ProjectError if it cannot be written."""
        project = self._session.project
        if project is None or project.access is not Access.WRITABLE:
            raise ProjectError(tr("The splits cannot be changed: this folder cannot be written."))
        return project

    def _change(self, project: ProjectFolder, changes: Mapping[str, Split]) -> None:
        project.splits.choose(changes)
        project.splits.store()
        for image_id in changes:
            self._session.sample_changed.emit(image_id)
        self._dock.splits_changed()
        self._messages.say(
            tr_n("The split of {n} image was changed.", "The splits of {n:,} images were changed.", len(changes))
        )
