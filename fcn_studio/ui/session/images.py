"""Reading of the pictures of the window.

Small ones are read at once, large ones in stages. A large picture is opened by its header. A thread then reads it at
a reduced size, and after that the whole with its levels, one picture at a time. Meanwhile its labels can be painted.
"""

from __future__ import annotations

from collections.abc import Generator, Iterable
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.grey_levels import GreyLevels
from fcn_studio.core.image_pyramid import ImagePyramid, ImageRgb, levels_of
from fcn_studio.errors import ImageError, ImageTooLarge
from fcn_studio.i18n import tr
from fcn_studio.ui.runtime.worker import Worker
from fcn_studio.ui.session.image_prefetch import STAGED_FROM, ImagePrefetch
from fcn_studio.ui.session.open_project import OpenProject

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder


class Images(QObject):
    """Reads pictures for the session: large ones in a thread, neighbours ahead.

    Signals:
        arrived(): more of the open picture is there to draw.
        too_large(Path, ImageTooLarge): may this image be opened? Whoever answers yes raises ``project.max_pixels``
            before returning. After a no, images of that size are refused until the project is closed.
        broken(str, str): what is behind the header of the open image cannot be read; its id and a sentence.

    Attributes:
        levels: black and white of deep images on screen; None for those of the project.
    """

    arrived = Signal()
    too_large = Signal(object, object)
    broken = Signal(str, str)

    def __init__(self, open_project: OpenProject) -> None:
        super().__init__(open_project)
        self._open = open_project
        self.levels: GreyLevels | None = None
        self._prefetch = ImagePrefetch()
        self._worker = Worker("pictures", self)
        self._reading: ImagePyramid | None = None  # the picture that the worker reads
        self._refused: float = float("inf")
        self._worker.stepped.connect(self._on_stage)
        self._worker.failed.connect(self._on_failed)
        self._worker.finished.connect(self._stop_reading)

    def of(self, path: Path, project: ProjectFolder) -> ImagePyramid:
        """Return the picture of a file of a project.

        A large one has only its size yet, and `shown` reads the rest.

        Raises:
            ImageError: if it cannot be read, or may not be opened.
        """
        if (ready := self._prefetch.taken(path)) is not None:
            return ready
        from fcn_studio.formats.images.images import (  # start-up: Pillow comes with the first image
            image_size,
            read_image,
        )

        try:
            width, height = image_size(path, max_pixels=project.max_pixels)
        except ImageTooLarge as question:
            self._ask(path, question, project)
            width, height = image_size(path, max_pixels=project.max_pixels)
        if width * height < STAGED_FROM:
            return ImagePyramid(read_image(path, max_pixels=project.max_pixels, levels=self._levels(project)))
        return ImagePyramid.awaited(width, height)

    def shown(self) -> None:
        """Read the rest of the open picture, if it is large.

        Nothing more is read of the picture before.
        """
        self._stop_reading()
        image, project = self._open.image, self._open.project
        if image is not None and image.picture.image_rgb is None and project is not None:
            path = project.samples[image.row].image_path
            self._reading = image.picture
            self._worker.start(_stages(image.picture.size, path, project.max_pixels, self._levels(project)))

    def replace(self, levels: list[ImageRgb]) -> None:
        """Draw the open image from other pixels, with all their levels, if they are of its size."""
        image = self._open.image
        if image is not None and image.picture.size == levels[0].shape[1::-1]:
            self._stop_reading()
            image.picture.complete(levels)
            self.arrived.emit()

    def _levels(self, project: ProjectFolder) -> GreyLevels:
        return self.levels or project.config.grey_levels

    def _stop_reading(self) -> None:
        self._worker.cancel()
        self._reading = None  # a large picture takes much memory

    def want(self, paths: Iterable[Path]) -> None:
        """Read these ahead unless they are large, and forget all others."""
        project = self._open.project
        if project is None:
            self._prefetch.want((), 0)
        else:
            self._prefetch.want(paths, project.max_pixels, self._levels(project))

    def forget(self) -> None:
        """Forget what was read ahead and what was refused."""
        self.want(())
        self._refused = float("inf")

    def close(self) -> None:
        """End the threads."""
        self._prefetch.close()
        self._worker.close()

    def _ask(self, path: Path, question: ImageTooLarge, project: ProjectFolder) -> None:
        """Ask whether a large image may be opened. Raises: ImageTooLarge if not."""
        if question.pixels < self._refused:
            self.too_large.emit(path, question)
            if project.max_pixels < question.pixels:
                self._refused = question.pixels
        if project.max_pixels < question.pixels:
            raise question

    def _on_stage(self, levels: list[ImageRgb]) -> None:
        image = self._open.image
        if image is None or image.picture is not self._reading:
            return
        if levels[0].shape[:2] == image.picture.size[::-1]:
            image.picture.complete(levels)
        else:
            image.picture.begin(levels[0])
        self.arrived.emit()

    def _on_failed(self, error: Exception) -> None:
        image, project = self._open.image, self._open.project
        if image is None or image.picture is not self._reading or project is None:
            return
        sentence = str(error)
        if not isinstance(error, ImageError):
            path = project.samples[image.row].image_path
            sentence = tr("{path} cannot be read ({kind}).", path=path, kind=type(error).__name__)
        self.broken.emit(image.document.image_id, sentence)


def _stages(
    size: tuple[int, int], path: Path, max_pixels: int, levels: GreyLevels
) -> Generator[list[ImageRgb], None, None]:
    """Yield a large picture at a reduced size, then all its levels.

    The reduced size is left out if it is not quicker.

    Raises:
        ImageError: if it cannot be read, or is not what its header says.
    """
    from fcn_studio.formats.images.image_loading import reduced_image, whole_image

    try:
        reduced = reduced_image(path, max_pixels=max_pixels, levels=levels)
        if reduced is not None:
            yield [reduced]
        whole = whole_image(path, max_pixels=max_pixels, levels=levels)
        if whole.shape[1::-1] != size:
            raise ImageError(
                tr("{path}: the image is damaged. Its size is not what its header says. Restore the file.", path=path)
            )
        whole_levels = levels_of(whole)
    except MemoryError as error:
        raise ImageError(
            tr("{path}: there is not enough memory for this image. Close other programs.", path=path)
        ) from error
    yield whole_levels
