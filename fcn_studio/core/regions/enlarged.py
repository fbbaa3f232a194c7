"""Masks of reduced pictures, at the size of the image."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.geometry import Rect
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import Mask
from fcn_studio.core.region import Region, StencilRegion

_BAND, _EPSILON = 2, 1e-3
"""Radius in reduced pixels within which a border follows the whole picture, and how weak an edge may be there."""


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
    wide = mask_like(own.view(np.uint8), picture_rgb)
    if wide.shape != own.shape and own.any() and not own.all():
        wide = _along_edges(own, small_rgb, picture_rgb)
    return as_region(wide, frame, within)


def roughly_enlarged(own: Mask, picture_rgb: ImageRgb) -> Region | None:
    """Return a mask of a reduced picture as a region of the image, without a look at edges.

    It may lie up to a pixel beside the mask. Its cost follows the region, not the image.

    Args:
        own: bool, of the size of the reduced picture.
        picture_rgb: the whole picture.
    """
    (height, width), (rows, columns) = picture_rgb.shape[:2], own.shape
    x, y, across, down = cv2.boundingRect(own.view(np.uint8))
    near = Rect(x, y, x + across, y + down).grown(1).intersect(Rect(0, 0, columns, rows))
    left, top = near.x0 * width // columns, near.y0 * height // rows
    frame = Rect(left, top, -(-near.x1 * width // columns), -(-near.y1 * height // rows))
    return as_region(mask_like(own[near.slices].view(np.uint8), picture_rgb[frame.slices]), frame)


def as_region(wide: Mask, frame: Rect, within: NDArray[np.uint8] | None = None) -> Region | None:
    """Return a mask of a part of the image as a region; None if it is empty.

    Args:
        wide: bool, of the size of the part; it may be changed.
        frame: where the part lies in the image.
        within: uint8 of its size, nonzero where the region may lie; None for everywhere.
    """
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


def mask_like(mask: NDArray[np.uint8], like: ImageRgb) -> Mask:
    """Return a mask, 0 or 1, at the size of a picture."""
    size = like.shape[1], like.shape[0]
    if mask.shape == like.shape[:2]:
        return mask.astype(bool)
    way = cv2.INTER_AREA if mask.shape[1] > size[0] else cv2.INTER_LINEAR
    return np.asarray(cv2.resize(mask * np.uint8(255), size, interpolation=way) > 127)
