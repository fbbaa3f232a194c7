#!/usr/bin/env python3
"""What labelling costs: a simulated annotator corrects images with the program's own tools.

Usage: python benchmarks/annotation_effort.py DATA [--sets ruralstreet cwfid camvid] [--arms P B F L] [--quick]
       [--rules 2,30 1,8] [--images 24] [--order random] [--seed 0] [--clumsy] [--equal] [--every 10] [--jsonl FILE]

DATA holds VOC trees with a train list. The arms are ways of work: P draws polygons from blank, B uses all tools from
blank, F corrects what a network predicts that was trained once on the first four images, L works with Live. An arm
may lack tools: ``L-polygon``, ``L-accept``, ``L-refit`` (Live learns from finished images only), ``B-fill``. Networks
start from the bundled trunk "general", which knows no class. Figures are of the fifth image on.

With ``--thinnest 7`` true regions count as void where they are thinner than seven pixels: data sets may have lines of
a class between others that nobody sees in the picture.

Seconds are those of the keystroke-level model, up to when the stop rule is met; with ``--equal`` also until as many
pixels are right as in P, which comes first, therefore. docs/EFFORT.md describes the method.
``--quick`` takes some minutes.

With ``--tools`` the tools are compared: the first five against all, and all against all but one, from blank and from
a prediction, until as many pixels are right as with the first five. ``--images`` are images of each set, ``--side``
the longest side to which larger ones are reduced. ``--jsonl`` gets the rows.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
import time
from pathlib import Path

os.environ.setdefault("OMP_NUM_THREADS", "1")
ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import cv2  # noqa: E402

from tests.bench.annotator import tool_worth  # noqa: E402
from tests.bench.annotator.arms import Arm, Record, Stream, Work  # noqa: E402
from tests.bench.annotator.report import row, table  # noqa: E402
from tests.bench.annotator.sight import StopRule  # noqa: E402

QUICK_TOOLS = 2
QUICK_IMAGES = {"ruralstreet": 10, "cwfid": 7, "camvid": 8}


def rule_of(text: str) -> StopRule:
    """Return the stop rule of a text like ``2,30``."""
    tolerance, area = text.split(",")
    return StopRule(int(tolerance), int(area))


def compared(stream: Stream, rule: StopRule, options: argparse.Namespace) -> dict[str, list[Record]]:
    """Run all arms over a stream, and write a line for each image."""
    arms = [Arm.parse(name) for name in options.arms]
    found: dict[str, list[Record]] = {}
    for arm in sorted(arms, key=lambda arm: arm.name != "P"):
        began = time.process_time()
        least = {record.image: record.right for record in found.get("P", []) if options.equal}
        work = Work(arm, stream, rule, least, options.clumsy, options.every)
        found[arm.name] = []
        for record in work.run():
            found[arm.name].append(record)
            if options.jsonl:
                with options.jsonl.open("a") as file:
                    file.write(json.dumps(row(stream.name, rule, record)) + "\n")
        print(f"  {arm.name}: {time.process_time() - began:.0f} CPU-s", file=sys.stderr, flush=True)
    return found


def compare_tools(options: argparse.Namespace) -> None:
    """Print what each tool saves, and write a row for each image, start and set of tools."""
    rows: list[tool_worth.Row] = []
    count = QUICK_TOOLS if options.quick else options.images
    for name in options.sets:
        with tempfile.TemporaryDirectory() as folder:
            place = options.data / name, count, options.side, options.seed, options.rules[0], Path(folder)
            for row in tool_worth.Comparison(*place).rows(each=not options.whole):
                rows.append(row)
                print(
                    *(row[key] for key in ("set", "image", "start", "arm")),
                    f"{row['seconds']:.0f} s, {row['cpu_seconds']:.0f} CPU-s",
                    file=sys.stderr,
                    flush=True,
                )
                if options.jsonl:
                    with options.jsonl.open("a") as file:
                        file.write(json.dumps(row) + "\n")
    print(*tool_worth.table(rows), sep="\n", flush=True)


def main() -> int:
    """Print a table for each data set and stop rule; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("data", type=Path)
    parser.add_argument("--sets", nargs="+", default=["ruralstreet", "cwfid", "camvid"])
    parser.add_argument("--arms", nargs="+", default=["P", "B", "F", "L"])
    parser.add_argument("--rules", nargs="+", type=rule_of, default=[StopRule(2, 30), StopRule(1, 8)])
    parser.add_argument("--images", type=int, default=24)
    parser.add_argument("--order", choices=("random", "sequential"), default="random")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--thinnest", type=int, default=1, help="odd; what is thinner than so many pixels is void")
    parser.add_argument("--clumsy", action="store_true", help="take any tool that is not twice as slow as the best")
    parser.add_argument("--every", type=int, default=10, help="corrections from one fit of Live to the next")
    parser.add_argument("--equal", action="store_true", help="go on until as many pixels are right as in P")
    parser.add_argument("--quick", action="store_true", help="few images, the first stop rule")
    parser.add_argument("--jsonl", type=Path, help="gets one line for each image and arm")
    parser.add_argument("--tools", action="store_true", help="compare the tools")
    parser.add_argument("--whole", action="store_true", help="with --tools: leave out no tool")
    parser.add_argument("--side", type=int, default=480, help="with --tools: longest side of an image in pixels")
    options = parser.parse_args()
    cv2.setNumThreads(1)
    if options.tools:
        compare_tools(options)
        return 0
    for name in options.sets:
        count = QUICK_IMAGES.get(name, 6) if options.quick else options.images
        stream = Stream.read(options.data / name, count, options.order, options.seed, options.thinnest)
        for rule in options.rules[:1] if options.quick else options.rules:
            print(f"{name}, stop rule {rule}, {options.order} order, seed {options.seed}", flush=True)
            print(*table(compared(stream, rule, options), equal=options.equal), sep="\n", flush=True)
    return 0


if __name__ == "__main__":
    sys.exit(main())
