"""Snapshots of trusted pixels for training and evaluation.

Label maps are packed, so that a snapshot of a thousand images crosses to the network's process in one message.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass

import numpy as np

from fcn_studio.core.grey_levels import BY_FILE, GreyLevels
from fcn_studio.core.labels import LabelMap


@dataclass(frozen=True, slots=True)
class LabelledImage:
    """One image with its trusted pixels.

    Attributes:
        image_id: identity of the image in its project.
        image_path: the file, read where it is needed.
        packed: the trusted label map, zlib-compressed row by row; 255 is void or not trusted.
        shape: (height, width) in pixels.
        levels: what is black and white in the file, if it is deep.
    """

    image_id: str
    image_path: str
    packed: bytes
    shape: tuple[int, int]
    levels: GreyLevels = BY_FILE

    def label_map(self) -> LabelMap:
        """Return the trusted label map: read-only uint8 (H, W).

        Values are class indices or 255.

        Raises:
            ValueError: if the packed bytes are not a label map of ``shape``.
        """
        raw = zlib.decompress(self.packed)
        return np.frombuffer(raw, np.uint8).reshape(self.shape)


def pack(image_id: str, image_path: str, label_map: LabelMap, levels: GreyLevels = BY_FILE) -> LabelledImage:
    """Freeze one image and its trusted label map, uint8 (H, W)."""
    if label_map.dtype != np.uint8 or label_map.ndim != 2:
        raise ValueError(f"a label map is uint8 (H, W), not {label_map.dtype} {label_map.shape}")
    height, width = label_map.shape
    return LabelledImage(image_id, image_path, zlib.compress(label_map.tobytes(), 1), (height, width), levels)
