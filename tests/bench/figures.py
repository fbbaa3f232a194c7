"""Figures of a benchmark: series of times, rows of a table, and the bars that they must keep."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass, field
from math import nan

import numpy as np


@dataclass
class Times:
    """CPU and wall times of many events, and how long the window gave no answer during each, in milliseconds."""

    cpu: list[float] = field(default_factory=list)
    wall: list[float] = field(default_factory=list)
    silent: list[float] = field(default_factory=list)

    def __len__(self) -> int:
        return len(self.wall)

    def add(self, cpu_ms: float, wall_ms: float, silent_ms: float = 0.0) -> None:
        """Note one event."""
        self.cpu.append(cpu_ms)
        self.wall.append(wall_ms)
        self.silent.append(silent_ms)

    def figures(self) -> dict[str, float]:
        """Medians and the like, by name."""
        return {
            "events": len(self),
            "cpu p50": percentile(self.cpu, 50),
            "cpu p95": percentile(self.cpu, 95),
            "wall p50": percentile(self.wall, 50),
            "wall p95": percentile(self.wall, 95),
            "wall p99": percentile(self.wall, 99),
            "wall max": max(self.wall, default=nan),
        }


@dataclass
class Turns:
    """Times of events that took turns with the floor's, which copied what they repainted."""

    ours: Times = field(default_factory=Times)
    floor: Times = field(default_factory=Times)

    def figures(self) -> dict[str, float]:
        """Ours, the floor's medians, and the ratios of the medians in CPU and wall time."""
        figures, floor = self.ours.figures(), self.floor.figures()
        for clock in ("cpu", "wall"):
            figures[f"floor {clock}"] = floor[f"{clock} p50"]
            figures[f"x {clock}"] = figures[f"{clock} p50"] / floor[f"{clock} p50"]
        return figures


def percentile(values: Iterable[float], per_cent: float) -> float:
    """Of a series; not a number if it is empty."""
    found = list(values)
    return float(np.percentile(found, per_cent)) if found else nan


@dataclass
class Row:
    """One line of the table.

    Attributes:
        size: edge of the image in pixels.
        zoom: "fit", "1:1" or "".
        what: was measured.
        figures: by name, times in milliseconds unless the name says otherwise.
        bars: highest value of a figure, by its name.
    """

    size: int
    zoom: str
    what: str
    figures: dict[str, float]
    bars: Mapping[str, float] = field(default_factory=dict)

    @property
    def misses(self) -> list[str]:
        """The bars that are not kept, in words; a figure that is missing keeps none."""
        return [
            f"{self.size} {self.zoom} {self.what}: {name} {self.figures.get(name, nan):.4g}, the bar is {bar:g}"
            for name, bar in self.bars.items()
            if not self.figures.get(name, nan) <= bar
        ]

    def line(self) -> str:
        """For the table on standard output."""
        columns = "".join(f"{_short(self.figures.get(name)):>10}" for name in COLUMNS)
        notes = [self._judged(name, bar) for name, bar in self.bars.items()]
        notes += [f"{k} {v:.4g}" for k, v in self.figures.items() if k not in _QUIET and k not in self.bars]
        return f"{self.size:>6} {self.zoom:4} {self.what:26}{columns}  {', '.join(notes)}"

    def _judged(self, name: str, bar: float) -> str:
        value = self.figures.get(name, nan)
        return f"{name} {value:.4g} {'<=' if value <= bar else 'MISSES'} {bar:g}"


COLUMNS = ("cpu p50", "cpu p95", "wall p50", "wall p95", "floor cpu", "floor wall", "x cpu", "x wall")
_QUIET = {*COLUMNS, "events", "wall p99", "wall max"}


def heading() -> str:
    """Over the lines of the table."""
    return f"{'image':>6} {'zoom':4} {'what (ms)':26}" + "".join(f"{name:>10}" for name in COLUMNS) + "  bars"


def _short(value: float | None) -> str:
    return "" if value is None else f"{value:.2f}" if value < 100 else f"{value:.0f}"


def misses(rows: Iterable[Row]) -> Iterator[str]:
    """Every bar that is not kept."""
    for row in rows:
        yield from row.misses
