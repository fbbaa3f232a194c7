"""Label map and provenance, the two arrays of an annotation.

Label map: uint8 (H, W), class index or 255. Provenance: uint8 (H, W), who said so. A pixel is *unlabelled* if
nobody labelled it: provenance NOBODY with value 255. Painted void is 255 with provenance HUMAN.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.geometry import Rect

LabelMap = NDArray[np.uint8]
Mask = NDArray[np.bool_]


class Provenance(IntEnum):
    """Who labelled a pixel.

    The values are stored on disk. Never renumber them.
    """

    NOBODY = 0
    NETWORK = 1
    HUMAN = 2
    UNKNOWN = 3


@dataclass(frozen=True)
class Labels:
    """A label map and its provenance.

    Both are uint8 of one shape (H, W).

    Raises:
        ValueError: on construction, if the arrays do not fit together.
    """

    label_map: LabelMap
    provenance: LabelMap

    def __post_init__(self) -> None:
        for array in (self.label_map, self.provenance):
            if array.dtype != np.uint8 or array.ndim != 2 or array.shape != self.label_map.shape:
                raise ValueError(f"label map and provenance differ: {array.dtype} {array.shape}")

    @classmethod
    def unlabelled(cls, height: int, width: int) -> Labels:
        """Make arrays on which nobody has labelled anything."""
        return cls(np.full((height, width), VOID, np.uint8), np.zeros((height, width), np.uint8))

    @property
    def shape(self) -> tuple[int, int]:
        """(height, width) in pixels."""
        height, width = self.label_map.shape
        return height, width

    def part(self, rect: Rect) -> Labels:
        """Return both arrays in a rectangle, without a copy."""
        return Labels(self.label_map[rect.slices], self.provenance[rect.slices])

    def copy(self) -> Labels:
        """Return an independent copy of both arrays."""
        return Labels(self.label_map.copy(), self.provenance.copy())

    def frozen(self) -> Labels:
        """Return a read-only copy, for another thread."""
        copy = self.copy()
        copy.label_map.flags.writeable = False
        copy.provenance.flags.writeable = False
        return copy


def trusted_label_map(labels: Labels) -> LabelMap:
    """Return the class indices of human pixels, 255 elsewhere.

    Training sees nothing else. The array is uint8 (H, W).
    """
    hidden: LabelMap = (labels.provenance != Provenance.HUMAN).view(np.uint8)
    np.negative(hidden, out=hidden)  # 1 becomes 255, in less time than `np.where` takes
    hidden |= labels.label_map
    return hidden


def writable_by_network(labels: Labels) -> Mask:
    """Return where a prediction may write: bool (H, W).

    It may write on pixels of nobody and of the network, never on a human's.
    """
    return labels.provenance <= Provenance.NETWORK


def with_unknown_origin(label_map: LabelMap) -> Labels:
    """Make the labels of a mask without provenance.

    Labelled pixels become UNKNOWN, 255 becomes unlabelled.
    """
    table = np.full(256, Provenance.UNKNOWN, np.uint8)
    table[VOID] = Provenance.NOBODY
    return Labels(label_map, np.asarray(cv2.LUT(label_map, table), np.uint8))


def made_by_human(label_map: LabelMap) -> Labels:
    """Make the labels of a finished mask: every pixel human.

    Void is human too.
    """
    return Labels(label_map, np.full(label_map.shape, Provenance.HUMAN, np.uint8))


def verified(labels: Labels, unlabelled_as: int) -> Labels:
    """Return the verified labels: every pixel human.

    Unlabelled pixels become ``unlabelled_as``, a class index or 255.
    """
    unlabelled = labels.provenance == Provenance.NOBODY
    return made_by_human(np.where(unlabelled, np.uint8(unlabelled_as), labels.label_map))


def first_unknown_index(label_map: LabelMap, table: ClassTable) -> tuple[int, int, int] | None:
    """Return (value, x, y) of the first pixel of an unknown class.

    None if every value is in the table or 255.
    """
    known = table.with_indices()
    present = values_in(label_map)
    unknown = present[~known[present]]
    if not len(unknown):
        return None
    y = next(y for y, row in enumerate(label_map) if np.isin(row, unknown).any())
    x = int(np.argmax(np.isin(label_map[y], unknown)))
    return int(label_map[y, x]), x, y


def values_in(label_map: LabelMap) -> NDArray[np.intp]:
    """Return the values that occur in a label map, rising.

    Only the first pixel of a run of equal ones is counted, which takes a third of the time of a histogram of all.
    `numpy.bincount` would take eight times the memory.
    """
    flat = label_map.ravel()
    begins = np.concatenate([flat[:1], flat[1:][flat[1:] != flat[:-1]]])
    return np.flatnonzero(cv2.calcHist([begins], [0], None, [256], [0, 256])) if len(begins) else np.arange(0)
