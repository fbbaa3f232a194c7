"""Small pictures of images, with their labels over them."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QSize
from PySide6.QtGui import QImage

from fcn_studio.core.classes import VOID, ClassTable, voc_palette
from fcn_studio.core.labels import LabelMap
from fcn_studio.ui.widgets.class_colours import on_screen

_OPACITY = 0.5

Pixels = NDArray[np.uint8]


def shrunk(picture: Pixels, image: tuple[int, int], limit: QSize) -> Pixels:
    """Return a picture at the size that its image has within a limit.

    Args:
        picture: uint8 (h, w, 3), RGB; the whole image at any size.
        image: (width, height) of the image.
        limit: largest size of the result.
    """
    width, height = image
    scale = min(limit.width() / width, limit.height() / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture, size, interpolation=cv2.INTER_AREA), np.uint8)


def with_labels(small: Pixels, label_map: LabelMap, table: ClassTable) -> Pixels:
    """Return a small picture with labels over it, the background left out."""
    labels = np.asarray(cv2.resize(label_map, small.shape[1::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
    colours = voc_palette()
    for info in on_screen(table):
        colours[info.index] = info.colour
    clear = (labels == VOID) | (labels == (VOID if table.background_index is None else table.background_index))
    mixed = cv2.addWeighted(small, 1 - _OPACITY, colours[labels], _OPACITY, 0)
    return np.where(clear[..., None], small, mixed).astype(np.uint8)


def qimage(pixels: Pixels) -> QImage:
    """Return uint8 (H, W, 3) RGB pixels as an image of Qt."""
    height, width = pixels.shape[:2]
    data = np.ascontiguousarray(pixels)
    return QImage(data.data, width, height, 3 * width, QImage.Format.Format_RGB888).copy()
