"""Paint rules: where edits may write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field
from functools import cached_property

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap, Provenance

_NOBODY = np.zeros(256, np.uint8)
_NOBODY[Provenance.NOBODY] = 255


_FEW = 4
"""So many classes are compared one by one in less time than a table takes: half of it for two."""


@dataclass(frozen=True)
class PaintRules:
    """Rules for the pixels that a human edit may write.

    Attributes:
        hidden: classes (255 for painted void) that are not shown; what cannot be seen is not painted over.
        locked: classes (255 for painted void) that the user protects.
        only_unlabelled: paint only where nobody has labelled anything.
        only_over: paint only over pixels of this class (255 for painted void).

    Raises:
        ValueError: on construction, if both "only" rules are given.
    """

    hidden: frozenset[int] = field(default=frozenset())
    locked: frozenset[int] = field(default=frozenset())
    only_unlabelled: bool = False
    only_over: int | None = None

    def __post_init__(self) -> None:
        if self.only_unlabelled and self.only_over is not None:
            raise ValueError("paint only unlabelled pixels, or only over a class: not both")

    @cached_property
    def protected(self) -> frozenset[int]:
        """The classes whose pixels no tool or network changes."""
        return self.hidden | self.locked

    def unprotected(self) -> PaintRules:
        """Return the rules without "only", which erasing and predictions obey."""
        return PaintRules(self.hidden, self.locked)

    def paintable(self, label_map: LabelMap, provenance: LabelMap) -> NDArray[np.uint8] | None:
        """Return where an edit may write: uint8 of the given shape, nonzero.

        None means everywhere.

        Args:
            label_map: uint8 (h, w), any part of a label map.
            provenance: uint8 (h, w), the same part of its provenance.
        """
        if self.only_unlabelled:
            return look_up(provenance, _NOBODY)
        if not self.protected and self.only_over is None:
            return None
        if self.only_over is None and len(self.protected) <= _FEW:
            allowed = _none_of(label_map, self.protected)
        else:
            allowed = look_up(label_map, self._free_classes)
        # 255 has two meanings, void and unlabelled; the table cannot tell them apart, the provenance can.
        if self.only_over is None and VOID in self.protected:
            cv2.bitwise_or(allowed, look_up(provenance, _NOBODY), dst=allowed)
        elif self.only_over == VOID:
            cv2.bitwise_and(allowed, look_up(provenance, ~_NOBODY), dst=allowed)
        return allowed

    @cached_property
    def _free_classes(self) -> NDArray[np.uint8]:
        """255 for values that may be painted over, shape (256,)."""
        values = np.full(256, 255 if self.only_over is None else 0, np.uint8)
        if self.only_over is not None:
            values[self.only_over] = 255
        values[list(self.protected)] = 0
        return values


def _none_of(label_map: LabelMap, classes: Iterable[int]) -> NDArray[np.uint8]:
    """Return 1 where a label map has none of the classes.

    There is at least one class.
    """
    first, *others = classes
    free = label_map != first
    for index in others:
        free &= label_map != index
    allowed: NDArray[np.uint8] = free.view(np.uint8)
    return allowed


def look_up(array: LabelMap, values: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return ``values[array]`` for a table of shape (256,), by OpenCV."""
    return np.asarray(cv2.LUT(array, values), np.uint8)
