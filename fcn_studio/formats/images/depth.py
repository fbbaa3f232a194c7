"""Samples of any depth -> the 8 bits a channel that display, network and export share."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray


def strips(array: NDArray[np.generic]) -> list[slice]:
    """Return slices of rows that together are the array (H, W, ...), each of about a million pixels."""
    height, width = array.shape[:2]
    step = max(1, (1 << 20) // width)
    return [slice(top, min(height, top + step)) for top in range(0, height, step)]


def to_8_bit(samples: NDArray[np.generic]) -> NDArray[np.uint8]:
    """Scale deep samples (H, W) or (H, W, C) to uint8, by what the samples themselves say.

    Whole numbers without a negative are divided by the range of the smallest usual depth (8, 10, 12, 14 or
    16 bits) that holds the maximum, so a 12-bit camera's files are not nearly black and its pictures stay
    comparable. Fractions within 0..1 are scaled by 255. Anything else is stretched from its minimum to its
    maximum; what is not finite counts as 0.
    """
    finite = np.nan_to_num(samples, copy=False, posinf=0.0, neginf=0.0)
    low, high = float(finite.min()), float(finite.max())
    whole = np.issubdtype(samples.dtype, np.integer)
    if low >= 0 and whole and high < 1 << 16:
        low, high = 0.0, float(next((1 << bits) - 1 for bits in (8, 10, 12, 14, 16) if high < 1 << bits))
    elif low >= 0 and not whole and high <= 1:
        low, high = 0.0, 1.0
    factor = 255.0 / (high - low) if high > low else 0.0
    scaled = np.empty(samples.shape, np.uint8)
    for rows in strips(scaled):
        scaled[rows] = np.rint((finite[rows].astype(np.float64) - low) * factor)
    return scaled
