#!/usr/bin/env python3
"""Kill the network's process, and trainings while they write, many times; count what was lost.

Usage: python benchmarks/kill_engine.py [--deaths 200] [--window 40] [--trainings 300] [--seed 0] [--json FILE]

--deaths: a host without a window loses its process in every mode at every phase in turn. --window: the same through
the real window, offscreen, which is painted in meanwhile; not one pixel of a stroke may differ at the end.
--trainings: a training that saves all the time is killed in the middle of it, and every network of the project must
load; a tenth as many with files written in place show that harm would be seen. Linux only. What is not asked for is
not done. Times to message and to the next result are wall times: they are what a person waits.
"""

from __future__ import annotations

import argparse
import json
import os
import random
import statistics
import sys
import tempfile
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
os.environ["OMP_NUM_THREADS"] = "1"

from tests.helpers import tiny_checkpoint  # noqa: E402 - after the path
from tests.trust.deaths import MODES, PHASES, Deaths, Times, warm_forks  # noqa: E402
from tests.trust.trainings import Killed, kill_trainings, make_project  # noqa: E402

ENDED_AFTER, STUCK_AFTER = 4.0, 3.0
"""Seconds, shorter than in the program, so that hundreds of hangs end on the same day."""

Json = dict[str, Any]


def plan(count: int, seed: int) -> list[tuple[str, str]]:
    """Every mode at every phase in turn, in an order drawn anew each round; a deadlock needs a job."""
    rng = random.Random(seed)
    pairs = [(m, p) for m in MODES for p in PHASES if not (m == "deadlock" and p == "idle")]
    orders: list[tuple[str, str]] = []
    while len(orders) < count:
        orders += rng.sample(pairs, len(pairs))
    return orders[:count]


def table(times: Sequence[Times], title: str) -> Json:
    """Print counts and times by mode, and give them by mode and phase."""
    print(f"\n{title:16} {'n':>4} {'told: median':>13} {'p95':>6} {'next result: median':>20} {'p95':>6}   by phase")
    rows: Json = {}
    for mode in (*MODES, "all"):
        some = [t for t in times if mode in (t.mode, "all")]
        if not some:
            continue
        counts = {phase: sum(t.phase == phase for t in some) for phase in PHASES}
        told, result = [t.told for t in some], [t.next_result for t in some]
        row = {"n": len(some), "told_median": statistics.median(told), "told_p95": p95(told)}
        row |= {"next_median": statistics.median(result), "next_p95": p95(result), "phases": counts}
        words = "  ".join(f"{phase} {count}" for phase, count in counts.items())
        print(
            f"{mode:16} {row['n']:4} {row['told_median']:12.2f}s {row['told_p95']:5.2f}s "
            f"{row['next_median']:19.2f}s {row['next_p95']:5.2f}s   {words}"
        )
        rows[mode] = row
    return rows


def p95(values: Sequence[float]) -> float:
    """The value that 95 of 100 do not exceed."""
    return sorted(values)[min(len(values) - 1, int(0.95 * len(values)))]


def too_late(times: Times) -> list[str]:
    """A sentence where the user was told later than promised."""
    late = f"{times.mode} at {times.phase}: told after {times.told:.1f} s"
    return [late] if times.told > times.promised else []


def deaths(folder: Path, count: int, seed: int) -> Json:
    """A host that loses its process ``count`` times."""
    found: list[Times] = []
    failed: list[str] = []
    with warm_forks(folder / "fault", ended_after=ENDED_AFTER, stuck_after=STUCK_AFTER):
        host = Deaths(folder / "project", folder / "tiny.safetensors", folder / "fault")
        for mode, phase in plan(count, seed):
            try:
                found.append(host.die(mode, phase))
            except AssertionError as error:
                failed.append(f"{mode} at {phase}: {error}")
            else:
                failed += too_late(found[-1])
        host.close()
    return {"failed": failed, **table(found, "host")}


def window(folder: Path, count: int, seed: int) -> Json:
    """The real window, which loses its process ``count`` times while somebody paints."""
    from tests.trust.dying_window import DyingWindow

    found: list[Times] = []
    failed: list[str] = []
    with warm_forks(folder / "fault", ended_after=ENDED_AFTER, stuck_after=STUCK_AFTER):
        studio = DyingWindow(folder / "window", folder / "tiny.safetensors", folder / "fault")
        for mode, phase in plan(count, seed):
            try:
                found.append(studio.die(mode, phase))
            except AssertionError as error:
                failed.append(f"{mode} at {phase}: {error}")
            else:
                failed += too_late(found[-1])
        lost = studio.close()
    print(f"strokes painted: {studio.strokes}, pixels that differ: {lost}")
    rows = table(found, "window")
    return {"failed": failed, "strokes": studio.strokes, "pixels_lost": lost, **rows}


def trainings(folder: Path, count: int, seed: int) -> Json:
    """Trainings that are killed while they write, and the control."""

    def row(words: str, killed: Killed) -> Json:
        print(
            f"{words:16} {killed.kills} kills, {killed.writing} in the middle of a file, {killed.adopted} with a "
            f"network of the project in use; {len(killed.broken)} left something broken, {killed.leftovers} half "
            "files beside the others"
        )
        return {**vars(killed), "broken": [found[0] for found in killed.broken]}

    print()
    network = folder / "tiny.safetensors"
    with warm_forks(folder / "fault", ended_after=ENDED_AFTER, stuck_after=STUCK_AFTER):
        ours = kill_trainings(make_project(folder / "trainings"), network, count, seed=seed)
        control = kill_trainings(
            make_project(folder / "control"), network, max(8, count // 10), seed=seed, in_place=True
        )
    return {"ours": row("trainings", ours), "in_place": row("written in place", control)}


def main() -> int:
    """Run what was asked for; 1 if anything was lost."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    for name in ("deaths", "window", "trainings", "seed"):
        parser.add_argument(f"--{name}", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    began, result = time.monotonic(), {}
    with tempfile.TemporaryDirectory(prefix="fcn-studio-kill-") as name:
        folder = Path(name)
        os.environ["FCN_STUDIO_CONFIG_DIR"] = os.environ["FCN_STUDIO_STATE_DIR"] = str(folder / "own")
        tiny_checkpoint(folder / "tiny.safetensors")
        make_project(folder / "project")
        for work in (deaths, window, trainings):
            if count := getattr(options, work.__name__):
                result[work.__name__] = work(folder, count, options.seed)
    print(f"\n{time.monotonic() - began:.0f} s")
    if options.json:
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    bad = [part.get("failed") or part.get("pixels_lost") for part in result.values()]
    if "trainings" in result:
        ours, control = result["trainings"]["ours"], result["trainings"]["in_place"]
        bad += [ours["broken"], "the control found nothing" if not control["broken"] else ""]
    for what in filter(None, bad):
        print("LOST:", what)
    return int(any(bad))


if __name__ == "__main__":
    sys.exit(main())
