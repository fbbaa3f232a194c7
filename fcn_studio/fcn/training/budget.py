"""The budget of a training, and when to validate.

The budget is in steps or time.
"""

from __future__ import annotations

import math
import time
from collections.abc import Mapping
from typing import Any

from fcn_studio.core.training import TrainConfig

BASELINE_SHARE = 0.25
"""Largest share of a wall-clock budget for scoring the base."""
CACHE_SHARE = 0.4
"""Largest share of a wall-clock budget for caching features."""
_RESERVE_SHARE = 0.3
_VALIDATION_SHARE = 0.1
_MOST_VALIDATIONS = 10
_KEPT = ("began", "validated_step", "validation_seconds", "_trained_since")


class Budget:
    """Clocks and counts of one training.

    Attributes:
        seconds: wall seconds there are in all; infinite where only steps count.
        steps: optimiser steps there are in all; None where only time counts.
        began: wall seconds that were spent before the first step.
        validated_step: step of the last validation, -1 before the first.
        validation_seconds: what a validation takes, as far as is known.
    """

    def __init__(self, config: TrainConfig, usual_steps: int, evaluations: int, *, ends_early: bool = False) -> None:
        """Start the clocks.

        Args:
            config: its minutes or steps bound the training.
            usual_steps: the bound where the config has none.
            evaluations: validations in a run bounded by steps.
            ends_early: whether the usual steps are the end even where minutes are left.
        """
        self._clock, self._cpu_clock = time.perf_counter(), time.process_time()
        self.seconds = math.inf if config.minutes is None else config.minutes * 60
        self.steps = config.steps or (usual_steps if config.minutes is None or ends_early else None)
        self._evaluations = evaluations
        self.began, self._trained_since = 0.0, 0.0
        self.validated_step, self.validation_seconds = -1, 0.0

    @property
    def elapsed(self) -> float:
        """Wall seconds since the start."""
        return time.perf_counter() - self._clock

    @property
    def cpu_seconds(self) -> float:
        """CPU time of the process since the start, all threads."""
        return time.process_time() - self._cpu_clock

    def begin(self) -> None:
        """Start counting: the first step follows."""
        self.began = self._trained_since = self.elapsed

    def fraction(self, done: int) -> float:
        """Return the share spent after ``done`` steps, 0..1.

        Time for a validation is reserved.
        """
        spent = 0.0
        if self.seconds < math.inf:
            reserve = min(self.validation_seconds, self.seconds * _RESERVE_SHARE)
            seconds = max(self.seconds - reserve - self.began, 1e-3)
            spent = (self.elapsed - self.began) / seconds
        if self.steps:
            spent = max(spent, done / self.steps)
        return min(1.0, max(0.0, spent))

    def total(self, done: int, fraction: float) -> int:
        """Return the planned steps, or an estimate from the pace so far."""
        if self.steps:
            return self.steps
        return max(done, round(done / fraction)) if fraction > 0 else done

    def validation_is_due(self, done: int) -> bool:
        """Return whether to validate now.

        Where steps bound the run, they decide, so that runs repeat; else the cost of a validation decides.
        """
        if done in (0, self.validated_step):
            return False
        if self.seconds == math.inf and self.steps:
            return done % max(1, self.steps // self._evaluations) == 0 and done < self.steps
        if self.fraction(done) > 1 - 0.5 / _MOST_VALIDATIONS:
            return False  # the last one is near
        pause = max(self.seconds / _MOST_VALIDATIONS, self.validation_seconds * (1 / _VALIDATION_SHARE - 1))
        return self.elapsed - self._trained_since >= pause

    def validated(self, done: int) -> None:
        """Note that a validation has ended."""
        self.validated_step = done
        self._trained_since = self.elapsed

    def values(self) -> dict[str, Any]:
        """Return what `restore` needs, as plain JSON values."""
        return {"elapsed": self.elapsed, "cpu": self.cpu_seconds} | {name: getattr(self, name) for name in _KEPT}

    def restore(self, values: Mapping[str, Any]) -> None:
        """Continue the clocks and counts of an earlier process."""
        self._clock -= float(values["elapsed"])
        self._cpu_clock -= float(values["cpu"])
        for name in _KEPT:
            setattr(self, name, type(getattr(self, name))(values[name]))
