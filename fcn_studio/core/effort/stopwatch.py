"""Clock of the labelling effort."""

from __future__ import annotations

GAP_S = 10.0
"""Seconds without a sign of the user that are still counted; longer pauses are left out."""


class Stopwatch:
    """Clock that leaves out pauses.

    Args:
        now: the time at its start, in seconds.
    """

    def __init__(self, now: float) -> None:
        self._seen, self._seconds = now, 0.0

    def see(self, now: float) -> None:
        """Note a sign of the user."""
        gap = now - self._seen
        self._seen = now
        if 0 < gap <= GAP_S:
            self._seconds += gap

    def lap(self, now: float) -> float:
        """Return the seconds since the last lap, and begin a new one."""
        self.see(now)
        seconds, self._seconds = self._seconds, 0.0
        return seconds
