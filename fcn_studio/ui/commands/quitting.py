"""Quitting while jobs run."""

from __future__ import annotations

from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication, QWidget

from fcn_studio.i18n import tr
from fcn_studio.ui.network.job_list import JobList, Kind
from fcn_studio.ui.runtime.user_messages import Messages
from fcn_studio.ui.saving.exporter import Exporter

LONG_KINDS = (Kind.BATCH, Kind.READ_LABELS, Kind.FINE_TUNE)
"""Jobs that the user is asked about before they end with their project."""

ENDED_BY_QUITTING = (*LONG_KINDS, Kind.INSTALL)
"""Jobs that the user is asked about before they end with the program."""

RETRY_MS = 500
"""How often a window that is to close looks whether the dialog over it is closed."""


class Quitting(QObject):
    """Asks before the window is closed while jobs run, and closes it when they have ended.

    Attributes:
        at_once: do not ask; the system or a signal ends the program.
    """

    def __init__(self, job_list: JobList, exporter: Exporter, messages: Messages, window: QWidget) -> None:
        super().__init__(window)
        self._job_list, self._exporter = job_list, exporter
        self._messages, self._window = messages, window
        self.at_once = False
        self._waiting = False
        job_list.changed.connect(self._look)
        exporter.changed.connect(self._look)

    def may_close(self) -> bool:
        """Return whether the window may be closed now; ask the user if that ends jobs."""
        from fcn_studio.ui.dialogs.questions import QuitDialog

        jobs = self._jobs()
        self._waiting = False
        if self.at_once or not jobs:
            return True
        dialog = QuitDialog(jobs, self._window)
        if not dialog.asked():
            return False
        if dialog.at_once or not self._jobs():  # they may have ended meanwhile
            return True
        self._waiting = True
        self._messages.say(tr("The window closes when these jobs have ended. You can go on working until then."))
        return False

    def _jobs(self) -> list[str]:
        """Return the jobs that quitting would end, in words."""
        views = [view for kind in ENDED_BY_QUITTING for view in self._job_list.views_of(kind)]
        exports = [tr("Export")] if self._exporter.running else []
        return [f"{view.title}   {view.words}".strip() for view in views] + exports

    def _look(self) -> None:
        """Close the window once nothing runs any more."""
        if self._waiting and not self._jobs():
            QTimer.singleShot(0, self._window, self._close)

    def _close(self) -> None:
        if QApplication.activeModalWidget() is not None:
            QTimer.singleShot(RETRY_MS, self._window, self._look)
        elif self._waiting:
            self._window.close()
