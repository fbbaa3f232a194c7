#!/usr/bin/env python3
"""Quitting: the real program is quit at random moments, and what is left of it is counted.

Usage: python benchmarks/quit.py [--moments 50] [--heavy 9] [--seed N] [--json FILE]

Each line of the table is a kind of moment. Faults are anything but exit code 0, a thread or a process that lives on,
a painted pixel that is not on disk, or a traceback on standard error or in the log; the exit code is 1 if there was
one. ``--heavy`` of the moments have the network's process at work (some CPU seconds each).
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.trust.quitting import Outcome, Quitter, moments  # noqa: E402


def main() -> int:
    """Print the table, and write it with ``--json``; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--moments", type=int, default=50)
    parser.add_argument("--heavy", type=int, default=9)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    outcomes: dict[str, list[Outcome]] = {}
    faults: list[str] = []
    with Quitter() as quitter:
        for moment in moments(options.moments, options.seed, heavy=options.heavy):
            outcome = quitter.quit(moment)
            outcomes.setdefault(moment.kind, []).append(outcome)
            faults += [f"{moment}: {fault}" for fault in outcome.faults]
        cpu = quitter.cpu_seconds()
    print(f"{'while':12} {'moments':>7} {'faults':>7} {'seconds to the end, median':>28} {'longest':>8}")
    rows = {}
    for kind, found in sorted(outcomes.items()):
        seconds = [outcome.seconds for outcome in found]
        bad = sum(bool(outcome.faults) for outcome in found)
        rows[kind] = {"moments": len(found), "faults": bad, "median": statistics.median(seconds), "max": max(seconds)}
        print(f"{kind:12} {len(found):7} {bad:7} {statistics.median(seconds):27.2f}s {max(seconds):7.2f}s")
    print(*faults, f"{len(faults)} faults (the promise: none); {cpu:.1f} CPU seconds", sep="\n")
    if options.json:
        result = {"moments": options.moments, "faults": faults, "cpu_seconds": cpu, "kinds": rows}
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return 1 if faults else 0


if __name__ == "__main__":
    sys.exit(main())
