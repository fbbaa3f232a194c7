"""Copies rectangles of the layers' buffers to where they belong."""

from __future__ import annotations

from PySide6.QtCore import QPoint, QRect
from PySide6.QtGui import QImage, QPainter

from fcn_studio.core.geometry import Rect
from fcn_studio.ui.canvas.colours import Pixels


def blit(painter: QPainter, pixels: Pixels, rect: Rect, *, opaque: bool) -> None:
    """Copy (opaque) or blend a rectangle of a buffer to the same place of the painter's device, in its pixels."""
    if not rect:
        return
    modes, formats = QPainter.CompositionMode, QImage.Format
    height, width = pixels.shape
    kind = formats.Format_RGB32 if opaque else formats.Format_ARGB32_Premultiplied
    painter.setCompositionMode(modes.CompositionMode_Source if opaque else modes.CompositionMode_SourceOver)
    image = QImage(pixels.data, width, height, pixels.strides[0], kind)
    painter.drawImage(QPoint(rect.x0, rect.y0), image, QRect(rect.x0, rect.y0, rect.width, rect.height))
