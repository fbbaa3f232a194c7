"""Brightness, contrast and gamma of the image on screen.

They are one table of 256 values; the file never changes.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_GAMMA = 4.0
"""Largest gamma; the smallest is its reciprocal."""

_FULL_BRIGHTNESS = 128
"""Grey levels that a brightness of 1 adds."""

_FULL_CONTRAST = 4.0
"""Factor around middle grey at a contrast of 1; at -1, its reciprocal."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """Brightness, contrast and gamma of the displayed image.

    The network, exports and training use the original image.

    Attributes:
        brightness: -1..1; 0 changes nothing.
        contrast: -1..1; 0 changes nothing.
        gamma: values above 1 lighten the dark parts, values below 1 darken them.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 1.0

    def table(self) -> NDArray[np.uint8]:
        """Return the displayed value of each image value, uint8 (256,), monotonic."""
        values = np.linspace(0, 1, 256) ** (1 / min(MAX_GAMMA, max(1 / MAX_GAMMA, self.gamma))) * 255
        values = (values - 127.5) * _FULL_CONTRAST**self.contrast + 127.5 + _FULL_BRIGHTNESS * self.brightness
        table: NDArray[np.uint8] = np.rint(values).clip(0, 255).astype(np.uint8)
        return table


UNADJUSTED = Adjustment()
"""No change."""
