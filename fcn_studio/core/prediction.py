"""Predictions of a network, and how they enter an annotation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np

from fcn_studio.core.classes import VOID
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap, Labels, Provenance, values_in, writable_by_network
from fcn_studio.core.raster import flood
from fcn_studio.core.region import Region

_MADE_BY_NETWORK = np.full(256, Provenance.NETWORK, np.uint8)
_MADE_BY_NETWORK[VOID] = Provenance.NOBODY

BORDER = 3
"""Pixels on each side of a border between two classes where doubt is not counted: every network doubts there."""


@dataclass(frozen=True)
class Prediction:
    """A network's label map of one image, with its uncertainty.

    Attributes:
        image_id: which image it is of.
        label_map: uint8 (H, W); the network's own class indices as predicted, the project's after `mapped`,
            where 255 stands for classes that the project does not have.
        uncertainty: uint8 (H, W); ``round(255 * (1 - max softmax))``.
        checkpoint: sha256 of the checkpoint that made it, 64 hex digits.
        second_guess: uint8 (H, W), the class with the second largest score, in the indices of the label map; 255
            where it is not known, as where the network is sure. None if it was not computed.
    """

    image_id: str
    label_map: LabelMap
    uncertainty: LabelMap
    checkpoint: str
    second_guess: LabelMap | None = None

    @property
    def nbytes(self) -> int:
        """Bytes of its planes."""
        planes = 2 if self.second_guess is None else 3
        return planes * self.label_map.size

    def mapped(self, index_map: Mapping[int, int]) -> Prediction:
        """Return the prediction in the project's class indices.

        Network indices without a project index become 255. So does a second guess that means the same class as the
        first.
        """
        table = np.full(256, VOID, np.uint8)
        for source, target in index_map.items():
            table[source] = target
        planes = [self.label_map] if self.second_guess is None else [self.label_map, self.second_guess]
        present = np.union1d(values_in(planes[0]), values_in(planes[-1]))
        if np.array_equal(table[present], present):  # a network of this project: a large label map is not copied
            return self
        label_map, second = (np.asarray(cv2.LUT(plane, table), np.uint8) for plane in (planes[0], planes[-1]))
        if self.second_guess is None:
            return replace(self, label_map=label_map)
        second[second == label_map] = VOID
        return replace(self, label_map=label_map, second_guess=second)

    def part(self, rect: Rect) -> Prediction:
        """Return the prediction in a rectangle, without a copy."""
        second = None if self.second_guess is None else self.second_guess[rect.slices]
        label_map, uncertainty = self.label_map[rect.slices], self.uncertainty[rect.slices]
        return replace(self, label_map=label_map, uncertainty=uncertainty, second_guess=second)


def likelihood(prediction: Prediction, index: int, side: int) -> LabelMap:
    """Return how likely each pixel has a class, uint8, 0 to 255.

    Of the classes that are neither first nor second nothing is known; they count as impossible.

    Args:
        prediction: in the indices of ``index``.
        index: the class index.
        side: the longest side of the result, in pixels; a larger prediction is reduced to it.
    """
    height, width = prediction.label_map.shape
    scale = min(1.0, side / max(height, width))
    size = max(1, round(width * scale)), max(1, round(height * scale))
    likely = cv2.subtract(cv2.inRange(prediction.label_map, index, index), prediction.uncertainty)
    if prediction.second_guess is not None:
        least = cv2.min(prediction.uncertainty, cv2.bitwise_not(prediction.uncertainty))
        cv2.copyTo(least, cv2.inRange(prediction.second_guess, index, index), likely)
    return np.asarray(cv2.resize(likely, size, interpolation=cv2.INTER_AREA), np.uint8)


def predicted_region(prediction: Prediction, pixel_xy: tuple[int, int]) -> Region | None:
    """Return the connected region of one class around a pixel of a prediction.

    It is None outside of the image, and where the prediction has no class of the project.
    """
    (x, y), (height, width) = pixel_xy, prediction.label_map.shape
    if not (0 <= x < width and 0 <= y < height) or prediction.label_map[y, x] == VOID:
        return None
    return flood(prediction.label_map, pixel_xy)


def prelabelled(labels: Labels, prediction: Prediction) -> Labels:
    """Return the annotation with a prediction written into it.

    Only pixels of nobody and of the network change.

    Where the prediction has no class (255) such a pixel becomes unlabelled. Human and unknown pixels are kept
    byte for byte.

    Raises:
        ValueError: if the prediction is of another size.
    """
    if prediction.label_map.shape != labels.shape:
        raise ValueError(f"prediction is {prediction.label_map.shape}, annotation {labels.shape}")
    made, new = labels.copy(), prediction.label_map
    writable = writable_by_network(labels).view(np.uint8)
    cv2.copyTo(new, writable, made.label_map)
    cv2.copyTo(np.asarray(cv2.LUT(new, _MADE_BY_NETWORK), np.uint8), writable, made.provenance)
    return made


def doubt(prediction: Prediction) -> float:
    """Return the share of pixels that the network expects to be wrong.

    It is the mean of the uncertainty, 0 to 1, without the pixels next to a border between two classes. Where there
    are no other pixels, it is the mean over all.
    """
    inner = _away_from_borders(prediction.label_map)
    mask = inner if cv2.countNonZero(inner) else None
    return float(cv2.mean(prediction.uncertainty, mask)[0]) / 255


def differences(prediction: Prediction, labels: Labels) -> float | None:
    """Return the share of a person's pixels for which the prediction has another class.

    Void and unlabelled pixels, and those for which the network has no class of the project, are not counted. The
    result is None if nothing is left to count, or the prediction is of another size.

    Args:
        prediction: in the project's class indices.
        labels: the annotation of the same image.
    """
    if prediction.label_map.shape != labels.shape:
        return None
    counted = labels.provenance == Provenance.HUMAN
    for indices in (labels.label_map, prediction.label_map):
        counted &= indices != VOID
    total = np.count_nonzero(counted)
    if not total:
        return None
    return float(np.count_nonzero(counted & (labels.label_map != prediction.label_map)) / total)


def _away_from_borders(label_map: LabelMap) -> LabelMap:
    """Return 255 where all pixels within `BORDER` have the same class, else 0."""
    kernel = np.ones((2 * BORDER + 1, 2 * BORDER + 1), np.uint8)
    same = cv2.compare(cv2.dilate(label_map, kernel), cv2.erode(label_map, kernel), cv2.CMP_EQ)
    return np.asarray(same, np.uint8)
