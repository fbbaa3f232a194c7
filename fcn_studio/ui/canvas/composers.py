"""Composers, one for each layer.

They turn arrays of the image's size into device pixels.
"""

from __future__ import annotations

from typing import Protocol, cast

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.geometry import Rect
from fcn_studio.core.image_pyramid import ImagePyramid
from fcn_studio.core.labels import LabelMap, Provenance
from fcn_studio.ui.canvas.colours import BACKDROP, Pixels
from fcn_studio.ui.canvas.hatch import Hatch
from fcn_studio.ui.canvas.sampling import Sampling

NEAREST_FROM = 2.0
"""Scale from which image pixels are squares; below it the image is interpolated."""

_STEPS = 32
"""Interpolation steps of cv2.remap per pixel; positions rounded to them are exact."""

_BAND = 64
"""Rows that are interpolated at a time; larger arrays are slow to allocate."""


class Composer(Protocol):
    """Source of the pixels of one layer.

    Results depend on the view and the sources only, never on the rectangle.
    """

    @property
    def outside(self) -> int:
        """Pixel outside of the image."""

    @property
    def opaque(self) -> bool:
        """Whether the layer covers all layers below it."""

    @property
    def reach(self) -> int:
        """Device pixels within which a changed pixel can change the picture."""

    def compose(self, sampling: Sampling, rect: Rect, out: Pixels) -> None:
        """Fill ``out``, (h, w), with the pixels of a device rectangle.

        The rectangle is not empty and lies within ``sampling.inside``.
        """


class ImageComposer:
    """The image: sharp squares when enlarged, smooth otherwise.

    ``table``: the displayed value of each value, uint8 (256,), adjusted and faded; None changes nothing.
    """

    outside = BACKDROP
    opaque = True
    reach = 0

    def __init__(self, pyramid: ImagePyramid, table: NDArray[np.uint8] | None) -> None:
        self._pyramid = pyramid
        self._table = table

    def compose(self, sampling: Sampling, rect: Rect, out: Pixels) -> None:
        scale, whole = sampling.view.scale, self._pyramid.image_rgb
        level = self._pyramid.level_for(scale)
        if level is None:
            out.fill(BACKDROP)
            return
        if whole is not None and (scale == 1 or scale >= NEAREST_FROM):
            rgb = sampling.gather(whole, rect)
        else:
            rgb = _interpolated(level, sampling, rect)
        bgra = out.view(np.uint8).reshape(rect.height, rect.width, 4)
        cv2.cvtColor(rgb if self._table is None else cv2.LUT(rgb, self._table), cv2.COLOR_RGB2BGRA, dst=bgra)


class LabelComposer:
    """Composer of a label map in the colours of its classes.

    Areas are filled, outlined or hatched.

    Args:
        label_map: uint8 (H, W).
        provenance: uint8 (H, W); a 255 of the label map is drawn where a person painted void and is transparent
            elsewhere. None never draws 255 (a prediction).
        pixels: the pixel of each value, shape (256,); with a hatch, the pixel between its lines.
        outline: draw only the device pixels next to another class.
        hatch: draw the lines of this hatch and a line along the borders.
    """

    outside = 0
    opaque = False

    def __init__(
        self,
        label_map: LabelMap,
        provenance: LabelMap | None,
        pixels: Pixels,
        *,
        outline: bool = False,
        hatch: Hatch | None = None,
    ) -> None:
        self._label_map = label_map
        self._provenance = provenance
        self._classes = _without_void(pixels)
        self._void = pixels[VOID]
        self._outline = outline
        self._hatch = None if hatch is None else (hatch, _without_void(hatch.lines))

    @property
    def reach(self) -> int:
        return 1 if self._outline or self._hatch is not None else 0

    def compose(self, sampling: Sampling, rect: Rect, out: Pixels) -> None:
        indices = sampling.gather(self._label_map, rect, halo=self.reach)
        if not self.reach:
            _colour(indices, self._classes, self._painted_void(sampling, rect, indices), self._void, out)
            return
        lined = _borders(indices)
        indices = np.ascontiguousarray(indices[1:-1, 1:-1])
        void = self._painted_void(sampling, rect, indices)
        _colour(indices, self._classes, void, self._void, out)
        if self._hatch is None:
            np.multiply(out, lined & 1, out=out)
            return
        hatch, classes = self._hatch
        left, top = rect.x0 - sampling.view.origin_x, rect.y0 - sampling.view.origin_y
        for row in range(0, rect.height, _BAND):
            rows = slice(row, row + _BAND)
            lines = np.empty(indices[rows].shape, np.uint32)
            _colour(indices[rows], classes, None if void is None else void[rows], hatch.lines[VOID], lines)
            where = hatch.on(indices[rows], left, top + row) | lined[rows]
            cv2.copyTo(lines.view(np.int32), where, out[rows].view(np.int32))

    def _painted_void(self, sampling: Sampling, rect: Rect, indices: LabelMap) -> NDArray[np.bool_] | None:
        """Return where void was painted, or None if nowhere.

        The provenance is read only where the value is 255.
        """
        if self._provenance is None or indices.max() != VOID:
            return None
        painted: NDArray[np.bool_] = sampling.gather(self._provenance, rect) != Provenance.NOBODY
        painted &= indices == VOID
        return painted


class HeatComposer:
    """The uncertainty as a heat map.

    Args:
        uncertainty: uint8 (H, W).
        pixels: the pixel of each value, shape (256,).
    """

    outside = 0
    opaque = False
    reach = 0

    def __init__(self, uncertainty: LabelMap, pixels: Pixels) -> None:
        self._uncertainty = uncertainty
        self._pixels = pixels

    def compose(self, sampling: Sampling, rect: Rect, out: Pixels) -> None:
        _look_up(sampling.gather(self._uncertainty, rect), self._pixels, out)


class DisagreementComposer:
    """Outlines of regions whose labels differ from the prediction.

    Void and unlabelled pixels never differ.

    Args:
        label_map: uint8 (H, W).
        predicted: uint8 (H, W), in the same class indices; 255 where the network has no class of the table.
        pixels: pixels of nothing, of the outer line and of the inner line, shape (256,).
    """

    outside = 0
    opaque = False
    reach = 1

    def __init__(self, label_map: LabelMap, predicted: LabelMap, pixels: Pixels) -> None:
        self._label_map = label_map
        self._predicted = predicted
        self._pixels = pixels

    def compose(self, sampling: Sampling, rect: Rect, out: Pixels) -> None:
        labels = sampling.gather(self._label_map, rect, halo=1)
        predicted = sampling.gather(self._predicted, rect, halo=1)
        apart = ((labels != predicted) & (labels != VOID) & (predicted != VOID)).view(np.uint8)
        _look_up((_borders(apart) & 1) << apart[1:-1, 1:-1], self._pixels, out)


def _look_up(indices: LabelMap, pixels: Pixels, out: Pixels) -> None:
    """Fill ``out`` with ``pixels[indices]``.

    numpy's take needs four times the time. cv2 has no uint32.
    """
    cv2.LUT(indices, pixels.view(np.int32), dst=out.view(np.int32))


def _without_void(pixels: Pixels) -> Pixels:
    """Return the pixels of classes with 255 transparent.

    Unlabelled pixels and painted void share that value.
    """
    classes = pixels.copy()
    classes[VOID] = 0
    return classes


def _colour(
    indices: LabelMap, classes: Pixels, void: NDArray[np.bool_] | None, void_pixel: np.uint32, out: Pixels
) -> None:
    """Fill ``out`` with the pixels of classes and of painted void."""
    _look_up(indices, classes, out)
    if void is not None and void_pixel:
        np.copyto(out, void_pixel, where=void)


def _borders(indices: LabelMap) -> NDArray[np.uint8]:
    """Return 255 where a pixel differs from its 3x3 neighbourhood.

    It is 0 elsewhere. The result lacks the input's halo of 1.
    """
    kernel = np.ones((3, 3), np.uint8)
    different = cv2.compare(cv2.dilate(indices, kernel), cv2.erode(indices, kernel), cv2.CMP_NE)
    return np.ascontiguousarray(np.asarray(different, np.uint8)[1:-1, 1:-1])


def _interpolated(level: NDArray[np.uint8], sampling: Sampling, rect: Rect) -> NDArray[np.uint8]:
    """Sample a pyramid level bilinearly, independent of the rectangle."""
    view = sampling.view
    columns = _positions(rect.x0, rect.x1, view.origin_x, view.scale, level.shape[1] / view.image_width)
    rows = _positions(rect.y0, rect.y1, view.origin_y, view.scale, level.shape[0] / view.image_height)
    # A margin of one pixel around the sampled part keeps the border rule to the true edge of the level.
    left, top = max(0, int(columns[0] // _STEPS)), max(0, int(rows[0] // _STEPS))
    block = level[top : int(rows[-1] // _STEPS) + 2, left : int(columns[-1] // _STEPS) + 2]
    whole = np.empty((len(rows), len(columns), 2), np.int16)
    whole[..., 0] = columns // _STEPS - left
    whole[..., 1] = (rows // _STEPS - top)[:, None]
    parts = ((rows % _STEPS * _STEPS).astype(np.uint16))[:, None] + (columns % _STEPS).astype(np.uint16)
    resampled = cv2.remap(block, whole, parts, cv2.INTER_LINEAR, borderMode=cv2.BORDER_REPLICATE)
    return cast(NDArray[np.uint8], resampled)


def _positions(start: int, stop: int, origin: int, scale: float, ratio: float) -> NDArray[np.int64]:
    """Return the centres of device pixels in a level, in 1/32 pixels.

    They are counted from the centre of the level's first pixel.
    """
    centres = (np.arange(start, stop, dtype=np.int64) - origin + 0.5) / scale
    positions: NDArray[np.int64] = np.rint((centres * ratio - 0.5) * _STEPS).astype(np.int64)
    return positions
