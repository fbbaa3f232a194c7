"""Boundary F-score at a distance of a few pixels.

Source: Csurka, Larlus & Perronnin 2013, "What is a good evaluation measure for semantic segmentation?" (precision
and recall of boundary pixels within a distance); Perazzi et al. 2016 (DAVIS, contour accuracy F). Here matches are
counted over the whole set, as the confusion matrix is, and void has no boundary.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap


@dataclass
class BoundaryMatches:
    """Counts of boundary pixels and of their matches, by class.

    Attributes:
        distance: how near, pixels.
        counts: int64 (4, 255): true ones, true ones met, predicted ones, predicted ones met.
    """

    distance: float = 2.0
    counts: NDArray[np.int64] = field(default_factory=lambda: np.zeros((4, VOID), np.int64))

    def add(self, truth: LabelMap, prediction: LabelMap) -> None:
        """Count one image.

        Both arrays are uint8 (H, W) in the same class indices. Pixels whose truth is 255 do not count.

        Raises:
            ValueError: if the shapes differ.
        """
        if truth.shape != prediction.shape:
            raise ValueError(f"truth is {truth.shape}, prediction {prediction.shape}")
        guess = np.where(truth == VOID, np.uint8(VOID), prediction)
        true_edges, guessed_edges = _edges(truth), _edges(guess)
        for index in np.union1d(truth[true_edges], guess[guessed_edges]).tolist():
            true = true_edges & (truth == index)
            guessed = guessed_edges & (guess == index)
            self.counts[0, index] += true.sum()
            self.counts[1, index] += (true & self._near(guessed)).sum()
            self.counts[2, index] += guessed.sum()
            self.counts[3, index] += (guessed & self._near(true)).sum()

    def scores(self, indices: Iterable[int]) -> dict[int, float]:
        """Return the F-score of each class that has a true boundary.

        Keys are class indices, values are 0..1.
        """
        found = {}
        for index in indices:
            true, true_met, guessed, guessed_met = self.counts[:, index].tolist()
            if true == 0:
                continue
            recall, precision = true_met / true, guessed_met / guessed if guessed else 0.0
            both = precision + recall
            found[index] = 2 * precision * recall / both if both > 0 else 0.0
        return found

    def _near(self, boundary: NDArray[np.bool_]) -> NDArray[np.bool_]:
        """Return the pixels within the distance of a boundary."""
        if not boundary.any():
            return np.zeros_like(boundary)
        away = cv2.distanceTransform((~boundary).astype(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_PRECISE)
        return np.asarray(away <= self.distance + 1e-3)


def _edges(label_map: LabelMap) -> NDArray[np.bool_]:
    """Return the pixels with a 4-neighbour of another class.

    Void is no class.
    """
    edges = np.zeros(label_map.shape, bool)
    for one, other in ((np.s_[:-1], np.s_[1:]), (np.s_[:, :-1], np.s_[:, 1:])):
        differ = (label_map[one] != label_map[other]) & (label_map[one] != VOID) & (label_map[other] != VOID)
        edges[one] |= differ
        edges[other] |= differ
    return edges
