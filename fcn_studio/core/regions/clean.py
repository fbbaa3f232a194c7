"""Cleaning of labels: borders moved or smoothed, small regions and holes removed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from enum import StrEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.geometry import Rect
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import LabelMap, Labels, Provenance
from fcn_studio.core.raster import flood
from fcn_studio.core.region import Region
from fcn_studio.core.regions.gaps import Parts, nearest_classes, parts_of
from fcn_studio.core.regions.refine import refined

Mask = NDArray[np.bool_]

_NEAR = 32
"""Pixels around those that a class loses in which another class is looked for first."""


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


def cleaned(
    labels: Labels,
    way: Cleaning,
    n: int,
    classes: list[int],
    image_rgb: ImageRgb | None = None,
    *,
    at_xy: tuple[int, int] | None = None,
) -> Parts:
    """Return what changes when classes are cleaned, one after the other in order.

    What a class loses gets the nearest other class, and stays as it is where there is none. Only *grow* and *holes*
    label unlabelled pixels. Regions are connected by their 8 neighbours, holes by 4.

    Args:
        labels: of the image.
        way: see `Cleaning`.
        n: number of pixels, from 1.
        classes: class indices; 255 is left out.
        image_rgb: uint8 (H, W, 3), for *refine*.
        at_xy: a pixel; then only the region that it is in is cleaned, whatever the classes are.
    """
    region = None
    if at_xy is not None:
        region, classes = flood(labels.label_map, at_xy, connectivity=8), [int(labels.label_map[at_xy[1], at_xy[0]])]
    if way is Cleaning.REFINE:
        return [] if image_rgb is None else _refined(labels, image_rgb, n, classes, region)
    new = labels.label_map.copy()
    for value in classes:
        own = (new == value).view(np.uint8) if region is None else region.within(_frame(new))
        if value != VOID and cv2.hasNonZero(own):
            _clean(new, labels.provenance, own, value, way, n)
    return list(parts_of(new != labels.label_map, new))


def _clean(new: LabelMap, provenance: NDArray[np.uint8], own: LabelMap, value: int, way: Cleaning, n: int) -> None:
    """Clean some pixels of one class in place.

    Only the part of the image is looked at that they can change.
    """
    x, y, width, height = cv2.boundingRect(own)
    reach = 2 * n + 2 if way in (Cleaning.GROW, Cleaning.SMOOTH) else 1
    rect = Rect(x, y, x + width, y + height).grown(reach).intersect(_frame(new))
    part, before = new[rect.slices], own[rect.slices] > 0
    after = _WAYS[way](before, n)
    gained, lost = after & ~before, before & ~after
    if way is Cleaning.SMOOTH:
        gained &= provenance[rect.slices] != Provenance.NOBODY
    part[gained] = value
    if lost.any():
        _give_away(new, value, lost, rect)


def _give_away(new: LabelMap, value: int, lost: Mask, frame: Rect) -> None:
    """Give pixels of a class the nearest other class, in place; they stay as they are where there is none.

    Args:
        new: uint8 (H, W).
        value: the class.
        lost: bool, of the size of the frame.
        frame: a part of the image.
    """
    x, y, width, height = cv2.boundingRect(lost.view(np.uint8))
    rect, margin = Rect(x, y, x + width, y + height), _NEAR
    lost, rect = lost[rect.slices], rect.moved(frame.x0, frame.y0)
    while True:
        around = rect.grown(margin).intersect(_frame(new))
        part, inner = new[around.slices], rect.moved(-around.x0, -around.y0).slices
        others = np.where(part == value, np.uint8(VOID), part)
        if (others != VOID).any():
            classes, distance = nearest_classes(others)
            if around == _frame(new) or distance[inner][lost].max() <= margin:
                part[inner][lost] = classes[inner][lost]
                return
        elif around == _frame(new):
            return
        margin *= 4


def _refined(labels: Labels, image_rgb: ImageRgb, n: int, classes: list[int], region: Region | None) -> Parts:
    """Return what changes when borders move to the edges of the picture; only those of a region if it is given."""
    new = refined(labels.label_map, image_rgb, n, classes)
    changed = new != labels.label_map
    if region is not None:
        changed &= cv2.dilate(region.within(_frame(new)), _disc(n)) > 0
    return list(parts_of(changed, new))


def _frame(label_map: LabelMap) -> Rect:
    return Rect(0, 0, label_map.shape[1], label_map.shape[0])


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
