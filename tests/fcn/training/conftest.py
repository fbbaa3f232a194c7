from __future__ import annotations

import itertools
import time
from types import SimpleNamespace

import pytest

from fcn_studio.fcn.training import budget


@pytest.fixture
def counted_clock(monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the wall clock of budgets go on by 0.05 s a reading, whatever the machine does."""
    readings = itertools.count()
    clock = SimpleNamespace(perf_counter=lambda: 0.05 * next(readings), process_time=time.process_time)
    monkeypatch.setattr(budget, "time", clock)
