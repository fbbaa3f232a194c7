"""Where the window's pictures come from: small ones at once, whole or not at all; large ones in stages.

A large picture is opened by its header. A thread then reads it at a reduced size, and after that the whole with its
levels, one picture at a time, while its labels can be painted already.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.image_pyramid import ImagePyramid, ImageRgb, levels_of
from fcn_studio.errors import ImageError, ImageTooLarge
from fcn_studio.ui.session.image_prefetch import STAGED_FROM, ImagePrefetch
from fcn_studio.ui.session.open_project import OpenProject

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder


class Images(QObject):
    """Gives the session its pictures, reads large ones in a thread and the neighbours ahead.

    Signals:
        arrived(): more of the open picture is there to draw.
        too_large(Path, ImageTooLarge): may this image be opened? Whoever answers yes raises ``project.max_pixels``
            before returning. After a no, images of that size are refused until the project is closed.
        broken(str, str): what is behind the header of the open image cannot be read; its id and a sentence.
    """

    arrived = Signal()
    too_large = Signal(object, object)
    broken = Signal(str, str)
    _came = Signal(object, object)
    _broke = Signal(object, str)

    def __init__(self, open_project: OpenProject) -> None:
        super().__init__(open_project)
        self._open = open_project
        self._prefetch = ImagePrefetch()
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="pictures")
        self._refused: float = float("inf")
        self._came.connect(self._on_came)
        self._broke.connect(self._on_broke)

    def of(self, path: Path, project: ProjectFolder) -> ImagePyramid:
        """The picture of a file of a project; of a large one only its size is there, and `shown` gets the rest.

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
            return ImagePyramid(read_image(path, max_pixels=project.max_pixels))
        return ImagePyramid.awaited(width, height)

    def shown(self) -> None:
        """The session's picture is the open one now: get the rest of it, if it is large."""
        image, project = self._open.image, self._open.project
        if image is not None and image.picture.image_rgb is None and project is not None:
            path = project.samples[image.row].image_path
            self._executor.submit(self._read, image.picture, path, project.max_pixels)

    def _is_open(self, picture: ImagePyramid) -> bool:
        image = self._open.image
        return image is not None and image.picture is picture

    def want(self, paths: Iterable[Path]) -> None:
        """Read these ahead, as far as they may be opened and are not large; forget what else was."""
        project = self._open.project
        self._prefetch.want(paths, 0 if project is None else project.max_pixels)

    def forget(self) -> None:
        """Forget what was read ahead and what was refused."""
        self.want(())
        self._refused = float("inf")

    def close(self) -> None:
        """End the threads; what is being read is read to its end."""
        self._prefetch.close()
        self._executor.shutdown(wait=True, cancel_futures=True)

    def _ask(self, path: Path, question: ImageTooLarge, project: ProjectFolder) -> None:
        """Raises: ImageTooLarge unless somebody allows it now."""
        if question.pixels < self._refused:
            self.too_large.emit(path, question)
            if project.max_pixels < question.pixels:
                self._refused = question.pixels
        if project.max_pixels < question.pixels:
            raise question

    def _read(self, picture: ImagePyramid, path: Path, max_pixels: int) -> None:
        """On the thread: both stages of a picture, as long as it is awaited."""
        try:
            for stage in (self._reduced, self._whole):
                if self._is_open(picture) and (levels := stage(picture, path, max_pixels)):
                    self._came.emit(picture, levels)
        except ImageError as error:
            self._broke.emit(picture, str(error))
        except MemoryError:
            self._broke.emit(picture, f"{path}: there is not enough memory for this image; close other programs")
        except Exception as error:  # noqa: BLE001 - door: a bug costs the picture, and is reported as a bug
            sys.excepthook(*sys.exc_info())
            self._broke.emit(picture, f"{path} could not be read ({type(error).__name__})")

    def _reduced(self, picture: ImagePyramid, path: Path, max_pixels: int) -> list[ImageRgb]:
        """The picture at a reduced size, if that is quicker."""
        from fcn_studio.formats.images.image_loading import reduced_image

        reduced = reduced_image(path, max_pixels=max_pixels)
        return [] if reduced is None else [reduced]

    def _whole(self, picture: ImagePyramid, path: Path, max_pixels: int) -> list[ImageRgb]:
        """All levels. Raises: ImageError if the image cannot be read, or is not what its header says."""
        from fcn_studio.formats.images.image_loading import whole_image

        whole = whole_image(path, max_pixels=max_pixels)
        if whole.shape[1::-1] != picture.size:
            raise ImageError(f"{path}: the image is damaged: its size is not what its header says; restore it")
        return levels_of(whole)

    def _on_came(self, picture: ImagePyramid, levels: list[ImageRgb]) -> None:
        if not self._is_open(picture):
            return
        if levels[0].shape[:2] == picture.size[::-1]:
            picture.complete(levels)
        else:
            picture.begin(levels[0])
        self.arrived.emit()

    def _on_broke(self, picture: ImagePyramid, sentence: str) -> None:
        image = self._open.image
        if image is not None and image.picture is picture:
            self.broken.emit(image.document.image_id, sentence)
