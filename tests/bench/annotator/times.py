"""What gestures take: the keystroke-level model.

Source: Card, Moran & Newell 1980, "The keystroke-level model for user performance time with interactive systems".
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from itertools import pairwise
from math import dist

from fcn_studio.core.raster import Point

THINK = 1.35
"""Seconds of thought before an act (M)."""

KEY = 0.28
"""Seconds of a key (K)."""

POINT = 1.1
"""Seconds of pointing at something (P)."""

BUTTON = 0.1
"""Seconds of pressing a button of the mouse, or of letting it go (B)."""

SEGMENT = 0.9
"""Seconds of each straight piece of a drawn line."""

CENTIMETRE = 0.16
"""Seconds of each centimetre of a drawn line."""

CM_A_PIXEL = 0.081
"""Size of an image pixel on a monitor of 0.27 mm a pixel, three times enlarged."""

INSPECT = 10.0
"""Seconds of looking at each image and going on to the next."""


@dataclass(frozen=True)
class Spent:
    """Seconds of one act without thought, and how many thoughts it took."""

    seconds: float
    thoughts: int = 1


def stroke_time(path: Sequence[Point]) -> float:
    """Return the seconds of a stroke of the brush: pointing, pressing, drawing."""
    pieces = [dist(a, b) for a, b in pairwise(path)]
    return POINT + BUTTON + SEGMENT * len(pieces) + CENTIMETRE * CM_A_PIXEL * sum(pieces)


def polygon_time(corners: int) -> float:
    """Return the seconds of a polygon: each corner is clicked, a key closes it."""
    return corners * (POINT + BUTTON) + KEY


def click_time() -> float:
    """Return the seconds of a click on a region: pointing, pressing, letting go."""
    return POINT + 2 * BUTTON
