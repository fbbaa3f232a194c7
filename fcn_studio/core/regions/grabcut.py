"""Objects cut out of a picture by their colours, with GrabCut."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.geometry import Rect
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import Mask
from fcn_studio.core.raster import Point
from fcn_studio.core.region import Region, StencilRegion

_SIDE = 256
"""Longest side in pixels of the picture that is cut; a larger one is reduced to it. A cut takes some 0.2 s."""

_ITERATIONS = 3
_MARGIN = 0.25
_LEAST_MARGIN = 8
_LEAST_PIXELS = 16
_SPECK = 8
"""Reduced pixels of the smallest region or hole that is kept."""

_BAND, _EPSILON = 2, 1e-3
"""Radius in reduced pixels within which a border follows the whole picture, and how weak an edge may be there."""


class Clicks(NamedTuple):
    """Clicks on one object.

    Attributes:
        inside_xy: places that belong to it, in image coordinates.
        outside_xy: places that do not.
    """

    inside_xy: tuple[Point, ...] = ()
    outside_xy: tuple[Point, ...] = ()


def cut_within(image_rgb: ImageRgb, outline: Region) -> Region | None:
    """Return the object inside an outline, None if nothing is found.

    What lies around the outline tells the colours of the background.

    Source: Rother, Kolmogorov and Blake, GrabCut (2004), as OpenCV implements it.

    Args:
        image_rgb: uint8 (H, W, 3).
        outline: the pixels that may belong to the object.
    """
    rect = outline.rect
    margin = max(_LEAST_MARGIN, round(_MARGIN * max(rect.width, rect.height)))
    frame = rect.grown(margin).intersect(Rect(0, 0, image_rgb.shape[1], image_rgb.shape[0]))
    inside = np.zeros((frame.height, frame.width), np.uint8)
    inside[rect.moved(-frame.x0, -frame.y0).slices] = outline.stencil != 0
    picture = image_rgb[frame.slices]
    small = reduced(picture, _SIDE)
    seeds = np.where(_resized(inside, small), cv2.GC_PR_FGD, cv2.GC_BGD).astype(np.uint8)
    if inside.all():  # nothing lies around it; its border may be background
        seeds[:1] = seeds[-1:] = cv2.GC_PR_BGD
        seeds[:, :1] = seeds[:, -1:] = cv2.GC_PR_BGD
    own = _cut(small, seeds)
    return None if own is None else enlarged(_without_specks(own), small, picture, frame, within=inside)


def cut_around(image_rgb: ImageRgb, clicks: Clicks, likely: Mask | None = None) -> Region | None:
    """Return the object that some clicks are on, None if nothing is found.

    Args:
        image_rgb: uint8 (H, W, 3).
        clicks: at least one of them inside the object.
        likely: bool (H, W), what probably belongs to it; None if nobody knows.
    """
    small = reduced(image_rgb, _SIDE)
    scale = small.shape[1] / image_rgb.shape[1]
    radius = max(2, round(max(small.shape) / 80))
    seeds = np.full(small.shape[:2], cv2.GC_PR_BGD, np.uint8)
    if likely is not None:
        seeds[_resized(likely.view(np.uint8), small)] = cv2.GC_PR_FGD
    for points, value, size in (
        (clicks.inside_xy, cv2.GC_PR_FGD, 3 * radius),
        (clicks.inside_xy, cv2.GC_FGD, radius),
        (clicks.outside_xy, cv2.GC_BGD, radius),
    ):
        for x, y in points:
            cv2.circle(seeds, (int(x * scale), int(y * scale)), size, value, -1)
    own = _cut(small, seeds)
    if own is None:
        return None
    own = connected_to(own, [(x * scale, y * scale) for x, y in clicks.inside_xy])
    return enlarged(own, small, image_rgb, Rect(0, 0, image_rgb.shape[1], image_rgb.shape[0]))


def connected_to(own: Mask, points_xy: Sequence[Point]) -> Mask:
    """Return the connected parts of a mask that hold one of some points; all of it if none does."""
    _, parts = cv2.connectedComponents(own.view(np.uint8), connectivity=4)
    height, width = own.shape
    held = {int(parts[int(y), int(x)]) for x, y in points_xy if 0 <= x < width and 0 <= y < height} - {0}
    return np.isin(parts, list(held)) if held else own


def reduced(picture_rgb: ImageRgb, side: int) -> ImageRgb:
    """Return a picture whose longest side is at most so many pixels."""
    height, width = picture_rgb.shape[:2]
    scale = side / max(height, width)
    if scale >= 1:
        return picture_rgb
    size = max(1, round(width * scale)), max(1, round(height * scale))
    return np.asarray(cv2.resize(picture_rgb, size, interpolation=cv2.INTER_AREA), np.uint8)


def enlarged(
    own: Mask, small_rgb: ImageRgb, picture_rgb: ImageRgb, frame: Rect, within: NDArray[np.uint8] | None = None
) -> Region | None:
    """Return a mask of a reduced picture as a region of the image, its border along the edges of the whole picture.

    A guided filter is fitted to the reduced picture and applied to the whole one. Its guide is the mixture of colours
    that tells inside from outside.

    Source: He and Sun, Fast guided filter (2015).

    Args:
        own: bool, of the size of the reduced picture.
        small_rgb: the reduced picture.
        picture_rgb: the whole picture.
        frame: where it lies in the image.
        within: uint8 of its size, nonzero where the region may lie; None for everywhere.
    """
    wide = _resized(own.view(np.uint8), picture_rgb)
    if wide.shape != own.shape and own.any() and not own.all():
        wide = _along_edges(own, small_rgb, picture_rgb)
    if within is not None:
        wide &= within != 0
    x, y, width, height = cv2.boundingRect(wide.view(np.uint8))
    if not width:
        return None
    rect = Rect(x, y, x + width, y + height)
    return StencilRegion(rect.moved(frame.x0, frame.y0), np.ascontiguousarray(wide[rect.slices]).view(np.uint8))


def _along_edges(own: Mask, small_rgb: ImageRgb, picture_rgb: ImageRgb) -> Mask:
    mixture = small_rgb[own].mean(0) - small_rgb[~own].mean(0)
    mixture = (mixture / max(1.0, float(np.abs(mixture).sum())) / 255)[None].astype(np.float32)
    guide = _mixed(small_rgb, mixture)
    mask, box = own.astype(np.float32), (2 * _BAND + 1, 2 * _BAND + 1)
    mean, wanted, product, square = (cv2.blur(plane, box) for plane in (guide, mask, guide * mask, guide * guide))
    slope = (product - mean * wanted) / (square - mean * mean + _EPSILON)
    offset = wanted - slope * mean
    size = picture_rgb.shape[1], picture_rgb.shape[0]
    wide = [cv2.resize(cv2.blur(plane, box), size) for plane in (slope, offset)]
    return np.asarray(wide[0] * _mixed(picture_rgb, mixture) + wide[1] > 0.5)


def _mixed(rgb: ImageRgb, mixture: NDArray[np.float32]) -> NDArray[np.float32]:
    return np.asarray(cv2.transform(rgb.astype(np.float32), mixture), np.float32)


def _resized(mask: NDArray[np.uint8], like: ImageRgb) -> Mask:
    """Return a mask, 0 or 1, at the size of a picture."""
    size = like.shape[1], like.shape[0]
    if mask.shape == like.shape[:2]:
        return mask.astype(bool)
    way = cv2.INTER_AREA if mask.shape[1] > size[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(mask * np.uint8(255), size, interpolation=way) > 127)


def _cut(small_rgb: ImageRgb, seeds: NDArray[np.uint8]) -> Mask | None:
    """Return what GrabCut finds, None if there are too few pixels of either side to tell colours from."""
    inside = int(np.count_nonzero(seeds & 1))
    if min(inside, seeds.size - inside) < _LEAST_PIXELS:
        return None
    cv2.setRNGSeed(0)  # equal pictures give equal regions
    models = np.zeros((1, 65)), np.zeros((1, 65))
    cv2.grabCut(np.ascontiguousarray(small_rgb), seeds, (0, 0, 1, 1), *models, _ITERATIONS, cv2.GC_INIT_WITH_MASK)
    own = (seeds & 1).astype(bool)
    return own if own.any() else None


def _without_specks(own: Mask) -> Mask:
    """Return a mask without its smallest regions and holes."""
    for wanted in (True, False):
        _, parts, stats, _ = cv2.connectedComponentsWithStats((own == wanted).view(np.uint8), connectivity=4)
        small = stats[:, cv2.CC_STAT_AREA] < _SPECK
        small[0] = False
        own = own ^ small[parts]
    return own
