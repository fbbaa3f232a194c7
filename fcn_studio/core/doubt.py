"""How much a network doubts an image, and how much of a person's labels it contradicts.

Both are one number for an image, by which images can be sorted.
"""

from __future__ import annotations

import cv2
import numpy as np

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap, Labels, Provenance
from fcn_studio.core.prediction import Prediction

BORDER = 3
"""Pixels on each side of a border between two classes where doubt is not counted: every network doubts there."""


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
