"""Deltas of tiles: the exclusive or of the bytes of two states.

A delta leads from either state to the other.

A stroke changes regions, and a region is few spans of equal bytes a row. Kept as spans, a change is unpacked in half
of the time of inflating it, and packed in a third; only what is too ragged for spans is deflated.
"""

from __future__ import annotations

import zlib
from dataclasses import dataclass
from typing import NamedTuple

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.geometry import EMPTY, Rect
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.tiles import TILE, collapsed, only_value

_MANY_SPANS = 2048
"""More spans in a tile are slower to repeat, and larger, than what deflate makes of it."""


@dataclass(frozen=True, slots=True)
class Spans:
    """Spans of equal bytes, row after row.

    Attributes:
        lengths: of each, uint16.
        values: uint8; two that take turns, as inside and outside of a stroke do, or one for each span.
    """

    lengths: bytes
    values: bytes


@dataclass(frozen=True, slots=True)
class Deflated:
    """A raw deflate stream.

    It unpacks in half the time of one with zlib's checksum.
    """

    data: bytes


@dataclass(frozen=True, slots=True)
class AtChangedLabels:
    """One value wherever the label map changes, and 0 elsewhere.

    A stroke changes the provenance in this way.
    """

    value: int


Change = int | Spans | Deflated | AtChangedLabels | NDArray[np.uint8]
"""What changes in one array: one value in all pixels, several in little room, or the array until it is packed."""


class TileDelta(NamedTuple):
    """The exclusive or of two states of a tile.

    Outside of its rectangle nothing changes.

    Attributes:
        rect: in image pixels, at most a tile, not empty.
        label_map: of the label map; an array has at least two values.
        provenance: of the provenance, likewise.
    """

    rect: Rect
    label_map: Change
    provenance: Change

    @classmethod
    def between(
        cls, rect: Rect, now: tuple[LabelMap | int, LabelMap | int], then: tuple[LabelMap | int, LabelMap | int]
    ) -> TileDelta | None:
        """Return the delta between two states of a rectangle.

        Each state is a label map and a provenance. None if they are equal.

        An array of one value may be given as that value.
        """
        changes = [_exclusive_or(pixels, other) for pixels, other in zip(now, then, strict=True)]
        where = EMPTY
        for change in changes:
            where = where.union(_bounding(change, rect))
        if not where:
            return None
        inside = where.moved(-rect.x0, -rect.y0).slices
        first, second = (c if isinstance(c, int) else collapsed(np.ascontiguousarray(c[inside])) for c in changes)
        return cls(where, first, second)

    @property
    def bytes(self) -> int:
        """Approximate size in memory."""
        return _size(self.label_map) + _size(self.provenance)

    @property
    def relabelled(self) -> int:
        """Number of pixels whose label changes."""
        change = _unpacked(self.label_map)
        if isinstance(change, int):
            return self.rect.area if change else 0
        return int(np.count_nonzero(change))

    def packed(self) -> TileDelta:
        """Return the delta in compressed form. Idempotent."""
        first, second = self.label_map, self.provenance
        if isinstance(first, np.ndarray) and isinstance(second, np.ndarray):
            value = int(second.max())
            if np.array_equal(second, _where(first, value)):
                second = AtChangedLabels(value)
        return TileDelta(self.rect, _packed(first), _packed(second))

    def moved(self, dx: int, dy: int) -> TileDelta:
        """Return the delta moved by columns and rows."""
        return self._replace(rect=self.rect.moved(dx, dy))

    def apply(self, label_map: LabelMap, provenance: LabelMap) -> None:
        """Change arrays from one state to the other, in place."""
        where, value = self.rect.slices, self.provenance
        first = _unpacked(self.label_map)
        _flip(label_map[where], first)
        second = _where(first, value.value) if isinstance(value, AtChangedLabels) else _unpacked(value)
        _flip(provenance[where], second)


def _flip(pixels: LabelMap, change: int | NDArray[np.uint8]) -> None:
    """Apply a change to pixels in place, by exclusive or."""
    if isinstance(change, np.ndarray):
        cv2.bitwise_xor(pixels, change.reshape(pixels.shape), dst=pixels)  # two thirds of numpy's time
    elif change:
        np.bitwise_xor(pixels, np.uint8(change), out=pixels)


def _exclusive_or(now: LabelMap | int, then: LabelMap | int) -> int | NDArray[np.uint8]:
    if isinstance(now, int):
        return now ^ then if isinstance(then, int) else np.bitwise_xor(then, np.uint8(now))
    if isinstance(then, int) and (value := only_value(now)) is not None:
        return value ^ then
    return np.bitwise_xor(now, np.uint8(then) if isinstance(then, int) else then.reshape(now.shape))


def _bounding(change: int | NDArray[np.uint8], rect: Rect) -> Rect:
    if isinstance(change, int):
        return rect if change else EMPTY
    x, y, width, height = cv2.boundingRect(change)
    return Rect(x, y, x + width, y + height).moved(rect.x0, rect.y0)


def _where(change: int | NDArray[np.uint8], value: int) -> NDArray[np.uint8]:
    """Return the value where there is a change, else 0."""
    there: NDArray[np.uint8] = np.not_equal(change, 0).view(np.uint8)
    return there * np.uint8(value)


def _size(change: Change) -> int:
    if isinstance(change, np.ndarray):
        return change.nbytes
    if isinstance(change, Spans):
        return len(change.lengths) + len(change.values)
    return len(change.data) if isinstance(change, Deflated) else 8


def _packed(change: Change) -> Change:
    if not isinstance(change, np.ndarray):
        return change
    pixels = change.ravel()
    ends = np.flatnonzero(pixels[1:] != pixels[:-1])
    if len(ends) >= _MANY_SPANS:
        deflate = zlib.compressobj(1, wbits=-zlib.MAX_WBITS)
        return Deflated(deflate.compress(pixels.tobytes()) + deflate.flush())
    lengths = np.diff(ends, prepend=-1, append=pixels.size - 1)
    values = np.append(pixels[ends], pixels[-1])
    take_turns = bool((values[2:] == values[:-2]).all())
    return Spans(lengths.astype(np.uint16).tobytes(), values[: 2 if take_turns else None].tobytes())


def _unpacked(change: Change) -> int | NDArray[np.uint8]:
    """Return one value, or the pixels row by row as uint8."""
    if isinstance(change, Spans):
        lengths, values = np.frombuffer(change.lengths, np.uint16), change.values
        if len(values) < len(lengths):
            values = (values * len(lengths))[: len(lengths)]
        return np.frombuffer(values, np.uint8).repeat(lengths)
    if isinstance(change, Deflated):
        return np.frombuffer(zlib.decompress(change.data, -zlib.MAX_WBITS, TILE * TILE), np.uint8)
    assert not isinstance(change, AtChangedLabels), "only with the label map's change"
    return change
