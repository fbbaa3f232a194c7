"""Dabs of a brush that stop at the edges of the picture."""

from __future__ import annotations

import math
from collections.abc import Iterator
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import Mask
from fcn_studio.core.raster import BrushShape, Point, brush_diameter, capsule
from fcn_studio.core.region import Region, StencilRegion

LEAST = 8
"""Diameter in pixels from which a brush stops at edges; a smaller one has too few pixels to tell colours from."""

_SIDE = 96
"""Pixels of the side of a dab that is looked at; of a larger one every second, third, ... pixel."""

_STEP = 0.25
"""Dabs along the way of a brush are so many diameters apart."""

_LIGHTNESS = 0.5
"""Weight of a difference of lightness beside one of colour, since shade changes it."""

_SPECK = 0.04
"""Share of the dab below which what is left out inside it is painted all the same."""


def stopped(
    image_rgb: ImageRgb, p_xy: Point, q_xy: Point, diameter: float, shape: BrushShape, contrast: int
) -> Region | None:
    """Return what a brush covers on its way from p to q if it does not cross edges.

    Each dab covers the pixels that are connected with its centre and nearer to the colour there than to the other
    colours in the dab. Otsu's threshold on the differences to the centre tells both apart. A dab in which they differ
    by less than the contrast covers all of its pixels.

    Its cost follows the brush and the way, not the image.

    Source: Otsu, A threshold selection method from gray-level histograms (1979).

    Args:
        image_rgb: uint8 (H, W, 3).
        p_xy: start in image coordinates, may be outside the image.
        q_xy: end, likewise.
        diameter: brush size in pixels.
        shape: of the brush.
        contrast: mean difference of colour, in Lab's 0..255, from which there is an edge.
    """
    swept = capsule(p_xy, q_xy, diameter, shape, (image_rgb.shape[1], image_rgb.shape[0]))
    if swept is None:
        return None
    rect = swept.rect
    stencil = np.zeros((rect.height, rect.width), np.uint8)
    for at_xy in _places(p_xy, q_xy, diameter):
        dab = _dab(image_rgb, at_xy, diameter, shape, contrast)
        if dab is not None:
            shared = dab.rect.intersect(rect)
            stencil[shared.moved(-rect.x0, -rect.y0).slices] |= dab.part(shared)
    return StencilRegion(rect, np.minimum(stencil, swept.stencil))


def _places(p_xy: Point, q_xy: Point, diameter: float) -> Iterator[Point]:
    """Yield where the dabs of a way lie, the last at q."""
    (x0, y0), (x1, y1) = p_xy, q_xy
    steps = max(1, math.ceil(math.dist(p_xy, q_xy) / max(1.0, _STEP * diameter)))
    for step in range(1, steps + 1):
        yield x0 + (x1 - x0) * step / steps, y0 + (y1 - y0) * step / steps


def _dab(
    image_rgb: ImageRgb, at_xy: Point, diameter: float, shape: BrushShape, contrast: int
) -> StencilRegion | None:
    """Return the pixels of one dab, None outside the image."""
    whole = capsule(at_xy, at_xy, diameter, shape, (image_rgb.shape[1], image_rgb.shape[0]))
    if whole is None:
        return None
    rect, stencil = whole.rect, (whole.stencil != 0).view(np.uint8)
    x, y = math.floor(at_xy[0]) - rect.x0, math.floor(at_xy[1]) - rect.y0
    if not (0 <= x < rect.width and 0 <= y < rect.height):
        return StencilRegion(rect, stencil)
    step = -(-brush_diameter(diameter) // _SIDE)
    small = np.ascontiguousarray(stencil[::step, ::step])
    blurred = cv2.blur(image_rgb[rect.slices][::step, ::step], (3, 3))
    lab = np.asarray(cv2.cvtColor(blurred, cv2.COLOR_RGB2LAB), np.uint8)
    centre = min(x // step, small.shape[1] - 1), min(y // step, small.shape[0] - 1)
    own = _connected(lab, small, centre, contrast)
    if own is None:
        return StencilRegion(rect, stencil)
    if step > 1:
        own = own.repeat(step, 0).repeat(step, 1)[: rect.height, : rect.width]
    return StencilRegion(rect, stencil & own)


def _connected(
    lab: NDArray[np.uint8], stencil: NDArray[np.uint8], centre_xy: tuple[int, int], contrast: int
) -> NDArray[np.uint8] | None:
    """Return the pixels that are like the centre and connected with it, 0 or 1; None if there is no edge."""
    x, y = centre_xy
    reach = max(1, max(stencil.shape) // 8)
    core = lab[max(0, y - reach) : y + reach + 1, max(0, x - reach) : x + reach + 1].reshape(-1, 3)
    away = cv2.absdiff(lab, np.broadcast_to(np.median(core, axis=0).astype(np.uint8), lab.shape).copy())
    difference = np.asarray(cv2.transform(away, _weights()), np.uint8)  # rounded, and at most 255
    inside = difference[stencil > 0]
    level, _ = cv2.threshold(inside[None], 0, 255, cv2.THRESH_OTSU)
    near = inside <= level
    if near.all() or inside[~near].mean() - inside[near].mean() < contrast:
        return None
    like = stencil * (difference <= level)
    _, number = cv2.connectedComponents(like, connectivity=4)
    seeds = number[max(0, y - 1) : y + 2, max(0, x - 1) : x + 2]
    seeds = seeds[seeds > 0]
    if not seeds.size:
        return None
    own = number == np.bincount(seeds).argmax()
    return np.asarray(own | _specks(stencil, own)).view(np.uint8)


def _specks(stencil: NDArray[np.uint8], own: Mask) -> Mask:
    """Return the small regions of a dab that are left out."""
    rest = stencil * ~own
    _, number, stats, _ = cv2.connectedComponentsWithStats(rest, connectivity=8)
    small = stats[:, cv2.CC_STAT_AREA] < _SPECK * stencil.size
    small[0] = False  # all outside
    found: Mask = small[number]
    return found


@lru_cache(maxsize=1)
def _weights() -> NDArray[np.float32]:
    return np.array([[_LIGHTNESS, 1, 1]], np.float32)
