#!/usr/bin/env python3
"""Kill the window while it paints, many times, and count the strokes that do not come back.

Usage: python benchmarks/kill.py [--kills 1000] [--control 50] [--seed 0] [--json FILE]

Each window opens the folder, brings back what the killed one before it left, compares every image with what that one
had said was done, and is killed after two to twelve acts, or within a stroke, of which all but the last half second
must come back. ``--control`` kills as many windows whose journal is switched off, as many whose journal is deleted
before the save it protects is done, and as many that journal a stroke only when it ends: all must be seen to lose
strokes. The network's process and trainings are killed by ``kill_engine.py``. Needs fork, so not on Windows.
Seconds are wall time from fork to the first stroke: start, recovery and comparison.
"""

from __future__ import annotations

import argparse
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

ROOT = Path(__file__).resolve().parent.parent
Json = dict[str, Any]


def kill(kills: int, seed: int, sabotage: str = "") -> Json:
    """Kill so many windows in a process of their own; its report."""
    with tempfile.TemporaryDirectory(prefix="fcn-studio-kill-") as name:
        own = {"FCN_STUDIO_STATE_DIR": f"{name}/state", "FCN_STUDIO_CONFIG_DIR": f"{name}/config"}
        arguments = [f"{name}/pictures", "--kills", str(kills), "--seed", str(seed), "--sabotage", sabotage]
        done = subprocess.run(
            [sys.executable, "-m", "tests.trust.window_kills", *arguments],
            env={**os.environ, **own, "PYTHONPATH": str(ROOT)},
            cwd=ROOT,
            stdout=subprocess.PIPE,
            text=True,
            check=True,
        )
    report: Json = json.loads(done.stdout)
    return report


def row(words: str, report: Json) -> None:
    """Print one line of the table."""
    seconds = sorted(report["started_s"])
    print(
        f"{words:24} {report['kills']:6} {report['acts']:8} {len(report['lost']):6} {len(report['problems']):9} "
        f"{statistics.median(seconds):8.2f} {seconds[int(0.95 * (len(seconds) - 1))]:6.2f} "
        f"{len(report['missing_s']):10} {max(report['missing_s'], default=0):9.2f}"
    )


def main() -> int:
    """Print the table, and write it with ``--json``; 1 if a stroke was lost, or a control lost none."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--kills", type=int, default=1000)
    parser.add_argument("--control", type=int, default=50)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    began = time.monotonic()
    runs = {"the program": kill(options.kills, options.seed)}
    if options.control:
        runs["without a journal"] = kill(options.control, options.seed, "journal")
        runs["journal deleted too soon"] = kill(options.control, options.seed, "order")
        runs["strokes at their end"] = kill(options.control, options.seed, "parts")
    print(
        f"{'':24} {'kills':>6} {'acts':>8} {'lost':>6} {'problems':>9} {'median s':>8} {'p95':>6} "
        f"{'in strokes':>10} {'missing s':>9}"
    )
    for words, report in runs.items():
        row(words, report)
    ours, *controls = runs.values()
    for sentence in [*ours["lost"], *ours["problems"]][:20]:
        print(sentence)
    print(f"{time.monotonic() - began:.0f} s on the clock")
    if options.json:
        options.json.write_text(json.dumps(runs, indent=2) + "\n")
    return int(bool(ours["lost"] or ours["problems"]) or not all(report["lost"] for report in controls))


if __name__ == "__main__":
    sys.exit(main())
