"""Commands on classes of the whole project: merge, delete, retire, order, and take back.

The context menu of the Classes dock is here too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from contextlib import suppress
from functools import partial
from time import monotonic
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint
from PySide6.QtWidgets import QMenu, QWidget

from fcn_studio.core.class_changes.change import ClassChange, refuse_removal
from fcn_studio.core.classes import VOID, ClassInfo, voc_colour
from fcn_studio.core.colours.screen_colours import chosen_colour
from fcn_studio.core.project import Access
from fcn_studio.errors import FcnStudioError, ProjectError
from fcn_studio.i18n import tr, tr_n
from fcn_studio.ui.actions.keys import key_of
from fcn_studio.ui.actions.qt_actions import Actions
from fcn_studio.ui.commands.quitting import LONG_KINDS
from fcn_studio.ui.network.job_list import Kind
from fcn_studio.ui.runtime.background import in_background
from fcn_studio.ui.runtime.user_messages import ActionDoor, Messages

if TYPE_CHECKING:
    from fcn_studio.formats.class_changes.change import ChangeSteps
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.ui.docks.classes_dock import ClassesDock
    from fcn_studio.ui.network.job_list import JobList
    from fcn_studio.ui.saving.exporter import Exporter
    from fcn_studio.ui.session.session import Session

_COUNTED_S = 1.0
"""Seconds in which a class must turn out to be unused to be deleted without a question."""


class ClassCommands(QObject):
    """Merges, deletes and retires the active class, and takes that back.

    Merging and deleting change all masks in one transaction. The project is opened again afterwards.
    """

    def __init__(
        self,
        session: Session,
        job_list: JobList,
        exporter: Exporter,
        dock: ClassesDock,
        actions: Actions,
        messages: Messages,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._session, self._job_list, self._exporter = session, job_list, exporter
        self._dock, self._actions, self._messages, self._window = dock, actions, messages, window
        self._door = ActionDoor(messages)
        for name, act in self.table().items():
            actions.bind(name, act)
        dock.menu_wanted.connect(self._show_menu)
        dock.delete_wanted.connect(actions["delete_class"].trigger)

    def table(self) -> Mapping[str, Callable[[], object]]:
        """Return what each action does, by its name."""
        return {
            "merge_class": partial(self.replace, deleting=False),
            "delete_class": partial(self.replace, deleting=True),
            "retire_class": self.retire,
            "take_back_classes": self.take_back,
        }

    # --- what is done -----------------------------------------------------------------------------------------

    def replace(self, *, deleting: bool) -> None:
        """Ask what the pixels of the active class become, and change all masks.

        A class that no image has is deleted without a question.

        Raises:
            ProjectError: if that is impossible now.
        """
        from fcn_studio.formats.class_changes.change import change_classes
        from fcn_studio.ui.dialogs.class_change_dialog import ClassChangeDialog

        project, info = self._saved_project(), self._active()
        refuse_removal(info.index, project.config)
        if deleting and in_background(lambda: _is_unused(project, info.index)):
            self._remove(info, tr("'{name}' is deleted. No image has it.", name=info.name), tr("Take back"))
            return
        dialog = ClassChangeDialog(project, info, deleting=deleting, parent=self._window)
        if dialog.asked():
            title = tr("Delete class") if deleting else tr("Merge class")
            change = ClassChange({info.index: dialog.target()})
            self._run(title, self._saved_project(), change_classes(project, change))

    def retire(self) -> None:
        """No longer offer the active class.

        Raises:
            ProjectError: if it cannot be retired.
        """
        info = self._active()
        self._remove(info, tr("'{name}' is retired. Its pixels stay as they are.", name=info.name), tr("Use again"))

    def _remove(self, info: ClassInfo, done: str, back: str) -> None:
        """Retire a class, and offer the way back."""
        session = self._session
        session.classes.retire(info.index)

        def use_again() -> None:
            session.classes.use_again(info.index)
            session.toolbox.set_class(info.index)

        self._messages.offer(done, back, use_again)

    def use_automatic_colour(self) -> None:
        """Let the program choose the colour of the active class again.

        Raises:
            ProjectError: if it is void, or nothing may be written.
        """
        index = self._active().index
        self._session.classes.recolour(index, voc_colour(index))

    def give_key(self) -> None:
        """Ask for the key of the active class.

        Raises:
            ProjectError: if it is void, or nothing may be written.
        """
        from fcn_studio.ui.dialogs.class_key_dialog import ClassKeyDialog

        info = self._active()
        dialog = ClassKeyDialog(self._session.table, info, self._window)
        if dialog.asked():
            self._session.classes.give_key(info.index, dialog.key())

    def take_back(self) -> None:
        """Take the last merging or deleting back.

        Raises:
            ProjectError: if there is none, or that is impossible now.
        """
        from fcn_studio.formats.class_changes.change import last_change, take_back

        project = self._saved_project()
        if last_change(project) is None:
            raise ProjectError(tr("There is no change of classes that can be taken back."))
        self._run(tr("Take back class change"), project, take_back(project), back=True)

    def _active(self) -> ClassInfo:
        """Return the active class. Raises: ProjectError if it is void."""
        index = self._session.toolbox.class_index
        info = None if index == VOID else self._session.table.get(index)
        if info is None:
            raise ProjectError(tr("Void is no class. Choose a class in the Classes dock first."))
        return info

    def _saved_project(self) -> ProjectFolder:
        """Return the project once all of it is saved and nothing works on it.

        Raises:
            ProjectError: if that is not so.
        """
        session = self._session
        if session.project is None:
            raise ProjectError(tr("No project is open. Open a folder of images first."))
        if self._exporter.running or any(map(self._job_list.running, LONG_KINDS)):
            raise ProjectError(
                tr(
                    "Classes cannot change while a job or an export runs. Wait until it ends, or stop it ({key}).",
                    key=key_of("stop"),
                )
            )
        self._job_list.forget_all(but=Kind.INSTALL)  # a prediction would come into a mask that is about to change
        session.settle()
        session.autosave.drain()
        if session.autosave.newer() or session.project.access is not Access.WRITABLE:
            raise ProjectError(tr("Classes cannot change before everything is saved in the folder."))
        if session.recovery.left_over:
            raise ProjectError(
                tr("Recovered strokes wait for your decision. Apply or delete them first: File > What came back.")
            )
        return session.project

    def _run(self, title: str, project: ProjectFolder, steps: ChangeSteps, *, back: bool = False) -> None:
        """Change all masks, and open the project again.

        Raises:
            FcnStudioError: if it fails. If nothing has changed, the image is open again.
        """
        from fcn_studio.ui.dialogs.work_dialog import WorkDialog

        session, row = self._session, self._session.index
        session.last_places.remember()
        session.close_image()  # its journal ends: the steps in it would not fit the new mask
        session.autosave.drain()
        try:
            result = WorkDialog(title, tr("Changing the masks…"), steps, self._window).run()
        finally:
            if project.access is Access.WRITABLE:
                with suppress(FcnStudioError):
                    session.go_to(row)
            else:  # decided, whatever came then
                session.close_project(discard=True)
                session.open_folder(project.folder, grey_as_indices=project.grey_as_indices)
        if result is None:
            return
        done = tr_n(
            "The masks of {n} image changed. Undo begins anew.",
            "The masks of {n:,} images changed. Undo begins anew.",
            len(result.images),
        )
        if back:
            self._messages.say(done)
        else:
            self._messages.offer(done, tr("Take back"), self.take_back)
        if result.left_out:
            sentence = tr_n(
                "{n} mask cannot be read and stays as it is. {first}",
                "{n:,} masks cannot be read and stay as they are. The first: {first}",
                len(result.left_out),
                first=next(iter(result.left_out.values())),
            )
            self._messages.fail(sentence)

    # --- the menu ---------------------------------------------------------------------------------------------

    def menu(self) -> QMenu:
        """Return the menu of the active class."""
        menu, dock, table = QMenu(self._window), self._dock, self._session.table
        writable = not self._session.read_only
        info = table.get(self._session.toolbox.class_index)  # None is void
        chosen = info is not None and chosen_colour(info) is not None
        for text, act, possible in (
            (tr("Re&name"), dock.rename_active, True),
            (tr("&Colour…"), dock.colour_active, True),
            (tr("A&utomatic colour"), self.use_automatic_colour, chosen),
            (tr("&Key…"), self.give_key, True),
            (tr("Move &up"), partial(dock.move_active, -1), True),
            (tr("Move d&own"), partial(dock.move_active, +1), True),
        ):
            menu.addAction(text, self._door(act)).setEnabled(writable and info is not None and possible)
        menu.addSeparator()
        for name in ("merge_class", "delete_class", "retire_class"):
            menu.addAction(self._actions[name])
        again = menu.addMenu(tr("&Use again"))
        retired = [info for info in table if info.retired]
        for info in retired:
            act = partial(self._session.classes.use_again, info.index)
            again.addAction(info.name.replace("&", "&&"), self._door(act))
        again.setEnabled(writable and bool(retired))
        menu.addSeparator()
        by_index = partial(self._session.classes.reorder, [info.index for info in table])
        menu.addAction(tr("Order by &index"), self._door(by_index)).setEnabled(writable and bool(table.order))
        menu.addAction(self._actions["take_back_classes"])
        return menu

    def _show_menu(self, at: QPoint) -> None:
        menu = self.menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(at)


def _is_unused(project: ProjectFolder, index: int) -> bool:
    """Return whether no mask has a class.

    It is False too if a mask cannot be read, or if there are too many to look into.
    """
    from fcn_studio.formats.class_changes.usage import class_usage

    end, counting = monotonic() + _COUNTED_S, class_usage(project)
    try:
        while monotonic() < end:
            next(counting)
    except StopIteration as counted:
        return not counted.value.unreadable and not counted.value.images.get(index)
    return False
