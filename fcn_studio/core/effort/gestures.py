"""Gestures, and what they took."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Callable, Iterable
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Gesture:
    """One step of the history, and what it took.

    Attributes:
        at: when it was done, in seconds since 1970.
        image_id: of the image.
        act: English title of the step, as "Brush stroke", or "Undo" and "Redo".
        class_index: the class that was painted; None for acts that paint none.
        run: number of the run whose network was in use; 0 for others.
        seconds: since the gesture before, without long pauses.
        pixels: whose label changed.
    """

    at: float
    image_id: str
    act: str
    class_index: int | None
    run: int
    seconds: float
    pixels: int


@dataclass
class Effort:
    """Sums over gestures."""

    seconds: float = 0.0
    gestures: int = 0
    pixels: int = 0


def effort_by(gestures: Iterable[Gesture], key: Callable[[Gesture], str]) -> dict[str, Effort]:
    """Return the sums by a property of gestures, the most seconds first."""
    sums: dict[str, Effort] = defaultdict(Effort)
    for gesture in gestures:
        total = sums[key(gesture)]
        total.seconds += gesture.seconds
        total.gestures += 1
        total.pixels += gesture.pixels
    return dict(sorted(sums.items(), key=lambda item: -item[1].seconds))
