"""The image at halved sizes, so that zoomed-out views are smooth and cost no more than the viewport."""

from __future__ import annotations

import math
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

SMALLEST = 512
"""No level is made from one whose longer side is at most this."""

ImageRgb = NDArray[np.uint8]


class ImagePyramid:
    """Levels of an image, each half as large as the one before, averaged by area. Level 0 is the image itself.

    Levels are made when first asked for. `build` makes all of them, in whatever thread decodes the image.

    Args:
        image_rgb: uint8 (H, W, 3), RGB.
    """

    def __init__(self, image_rgb: ImageRgb) -> None:
        self._levels = [image_rgb]

    @property
    def image_rgb(self) -> ImageRgb:
        """The image itself, uint8 (H, W, 3)."""
        return self._levels[0]

    def build(self) -> ImagePyramid:
        """Make all levels now; returns itself."""
        self.level_for(0.0)
        return self

    def level_for(self, scale: float) -> ImageRgb:
        """The level to draw from at ``scale`` device pixels an image pixel: never enlarged, shrunk by less than 2."""
        wanted = math.inf if scale <= 0 else max(0, math.floor(math.log2(1 / scale)))
        while len(self._levels) <= wanted and max(self._levels[-1].shape[:2]) > SMALLEST:
            self._levels.append(_halved(self._levels[-1]))
        return self._levels[int(min(wanted, len(self._levels) - 1))]


def _halved(image: ImageRgb) -> ImageRgb:
    height, width = image.shape[:2]
    size = max(1, (width + 1) // 2), max(1, (height + 1) // 2)
    return cast(ImageRgb, cv2.resize(image, size, interpolation=cv2.INTER_AREA))
