"""Hotspots: regions of an image that are worth a look.

A hotspot is a region where the network doubts its prediction, or where it contradicts a person and is sure. Each has
one predicted class, so that one answer settles it.
"""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import TypeVar

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap, Labels, Mask, Provenance
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.region import StencilRegion

_Value = TypeVar("_Value", bound=np.generic)

GRID_PIXELS = 1 << 20
"""Regions are searched on every k-th row and column, so that at most so many pixels are looked at."""

BORDER = 3
"""Pixels on each side of a border between classes that are not searched: every network doubts there."""

LEVELS = (64, 102, 140)
"""Uncertainty from which a pixel is doubtful: p below 0.75, 0.6 and 0.45.

A region that is too large at one level is searched at the next, where it may fall apart.
"""

SURE = 51
"""Uncertainty up to which the network is sure enough to contradict a person: p of 0.8 and more."""

LARGEST_SHARE = 0.1
"""Share of the image above which a doubtful region is searched at the next level."""

LEAST_PIXELS, LEAST_SHARE = 30, 1 / 5000
"""A region has at least so many pixels, and at least this share of the image's."""

PERSON_WRONG = 0.1
"""Share of a person's labels that are expected to be wrong where a sure network contradicts them."""

MOST = 50
"""The largest number of hotspots of an image."""


_HOLE, _THREAD = 100, 3
"""Pixels of the largest hole that is filled, and width up to which a thread is cut off."""


class Reason(StrEnum):
    """Why a region is worth a look."""

    DOUBT = "doubt"
    DIFFERENCE = "difference"
    SUSPECT = "suspect"


@dataclass(frozen=True, eq=False)
class Hotspot:
    """A region that is worth a look.

    Attributes:
        reason: the network doubts it, or contradicts a person there, or one that has not seen the image does.
        rect: bounding box in image pixels.
        inside: bool (height, width), the pixels of the box that are in the region.
        class_index: the predicted class, the same for all pixels.
        second: the most frequent second guess that is another class, 255 if none is known.
        own: the class of the person's label for a difference or a suspect, 255 for a doubt.
        probability: the mean probability of the predicted class, 0..1.
        gain: number of wrong pixels that an answer is expected to settle.
    """

    reason: Reason
    rect: Rect
    inside: Mask
    class_index: int
    second: int
    own: int
    probability: float
    gain: float

    @property
    def area(self) -> int:
        """Number of pixels."""
        return int(np.count_nonzero(self.inside))

    def open_region(self, labels: Labels) -> StencilRegion:
        """Return the pixels that an answer may still change.

        Of a doubt these are the pixels that no human has labelled. Of the others these are the pixels of people that
        still have the label that was contradicted.

        Args:
            labels: the annotation of the whole image.
        """
        part = labels.part(self.rect)
        still = self.inside & _who(part.provenance, self.reason)
        if self.reason is not Reason.DOUBT:
            still &= part.label_map == self.own
        return StencilRegion(self.rect, still.view(np.uint8))

    def is_open(self, labels: Labels) -> bool:
        """Return whether at least half of the region may still be changed by an answer."""
        return 2 * self.open_region(labels).area >= self.area

    def reread(self, prediction: Prediction) -> Hotspot:
        """Return the same region with what a newer prediction says of it.

        The predicted class is the most frequent one of the region.
        """
        part = prediction.part(self.rect)
        index = _commonest(part.label_map, self.inside)
        if index == VOID:
            return self
        second, probability = _guesses(part, self.inside, index)
        return replace(self, class_index=index, second=second, probability=probability)


@dataclass(frozen=True)
class Grid:
    """Every k-th row and column of an image's planes.

    Attributes:
        step: k.
        predicted, uncertainty, own, provenance: uint8 (h, w).
        inner: bool (h, w), where no border of the prediction is near.
        free: bool (h, w), where a region may lie: the network has a class there, and nothing is answered.
    """

    step: int
    predicted: LabelMap
    uncertainty: LabelMap
    own: LabelMap
    provenance: LabelMap
    inner: Mask
    free: Mask

    @classmethod
    def of(cls, prediction: Prediction, labels: Labels, answered: Mask | None) -> Grid:
        """Take the grid out of an image's planes."""
        step = max(1, math.ceil(math.sqrt(prediction.label_map.size / GRID_PIXELS)))
        predicted, uncertainty, own, provenance = (
            on_grid(plane, step)
            for plane in (prediction.label_map, prediction.uncertainty, labels.label_map, labels.provenance)
        )
        free = predicted != VOID
        if answered is not None:
            free &= ~on_grid(answered, step)
        return cls(step, predicted, uncertainty, own, provenance, away_from_borders(predicted, step), free)

    def expected(self, rect: Rect, inside: Mask) -> float:
        """Return the number of image pixels of a region that are expected to be predicted wrongly."""
        return self.step**2 * float(self.uncertainty[rect.slices][inside].sum(dtype=np.float64)) / 255

    def components(self, mask: Mask) -> Iterator[tuple[Rect, Mask]]:
        """Yield box and pixels of each connected part that is large enough.

        Pixels near a border are not in the mask, so a part has one predicted class.
        """
        least = max(LEAST_PIXELS, LEAST_SHARE * mask.size * self.step**2) / self.step**2
        _, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
        for number in np.flatnonzero(stats[:, cv2.CC_STAT_AREA] >= least).tolist():
            if number:  # 0 is what lies outside of all parts
                x, y, width, height, _ = stats[number].tolist()
                rect = Rect(x, y, x + width, y + height)
                yield rect, numbers[rect.slices] == number


def on_grid(plane: NDArray[_Value], step: int) -> NDArray[_Value]:
    """Return every k-th row and column of a plane, from the middle of the first k on."""
    return np.ascontiguousarray(plane[step // 2 :: step, step // 2 :: step])


def hotspots(prediction: Prediction, labels: Labels, answered: Mask | None = None) -> list[Hotspot]:
    """Return the regions of an image that are worth a look, the largest expected gain first.

    The time is bounded: large images are searched on a grid of about a million pixels.

    Args:
        prediction: in the project's class indices.
        labels: the annotation, of the same size.
        answered: bool (H, W), where an answer was given already; no region lies there.

    Raises:
        ValueError: if the prediction is of another size.
    """
    if prediction.label_map.shape != labels.shape:
        raise ValueError(f"prediction is {prediction.label_map.shape}, annotation {labels.shape}")
    grid = Grid.of(prediction, labels, answered)
    found = sorted((*_doubts(grid), *_differences(grid)), key=lambda seed: -seed.gain)[:MOST]
    regions = (grown(seed, grid.step, prediction, labels) for seed in found)
    return [region for region in regions if region is not None]


def away_from_borders(label_map: LabelMap, step: int = 1) -> Mask:
    """Return where no border between two classes is near: bool (h, w).

    Args:
        label_map: uint8 (h, w).
        step: image pixels between two pixels of the map; near is `BORDER` image pixels.
    """
    kernel = np.ones(2 * (2 * _reach(step) + 1,), np.uint8)
    return np.asarray(cv2.dilate(label_map, kernel) == cv2.erode(label_map, kernel))


@dataclass(frozen=True)
class Seed:
    """A region on the grid, without the band along its borders.

    Attributes:
        reason: see `Hotspot`.
        rect: in pixels of the grid.
        inside: bool (height, width).
        gain: see `Hotspot`.
        level: the uncertainty from which its pixels are doubtful; 0 for another reason.
    """

    reason: Reason
    rect: Rect
    inside: Mask
    gain: float
    level: int


def _doubts(grid: Grid) -> Iterator[Seed]:
    """Yield the regions where the network doubts, and that no human has labelled."""
    yield from _doubts_in(grid, grid.free & grid.inner & _who(grid.provenance, Reason.DOUBT), LEVELS)


def _doubts_in(grid: Grid, mask: Mask, levels: Sequence[int]) -> Iterator[Seed]:
    """Yield the doubtful regions of a mask; a large one falls apart if it can."""
    if not levels:
        return
    for rect, inside in grid.components(mask & (grid.uncertainty >= levels[0])):
        whole = Seed(Reason.DOUBT, rect, inside, grid.expected(rect, inside), levels[0])
        parts: list[Seed] = []
        if np.count_nonzero(inside) > LARGEST_SHARE * mask.size:
            within = np.zeros_like(mask)
            within[rect.slices] = inside
            parts = list(_doubts_in(grid, within, levels[1:]))
        yield from parts or [whole]


def _differences(grid: Grid) -> Iterator[Seed]:
    """Yield the regions where the network is sure, and contradicts a person."""
    mask = grid.free & grid.inner & _who(grid.provenance, Reason.DIFFERENCE)
    mask &= (grid.own != grid.predicted) & (grid.own != VOID) & (grid.uncertainty <= SURE)
    if not mask.any():
        return
    mask &= away_from_borders(grid.own, grid.step)
    for rect, inside in grid.components(mask):
        sure = grid.step**2 * np.count_nonzero(inside) - grid.expected(rect, inside)
        yield Seed(Reason.DIFFERENCE, rect, inside, PERSON_WRONG * sure, 0)


def grown(seed: Seed, step: int, prediction: Prediction, labels: Labels) -> Hotspot | None:
    """Return a region of the grid in the image's pixels, with the band along its borders."""
    rect, holes, near = _widened(seed, step, labels.shape)
    part, old = prediction.part(rect), labels.part(rect)
    near &= _who(old.provenance, seed.reason)
    index, own = _commonest(part.label_map, near), VOID
    near &= part.label_map == index
    if seed.reason is not Reason.DOUBT:
        own = _commonest(old.label_map, near, but=index)
        near &= (old.label_map == own) & (own != VOID)
    else:
        near &= holes | (part.uncertainty >= seed.level)
    thick = cv2.morphologyEx(near.view(np.uint8), cv2.MORPH_OPEN, np.ones((_THREAD, _THREAD), np.uint8))
    x, y, width, height = cv2.boundingRect(thick)
    if not width:
        return None
    box = Rect(x, y, x + width, y + height)
    inside, box = np.ascontiguousarray(thick[box.slices]) > 0, box.moved(rect.x0, rect.y0)
    second, probability = _guesses(prediction.part(box), inside, index)
    return Hotspot(seed.reason, box, inside, index, second, own, probability, seed.gain)


def _widened(seed: Seed, step: int, shape: tuple[int, int]) -> tuple[Rect, Mask, Mask]:
    """Return a box in image pixels, and in it the small holes of a region, and the region with a band around it."""
    band, height, width = (_reach(step) + 1) * step, *shape
    room = seed.rect.grown(_reach(step) + 1)
    inside = np.pad(seed.inside, _reach(step) + 1)
    _, numbers, stats, _ = cv2.connectedComponentsWithStats((~inside).view(np.uint8), connectivity=4)
    holes = ~inside & (stats[:, cv2.CC_STAT_AREA] * step**2 <= _HOLE)[numbers]
    planes = (plane.view(np.uint8).repeat(step, 0).repeat(step, 1) for plane in (holes, inside | holes))
    start = Rect(*(edge * step for edge in room))
    rect = start.intersect(Rect(0, 0, width, height))
    where = rect.moved(-start.x0, -start.y0).slices
    shown_holes, near = (plane[where] for plane in planes)
    return rect, shown_holes > 0, cv2.dilate(near, np.ones((2 * band + 1, 2 * band + 1), np.uint8)) > 0


def _guesses(part: Prediction, inside: Mask, index: int) -> tuple[int, float]:
    """Return second guess and mean probability of a region of one class."""
    second = VOID if part.second_guess is None else _commonest(part.second_guess, inside, but=index)
    return second, 1 - cv2.mean(np.ascontiguousarray(part.uncertainty), inside.view(np.uint8))[0] / 255


def _commonest(values: LabelMap, inside: Mask, but: int = VOID) -> int:
    """Return the most frequent class of a region other than 255 and ``but``, or 255."""
    # A third of the time of numpy's bincount of the pixels inside.
    counts = cv2.calcHist([np.ascontiguousarray(values)], [0], inside.view(np.uint8), [256], [0, 256]).ravel()
    counts[[VOID, but]] = 0
    return int(counts.argmax()) if counts.any() else VOID


def _who(provenance: LabelMap, reason: Reason) -> Mask:
    """Return the pixels that a region of this reason may have: bool (h, w)."""
    by_people = provenance > Provenance.NETWORK
    return ~by_people if reason is Reason.DOUBT else by_people


def _reach(step: int) -> int:
    """Return the width of the band along borders in pixels of the grid."""
    return max(1, round(BORDER / step))
