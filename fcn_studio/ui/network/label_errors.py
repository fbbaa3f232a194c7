"""Search for label errors in the window.

These are regions of verified images whose labels a network contradicts that has not learned from them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.errors import FcnStudioError
from fcn_studio.i18n import tr
from fcn_studio.ui.network.job_list import JobList, Kind
from fcn_studio.ui.network.network_device import NetworkDevice
from fcn_studio.ui.runtime.worker import Worker

if TYPE_CHECKING:
    from fcn_studio.core.review.suspects import Suspects
    from fcn_studio.jobs.protocol import JobProgress, JobResult
    from fcn_studio.jobs.snapshot import Snapshot
    from fcn_studio.ui.session.session import Session


class LabelErrors(QObject):
    """Reads the labels, lets the network's process judge them, and tells what is suspect.

    Signals:
        found(list[Suspects]): what the labels of each judged image are to the network.
        problem(str): a sentence for the user.
    """

    found = Signal(object)
    problem = Signal(str)

    def __init__(
        self, session: Session, job_list: JobList, device: NetworkDevice, parent: QObject | None = None
    ) -> None:
        super().__init__(parent)
        self._session, self._job_list, self._device = session, job_list, device
        self._reading = 0
        self._reader = Worker("suspects", self)
        self._reader.finished.connect(self._on_read)
        self._reader.failed.connect(self._on_failed)
        session.project_changed.connect(self._reader.cancel)

    def start(self) -> None:
        """Search the open project as it is saved now; a search under way ends."""
        from fcn_studio.jobs.snapshot import collect

        if self._session.project is None:
            return
        self._job_list.forget(Kind.SUSPECTS)
        self._session.drain()
        title, words = tr("Find label errors"), tr("reading labels")
        self._reading = self._job_list.show(Kind.SUSPECTS, title, words, self._reader.cancel)
        self._reader.start(collect(self._session.project))

    def close(self) -> None:
        """End the thread."""
        self._reader.close()

    def _on_failed(self, error: Exception) -> None:
        self._job_list.remove(self._reading)
        if isinstance(error, FcnStudioError):  # anything else was reported as a bug
            self.problem.emit(str(error))

    def _on_read(self, snapshot: Snapshot) -> None:
        """Submit the job that judges the labels."""
        from fcn_studio.jobs.protocol import Judged
        from fcn_studio.jobs.suspects import suspects_job

        self._job_list.remove(self._reading)
        project = self._session.project
        if project is None:
            return
        table, folder = project.config.table, project.features_folder
        try:
            job = suspects_job(snapshot, table, self._device.name, "" if folder is None else str(folder))
        except FcnStudioError as error:
            self.problem.emit(str(error))
            return
        judged: list[Suspects] = []

        def on_progress(news: JobProgress) -> None:
            if isinstance(news, Judged):
                judged.append(news.suspects)

        def on_done(_: JobResult) -> None:
            self.found.emit(judged)

        self._job_list.submit(Kind.SUSPECTS, job, tr("Find label errors"), on_progress=on_progress, on_done=on_done)
