"""How fast images are finished, and what the others will take."""

from __future__ import annotations

from collections import defaultdict
from collections.abc import Iterable
from statistics import median

from fcn_studio.core.effort.gestures import Gesture

LAST = 20
"""Images finished last that tell how fast a person is."""

FEWEST = 5
"""Images below which nothing is told."""


class Pace:
    """Seconds that each of the images took which were verified last.

    Args:
        gestures: what was done so far, the oldest first.
    """

    def __init__(self, gestures: Iterable[Gesture] = ()) -> None:
        self._spent: dict[str, float] = defaultdict(float)
        self._finished: dict[str, float] = {}  # the last at the end
        for gesture in gestures:
            self.add(gesture)

    def add(self, gesture: Gesture) -> None:
        """Take a gesture into account. Verify ends an image."""
        self._spent[gesture.image_id] += gesture.seconds
        if gesture.act == "Skip":
            del self._spent[gesture.image_id]
        elif gesture.act == "Verify":  # one that was verified before counts once, with all that it took
            before = self._finished.pop(gesture.image_id, 0.0)
            self._finished[gesture.image_id] = before + self._spent.pop(gesture.image_id)
            if len(self._finished) > LAST:
                del self._finished[next(iter(self._finished))]

    @property
    def images(self) -> int:
        """Number of images that the median is of."""
        return len(self._finished)

    @property
    def seconds(self) -> float | None:
        """Median of the seconds an image, None for fewer than `FEWEST` images."""
        return median(self._finished.values()) if len(self._finished) >= FEWEST else None
