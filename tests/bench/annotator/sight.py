"""What the simulated annotator sees: the truth, imprecisely, and the pixels that look wrong."""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from functools import lru_cache

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap, Mask

Bits = NDArray[np.uint64]

WARP_PIXELS = 1.0
"""Standard deviation of the annotator's error along each axis, in pixels."""

WARP_CORRELATION = 8.0
"""Standard deviation, in pixels, of the Gaussian that makes the error smooth."""

MOST_CLASSES = 64


@dataclass(frozen=True)
class StopRule:
    """When the annotator is content with an image.

    Attributes:
        tolerance: distance in pixels within which a border in another place is not seen.
        area: pixels of the smallest visible mistake that is corrected.
    """

    tolerance: int
    area: int

    def __str__(self) -> str:
        return f"({self.tolerance}, {self.area})"


def seen(truth: LabelMap, name: str) -> LabelMap:
    """Return the truth as the annotator sees it: warped by a smooth random field.

    The field follows from the name. Void stays where it is.
    """
    height, width = truth.shape
    rng = np.random.default_rng(zlib.crc32(name.encode()))
    columns, rows = np.meshgrid(np.arange(width, dtype=np.float32), np.arange(height, dtype=np.float32))
    for axis in (columns, rows):
        field = cv2.GaussianBlur(rng.standard_normal((height, width), np.float32), (0, 0), WARP_CORRELATION)
        axis += field * (WARP_PIXELS / field.std())
    warped = cv2.remap(truth, columns, rows, cv2.INTER_NEAREST, borderMode=cv2.BORDER_REPLICATE)
    void = truth == VOID
    moved = np.where(warped == VOID, truth, warped)
    return np.where(void, np.uint8(VOID), moved)


def thick(truth: LabelMap, least: int) -> LabelMap:
    """Return the truth, but 255 where a region is thinner than an odd number of pixels."""
    kernel, found = disc(least // 2), np.full_like(truth, VOID)
    for index in np.unique(truth[truth != VOID]).tolist():
        opened = cv2.morphologyEx((truth == index).view(np.uint8), cv2.MORPH_OPEN, kernel)
        found[opened.view(bool)] = index
    return found


def judged(truth: LabelMap, name: str) -> LabelMap:
    """Return what the annotator is content with: `seen`, but 255 where that differs from the truth.

    A border is taken for right there, where the annotator would draw it as well as on the edge in the picture.
    Else labels that follow the picture would look wrong.
    """
    drawn = seen(truth, name)
    return np.where(drawn == truth, drawn, np.uint8(VOID))


@lru_cache
def disc(radius: int) -> NDArray[np.uint8]:
    """Return a disc of odd diameter ``2 * radius + 1`` as a stencil."""
    y, x = np.ogrid[-radius : radius + 1, -radius : radius + 1]
    return (x * x + y * y <= radius * radius + radius).astype(np.uint8)


def _bits(label_map: LabelMap) -> Bits:
    """Return one bit for each class; 255 has none."""
    table = np.zeros(256, np.uint64)
    table[:MOST_CLASSES] = np.uint64(1) << np.arange(MOST_CLASSES, dtype=np.uint64)
    return table[label_map]


def _nearby(label_map: LabelMap, distance: int) -> Bits:
    """Return the classes that occur within a distance of each pixel, as bits."""
    height, width = label_map.shape
    padded = np.pad(_bits(label_map), distance)
    found = np.zeros((height, width), np.uint64)
    for y, x in np.argwhere(disc(distance)).tolist():
        found |= padded[y : y + height, x : x + width]
    return found


class Sight:
    """Which pixels of an image look wrong to the annotator, kept up to date.

    A pixel is visibly wrong if its label differs from the one seen, and either its label is not seen within the
    tolerance, or the label seen does not occur within the tolerance among the labels. Unlabelled pixels always are.

    Args:
        wanted: uint8 (H, W), what the annotator sees; 255 never counts.
        tolerance: see `StopRule`.

    Attributes:
        wrong: bool (H, W), where the labels differ from what is seen.
        visible: bool (H, W), where that is visible.
    """

    def __init__(self, wanted: LabelMap, tolerance: int) -> None:
        if wanted[wanted != VOID].max(initial=0) >= MOST_CLASSES:
            raise ValueError(f"the annotator knows {MOST_CLASSES} classes")
        self.wanted = wanted
        self.counts = wanted != VOID
        self._tolerance = tolerance
        self._bits = _bits(wanted)
        self._near_wanted = _nearby(wanted, tolerance)
        self._near_labels = np.zeros(wanted.shape, np.uint64)
        self.wrong: Mask = np.zeros(wanted.shape, bool)
        self.visible: Mask = np.zeros(wanted.shape, bool)

    def look(self, label_map: LabelMap, rect: Rect) -> None:
        """Look again where labels have changed."""
        margin = self._tolerance
        frame = Rect(0, 0, self.wanted.shape[1], self.wanted.shape[0])
        inner = rect.grown(margin).intersect(frame)
        outer = inner.grown(margin).intersect(frame)
        if not inner:
            return
        nearby = _nearby(label_map[outer.slices], margin)
        here = inner.slices
        within = Rect(inner.x0 - outer.x0, inner.y0 - outer.y0, inner.x1 - outer.x0, inner.y1 - outer.y0)
        self._near_labels[here] = nearby[within.slices]
        self.wrong[here] = self.counts[here] & (label_map[here] != self.wanted[here])
        forgiven = (self._near_wanted[here] & _bits(label_map[here])) != 0
        forgiven &= (self._near_labels[here] & self._bits[here]) != 0
        self.visible[here] = self.wrong[here] & ~forgiven
