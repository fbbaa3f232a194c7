"""Cleaning of labels: borders moved or smoothed, small regions and holes removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import LabelMap, Labels, Provenance
from fcn_studio.core.regions.gaps import Parts, nearest_classes, parts_of
from fcn_studio.core.regions.refine import refined

Mask = NDArray[np.bool_]


class Cleaning(StrEnum):
    """Ways to clean a class.

    In each, ``n`` is a number of pixels.
    """

    GROW = "grow"
    """The class also gets what is within ``n`` of it."""
    SHRINK = "shrink"
    """The class loses what is within ``n`` of its border."""
    SMOOTH = "smooth"
    """The class keeps and gets what it has the greater part of, in discs of about radius ``n``."""
    ISLANDS = "islands"
    """The class loses its connected regions of fewer than ``n`` pixels."""
    HOLES = "holes"
    """The class gets what it encloses, in regions of fewer than ``n`` pixels."""
    REFINE = "refine"
    """The border of the class follows the edges of the picture within ``n``."""


def cleaned(labels: Labels, way: Cleaning, n: int, classes: list[int], image_rgb: ImageRgb | None = None) -> Parts:
    """Return what changes when classes are cleaned, one after the other in order.

    What a class loses gets the nearest other class, and stays as it is where there is none. Only *grow* and *holes*
    label unlabelled pixels. Regions are connected by their 8 neighbours, holes by 4.

    Args:
        labels: of the image.
        way: see `Cleaning`.
        n: number of pixels, from 1.
        classes: class indices; 255 is left out.
        image_rgb: uint8 (H, W, 3), for *refine*.
    """
    if way is Cleaning.REFINE:
        new = labels.label_map if image_rgb is None else refined(labels.label_map, image_rgb, n, classes)
        return list(parts_of(new != labels.label_map, new))
    new = labels.label_map.copy()
    labelled = labels.provenance != Provenance.NOBODY
    for value in classes:
        if value == VOID or not (new == value).any():
            continue
        own = new == value
        wanted = _WAYS[way](own, n)
        gained, lost = wanted & ~own, own & ~wanted
        if way is Cleaning.SMOOTH:
            gained &= labelled
        new[gained] = value
        if lost.any():
            others = np.where(new == value, np.uint8(VOID), new)
            if (others != VOID).any():
                new[lost] = nearest_classes(others)[lost]
    return list(parts_of(new != labels.label_map, new))


def _grown(own: Mask, n: int) -> Mask:
    return np.asarray(cv2.dilate(own.view(np.uint8), _disc(n))) > 0


def _shrunk(own: Mask, n: int) -> Mask:
    # A border of the image is no border of the class.
    return np.asarray(cv2.erode(own.view(np.uint8), _disc(n), borderType=cv2.BORDER_REPLICATE)) > 0


def _smooth(own: Mask, n: int) -> Mask:
    share = cv2.GaussianBlur(own.astype(np.float32), (0, 0), n / 2, borderType=cv2.BORDER_REPLICATE)
    return np.asarray(share) > 0.5


def _without_islands(own: Mask, n: int) -> Mask:
    return own & ~_small(own, n, 8)


def _without_holes(own: Mask, n: int) -> Mask:
    height, width = own.shape
    return own | _small(~own, n, 4, within=(1, 1, width - 1, height - 1))


def _small(where: Mask, n: int, connectivity: int, within: tuple[int, int, int, int] | None = None) -> Mask:
    """Return the connected regions of fewer than n pixels; those within x0, y0, x1, y1 if it is given."""
    _, number, stats, _ = cv2.connectedComponentsWithStats(where.view(np.uint8), connectivity=connectivity)
    small = stats[:, cv2.CC_STAT_AREA] < n
    small[0] = False  # all the rest
    if within is not None:
        left, top = stats[:, cv2.CC_STAT_LEFT], stats[:, cv2.CC_STAT_TOP]
        right, bottom = left + stats[:, cv2.CC_STAT_WIDTH], top + stats[:, cv2.CC_STAT_HEIGHT]
        small &= (left >= within[0]) & (top >= within[1]) & (right <= within[2]) & (bottom <= within[3])
    found: Mask = small[number]
    return found


def _disc(radius: int) -> LabelMap:
    away = np.arange(-radius, radius + 1)
    return (np.hypot(*np.meshgrid(away, away)) <= radius + 0.25).astype(np.uint8)


_WAYS: Mapping[Cleaning, Callable[[Mask, int], Mask]] = {
    Cleaning.GROW: _grown,
    Cleaning.SHRINK: _shrunk,
    Cleaning.SMOOTH: _smooth,
    Cleaning.ISLANDS: _without_islands,
    Cleaning.HOLES: _without_holes,
}
