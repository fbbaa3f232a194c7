"""Copies rectangles of the layers' buffers to where they belong."""

from __future__ import annotations

from collections.abc import Iterable

from PySide6.QtGui import QImage, QPainter

from fcn_studio.core.geometry import Rect
from fcn_studio.ui.canvas.colours import Pixels

_COPY, _BLEND = QPainter.CompositionMode.CompositionMode_Source, QPainter.CompositionMode.CompositionMode_SourceOver
_OPAQUE, _SEE_THROUGH = QImage.Format.Format_RGB32, QImage.Format.Format_ARGB32_Premultiplied


def blit(painter: QPainter, layers: Iterable[tuple[Pixels, Rect]], rects: Iterable[Rect]) -> None:
    """Bring rectangles of the layers' buffers to the same places of the painter's device, in its pixels.

    Args:
        painter: counts device pixels.
        layers: bottom up, the buffer of each and where it is shown; the first is copied, others are blended over it.
        rects: what to draw. They may overlap, as those of a fractional pixel ratio do.
    """
    images = [
        (_image(pixels, _SEE_THROUGH if above else _OPAQUE), shown) for above, (pixels, shown) in enumerate(layers)
    ]
    for rect in rects:
        mode = _COPY
        for image, shown in images:
            x0, y0, x1, y1 = rect.intersect(shown)
            painter.setCompositionMode(mode)
            if x0 < x1 and y0 < y1:
                painter.drawImage(x0, y0, image, x0, y0, x1 - x0, y1 - y0)
            mode = _BLEND


def _image(pixels: Pixels, kind: QImage.Format) -> QImage:
    height, width = pixels.shape
    return QImage(pixels.data, width, height, pixels.strides[0], kind)
