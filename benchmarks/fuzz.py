#!/usr/bin/env python3
"""Hostile files: spoiled ones of every kind that the program reads, each must open or be refused with a sentence.

Usage: python benchmarks/fuzz.py [--files 10000] [--reader NAME] [--seed 0] [--keep DIR] [--json FILE]

A file fails by any other exception, a signal, a hang, more than one second of CPU time or more than 300 MB of memory.
The exit code is 1 if any failed. ``--keep`` writes the files that failed.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from tests.trust.fuzz import Report, fuzz  # noqa: E402
from tests.trust.readers import READERS, spoiled  # noqa: E402


def keep(report: Report, folder: Path) -> None:
    folder.mkdir(parents=True, exist_ok=True)
    for failure in report.failures:
        data = spoiled(READERS[report.reader], report.reader, failure.seed, failure.number)
        (folder / f"{report.reader}-{failure.seed}-{failure.number}").write_bytes(data)


def main() -> int:
    """Print the table, and write it with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--files", type=int, default=10_000, help="for each reader")
    parser.add_argument("--reader", action="append", choices=list(READERS), help="may be repeated (default: all)")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--keep", type=Path, metavar="DIR")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    reports, started = [], time.monotonic()
    print(f"{'reader':11} {'files':>7} {'opened':>7} {'refused':>8} {'failed':>7} {'slowest CPU':>12} {'memory':>8}")
    for name in options.reader or READERS:
        report = fuzz(name, options.files, options.seed)
        reports.append(report)
        counts = f"{report.files:7} {report.opened:7} {report.refused:8} {len(report.failures):7}"
        print(f"{name:11} {counts} {report.slowest:10.2f} s {report.largest_mb:5.0f} MB", flush=True)
        for failure in report.failures[:10]:
            print(f"    file {failure.number} of seed {failure.seed}: {failure.what}")
        if options.keep:
            keep(report, options.keep)
    failed = sum(len(report.failures) for report in reports)
    print(f"{failed} failed, in {time.monotonic() - started:.0f} s on the clock")
    if options.json:
        rows = [report.as_json() for report in reports]
        options.json.write_text(
            json.dumps({"seed": options.seed, "failed": failed, "readers": rows}, indent=2) + "\n"
        )
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
