"""From arrays of the image's size to device pixels of a rectangle of the viewport: one composer a layer."""

from __future__ import annotations

from typing import Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap, Provenance
from fcn_studio.ui.canvas.colours import BACKDROP, Pixels
from fcn_studio.ui.canvas.pyramid import ImagePyramid
from fcn_studio.ui.canvas.sampling import Sampling

NEAREST_FROM = 2.0
"""From this scale on image pixels are shown as squares; below, the image is interpolated."""

_STEPS = 32
"""cv2.remap interpolates in steps of 1/32 pixel; positions rounded to them here are used exactly."""


class Composer(Protocol):
    """Makes the pixels of one layer. Results depend on the view and the sources only, never on the rectangle."""

    @property
    def outside(self) -> int:
        """Pixel where there is no image."""

    @property
    def reach(self) -> int:
        """How many device pixels away a changed pixel can change the picture."""

    def compose(self, sampling: Sampling, rect: Rect) -> Pixels:
        """Pixels (h, w) of a device rectangle, not empty, within ``sampling.inside``."""


class ImageComposer:
    """The photograph: sharp squares when enlarged, smooth when not."""

    outside = BACKDROP
    reach = 0

    def __init__(self, pyramid: ImagePyramid, fade: NDArray[np.uint8] | None) -> None:
        self._pyramid = pyramid
        self._fade = fade

    def compose(self, sampling: Sampling, rect: Rect) -> Pixels:
        scale, whole = sampling.view.scale, self._pyramid.image_rgb
        level = self._pyramid.level_for(scale)
        if level is None:
            return np.full((rect.height, rect.width), BACKDROP, np.uint32)
        if whole is not None and (scale == 1 or scale >= NEAREST_FROM):
            rgb = sampling.gather(whole, rect)
        else:
            rgb = _interpolated(level, sampling, rect)
        bgra = cv2.cvtColor(rgb if self._fade is None else cv2.LUT(rgb, self._fade), cv2.COLOR_RGB2BGRA)
        return _as_pixels(bgra)


class LabelComposer:
    """A label map in the colours of its classes, filled or as borders.

    Args:
        label_map: uint8 (H, W).
        provenance: uint8 (H, W): 255 is drawn where it says that somebody painted void, and transparent where
            nobody did; None draws no 255 at all (a prediction).
        pixels: the pixel of each value, shape (256,).
        outline: draw only the device pixels next to another class.
    """

    outside = 0

    def __init__(self, label_map: LabelMap, provenance: LabelMap | None, pixels: Pixels, *, outline: bool) -> None:
        self._label_map = label_map
        self._provenance = provenance
        self._void = pixels[VOID]
        self._pixels = pixels.copy()
        self._pixels[VOID] = 0
        self._outline = outline

    @property
    def reach(self) -> int:
        return 1 if self._outline else 0

    def compose(self, sampling: Sampling, rect: Rect) -> Pixels:
        indices = sampling.gather(self._label_map, rect, halo=self.reach)
        border = None
        if self._outline:
            border = _borders(indices)
            indices = np.ascontiguousarray(indices[1:-1, 1:-1])
        pixels = _looked_up(indices, self._pixels)
        # Unlabelled and painted void share the value 255: only there is the provenance looked at.
        if self._provenance is not None and self._void:
            void = indices == VOID
            if void.any():
                painted = sampling.gather(self._provenance, rect) != Provenance.NOBODY
                np.copyto(pixels, self._void, where=void & painted)
        if border is not None:
            pixels[~border] = 0
        return pixels


class HeatComposer:
    """The uncertainty as a heat map. ``uncertainty``: uint8 (H, W); ``pixels``: the pixel of each value."""

    outside = 0
    reach = 0

    def __init__(self, uncertainty: LabelMap, pixels: Pixels) -> None:
        self._uncertainty = uncertainty
        self._pixels = pixels

    def compose(self, sampling: Sampling, rect: Rect) -> Pixels:
        return _looked_up(sampling.gather(self._uncertainty, rect), self._pixels)


def _looked_up(indices: LabelMap, pixels: Pixels) -> Pixels:
    # cv2.LUT knows int32 but not uint32; it is four times faster than numpy's take.
    return np.asarray(cv2.LUT(indices, pixels.view(np.int32))).view(np.uint32)


def _borders(indices: LabelMap) -> NDArray[np.bool_]:
    """Where a pixel's 3x3 neighbourhood holds another value; the result lacks the halo of 1 of the input."""
    kernel = np.ones((3, 3), np.uint8)
    different = cv2.compare(cv2.dilate(indices, kernel), cv2.erode(indices, kernel), cv2.CMP_NE)
    return np.asarray(different)[1:-1, 1:-1].astype(np.bool_)


def _as_pixels(bgra: object) -> Pixels:
    return np.ascontiguousarray(bgra).view(np.uint32)[..., 0]


def _interpolated(level: NDArray[np.uint8], sampling: Sampling, rect: Rect) -> NDArray[np.uint8]:
    """Bilinear sampling of a pyramid level, the same for a pixel whatever rectangle it is asked in."""
    view = sampling.view
    columns = _positions(rect.x0, rect.x1, view.origin_x, view.scale, level.shape[1] / view.image_width)
    rows = _positions(rect.y0, rect.y1, view.origin_y, view.scale, level.shape[0] / view.image_height)
    # A margin of one pixel around what is touched makes the border rule act at the true edge of the level only.
    left, top = max(0, int(columns[0] // _STEPS)), max(0, int(rows[0] // _STEPS))
    block = level[top : int(rows[-1] // _STEPS) + 2, left : int(columns[-1] // _STEPS) + 2]
    whole = np.empty((len(rows), len(columns), 2), np.int16)
    whole[..., 0] = columns // _STEPS - left
    whole[..., 1] = (rows // _STEPS - top)[:, None]
    parts = ((rows % _STEPS * _STEPS).astype(np.uint16))[:, None] + (columns % _STEPS).astype(np.uint16)
    resampled = cv2.remap(block, whole, parts, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cast(NDArray[np.uint8], resampled)


def _positions(start: int, stop: int, origin: int, scale: float, ratio: float) -> NDArray[np.int64]:
    """Where the centres of device pixels lie in a level, counted from its first pixel's centre, in 1/32 pixels."""
    centres = (np.arange(start, stop, dtype=np.int64) - origin + 0.5) / scale
    positions: NDArray[np.int64] = np.rint((centres * ratio - 0.5) * _STEPS).astype(np.int64)
    return positions
