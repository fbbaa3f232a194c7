"""Small pictures for the Files dock, with the labels over them.

A thread makes them, those asked for last come first. Their number is bounded.
"""

from __future__ import annotations

from collections import OrderedDict, deque
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import suppress
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QSize, Signal
from PySide6.QtGui import QImage

from fcn_studio.core.sample import Sample
from fcn_studio.errors import ImageError, MaskError
from fcn_studio.ui.widgets.small_picture import qimage, shrunk, with_labels

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.ui.session.session import Session

    _Made = tuple[ProjectFolder, str, QImage | None]

THUMBNAIL = QSize(112, 84)
"""Pixels of a thumbnail, two for each pixel of a screen of usual density."""

MOST = 1000
"""Thumbnails that are kept, 38 kB each."""

MOST_ASKED = 60
"""Requests that wait; older ones are out of view by then."""

LARGEST = 20_000_000
"""Pixels of an image beyond which only a file that can be read at a reduced size gets a thumbnail."""


class Thumbnails(QObject):
    """Thumbnails of the images of the open project.

    Signals:
        arrived(): another thumbnail is there.

    Attributes:
        shown: whether the list shows any; nothing is made otherwise.
    """

    arrived = Signal()
    _made = Signal(object)

    def __init__(self, session: Session, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.shown = False
        self._session = session
        self._kept: OrderedDict[str, QImage | None] = OrderedDict()
        self._stale: set[str] = set()
        self._asked: deque[Sample] = deque(maxlen=MOST_ASKED)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="thumbnails")
        self._made.connect(self._on_made)
        session.table_changed.connect(self._colours_changed)

    def of(self, sample: Sample) -> QImage | None:
        """Return the thumbnail of an image, None if it is not there (yet)."""
        image_id = sample.image_id
        if image_id in self._kept and image_id not in self._stale:
            self._kept.move_to_end(image_id)
            return self._kept[image_id]
        project = self._session.project
        if project is not None and sample not in self._asked:
            self._asked.append(sample)
            self._stale.discard(image_id)
            self._executor.submit(self._make_next, project).add_done_callback(self._made.emit)
        return self._kept.get(image_id)

    def forget(self, image_id: str) -> None:
        """Make the thumbnail of an image anew when it is next shown: its labels have changed."""
        if image_id in self._kept:
            self._stale.add(image_id)

    def _colours_changed(self) -> None:
        self._stale.update(self._kept)
        self.arrived.emit()

    def clear(self) -> None:
        """Forget all thumbnails and requests."""
        self._asked.clear()
        self._kept.clear()
        self._stale.clear()

    def close(self) -> None:
        """End the thread."""
        self.clear()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _make_next(self, project: ProjectFolder) -> _Made | None:
        """Make the thumbnail that was asked for last. Runs on the thread."""
        try:
            sample = self._asked.pop()
        except IndexError:  # dropped meanwhile
            return None
        return project, sample.image_id, thumbnail(project, sample)

    def _on_made(self, future: Future[_Made | None]) -> None:
        made = None if future.cancelled() else future.result()
        if made is None or made[0] is not self._session.project:
            return
        self._kept[made[1]] = made[2]
        while len(self._kept) > MOST:
            self._kept.popitem(last=False)
        self.arrived.emit()


def thumbnail(project: ProjectFolder, sample: Sample) -> QImage | None:
    """Return an image of a project with its labels over it, None if it cannot be read."""
    from fcn_studio.formats.images.image_loading import reduced_image
    from fcn_studio.formats.images.images import image_size, read_image

    path, levels, most = sample.image_path, project.config.grey_levels, project.max_pixels
    try:
        width, height = image_size(path, max_pixels=most)
        picture = reduced_image(path, max_pixels=most, levels=levels)
        if picture is None:
            if width * height > LARGEST:
                return None
            picture = read_image(path, max_pixels=most, levels=levels)
    except ImageError:  # opening the image says what is the matter
        return None
    small = shrunk(picture, (width, height), THUMBNAIL)
    with suppress(MaskError):
        label_map = project.annotations.load(sample, (width, height), peek=True).labels.label_map
        small = with_labels(small, label_map, project.config.table)
    return qimage(small)
