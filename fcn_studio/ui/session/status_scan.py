"""Search for the status of each image of the open project.

It runs in the background if it takes long.
"""

from __future__ import annotations

import threading
import time
from collections import deque
from collections.abc import Callable, Container, Iterable, Mapping
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import FcnStudioError
from fcn_studio.ui.runtime.background import in_background
from fcn_studio.ui.saving.autosave import Autosave
from fcn_studio.ui.session.open_project import OpenProject

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder

AT_ONCE_S = 0.005
"""Seconds of the search on the GUI thread; enough for a project of some hundred images."""
NEWS_MS = 200
"""Milliseconds between two `found`, and before the thread begins: the first image comes first."""
_WORK_S, _REST_S = 0.002, 0.001
"""The thread releases Python's lock so often; each row that Qt draws needs it several times."""


class StatusScan(QObject):
    """Scan that finds the status of every image once.

    Images come in the order of the project, rows in view first.

    Signals:
        found(): more statuses are known than before.
    """

    found = Signal()

    def __init__(self, open_project: OpenProject, autosave: Autosave) -> None:
        super().__init__(open_project)
        self._open, self._autosave = open_project, autosave
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="status_scan")
        self._begin: Callable[[], None] | None = None
        self._looking: Future[None] | None = None
        self._stop = threading.Event()
        self._asked: deque[Sample] = deque()
        self._news = QTimer(self, interval=NEWS_MS)
        self._news.timeout.connect(self._tell)

    def start(self, project: ProjectFolder) -> None:
        """Begin with a project that was just opened."""
        self.stop()
        end = time.monotonic() + AT_ONCE_S
        for row, sample in enumerate(project.samples):
            if time.monotonic() > end:
                self._begin = partial(_look, project, row, self._asked, self._stop)
                self._news.start()
                return
            _ask(project, sample)

    def stop(self) -> None:
        """Stop the search.

        Nothing waits for a slow folder.
        """
        self._stop.set()
        self._news.stop()
        self._stop = threading.Event()
        self._begin = self._looking = None
        self._asked = deque()

    def close(self) -> None:
        """End the thread."""
        self.stop()
        self._executor.shutdown(wait=True, cancel_futures=True)

    @property
    def done(self) -> bool:
        """Whether every status is known."""
        return self._begin is None and self._looking is None

    def look(self, rows: Iterable[int], until: Container[Status] = ()) -> None:
        """Find the statuses of these rows now.

        It ends at the first of ``until``. The window stays responsive.
        """
        project = self._open.project
        if project is None or self.done:
            return
        samples = [project.samples[row] for row in rows]
        in_background(lambda: next((s for s in samples if project.annotations.status(s) in until), None))

    def known(self, row: int) -> Status | None:
        """Return the status of a row without opening a file.

        It is None if the status is not known yet.
        """
        project = self._open.project
        assert project is not None
        sample = project.samples[row]
        status = self._newer(row, sample) or project.annotations.statuses.get(sample.mask_id)
        if status is None and not self.done:
            self._asked.append(sample)
        return status if status is not None or not self.done else project.annotations.status(sample)

    def status(self, row: int) -> Status:
        """Return the status of a row, and find it now if necessary."""
        project = self._open.project
        assert project is not None
        sample = project.samples[row]
        return self._newer(row, sample) or project.annotations.status(sample)

    def counts(self) -> Mapping[Status, int]:
        """Return the number of images by status, as far as known."""
        project, document = self._open.project, self._open.document
        if project is None:
            return {}
        newer = {image_id: save.status for image_id, save in self._autosave.newer().items()}
        if document is not None:
            newer[document.image_id] = document.status
        on_disk = [project.annotations.status(project.sample(image_id)) for image_id in newer]
        counts = dict(project.annotations.statuses.counts()[0])
        for before, status in zip(on_disk, newer.values(), strict=True):
            counts[before] -= 1
            counts[status] += 1
        return counts

    def _newer(self, row: int, sample: Sample) -> Status | None:
        """Return a status that is newer than the disk.

        It is that of the open document, or of an annotation that is not on disk yet.
        """
        image = self._open.image
        if image is not None and row == image.row:
            return image.document.status
        newer = self._autosave.newer().get(sample.image_id)
        return None if newer is None else newer.status

    def _tell(self) -> None:
        if self._begin is not None:
            begin, self._begin = self._begin, None
            self._looking = self._executor.submit(begin)
        if self._looking is not None and self._looking.done():
            looked, self._looking = self._looking, None
            self._news.stop()
            looked.result()
        self.found.emit()


def _look(project: ProjectFolder, row: int, asked: deque[Sample], stop: threading.Event) -> None:
    """Find all statuses from a row on.

    Those asked for come before each. Runs on the thread.
    """
    rest = time.monotonic() + _WORK_S
    for sample in project.samples[row:]:
        if time.monotonic() > rest:
            stop.wait(_REST_S)
            rest = time.monotonic() + _WORK_S
        while asked and not stop.is_set():
            _ask(project, asked.popleft())
        if stop.is_set():
            return
        _ask(project, sample)


def _ask(project: ProjectFolder, sample: Sample) -> None:
    with suppress(FcnStudioError, OSError):  # opening the image will say what is the matter
        project.annotations.status(sample)
