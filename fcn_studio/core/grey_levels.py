"""Values of deep grey images that are shown as black and white.

One rule holds for all images of a project. The window can show other levels.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

Span = tuple[float, float]
"""The value that is black, and the value that is white."""


@dataclass(frozen=True, slots=True)
class GreyLevels:
    """Black and white in images of more than 8 bits per sample.

    Attributes:
        whole: for whole numbers; None where each file decides by itself.
        fractions: for floating-point numbers; None where each file decides by itself.
    """

    whole: Span | None = None
    fractions: Span | None = None

    def span(self, *, whole: bool) -> Span | None:
        """Return black and white of whole numbers or of fractions."""
        return self.whole if whole else self.fractions

    def changed(self, span: Span | None, *, whole: bool) -> GreyLevels:
        """Return these levels with another span for one of the two kinds."""
        return replace(self, whole=span) if whole else replace(self, fractions=span)


BY_FILE = GreyLevels()
"""Each file decides by itself."""


BINS = 128
"""Bars of a histogram."""

SATURATED = 0.5
"""Per cent of the values that `GreyHistogram.auto` makes black, and as many white."""

_LOOKED_AT = 1 << 20
"""At most about so many values are sorted."""


@dataclass(frozen=True)
class GreyHistogram:
    """Values of an image of more than 8 bits per sample.

    Attributes:
        whole: whether they are whole numbers.
        ends: the smallest and the largest finite value.
        auto: black and white that cut off `SATURATED` per cent at either end.
        counts: int64 (`BINS`,), values from ``ends[0]`` to ``ends[1]`` in equal bars.
    """

    whole: bool
    ends: Span
    auto: Span
    counts: NDArray[np.int64]


def histogram_of(samples: NDArray[Any]) -> GreyHistogram | None:
    """Return the histogram of samples, None if all are equal or none is finite."""
    whole = bool(np.issubdtype(samples.dtype, np.integer))
    every = max(1, samples.size // _LOOKED_AT)
    values = samples.reshape(-1)[::every].astype(np.float64)
    values = values[np.isfinite(values)]
    if values.size == 0 or (low := float(values.min())) == (high := float(values.max())):
        return None
    counts, _ = np.histogram(values, BINS, (low, high))
    black, white = (float(value) for value in np.percentile(values, (SATURATED, 100 - SATURATED)))
    if whole:
        black, white = float(np.floor(black)), float(np.ceil(white))
    return GreyHistogram(
        whole, (low, high), (black, white) if black < white else (low, high), counts.astype(np.int64)
    )
