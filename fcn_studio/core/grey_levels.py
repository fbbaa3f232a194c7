"""Values of deep grey images that are shown as black and white.

One rule holds for all images of a project.
"""

from __future__ import annotations

from dataclasses import dataclass

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


BY_FILE = GreyLevels()
"""Each file decides by itself."""
