"""Preview of an import: a photograph with the annotation over it, as it is mapped now."""

from __future__ import annotations

from collections.abc import Generator, Mapping
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize, Qt
from PySide6.QtGui import QImage, QPixmap
from PySide6.QtWidgets import QLabel, QVBoxLayout, QWidget

from fcn_studio.core.classes import Colour
from fcn_studio.errors import FcnStudioError
from fcn_studio.formats.images.images import read_image
from fcn_studio.formats.importers.base import VOID_VALUE, MaskSource, SourceMap
from fcn_studio.i18n import tr
from fcn_studio.jobs.import_masks.mapping import read
from fcn_studio.jobs.import_masks.matching import Match
from fcn_studio.ui.runtime.worker import Worker
from fcn_studio.ui.widgets.named import named, with_role

_SIZE, _SMALL_SIZE = QSize(320, 240), QSize(240, 160)
"""Size of each picture, on screens of more and of less than `_HIGH` pixels."""

_HIGH = 900

UNDECIDED_COLOUR = (255, 0, 255)
"""Colour of pixels whose value has no meaning yet."""

_OPACITY = 0.6

CodeColours = Mapping[int, Colour | None]
"""Number in a source map -> colour that it is drawn in; None where nothing is drawn."""


@dataclass(frozen=True)
class _Small:
    """Photograph, uint8 (H, W, 3), and annotation (H, W), both of the size of the preview."""

    image_rgb: NDArray[np.uint8]
    codes: SourceMap


class ImportPreview(QWidget):
    """Picture of one annotation over its photograph. It is read in a thread."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        self.picture = named(QLabel(alignment=Qt.AlignmentFlag.AlignCenter), tr("Preview of the labels"))
        self.photograph = named(QLabel(alignment=Qt.AlignmentFlag.AlignCenter), tr("The photograph"))
        self.caption = with_role(QLabel(wordWrap=True), "dim")
        self.caption.setTextFormat(Qt.TextFormat.PlainText)
        self._size = _SIZE if self.screen().availableGeometry().height() >= _HIGH else _SMALL_SIZE
        for label in (self.picture, self.photograph):
            label.setFixedSize(self._size)
            column.addWidget(label)
        column.addWidget(self.caption)
        column.addStretch(1)
        self._worker = Worker("import_preview", self)
        self._worker.finished.connect(self._read)
        self._worker.failed.connect(self._failed)
        self._colours: CodeColours = {}
        self._small: _Small | None = None
        self._shown: Match | None = None

    def show_match(self, source: MaskSource, match: Match, max_pixels: int) -> None:
        """Read an annotation and its photograph, and show them."""
        if match is self._shown:
            return
        self._shown, self._small = match, None
        self.caption.setText(match.sample.image_id)
        size = self._size * self.devicePixelRatioF()
        self._worker.start(_read_small(source, match, max_pixels, size))

    def show_colours(self, colours: CodeColours) -> None:
        """Draw the annotation in these colours."""
        self._colours = colours
        self._draw()

    def close_worker(self) -> None:
        """Wait until nothing is read any more."""
        self._worker.close()

    def _read(self, small: _Small) -> None:
        self._small = small
        self.photograph.setPixmap(self._pixmap(small.image_rgb))
        self._draw()

    def _failed(self, error: Exception) -> None:
        self.picture.clear()
        self.photograph.clear()
        if isinstance(error, FcnStudioError):
            self.caption.setText(str(error))

    def _draw(self) -> None:
        if self._small is not None:
            pixels = blended(self._small.image_rgb, self._small.codes, self._colours)
            self.picture.setPixmap(self._pixmap(pixels))

    def _pixmap(self, pixels: NDArray[np.uint8]) -> QPixmap:
        height, width = pixels.shape[:2]
        image = QImage(pixels.data, width, height, 3 * width, QImage.Format.Format_RGB888)
        pixmap = QPixmap.fromImage(image)
        pixmap.setDevicePixelRatio(self.devicePixelRatioF())
        return pixmap


def blended(image_rgb: NDArray[np.uint8], codes: SourceMap, colours: CodeColours) -> NDArray[np.uint8]:
    """Return a photograph with an annotation over it, uint8 (H, W, 3).

    Pixels whose number has no entry in ``colours`` are undecided.
    """
    most = max(int(codes.max(initial=0)), 0) - VOID_VALUE + 1
    lut = np.full((most, 3), UNDECIDED_COLOUR, np.float32)
    alpha = np.full(most, _OPACITY, np.float32)
    for code, colour in colours.items():
        if code - VOID_VALUE < most:
            lut[code - VOID_VALUE] = colour or 0
            alpha[code - VOID_VALUE] = 0 if colour is None else _OPACITY
    places = codes - VOID_VALUE
    opacity = alpha[places][..., None]
    mixed = image_rgb * (1 - opacity) + lut[places] * opacity
    return np.ascontiguousarray(np.rint(mixed).astype(np.uint8))


def _read_small(source: MaskSource, match: Match, max_pixels: int, box: QSize) -> Generator[None, None, _Small]:
    codes = read(source, match, max_pixels)
    yield
    image_rgb = read_image(match.image_path, max_pixels=max_pixels)
    yield
    height, width = codes.shape
    scale = min(box.width() / width, box.height() / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    small = cv2.resize(image_rgb, size, interpolation=cv2.INTER_AREA if scale < 1 else cv2.INTER_NEAREST)
    codes = np.asarray(cv2.resize(codes, size, interpolation=cv2.INTER_NEAREST), np.int16)
    return _Small(np.asarray(small, np.uint8), codes)
