"""Brightness, contrast and gamma of the image on screen: one table of 256 values, never a change of the file."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

MAX_GAMMA = 4.0
"""Gamma goes from the reciprocal of this to this."""

_FULL_BRIGHTNESS = 128
"""Grey levels that a brightness of 1 adds."""

_FULL_CONTRAST = 4.0
"""Factor about the middle grey at a contrast of 1; -1 divides by it."""


@dataclass(frozen=True, slots=True)
class Adjustment:
    """How the image is shown. The network, exports and training see it as it is.

    Attributes:
        brightness: -1..1; 0 leaves as it is.
        contrast: -1..1; 0 leaves as it is.
        gamma: above 1 lightens the dark parts, below 1 darkens them.
    """

    brightness: float = 0.0
    contrast: float = 0.0
    gamma: float = 1.0

    def table(self) -> NDArray[np.uint8]:
        """The value shown for each image value 0..255, shape (256,); it never falls."""
        values = np.linspace(0, 1, 256) ** (1 / min(MAX_GAMMA, max(1 / MAX_GAMMA, self.gamma))) * 255
        values = (values - 127.5) * _FULL_CONTRAST**self.contrast + 127.5 + _FULL_BRIGHTNESS * self.brightness
        table: NDArray[np.uint8] = np.rint(values).clip(0, 255).astype(np.uint8)
        return table


UNADJUSTED = Adjustment()
"""The image unchanged."""
