"""Borders between classes, moved to the edges of the picture."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.geometry import Rect
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import LabelMap, Mask

_EPSILON = 1e-4
"""Variance of the colours, of 0 to 1, below which there is no edge to follow."""

_TILE = 256
"""Side of the parts that are looked at one after the other, so that memory does not follow the image."""

Plane = NDArray[np.float32]


def refined(label_map: LabelMap, image_rgb: ImageRgb, n: int, classes: list[int]) -> LabelMap:
    """Return labels whose borders follow the edges of the picture: uint8 (H, W).

    Within ``n`` pixels of a border between two classes, each pixel gets the class whose guided filter is largest
    there. Changes that concern none of the classes are left out, and so are unlabelled pixels and void.

    Source: He, Sun and Tang, Guided image filtering (2013), with the colours in Lab as guide.

    Args:
        label_map: uint8 (H, W).
        image_rgb: uint8 (H, W, 3).
        n: width of the band on each side of a border, from 1. The filter's radius is half as much again.
        classes: class indices.
    """
    new, radius = label_map.copy(), max(2, 3 * n // 2)
    height, width = label_map.shape
    for frame, tile in _tiles(width, height, 2 * radius + n + 1):
        labels = label_map[frame.slices]
        inner = tile.moved(-frame.x0, -frame.y0).slices
        band = _band(labels, n)
        if not band[inner].any():
            continue
        found = _most_likely(labels, image_rgb[frame.slices], radius)
        wanted = band & (np.isin(labels, classes) | np.isin(found, classes))
        new[tile.slices] = np.where(wanted, found, labels)[inner]
    return new


def _tiles(width: int, height: int, margin: int) -> Iterator[tuple[Rect, Rect]]:
    """Yield each part of an image, as (what is read, what is written)."""
    image = Rect(0, 0, width, height)
    for row, column in image.tiles(_TILE):
        tile = Rect(column * _TILE, row * _TILE, (column + 1) * _TILE, (row + 1) * _TILE).intersect(image)
        yield tile.grown(margin).intersect(image), tile


def _band(labels: LabelMap, n: int) -> Mask:
    """Return the pixels with a class that are within n of a border between two classes."""
    border, known = np.zeros(labels.shape, np.uint8), labels != VOID
    for one, other in (
        ((slice(None), slice(1, None)), (slice(None), slice(None, -1))),
        ((slice(1, None), slice(None)), (slice(None, -1), slice(None))),
    ):
        differs = (labels[one] != labels[other]) & known[one] & known[other]
        border[one] |= differs
        border[other] |= differs
    near = np.asarray(cv2.dilate(border, np.ones((2 * n - 1, 2 * n - 1), np.uint8)), np.uint8)
    return np.asarray((near > 0) & known)


def _most_likely(labels: LabelMap, image_rgb: ImageRgb, radius: int) -> LabelMap:
    """Return the class whose guided filter is largest at each pixel."""
    lab = np.asarray(cv2.cvtColor(image_rgb, cv2.COLOR_RGB2LAB), np.float32)
    guide: list[Plane] = [np.divide(lab[..., channel], 255, dtype=np.float32) for channel in range(3)]
    mean = [_mean(plane, radius) for plane in guide]
    inverse = _inverse(guide, mean, radius)
    best, found = np.full(labels.shape, -np.inf, np.float32), labels.copy()
    for value in np.flatnonzero(np.bincount(labels.ravel(), minlength=256)[:VOID]).tolist():
        own = (labels == value).astype(np.float32)
        share = _mean(own, radius)
        shared = [_mean(guide[i] * own, radius) - mean[i] * share for i in range(3)]
        filtered, offset = np.zeros(labels.shape, np.float32), share
        for i in range(3):
            slope = inverse[i][0] * shared[0] + inverse[i][1] * shared[1] + inverse[i][2] * shared[2]
            offset = offset - slope * mean[i]
            filtered += _mean(slope, radius) * guide[i]
        filtered += _mean(offset, radius)
        better = filtered > best
        best[better], found[better] = filtered[better], value
    return found


def _inverse(guide: list[Plane], mean: list[Plane], radius: int) -> list[list[Plane]]:
    """Return the inverse of the covariance of the guide around each pixel, as rows of planes."""

    def covariance(i: int, j: int) -> Plane:
        return np.asarray(_mean(guide[i] * guide[j], radius) - mean[i] * mean[j] + (_EPSILON if i == j else 0))

    a, b, c = (covariance(0, j) for j in range(3))
    d, e, f = covariance(1, 1), covariance(1, 2), covariance(2, 2)
    minors = [[d * f - e * e, c * e - b * f, b * e - c * d], [a * f - c * c, b * c - a * e], [a * d - b * b]]
    determinant = a * minors[0][0] + b * minors[0][1] + c * minors[0][2]
    upper = [[minor / determinant for minor in row] for row in minors]
    return [upper[0], [upper[0][1], *upper[1]], [upper[0][2], upper[1][1], upper[2][0]]]


def _mean(plane: Plane, radius: int) -> Plane:
    return np.asarray(cv2.blur(plane, (2 * radius + 1, 2 * radius + 1)), np.float32)
