"""Filling of unlabelled pixels, without a network."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.geometry import Rect, around
from fcn_studio.core.labels import LabelMap, Labels, Provenance
from fcn_studio.core.region import Region, StencilRegion

Parts = list[tuple[Region, int]]
"""Regions with the class index that each gets."""


def unlabelled(labels: Labels, value: int) -> Parts:
    """Return all unlabelled pixels, to get one class."""
    return list(parts_of(labels.provenance == Provenance.NOBODY, np.full(labels.shape, value, np.uint8)))


def from_nearest(labels: Labels) -> Parts:
    """Return the unlabelled pixels, each to get the class of the nearest labelled one.

    Void is no class that spreads. Without any labelled pixel there is nothing to fill. The distance is Euclidean, to
    about a tenth of a pixel (`cv2.distanceTransformWithLabels` with a mask of 5 x 5).
    """
    gaps = labels.provenance == Provenance.NOBODY
    if not gaps.any() or not (labels.label_map != VOID).any():
        return []
    return list(parts_of(gaps, nearest_classes(labels.label_map)[0]))


def nearest_classes(label_map: LabelMap) -> tuple[LabelMap, NDArray[np.float32]]:
    """Return the class of the nearest pixel that has one, uint8 (H, W), and its distance in pixels.

    Args:
        label_map: uint8 (H, W); 255 is no class. At least one pixel must have a class.
    """
    without = (label_map == VOID).astype(np.uint8)
    distance, number = cv2.distanceTransformWithLabels(without, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    class_of = np.zeros(int(number.max()) + 1, np.uint8)
    with_class = without == 0
    class_of[number[with_class]] = label_map[with_class]
    return class_of[number], np.asarray(distance, np.float32)


def copied(labels: Labels, source: Labels) -> Parts:
    """Return the unlabelled pixels that have a class in other labels of the same size, to get that class."""
    return list(parts_of((labels.provenance == Provenance.NOBODY) & (source.label_map != VOID), source.label_map))


def parts_of(where: NDArray[np.bool_], values: NDArray[np.uint8]) -> Iterator[tuple[Region, int]]:
    """Yield the pixels of each value, within the smallest rectangle."""
    for value in np.flatnonzero(np.bincount(values[where], minlength=256)).tolist():
        stencil = (where & (values == value)).view(np.uint8)
        x, y, width, height = cv2.boundingRect(stencil)
        rect = Rect(x, y, x + width, y + height)
        yield StencilRegion(rect, np.ascontiguousarray(stencil[rect.slices])), value


def union(parts: Parts) -> Region | None:
    """Return all pixels of some regions as one region, None if there are none."""
    if not parts:
        return None
    rect = around(region.rect for region, _ in parts)
    stencil = np.zeros((rect.height, rect.width), np.uint8)
    for region, _ in parts:
        stencil[region.rect.moved(-rect.x0, -rect.y0).slices] |= region.stencil
    return StencilRegion(rect, stencil)
