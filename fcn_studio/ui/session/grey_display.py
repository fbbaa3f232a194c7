"""Black and white of deep images on screen, and in the project.

The levels on screen are the user's choice. The network gets the levels of the project until the user makes those on
screen the project's.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

import numpy as np
from PySide6.QtCore import QObject, Signal

from fcn_studio.core.grey_levels import BY_FILE, GreyHistogram, GreyLevels, Span, histogram_of
from fcn_studio.core.image_pyramid import ImageRgb, levels_of
from fcn_studio.errors import FcnStudioError, ImageError
from fcn_studio.formats.by_project import read_row, write_row
from fcn_studio.i18n import tr
from fcn_studio.ui.runtime.worker import Worker
from fcn_studio.ui.session.images import Images
from fcn_studio.ui.session.open_project import OpenProject

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.images.depth import DeepImage

_FILE = "grey_levels.json"


@dataclass(frozen=True)
class _Deep:
    """The open image before it is scaled to 8 bits.

    Attributes:
        own: black and white where no levels are given.
        histogram: None if the image has no contrast.
    """

    image: DeepImage
    own: Span
    histogram: GreyHistogram | None


class GreyDisplay(QObject):
    """Shows deep images with levels of the user's choice.

    The samples of the open image are read, in a thread, while somebody looks at their histogram.

    Signals:
        changed(): the levels on screen or of the project changed, or the histogram.
        rule_changed(): the project has other levels; predictions made so far are of the levels before.

    Attributes:
        reading: whether the samples of the open image are being read.
    """

    changed = Signal()
    rule_changed = Signal()

    def __init__(self, open_project: OpenProject, images: Images) -> None:
        super().__init__(open_project)
        self._open, self._images = open_project, images
        self.reading = False
        self._looked_at = False
        self._deep: _Deep | None = None
        self._outdated = False  # the picture has other levels than those on screen
        self._before: GreyLevels | None = None
        self._worker = Worker("grey", self)
        self._worker.finished.connect(self._on_read)
        self._worker.failed.connect(self._on_failed)
        open_project.project_changed.connect(self._project_changed)
        open_project.document_changed.connect(self._document_changed)

    @property
    def histogram(self) -> GreyHistogram | None:
        """Values of the open image; None if it has 8 bits, is not read, or has no contrast."""
        return None if self._deep is None else self._deep.histogram

    @property
    def project_levels(self) -> GreyLevels:
        """The levels of the project, which the network gets."""
        return BY_FILE if self._open.project is None else self._open.project.config.grey_levels

    @property
    def levels(self) -> GreyLevels:
        """The levels on screen."""
        return self._images.levels or self.project_levels

    @property
    def differs(self) -> bool:
        """Whether the screen has other levels than the network."""
        return self.levels != self.project_levels

    @property
    def can_take_back(self) -> bool:
        """Whether the levels of the project were changed here."""
        return self._before is not None

    @property
    def span(self) -> Span | None:
        """Black and white of the open image on screen, None without a histogram."""
        if self._deep is None or self._deep.histogram is None:
            return None
        return self.levels.span(whole=self._deep.histogram.whole) or self._deep.own

    def look(self, on: bool) -> None:
        """Read the samples of the open image and of those opened later, or no longer."""
        if on != self._looked_at:
            self._looked_at = on
            if on and self._deep is None:
                self._document_changed()

    def set_span(self, span: Span) -> None:
        """Show all images of the open one's kind with this black and white.

        Raises:
            ValueError: if black is not below white.
        """
        if not span[0] < span[1]:
            raise ValueError(f"black and white are {span}")
        if self.histogram is not None:
            self._show(self.levels.changed(span, whole=self.histogram.whole))

    def reset(self) -> None:
        """Show the levels of the project."""
        self._show(self.project_levels)

    def use_for_project(self) -> None:
        """Make the levels on screen those of the project.

        Raises:
            ProjectError: if nothing may be written.
        """
        before = self.project_levels
        self._set_rule(self.levels)
        self._before = before
        self.changed.emit()
        self._open.notice.emit(
            tr("The network uses these grey levels from now on, so its predictions change. Labels stay as they are.")
        )

    def take_back(self) -> None:
        """Give the project the levels that it had before `use_for_project`.

        Raises:
            ProjectError: if nothing may be written.
        """
        if self._before is not None:
            self._set_rule(self._before)
            self._before = None
            self._redraw()
            self._open.notice.emit(tr("The network uses the earlier grey levels again."))

    def close(self) -> None:
        """End the thread."""
        self._worker.close()

    def _set_rule(self, levels: GreyLevels) -> None:
        project = self._open.project
        assert project is not None
        project.save_config(replace(project.config, grey_levels=levels))
        self._images.levels = None
        self._remember()
        self.rule_changed.emit()

    def _show(self, levels: GreyLevels) -> None:
        if levels != self.levels:
            self._images.levels = None if levels == self.project_levels else levels
            self._remember()
            self._redraw()

    def _redraw(self) -> None:
        self._images.want(())  # what was read ahead has other levels
        self._outdated = True
        self._draw()
        self.changed.emit()

    def _draw(self) -> None:
        """Make the picture anew; of several requests meanwhile, the last is served."""
        if self._outdated and not self._worker.running and self._open.image is not None:
            self._outdated = False
            self._worker.start(_reading(self._deep, *self._file(), self.levels))

    def _remember(self) -> None:
        project, levels = self._open.project, self._images.levels
        if project is not None:
            write_row(_FILE, project, None if levels is None else [levels.whole, levels.fractions])

    def _file(self) -> tuple[Path, int]:
        project, image = self._open.project, self._open.image
        assert project is not None
        assert image is not None
        return project.samples[image.row].image_path, project.max_pixels

    def _project_changed(self) -> None:
        project = self._open.project
        self._before = None
        self._images.levels = None if project is None else _levels_of(read_row(_FILE, project))
        self.changed.emit()

    def _document_changed(self) -> None:
        self._worker.cancel()
        self._deep = None
        self._outdated = False
        self.reading = self._looked_at and self._open.image is not None
        if self.reading:
            self._worker.start(_reading(None, *self._file(), None))
        self.changed.emit()

    def _on_read(self, result: tuple[_Deep | None, list[ImageRgb] | None]) -> None:
        known, was_reading = self._deep, self.reading
        self._deep, picture = result
        self.reading = False
        if picture is not None:
            self._images.replace(picture)
        self._draw()
        if was_reading or self._deep is not known:
            self.changed.emit()

    def _on_failed(self, error: Exception) -> None:
        self.reading = False
        if isinstance(error, FcnStudioError):
            self._open.problem.emit(str(error))
        self.changed.emit()


def _reading(
    deep: _Deep | None, path: Path, max_pixels: int, levels: GreyLevels | None
) -> Generator[None, None, tuple[_Deep | None, list[ImageRgb] | None]]:
    """Return the samples of an image, and the picture with these levels.

    There is no picture without levels, and neither of an image of 8 bits.

    Raises:
        ImageError: if it cannot be read.
    """
    from fcn_studio.formats.images.depth import span_of
    from fcn_studio.formats.images.images import deep_image

    yield  # a worker runs generators
    try:
        if deep is None:
            image = deep_image(path, max_pixels=max_pixels)
            if image is None:
                return None, None
            own = span_of(np.nan_to_num(image.samples, posinf=0.0, neginf=0.0))
            deep = _Deep(image, own, histogram_of(image.samples))
        return deep, None if levels is None else levels_of(deep.image.rgb(levels))
    except MemoryError as error:
        raise ImageError(
            tr("{path}: there is not enough memory for this image. Close other programs.", path=path)
        ) from error


def _levels_of(row: Any) -> GreyLevels | None:
    """Return the levels of a row of the file, None if it makes no sense."""
    try:
        whole, fractions = (None if pair is None else _span_of(pair) for pair in row)
    except (TypeError, ValueError):
        return None
    return GreyLevels(whole, fractions)


def _span_of(pair: Any) -> Span:
    """Return a span. Raises: TypeError, ValueError if it is none."""
    black, white = (float(number) for number in pair)
    if not -1e300 < black < white < 1e300:
        raise ValueError("no span")
    return black, white
