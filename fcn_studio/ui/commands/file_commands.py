"""Commands on the images selected in the list of files.

The context menu of the list is here too.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from contextlib import suppress
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QPoint, Qt
from PySide6.QtGui import QGuiApplication
from PySide6.QtWidgets import QMenu, QProgressDialog, QWidget

from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import FcnStudioError
from fcn_studio.i18n import tr, tr_n
from fcn_studio.settings import Settings
from fcn_studio.ui.actions.qt_actions import Actions
from fcn_studio.ui.commands.split_commands import SplitCommands
from fcn_studio.ui.docks.files_dock import FilesDock
from fcn_studio.ui.runtime.file_manager import show_folder
from fcn_studio.ui.runtime.user_messages import Messages
from fcn_studio.ui.session.loading import FINISHED

if TYPE_CHECKING:
    from fcn_studio.ui.network.auto_segment import AutoSegment
    from fcn_studio.ui.session.session import Session

SHOW_AFTER_MS = 400
"""Milliseconds of work on several images until its progress is shown."""


class FileCommands(QObject):
    """Verifies, skips and segments the selected images, and shows where they lie.

    Without a selection each command is for the open image.
    """

    def __init__(
        self,
        session: Session,
        auto_segment: AutoSegment,
        dock: FilesDock,
        splits: SplitCommands,
        actions: Actions,
        settings: Settings,
        messages: Messages,
        window: QWidget,
    ) -> None:
        super().__init__(window)
        self._session, self._auto_segment, self._dock, self._splits = session, auto_segment, dock, splits
        self._actions, self._settings, self._messages, self._window = actions, settings, messages, window
        for name, act in self.table().items():
            actions.bind(name, act)
        dock.menu_wanted.connect(self._show_menu)
        settings.watch(self._on_setting)
        self._on_setting("thumbnails")

    def table(self) -> Mapping[str, Callable[[], object]]:
        """Return what each action does, by its name."""
        return {
            "verify_selected": self.verify,
            "skip_selected": self.skip,
            "segment_selected": self.segment,
            "show_in_folder": self.show_in_folder,
            "copy_path": self.copy_path,
            "thumbnails": self.toggle_thumbnails,
        }

    # --- what is done -----------------------------------------------------------------------------------------

    def verify(self) -> None:
        """Verify the selected images, each in one undo step. The user is asked if there are several.

        Raises:
            FcnStudioError: if the one that is selected cannot be verified.
        """
        from fcn_studio.ui.dialogs.questions import VerifyDialog

        rows = self._with_status(lambda status: status not in FINISHED)
        if rows == [self._session.index]:
            self._session.verify()
        elif rows and VerifyDialog(len(rows), self._count(rows, Status.NEW), self._window).asked():
            done, failed = self._each(tr("Verify"), rows, self._session.verify)
            self._tell(tr_n("{n} image verified.", "{n:,} images verified.", done), failed)
        elif not rows:
            self._messages.say(tr("All of the selected images are verified or skipped already."))

    def skip(self) -> None:
        """Skip the selected images, or take them back if all of them are skipped.

        Raises:
            FcnStudioError: if the one that is selected cannot be skipped.
        """
        rows = self._with_status(lambda status: status is not Status.SKIPPED)
        if rows == [self._session.index]:
            self._session.toggle_skip()
        elif rows:
            done, failed = self._each(tr("Skip"), rows, self._session.toggle_skip)
            self._tell(tr_n("{n} image skipped.", "{n:,} images skipped.", done), failed)
        elif self._dock.selected:
            done, failed = self._each(tr("Take back"), self._dock.selected, self._session.toggle_skip)
            self._tell(tr_n("{n} image taken back.", "{n:,} images taken back.", done), failed)

    def segment(self) -> None:
        """Let the network predict the selected images, and label those that nobody has touched.

        Raises:
            FcnStudioError: as `AutoSegment.segment_selected`.
        """
        self._auto_segment.segment_selected(self._samples)

    def show_in_folder(self) -> None:
        """Show the folder of the first selected image in the file manager."""
        for sample in self._samples[:1]:
            show_folder(sample.image_path.parent, self._messages)

    def copy_path(self) -> None:
        """Put the paths of the selected images on the clipboard, one a line."""
        QGuiApplication.clipboard().setText("\n".join(sample.image_file for sample in self._samples))

    def toggle_thumbnails(self) -> None:
        """Show or hide the thumbnails in the list."""
        self._settings.thumbnails = not self._settings.thumbnails

    # --- the selection ----------------------------------------------------------------------------------------

    @property
    def _samples(self) -> list[Sample]:
        return [self._session.samples[row] for row in self._dock.selected]

    def _with_status(self, wanted: Callable[[Status], bool]) -> list[int]:
        """Return the selected rows whose status is wanted."""
        rows = self._dock.selected
        self._session.status_scan.look(rows)
        return [row for row in rows if wanted(self._session.status_scan.status(row))]

    def _count(self, rows: Sequence[int], status: Status) -> int:
        return sum(self._session.status_scan.status(row) is status for row in rows)

    def _each(self, title: str, rows: Sequence[int], act: Callable[[], None]) -> tuple[int, int]:
        """Open one image after the other and do something to it, as a person would.

        So each image keeps its undo steps, its journal and its earlier version. The image that was open is opened
        again at the end. Returns the numbers of images done, and of those that cannot be opened or changed.
        """
        session, project, here = self._session, self._session.project, self._session.index
        progress = QProgressDialog(title, tr("Stop"), 0, len(rows), self._window)
        progress.setWindowTitle(title)
        progress.setWindowModality(Qt.WindowModality.WindowModal)
        progress.setMinimumDuration(SHOW_AFTER_MS)
        done = failed = 0
        for row in rows:
            progress.setValue(done + failed)  # this also lets the window draw
            if progress.wasCanceled() or session.project is not project:
                break
            try:
                session.go_to(row)
                act()
                done += 1
            except FcnStudioError:  # the list shows which, and why
                failed += 1
        progress.setValue(len(rows))
        progress.deleteLater()
        with suppress(FcnStudioError):
            session.go_to(here)
        return done, failed

    def _tell(self, sentence: str, failed: int) -> None:
        if not failed:
            self._messages.say(sentence)
            return
        left = tr_n(
            "{n} image could not be opened: see the Files list.",
            "{n:,} images could not be opened: see the Files list.",
            failed,
        )
        self._messages.fail(f"{sentence} {left}")

    # --- the menu ---------------------------------------------------------------------------------------------

    def menu(self) -> QMenu:
        """Return the menu of the selected images."""
        menu, actions = QMenu(self._window), self._actions
        menu.addAction(tr("&Open"), self._dock.open_current)
        for names in (
            ("verify_selected", "skip_selected", "segment_selected"),
            ("show_in_folder", "copy_path"),
            ("thumbnails",),
        ):
            menu.addSeparator()
            for name in names:
                menu.addAction(actions[name])
        menu.addMenu(self._splits.menu(menu))
        menu.addMenu(self._dock.sort_menu(menu))
        return menu

    def _show_menu(self, at: QPoint) -> None:
        menu = self.menu()
        menu.aboutToHide.connect(menu.deleteLater)
        menu.popup(at)

    def _on_setting(self, key: str) -> None:
        if key == "thumbnails":
            self._actions["thumbnails"].setChecked(self._settings.thumbnails)
            self._dock.show_thumbnails(self._settings.thumbnails)
