#!/usr/bin/env python3
"""The family: parameters, operations and CPU time of each network for an image of 375 x 500, 21 classes.

Usage: python benchmarks/networks.py [--quick] [--runs 3] [--only NAME ...] [--json FILE]

Parameters and operations are counted without computing anything; a multiplication with its addition counts as two.
CPU seconds are those of one thread, in evaluation mode, with random weights, which cost what trained ones do. Each
run of a network is followed by one of slim-0.25, and the ratio of the medians is what travels to other machines.
--quick counts all and times the slim ones only. docs/NETWORKS.md has the table.
"""

from __future__ import annotations

import argparse
import json
import statistics
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import torch  # noqa: E402

from fcn_studio.fcn.model.fcn import Network  # noqa: E402
from tests.bench.networks import HEIGHT, ROWS, WIDTH, counted  # noqa: E402

UNIT = "slim-0.25"


def seconds(network: Network, image: torch.Tensor) -> float:
    """CPU seconds of one image."""
    begun = time.process_time()
    network(image)
    return time.process_time() - begun


def timed(name: str, unit: Network, runs: int) -> tuple[float, float]:
    """(median CPU seconds, ratio to the median of the unit), interleaved after one run that warms up."""
    network, image = ROWS[name].network(), torch.randn(1, 3, HEIGHT, WIDTH)
    network, image = (thing.to(memory_format=torch.channels_last) for thing in (network, image))
    samples = [(seconds(network, image), seconds(unit, image)) for _ in range(runs + 1)][1:]
    own, others = (statistics.median(column) for column in zip(*samples, strict=True))
    return own, own / others


@torch.inference_mode()
def main() -> int:
    """Print the table, and write it with ``--json``; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--quick", action="store_true", help="time the slim networks only")
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--only", nargs="+", choices=ROWS, help="time these only")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    torch.set_num_threads(1)
    chosen = options.only or [name for name in ROWS if not options.quick or name.startswith("slim")]
    unit = ROWS[UNIT].network().to(memory_format=torch.channels_last)
    result: dict[str, dict[str, float]] = {}
    print(f"{'':24} {'parameters':>11} {'GFLOP':>8} {'CPU':>8} {'of ' + UNIT:>13}")
    for name, row in ROWS.items():
        weights, operations = counted(row)
        result[name] = {"parameters": weights, "operations": operations}
        line = f"{name:24} {weights / 1e6:9.2f} M {operations / 1e9:8.1f}"
        if name in chosen:
            own, ratio = timed(name, unit, options.runs)
            result[name] |= {"cpu_seconds": own, "ratio": ratio}
            line += f" {own:7.2f}s {ratio:11.1f} x"
        print(line, flush=True)
    if options.json:
        options.json.write_text(json.dumps({"runs": options.runs, "unit": UNIT, "networks": result}, indent=2) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main())
