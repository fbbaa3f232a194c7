"""What a network says about an image, and how it enters an annotation."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace

import cv2
import numpy as np

from fcn_studio.core.classes import VOID
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap, Labels, Provenance, writable_by_network


@dataclass(frozen=True)
class Prediction:
    """The network's label map of one image and how sure it is.

    Attributes:
        image_id: which image it is of.
        label_map: uint8 (H, W); the network's own class indices as predicted, the project's after `mapped`,
            where 255 stands for classes that the project does not have.
        uncertainty: uint8 (H, W); ``round(255 * (1 - max softmax))``.
        checkpoint: sha256 of the checkpoint that made it, 64 hex digits.
    """

    image_id: str
    label_map: LabelMap
    uncertainty: LabelMap
    checkpoint: str

    def mapped(self, index_map: Mapping[int, int]) -> Prediction:
        """The prediction in the project's class indices: network index -> project index; others become 255."""
        table = np.full(256, VOID, np.uint8)
        for source, target in index_map.items():
            table[source] = target
        return replace(self, label_map=np.asarray(cv2.LUT(self.label_map, table), np.uint8))

    def part(self, rect: Rect) -> Prediction:
        """What it says of a rectangle, without a copy."""
        return replace(self, label_map=self.label_map[rect.slices], uncertainty=self.uncertainty[rect.slices])


def prelabelled(labels: Labels, prediction: Prediction) -> Labels:
    """The annotation with a prediction written where it may be: on pixels of nobody and of the network.

    Where the prediction has no class (255) such a pixel becomes unlabelled. Human and unknown pixels are kept
    byte for byte.

    Raises:
        ValueError: if the prediction is of another size.
    """
    if prediction.label_map.shape != labels.shape:
        raise ValueError(f"prediction is {prediction.label_map.shape}, annotation {labels.shape}")
    writable = writable_by_network(labels)
    label_map = np.where(writable, prediction.label_map, labels.label_map)
    made = np.where(prediction.label_map == VOID, np.uint8(Provenance.NOBODY), np.uint8(Provenance.NETWORK))
    return Labels(label_map, np.where(writable, made, labels.provenance))
