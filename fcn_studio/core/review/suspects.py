"""Suspects: regions whose labels are probably wrong.

A network that has not learned from an image scores its labels. Where it gives a region's class next to no
probability, the label is worth a second look.
"""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap, Labels, Provenance
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.review.hotspots import MOST, Grid, Hotspot, Reason, Seed, away_from_borders, grown, on_grid

UNLIKELY = 51
"""Probability of the label below which a pixel is suspect: 0.2 of 255 steps."""

TEMPERATURE = 0.1
"""How much more the least likely labels of an image count in its score than the others."""


@dataclass(frozen=True, eq=False)
class Suspects:
    """What an image's labels are to a network that has not learned from it.

    Attributes:
        image_id: which image it is of.
        score: 0..1, the lower the likelier the image has wrong labels; 1 where nothing can be judged.
        regions: the suspect regions, the largest first.
        confusion: number of judged pixels by their label and the class that the network predicts.
    """

    image_id: str
    score: float = 1.0
    regions: tuple[Hotspot, ...] = ()
    confusion: Mapping[tuple[int, int], int] = field(default_factory=dict)


def suspects(prediction: Prediction, likely: LabelMap, labels: Labels) -> Suspects:
    """Return the regions of an image whose labels are probably wrong, and the image's score.

    Only labels of people are judged, and none next to a border between two classes.

    Args:
        prediction: of a network that has not learned from the image, in the project's class indices.
        likely: uint8 (H, W), ``round(255 * p)`` of each pixel's own label; 255 where the network cannot judge it.
        labels: the annotation.
    """
    grid = Grid.of(prediction, labels, None)
    judged = (grid.provenance > Provenance.NETWORK) & (grid.own != VOID) & grid.free
    judged &= away_from_borders(grid.own, grid.step)
    on = on_grid(likely, grid.step)
    seeds = [
        Seed(Reason.SUSPECT, rect, inside, float(grid.step**2 * np.count_nonzero(inside)), 0)
        for rect, inside in grid.components(judged & (on < UNLIKELY) & (grid.own != grid.predicted))
    ]
    largest = sorted(seeds, key=lambda seed: -seed.gain)[:MOST]
    regions = (grown(seed, grid.step, prediction, labels) for seed in largest)
    found = tuple(region for region in regions if region is not None)
    pairs, counts = np.unique(grid.own[judged].astype(np.uint16) << 8 | grid.predicted[judged], return_counts=True)
    pixels = {
        (pair >> 8, pair & 255): grid.step**2 * n for pair, n in zip(pairs.tolist(), counts.tolist(), strict=True)
    }
    return Suspects(prediction.image_id, softmin(on[judged] / np.float32(255)), found, pixels)


def confusion(found: Iterable[Suspects]) -> Counter[tuple[int, int]]:
    """Return the number of judged pixels of all images by their label and the predicted class."""
    pixels: Counter[tuple[int, int]] = Counter()
    for of in found:
        pixels.update(of.confusion)
    return pixels


def ranked(found: Iterable[Suspects]) -> list[tuple[str, Hotspot]]:
    """Return all suspect regions with their image ids, those that are likeliest to be wrong first.

    A network that cannot tell two classes apart contradicts many correct labels, and so does one that hardly knows a
    class. So a region counts by its share of all suspect pixels with its label and its predicted class, times its
    probability and its width, and less where a large share of the pixels with its label is suspect.
    """
    found = list(found)
    regions = [(of.image_id, region) for of in found for region in of.regions]
    pairs: Counter[tuple[int, int]] = Counter()
    suspect: Counter[int] = Counter()
    judged: Counter[int] = Counter()
    for (own, _), pixels in confusion(found).items():
        judged[own] += pixels
    for _, region in regions:
        pairs[region.own, region.class_index] += region.area
        suspect[region.own] += region.area

    def weight(row: tuple[str, Hotspot]) -> float:
        region = row[1]
        share = region.area / pairs[region.own, region.class_index]
        unknown = math.sqrt(suspect[region.own] / max(judged[region.own], 1))
        return share * region.probability * math.sqrt(region.area) / unknown

    return sorted(regions, key=weight, reverse=True)


def softmin(likely: NDArray[np.float32]) -> float:
    """Return a mean of probabilities (n,) in which the lowest ones count most, 1 if there are none.

    Source: Lad & Mueller 2023, "Estimating label quality and errors in semantic segmentation data via any model".
    """
    if not len(likely):
        return 1.0
    weights = np.exp((likely.min() - likely) / TEMPERATURE, dtype=np.float64)
    return float(likely @ weights / weights.sum())
