"""Filling of unlabelled pixels, without a network."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.region import Region, StencilRegion

Parts = list[tuple[Region, int]]
"""Regions with the class index that each gets."""


def unlabelled(labels: Labels, value: int) -> Parts:
    """Return all unlabelled pixels, to get one class."""
    return list(_parts(labels.provenance == Provenance.NOBODY, np.full(labels.shape, value, np.uint8)))


def from_nearest(labels: Labels) -> Parts:
    """Return the unlabelled pixels, each to get the class of the nearest labelled one.

    Void is no class that spreads. Without any labelled pixel there is nothing to fill. The distance is Euclidean, to
    about a tenth of a pixel (`cv2.distanceTransformWithLabels` with a mask of 5 x 5).
    """
    gaps = labels.provenance == Provenance.NOBODY
    if not gaps.any() or not (labels.label_map != VOID).any():
        return []
    without = (labels.label_map == VOID).astype(np.uint8)
    _, number = cv2.distanceTransformWithLabels(without, cv2.DIST_L2, 5, labelType=cv2.DIST_LABEL_PIXEL)
    class_of = np.zeros(int(number.max()) + 1, np.uint8)
    with_class = without == 0
    class_of[number[with_class]] = labels.label_map[with_class]
    return list(_parts(gaps, class_of[number]))


def copied(labels: Labels, source: Labels) -> Parts:
    """Return the unlabelled pixels that have a label in other labels of the same size, to get that label."""
    return list(
        _parts((labels.provenance == Provenance.NOBODY) & (source.provenance != Provenance.NOBODY), source.label_map)
    )


def _parts(where: NDArray[np.bool_], values: NDArray[np.uint8]) -> Iterator[tuple[Region, int]]:
    """Yield the pixels of each value, within the smallest rectangle."""
    for value in np.flatnonzero(np.bincount(values[where], minlength=256)).tolist():
        stencil = (where & (values == value)).view(np.uint8)
        x, y, width, height = cv2.boundingRect(stencil)
        rect = Rect(x, y, x + width, y + height)
        yield StencilRegion(rect, np.ascontiguousarray(stencil[rect.slices])), value
