"""Small regions that are probably slips: islands, pinholes and slivers, and the safe fix of the first two."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap, Labels, Mask, Provenance, values_in

_APART = 4
"""Pixels between an island and the nearest region of its class; what is nearer belongs to a ragged border."""

_THIN_SHARE = 0.7
"""Share of a region that must be one pixel wide, else the thin part must be longer."""

_TAPERED = 3
"""How many times longer the thin end of a wide region must be to be a sliver; wedges end in a few thin pixels."""

_AROUND = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, eq=False)
class SmallRegion:
    """A small connected region in the midst of one class.

    Attributes:
        rect: its bounding rectangle.
        inside: bool (rect.height, rect.width), where it is.
        value: its class index, 255 for void and unlabelled.
        around: index of the one class that surrounds it.
        area: number of pixels.
    """

    rect: Rect
    inside: Mask
    value: int
    around: int
    area: int


@dataclass(frozen=True)
class Sliver:
    """A line of one class, one pixel wide, along the border between two others.

    Attributes:
        rect: its bounding rectangle.
        value: its class index.
        length: number of pixels.
    """

    rect: Rect
    value: int
    length: int


def small_regions(label_map: LabelMap, pixels: int, values: Iterable[int]) -> Iterator[SmallRegion]:
    """Yield the regions of fewer pixels in the midst of one class, far from others of their own class.

    Regions are connected by their 8 neighbours. What touches void or unlabelled pixels is left out: they may be
    unfinished.

    Args:
        label_map: uint8 (H, W).
        pixels: area from which on a region is not small.
        values: class indices of the regions, or 255.
    """
    height, width = label_map.shape
    for value in set(values).intersection(values_in(label_map).tolist()):
        own = np.asarray(label_map == value).view(np.uint8)
        _, number, stats, _ = cv2.connectedComponentsWithStats(own, connectivity=8, ltype=cv2.CV_32S)
        small = np.flatnonzero(stats[:, cv2.CC_STAT_AREA] < pixels)
        for at in small[small > 0].tolist():
            x, y, w, h, area = stats[at].tolist()
            rect = Rect(x, y, x + w, y + h)
            near = rect.grown(_APART).intersect(Rect(0, 0, width, height))
            region = np.asarray(number)[near.slices] == at
            if value != VOID and (own[near.slices].view(np.bool_) & ~region).any():
                continue
            ring = np.asarray(cv2.dilate(region.view(np.uint8), _AROUND)).astype(bool) & ~region
            classes = np.unique(label_map[near.slices][ring])
            if len(classes) == 1 and classes[0] != VOID:
                inside = np.ascontiguousarray(region[rect.moved(-near.x0, -near.y0).slices])
                yield SmallRegion(rect, inside, value, int(classes[0]), area)


def slivers(label_map: LabelMap, length: int) -> Iterator[Sliver]:
    """Yield the lines of at least so many pixels that lie one pixel wide between two other classes.

    Thin objects have the same class on both sides, and are none. Where a sliver is the end of a wider region, it must
    be longer, since wedges end in a few thin pixels.

    Args:
        label_map: uint8 (H, W).
        length: least number of pixels.
    """
    thin = _between_two(label_map)
    for value in np.flatnonzero(np.bincount(label_map[thin], minlength=1) >= length).tolist():
        own = label_map == value
        _, whole, whole_stats, _ = cv2.connectedComponentsWithStats(own.view(np.uint8), connectivity=8)
        _, number, stats, _ = cv2.connectedComponentsWithStats((own & thin).view(np.uint8), connectivity=8)
        for at in np.flatnonzero(stats[:, cv2.CC_STAT_AREA] >= length).tolist():
            x, y, w, h, area = stats[at].tolist()
            if at == 0:
                continue
            rect = Rect(x, y, x + w, y + h)
            row, column = (int(place[0]) for place in np.nonzero(np.asarray(number)[rect.slices] == at))
            region = np.asarray(whole)[y + row, x + column]
            if area >= _THIN_SHARE * whole_stats[region, cv2.CC_STAT_AREA] or area >= _TAPERED * length:
                yield Sliver(rect, value, area)


def _between_two(label_map: LabelMap) -> Mask:
    """Return which pixels have two different other classes on opposite sides."""
    padded = cv2.copyMakeBorder(label_map, 1, 1, 1, 1, cv2.BORDER_REPLICATE)
    height, width = label_map.shape

    def moved(dx: int, dy: int) -> NDArray[np.uint8]:
        return np.asarray(padded, np.uint8)[1 + dy : 1 + dy + height, 1 + dx : 1 + dx + width]

    found = np.zeros(label_map.shape, np.bool_)
    for dx, dy in ((1, 0), (0, 1), (1, 1), (1, -1)):
        one, other = moved(dx, dy), moved(-dx, -dy)
        found |= (one != label_map) & (other != label_map) & (one != other) & (one != VOID) & (other != VOID)
    return np.asarray(found & (label_map != VOID))


def fill_small_regions(document: Document, title: str, regions: list[SmallRegion]) -> bool:
    """Give small regions the class around them, as one step, and return whether anything changed.

    Labelled pixels keep their provenance. Unlabelled ones get that of the pixels around them, unknown if these
    differ. Hidden and locked classes keep their pixels.
    """
    new = Labels(document.label_map.copy(), document.provenance.copy())
    for region in regions:
        near = region.rect.grown(1).intersect(Rect(0, 0, document.width, document.height))
        inside = np.zeros((near.height, near.width), np.bool_)
        inside[region.rect.moved(-near.x0, -near.y0).slices] = region.inside
        provenance = new.provenance[near.slices]
        beside = np.unique(provenance[~inside & (document.label_map[near.slices] == region.around)])
        filled = int(beside[0]) if len(beside) == 1 else int(Provenance.UNKNOWN)
        provenance[inside & (provenance == Provenance.NOBODY)] = filled
        new.label_map[near.slices][inside] = region.around
    with document.edit(title) as edit:
        return bool(edit.replace(new, respect_rules=True))
