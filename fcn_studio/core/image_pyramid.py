"""Image pyramids: pictures at halved sizes, from which the canvas draws.

Zoomed-out views are smooth and cost no more than the viewport. Whatever is there covers the whole image: a level of
shape (h, w) shows column x of the image at ``x * w / width``, so a coarser one is less sharp and never elsewhere.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from typing import cast

import cv2
import numpy as np
from numpy.typing import NDArray

SMALLEST = 512
"""No level is made from one whose longer side is at most this."""

ImageRgb = NDArray[np.uint8]


class ImagePyramid:
    """Levels of an image, each half as large as the one before.

    Pixels are means by area. Level 0 is the image itself.

    Made of a whole image, its levels follow when they are asked for. An *awaited* one knows its size alone, then
    has a reduced picture (`begin`), and at last all levels (`complete`); both belong to the drawing thread.

    Args:
        image_rgb: uint8 (H, W, 3), RGB.

    Attributes:
        size: (width, height) of the image as displayed.
    """

    def __init__(self, image_rgb: ImageRgb) -> None:
        self.size = image_rgb.shape[1], image_rgb.shape[0]
        self._levels = [image_rgb]
        self._reduced: ImageRgb | None = None

    @classmethod
    def awaited(cls, width: int, height: int) -> ImagePyramid:
        """Make a picture of this size, as displayed, without pixels."""
        made = cls(np.empty((height, width, 0), np.uint8))
        made._levels = []
        return made

    @classmethod
    def of_levels(cls, levels: Sequence[ImageRgb]) -> ImagePyramid:
        """Make a picture from its levels (`levels_of`)."""
        made = cls(levels[0])
        made._levels = list(levels)
        return made

    @property
    def image_rgb(self) -> ImageRgb | None:
        """The image itself, uint8 (H, W, 3), None while it is awaited."""
        return self._levels[0] if self._levels else None

    def begin(self, reduced_rgb: ImageRgb) -> None:
        """Draw from a smaller picture, uint8 (h, w, 3), for now."""
        self._reduced = reduced_rgb

    def complete(self, levels: Sequence[ImageRgb]) -> None:
        """Take the image and its levels (`levels_of`).

        Raises:
            ValueError: if the image is not of the size that its header said.
        """
        if (levels[0].shape[1], levels[0].shape[0]) != self.size:
            raise ValueError(f"picture is {levels[0].shape}, awaited was {self.size}")
        self._levels, self._reduced = list(levels), None

    def level_for(self, scale: float) -> ImageRgb | None:
        """Return the level for ``scale`` device pixels an image pixel.

        It is never enlarged, and shrunk by less than 2.

        While the image is awaited it is the reduced picture, however far it must be enlarged, and None before that.
        """
        if not self._levels:
            return self._reduced
        wanted = math.inf if scale <= 0 else max(0, math.floor(math.log2(1 / scale)))
        while len(self._levels) <= wanted and max(self._levels[-1].shape[:2]) > SMALLEST:
            self._levels.append(halved(self._levels[-1]))
        return self._levels[int(min(wanted, len(self._levels) - 1))]


def levels_of(image_rgb: ImageRgb) -> list[ImageRgb]:
    """Return the image and all its levels, for use in a thread."""
    levels = [image_rgb]
    while max(levels[-1].shape[:2]) > SMALLEST:
        levels.append(halved(levels[-1]))
    return levels


def halved(image_rgb: ImageRgb) -> ImageRgb:
    """Return a picture of half the size, rounded up, averaged by area."""
    height, width = image_rgb.shape[:2]
    size = max(1, (width + 1) // 2), max(1, (height + 1) // 2)
    grey = image_rgb.strides[2] == 0  # one channel shown as three; cv2 would copy it out threefold
    half = cv2.resize(image_rgb[:, :, 0] if grey else image_rgb, size, interpolation=cv2.INTER_AREA)
    return cast(ImageRgb, np.repeat(half[:, :, None], 3, axis=2) if grey else half)
