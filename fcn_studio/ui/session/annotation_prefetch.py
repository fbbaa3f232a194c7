"""Reading ahead of the neighbours of the open image.

Their pictures are read through `Images`, and their annotations here.
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from fcn_studio.core.sample import Sample
from fcn_studio.errors import FcnStudioError
from fcn_studio.ui.session.images import Images

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder

AFTER_MS = 20
"""The neighbours are read once the image that was asked for is on the screen."""
LARGEST = 64_000_000
"""Pixels of an image above which its annotation is not read ahead, for the sake of memory."""


class AnnotationPrefetch(QObject):
    """Reader of masks and records of images that may be opened next.

    It reads in a thread.
    """

    def __init__(self, pictures: Images, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._pictures = pictures
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="ahead")
        self._reading: list[Future[None]] = []
        self._project: ProjectFolder | None = None
        self._samples: Sequence[Sample] = ()
        self._later = QTimer(self, singleShot=True, interval=AFTER_MS)
        self._later.timeout.connect(self._read)

    @property
    def waiting(self) -> bool:
        """Whether the reading has not begun yet."""
        return self._later.isActive()

    def opened(self, project: ProjectFolder, neighbours: Iterable[int]) -> None:
        """Read these rows soon: the images after and before the one that was opened.

        All others are forgotten.
        """
        self._project = project
        self._samples = [project.samples[row] for row in neighbours]
        self._later.start()

    def forget(self) -> None:
        """Forget everything that was read, and read nothing more."""
        self._samples = ()
        self._later.stop()
        self._read()
        self._project = None

    def flush(self) -> None:
        """Wait until all annotations are read."""
        self._executor.submit(lambda: None).result()

    def close(self) -> None:
        """End the thread."""
        self._later.stop()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _read(self) -> None:
        self._pictures.want(sample.image_path for sample in self._samples)
        for future in self._reading:
            future.cancel()
        self._reading = []
        if self._project is not None:
            self._project.annotations.forget_ahead(self._samples)
            self._reading = [self._executor.submit(_read, self._project, sample) for sample in self._samples]


def _read(project: ProjectFolder, sample: Sample) -> None:
    from fcn_studio.formats.images.images import image_size  # start-up: what only an open project needs

    with suppress(FcnStudioError):  # the user is told when the image is opened
        width, height = image_size(sample.image_path, max_pixels=project.max_pixels)
        if width * height <= LARGEST:
            project.annotations.read_ahead(sample, (width, height))
