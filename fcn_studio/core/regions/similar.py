"""Pixels of a colour like that of one of them."""

from __future__ import annotations

from functools import cached_property, lru_cache
from threading import Thread

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.geometry import Rect
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.region import Region, StencilRegion

NEAR = 1024
"""Side in pixels of the square around the pixel that is looked at first; it takes some 10 ms."""

_LIGHTNESS = 1.5
"""Lightness may differ by so much more than colour, since shade changes it."""

Lab = NDArray[np.uint8]
Levels = tuple[float, ...]


@lru_cache(maxsize=1)
def prepare() -> None:
    """Let OpenCV make its tables for Lab in a thread; the first conversion would take 0.1 s more."""
    Thread(target=_lab_of, args=[np.zeros((1, 1, 3), np.uint8)], name="lab", daemon=True).start()


class SimilarPixels:
    """The pixels whose colour is near to that of one pixel, in Lab.

    Args:
        image_rgb: uint8 (H, W, 3).
        seed_xy: the pixel, inside the image.
        contiguous: only those connected with it by such pixels (4 neighbours).
    """

    def __init__(self, image_rgb: ImageRgb, seed_xy: tuple[int, int], *, contiguous: bool) -> None:
        self._image, self._seed, self._contiguous = image_rgb, seed_xy, contiguous
        self._frame = Rect(0, 0, image_rgb.shape[1], image_rgb.shape[0])
        x, y = seed_xy
        self._near = Rect(x - NEAR // 2, y - NEAR // 2, x + NEAR // 2, y + NEAR // 2).intersect(self._frame)

    def first(self, tolerance: int) -> tuple[Region, bool]:
        """Return what can be shown at once, and whether these are all pixels.

        Connected ones are looked for near the pixel. Those everywhere are looked for where their region is asked for.

        Args:
            tolerance: how far a and b may differ, 0 to 255; L may differ by half as much again.
        """
        if not self._contiguous:
            return _ColourRegion(self._image, self._range(tolerance)), True
        near, frame = self._near, self._frame
        found = self._connected(self._near_lab, near, tolerance)
        inner = Rect(
            near.x0 + (near.x0 > 0), near.y0 + (near.y0 > 0),
            near.x1 - (near.x1 < frame.x1), near.y1 - (near.y1 < frame.y1),
        )  # fmt: skip
        return found, found.rect.intersect(inner) == found.rect

    def all(self, tolerance: int) -> StencilRegion:
        """Return all pixels; it takes a second from some 100 megapixels on."""
        if self._contiguous:
            return self._connected(self._lab, self._frame, tolerance)
        return StencilRegion(self._frame, _inside(self._lab, self._range(tolerance)))

    @cached_property
    def _near_lab(self) -> Lab:
        return _lab_of(self._image[self._near.slices])

    @cached_property
    def _lab(self) -> Lab:
        return _lab_of(self._image)

    def _range(self, tolerance: int) -> tuple[Levels, Levels]:
        """Return the least and the largest L, a and b that are near enough."""
        x, y = self._seed
        seed, most = _lab_of(self._image[y : y + 1, x : x + 1])[0, 0].astype(int), np.array(_most(tolerance))
        low, high = np.ceil(seed - most).tolist(), np.floor(seed + most).tolist()
        return tuple(low), tuple(high)

    def _connected(self, lab: Lab, frame: Rect, tolerance: int) -> StencilRegion:
        """Return the connected pixels in a part of the image."""
        mask = np.zeros((frame.height + 2, frame.width + 2), np.uint8)
        flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (1 << 8)
        seed, most = (self._seed[0] - frame.x0, self._seed[1] - frame.y0), _most(tolerance)
        left, top, columns, rows = cv2.floodFill(lab, mask, seed, 0, most, most, flags)[3]
        rect = Rect(left, top, left + columns, top + rows)
        return StencilRegion(rect.moved(frame.x0, frame.y0), mask[1:-1, 1:-1][rect.slices])


class _ColourRegion(Region):
    """All pixels of an image whose Lab values are in a range; each part is looked at when it is asked for."""

    def __init__(self, image_rgb: ImageRgb, levels: tuple[Levels, Levels]) -> None:
        self.rect = Rect(0, 0, image_rgb.shape[1], image_rgb.shape[0])
        self._image, self._levels = image_rgb, levels

    def part(self, rect: Rect) -> NDArray[np.uint8]:
        return _inside(_lab_of(self._image[rect.slices]), self._levels)

    def sampled(self, rows: NDArray[np.int64], columns: NDArray[np.int64]) -> NDArray[np.uint8]:
        if rows[-1] - rows[0] < len(rows):
            return super().sampled(rows, columns)
        return _inside(_lab_of(self._image[rows].take(columns, 1)), self._levels)


def _most(tolerance: int) -> Levels:
    return tolerance * _LIGHTNESS, tolerance, tolerance


def _lab_of(image_rgb: ImageRgb) -> Lab:
    """Return L, a and b as OpenCV scales them to 0..255."""
    return np.asarray(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2LAB), np.uint8)


def _inside(lab: Lab, levels: tuple[Levels, Levels]) -> NDArray[np.uint8]:
    return np.asarray(cv2.inRange(lab, *levels), np.uint8)
