"""Paint rules: where edits may write."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass, field, replace
from functools import cached_property
from typing import Literal

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap, Provenance
from fcn_studio.core.region import Region

_NOBODY = np.zeros(256, np.uint8)
_NOBODY[Provenance.NOBODY] = 255


_FEW = 4
"""So many classes are compared one by one in less time than a table takes: half of it for two."""


Only = Literal["", "unlabelled", "over", "predicted"]
"""Kinds of pixels that a tool may be limited to; "" for all."""


@dataclass(frozen=True)
class Where:
    """Where a tool may paint.

    Attributes:
        only: kind of pixels.
        index: class index that they have ("over") or are predicted to have ("predicted"), 255 for void.
    """

    only: Only = ""
    index: int = VOID


@dataclass(frozen=True)
class Predicted:
    """The pixels for which the network predicts one class.

    Attributes:
        index: class index, or 255 for void.
        label_map: uint8 (H, W), what it predicts; None if there is no prediction, and then there is no such pixel.
    """

    index: int
    label_map: LabelMap | None = field(default=None, compare=False, repr=False)

    def within(self, rect: Rect) -> NDArray[np.uint8]:
        """Return where they are in a rectangle: uint8 (height, width), nonzero."""
        if self.label_map is None:
            return np.zeros((rect.height, rect.width), np.uint8)
        found: NDArray[np.uint8] = (self.label_map[rect.slices] == self.index).view(np.uint8)
        return found


@dataclass(frozen=True)
class PaintRules:
    """Rules for the pixels that a human edit may write.

    Attributes:
        hidden: classes (255 for painted void) that are not shown; what cannot be seen is not painted over.
        locked: classes (255 for painted void) that the user protects.
        only_unlabelled: paint only where nobody has labelled anything.
        only_over: paint only over pixels of this class (255 for painted void).
        only_predicted: paint only where the network predicts a class.
        selection: write only in this region. It limits erasing and predictions too.

    Raises:
        ValueError: on construction, if more than one "only" rule is given.
    """

    hidden: frozenset[int] = field(default=frozenset())
    locked: frozenset[int] = field(default=frozenset())
    only_unlabelled: bool = False
    only_over: int | None = None
    only_predicted: Predicted | None = None
    selection: Region | None = field(default=None, compare=False, repr=False)

    def __post_init__(self) -> None:
        if self.only_unlabelled + (self.only_over is not None) + (self.only_predicted is not None) > 1:
            raise ValueError("more than one rule says where only to paint")

    @cached_property
    def limited(self) -> bool:
        """Whether painting is limited to unlabelled pixels, to a class, or to a selection."""
        return (
            self.only_unlabelled
            or self.only_over is not None
            or self.only_predicted is not None
            or self.selection is not None
        )

    @cached_property
    def protected(self) -> frozenset[int]:
        """The classes whose pixels no tool or network changes."""
        return self.hidden | self.locked

    def unprotected(self) -> PaintRules:
        """Return the rules without "only", which predictions obey."""
        return PaintRules(self.hidden, self.locked, selection=self.selection)

    def for_erasing(self) -> PaintRules:
        """Return the rules that erasing obeys; what is unlabelled needs no erasing."""
        return replace(self, only_unlabelled=False)

    def paintable(self, rect: Rect, label_map: LabelMap, provenance: LabelMap) -> NDArray[np.uint8] | None:
        """Return where an edit may write in a part of the image: uint8 (height, width), nonzero.

        None means everywhere.

        Args:
            rect: the part.
            label_map: uint8 (height, width), the label map there.
            provenance: uint8 (height, width), its provenance.
        """
        allowed = self._by_labels(label_map, provenance)
        for limit in (self.only_predicted, self.selection):
            if limit is not None:
                inside = limit.within(rect)
                allowed = inside if allowed is None else np.asarray(cv2.min(allowed, inside), np.uint8)
        return allowed

    def _by_labels(self, label_map: LabelMap, provenance: LabelMap) -> NDArray[np.uint8] | None:
        """Return where the labels allow a write, None for everywhere."""
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
