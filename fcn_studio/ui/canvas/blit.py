"""Copying of rectangles from the buffers of layers."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtGui import QImage, QPainter

from fcn_studio.core.geometry import Rect
from fcn_studio.ui.canvas.colours import Pixels

_COPY, _BLEND = QPainter.CompositionMode.CompositionMode_Source, QPainter.CompositionMode.CompositionMode_SourceOver
_OPAQUE, _SEE_THROUGH = QImage.Format.Format_RGB32, QImage.Format.Format_ARGB32_Premultiplied


def image_of(pixels: Pixels, *, opaque: bool) -> QImage:
    """Return a `QImage` that shares the memory of the array.

    The array must outlive the image.
    """
    height, width = pixels.shape
    return QImage(pixels.data, width, height, pixels.strides[0], _OPAQUE if opaque else _SEE_THROUGH)


def flattened(layers: Iterable[tuple[QImage, Rect]], viewport: Rect) -> QImage:
    """Return a new opaque picture of the layers, given as for `blit`."""
    picture = QImage(viewport.width, viewport.height, _OPAQUE)
    painter = QPainter(picture)
    blit(painter, layers, viewport)
    painter.end()
    return picture


def blit(painter: QPainter, layers: Iterable[tuple[QImage, Rect]], rect: Rect) -> None:
    """Copy a rectangle of the layers' buffers to the device.

    It goes to the same place.

    Args:
        painter: counts device pixels.
        layers: bottom up, each with the rectangle that shows it; the first is copied, others are blended over it.
        rect: what to draw.
    """
    mode = _COPY
    for image, shown in layers:
        x0, y0, x1, y1 = rect.intersect(shown)
        if x0 < x1 and y0 < y1:
            painter.setCompositionMode(mode)
            painter.drawImage(x0, y0, image, x0, y0, x1 - x0, y1 - y0)
        mode = _BLEND
