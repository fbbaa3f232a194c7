"""Conversion of samples of any depth to 8 bits a channel.

Display, network and export share these 8 bits.
"""

from __future__ import annotations

from collections.abc import Callable, Iterable
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.grey_levels import BY_FILE, GreyLevels, Span


@dataclass(frozen=True)
class DeepImage:
    """An image of more than 8 bits per sample, before it is scaled to 8.

    Attributes:
        samples: (H, W) or (H, W, C), as stored.
        finish: makes the picture of the samples scaled to 8 bits: bands, opacity, orientation.
    """

    samples: NDArray[Any]
    finish: Callable[[NDArray[np.uint8]], NDArray[np.uint8]]

    def rgb(self, levels: GreyLevels) -> NDArray[np.uint8]:
        """Return the picture, uint8 (H, W, 3), with these levels."""
        return self.finish(to_8_bit(self.samples, levels))


def strips(array: NDArray[np.generic]) -> list[slice]:
    """Return slices of rows that together are the array (H, W, ...).

    Each slice has about a million pixels.
    """
    height, width = array.shape[:2]
    step = max(1, (1 << 20) // width)
    return [slice(top, min(height, top + step)) for top in range(0, height, step)]


def to_8_bit(samples: NDArray[np.generic], levels: GreyLevels = BY_FILE) -> NDArray[np.uint8]:
    """Scale deep samples (H, W) or (H, W, C) to uint8.

    What is not finite counts as 0.

    Args:
        samples: whole numbers or fractions.
        levels: what is black and white; where it does not say, `span_of` the samples.
    """
    finite = np.nan_to_num(samples, copy=False, posinf=0.0, neginf=0.0)
    given = levels.whole if _are_whole(samples) else levels.fractions
    low, high = given or span_of(finite)
    factor = 255.0 / (high - low) if high > low else 0.0
    scaled = np.empty(samples.shape, np.uint8)
    for rows in strips(scaled):
        scaled[rows] = np.clip(np.rint((finite[rows].astype(np.float64) - low) * factor), 0, 255)
    return scaled


def eight_bits(samples: NDArray[Any], levels: GreyLevels = BY_FILE) -> NDArray[np.uint8]:
    """Return TIFF samples (H, W, C) as uint8.

    Colour of 16 and 32 bits keeps its upper 8; the rest is scaled by `to_8_bit`.
    """
    if keeps_upper_bits(samples):
        upper: NDArray[np.uint8] = (samples >> (8 * samples.dtype.itemsize - 8)).astype(np.uint8, copy=False)
        return upper
    return to_8_bit(samples, levels)


def keeps_upper_bits(samples: NDArray[Any]) -> bool:
    """Return whether TIFF samples (H, W, C) are 8-bit or whole-numbered colour."""
    return samples.dtype == np.uint8 or (samples.shape[2] == 3 and samples.dtype.kind == "u")


def span_of(samples: NDArray[np.generic]) -> Span:
    """Return the black and white of finite samples.

    They follow from the samples themselves. Whole numbers without a negative have the range of the smallest usual
    depth (8, 10, 12, 14 or 16 bits) that holds the maximum, so a 12-bit camera's files are not nearly black.
    Fractions within 0..1 have 0 and 1. Anything else has its minimum and its maximum.
    """
    low, high = float(samples.min()), float(samples.max())
    if low >= 0 and _are_whole(samples) and high < 1 << 16:
        return 0.0, float(next((1 << bits) - 1 for bits in (8, 10, 12, 14, 16) if high < 1 << bits))
    if low >= 0 and not _are_whole(samples) and high <= 1:
        return 0.0, 1.0
    return low, high


def joint_levels(images: Iterable[NDArray[np.generic]]) -> GreyLevels:
    """Return the common black and white of several images.

    The result says nothing of a kind of samples that is not among them.
    """
    spans: dict[bool, list[Span]] = {True: [], False: []}
    for samples in images:
        spans[_are_whole(samples)].append(span_of(np.nan_to_num(samples, posinf=0.0, neginf=0.0)))
    return GreyLevels(_joint(spans[True]), _joint(spans[False]))


def _joint(spans: list[Span]) -> Span | None:
    low, high = min((low for low, _ in spans), default=0.0), max((high for _, high in spans), default=0.0)
    return (low, high) if high > low else None


def _are_whole(samples: NDArray[np.generic]) -> bool:
    return np.issubdtype(samples.dtype, np.integer)
