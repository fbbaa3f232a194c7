"""Judges by its signs of life whether the network's process hangs.

It counts looks, not seconds: a computer that was suspended looks once when it wakes up, however long it slept.
"""

from __future__ import annotations

from enum import Enum, auto

from fcn_studio.jobs.protocol import Alive, Ready

LOOK = 0.5
"""Seconds between two looks."""

TOLD_AFTER, ENDED_AFTER = 2.0, 10.0
"""Seconds without a sign until the user is told, and until the process is ended."""

TOLD_WHILE_LOADING, ENDED_WHILE_LOADING = 30.0, 120.0
"""The same before the process is ready: loading torch keeps every other thread of it waiting for seconds."""

STUCK_AFTER = 120.0
"""Seconds at one step of a job without CPU time, until the process is ended."""

_RESTING = 0.02
"""CPU seconds between two signs that are no work yet: giving signs takes less than a thousandth."""


class Verdict(Enum):
    """What a look says."""

    WELL = auto()
    SILENT = auto()
    """No sign for a while: told once."""
    BACK = auto()
    """Signs again after silence."""
    HANGS = auto()
    """No sign for so long that it is to be ended."""
    STUCK = auto()
    """It lives, but its job has not moved for so long that it is to be ended."""


class Watch:
    """Watches one process from its start on."""

    def __init__(self) -> None:
        self._ready = self._heard = self._told = False
        self._silent = self._still = 0
        self._last = Alive(0, 0.0)

    @property
    def quiet(self) -> bool:
        """Whether nothing was heard between the last two looks."""
        return self._silent > 0

    @property
    def seconds_silent(self) -> float:
        """Seconds without a sign so far."""
        return self._silent * LOOK

    @property
    def seconds_left(self) -> float:
        """Seconds of further silence until it is ended."""
        return self._limits[1] - self.seconds_silent

    def hear(self, message: object) -> None:
        """Note that the process said something; anything is a sign of life."""
        self._heard = True
        if isinstance(message, Ready):
            self._ready = True
        elif isinstance(message, Alive):
            last, self._last = self._last, message
            moved = message.step != last.step or message.cpu_seconds - last.cpu_seconds > _RESTING
            self._still = 0 if moved or message.step == 0 else self._still + 1

    def look(self) -> Verdict:
        """Judge; to be called every `LOOK` seconds."""
        was_told, told_after, ended_after = self._told, *self._limits
        self._silent = 0 if self._heard else self._silent + 1
        self._heard = False
        self._told = self._silent * LOOK >= told_after
        if self._silent * LOOK >= ended_after:
            return Verdict.HANGS
        if self._still * LOOK >= STUCK_AFTER:
            return Verdict.STUCK
        if self._told:
            return Verdict.WELL if was_told else Verdict.SILENT
        return Verdict.BACK if was_told else Verdict.WELL

    @property
    def _limits(self) -> tuple[float, float]:
        return (TOLD_AFTER, ENDED_AFTER) if self._ready else (TOLD_WHILE_LOADING, ENDED_WHILE_LOADING)
