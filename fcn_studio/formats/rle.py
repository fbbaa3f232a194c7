"""Run-length encoding of masks, as COCO has it.

The pixels are taken column after column. The counts are of runs of 0 and 1 in turn, beginning with 0, which may have
none. As text, each count from the third on is stored as the difference to the one two before it.

Source: cocoapi, ``common/maskApi.c`` (rleEncode, rleDecode, rleToString, rleFrString).
"""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcn_studio.i18n import tr

Size = tuple[int, int]
"""(width, height) in pixels."""

_LONGEST = 7
"""Characters of a count: 35 bits, more than any picture has pixels."""


def encoded(mask: NDArray[Any]) -> list[int]:
    """Return the counts of a mask, (H, W), whose pixels count as 1 where they are not 0."""
    pixels = np.asarray(mask).astype(np.bool_).ravel(order="F")
    if not pixels.size:
        return []
    changes = np.flatnonzero(pixels[1:] != pixels[:-1]) + 1
    edges = np.concatenate((([0, 0] if pixels[0] else [0]), changes, [pixels.size]))
    counts: list[int] = np.diff(edges).tolist()
    return counts


def encoded_part(part: NDArray[np.bool_], corner_xy: tuple[int, int], size: Size) -> list[int]:
    """Return the counts of a mask that is 0 outside a rectangle.

    It takes time for the rectangle only.

    Args:
        part: the pixels in the rectangle, bool (H, W).
        corner_xy: its top left pixel.
        size: (width, height) of the mask.
    """
    columns, rows = np.nonzero(part.T)
    places = (columns + corner_xy[0]) * size[1] + rows + corner_xy[1]
    if not places.size:
        return [size[0] * size[1]]
    gaps = np.flatnonzero(np.diff(places) != 1)
    starts, ends = places[np.append(0, gaps + 1)], places[np.append(gaps, -1)] + 1
    edges = np.concatenate(([0], np.column_stack((starts, ends)).ravel(), [size[0] * size[1]]))
    counts: list[int] = np.diff(edges).tolist()
    return counts if counts[-1] else counts[:-1]


def decoded(counts: Sequence[int], size: Size) -> NDArray[np.bool_]:
    """Return the mask of counts: bool (H, W).

    Args:
        counts: lengths of the runs.
        size: (width, height) of the mask.

    Raises:
        ValueError: if a count is no whole number of at least 0, or they do not add up to the pixels of the mask.
    """
    width, height = size
    if any(type(count) is not int or not 0 <= count <= width * height for count in counts):
        raise ValueError(tr("a count is no length of a run"))
    if sum(counts) != width * height:
        raise ValueError(
            tr("the runs have {runs:,} pixels, the mask {pixels:,}", runs=sum(counts), pixels=width * height)
        )
    turns = np.zeros(len(counts), np.bool_)
    turns[1::2] = True
    return turns.repeat(np.asarray(counts, np.int64)).reshape((height, width), order="F")


def as_text(counts: Iterable[int]) -> str:
    """Return counts in COCO's compressed form."""
    before: list[int] = []
    text = bytearray()
    for count in counts:
        value = count - before[-2] if len(before) > 2 else count
        before.append(count)
        more = True
        while more:
            bits = value & 0x1F
            value >>= 5
            more = value != -1 if bits & 0x10 else value != 0
            text.append((bits | 0x20 if more else bits) + 48)
    return text.decode("ascii")


def from_text(text: str) -> list[int]:
    """Return the counts of COCO's compressed form.

    Raises:
        ValueError: if it is cut off or has other characters.
    """
    counts: list[int] = []
    value = length = 0
    for character in text:
        bits = ord(character) - 48
        if not 0 <= bits < 64 or length == _LONGEST:
            raise ValueError(tr("no compressed run lengths"))
        value |= (bits & 0x1F) << (5 * length)
        length += 1
        if bits & 0x20:
            continue
        if bits & 0x10:
            value -= 1 << (5 * length)
        counts.append(value + counts[-2] if len(counts) > 2 else value)
        value = length = 0
    if length:
        raise ValueError(tr("compressed run lengths are cut off"))
    return counts
