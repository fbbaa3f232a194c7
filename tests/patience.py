"""How tests wait: for events, never for a time that ought to be long enough. Free of Qt, for child processes too."""

from __future__ import annotations

import time
from collections.abc import Callable

PATIENCE_S = 120
"""Seconds that a test waits for what must happen. It goes on as soon as it has happened, so a fast machine loses
nothing and one that is ten times slower passes; only a failure takes so long."""


def wait_until(condition: Callable[[], object], in_vain: Callable[[], str] = lambda: "waited in vain") -> None:
    """Look every few milliseconds until a condition holds.

    Raises:
        AssertionError: with the words of ``in_vain``, after `PATIENCE_S`.
    """
    deadline = time.monotonic() + PATIENCE_S
    while not condition():
        assert time.monotonic() < deadline, in_vain()
        time.sleep(0.01)
