"""Detect from its signs of life whether the network's process hangs.

It counts checks, not seconds: after a computer was suspended, one check follows, however long it slept.
"""

from __future__ import annotations

from enum import Enum, auto

from fcn_studio.jobs.protocol import Alive, Ready

CHECK_INTERVAL = 0.5
"""Seconds between two checks."""

TOLD_AFTER, ENDED_AFTER = 2.0, 10.0
"""Seconds without a sign of life until the user is told, and until the process is ended."""

TOLD_WHILE_LOADING, ENDED_WHILE_LOADING = 30.0, 120.0
"""The same before the process is ready: while torch is loaded, all its other threads wait for seconds."""

STUCK_AFTER = 120.0
"""Seconds at one step of a job without CPU time, until the process is ended."""

_RESTING = 0.02
"""CPU seconds between two signs of life that count as no work; a sign itself takes less than a thousandth."""


class Health(Enum):
    """State of the process at a check."""

    WELL = auto()
    SILENT = auto()
    """No sign of life for a while; reported once."""
    BACK = auto()
    """Signs of life again after silence."""
    HANGS = auto()
    """No sign of life for so long that the process has to be ended."""
    STUCK = auto()
    """The process lives, but its job has not moved for so long that it has to be ended."""


class HangDetector:
    """Observes one process from its start on."""

    def __init__(self) -> None:
        self._ready = self._heard = self._told = False
        self._silent = self._still = 0
        self._last = Alive(0, 0.0)

    @property
    def quiet(self) -> bool:
        """Whether nothing was heard between the last two checks."""
        return self._silent > 0

    @property
    def seconds_silent(self) -> float:
        """Seconds without a sign of life so far."""
        return self._silent * CHECK_INTERVAL

    @property
    def seconds_left(self) -> float:
        """Seconds of further silence until the process is ended."""
        return self._limits[1] - self.seconds_silent

    def hear(self, message: object) -> None:
        """Note a message of the process.

        Any message is a sign of life.
        """
        self._heard = True
        if isinstance(message, Ready):
            self._ready = True
        elif isinstance(message, Alive):
            last, self._last = self._last, message
            moved = message.step != last.step or message.cpu_seconds - last.cpu_seconds > _RESTING
            self._still = 0 if moved or message.step == 0 else self._still + 1

    def check(self) -> Health:
        """Return the state of the process.

        Call it every `CHECK_INTERVAL` seconds.
        """
        was_told, told_after, ended_after = self._told, *self._limits
        self._silent = 0 if self._heard else self._silent + 1
        self._heard = False
        self._told = self._silent * CHECK_INTERVAL >= told_after
        if self._silent * CHECK_INTERVAL >= ended_after:
            return Health.HANGS
        if self._still * CHECK_INTERVAL >= STUCK_AFTER:
            return Health.STUCK
        if self._told:
            return Health.WELL if was_told else Health.SILENT
        return Health.BACK if was_told else Health.WELL

    @property
    def _limits(self) -> tuple[float, float]:
        return (TOLD_AFTER, ENDED_AFTER) if self._ready else (TOLD_WHILE_LOADING, ENDED_WHILE_LOADING)
