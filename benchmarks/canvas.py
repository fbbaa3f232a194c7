#!/usr/bin/env python3
"""The canvas at every size of image: the real widget, real events, timed until the screen has the result.

Usage: xvfb-run -a -s "-screen 0 3840x1080x24" python benchmarks/canvas.py [--sizes 1k 4k 8k 16k]
       [--only memory brush pan zoom undo polygon fill beside program] [--beside nothing cpu training] [--quick]
       [--json FILE]

The viewport is 1920 x 1080. Without a display Qt's offscreen platform is used, which leaves out the X server. Times
are milliseconds; CPU time is of the whole process, wall time stands beside it, for the machines are shared. The floor
of a brush of up to 500 pixels is the time (median) in which a widget answers such an event by copying the same region
from ready buffers; it and the canvas take turns, event by event. The exit code is 1 if a bar is missed. A 16k image
takes about 3 GB.

"beside" is the brush while another process counts, or while the program's engine trains. "program" is the whole
window: the first pixels of a JPEG, the next image, a folder of 100,000 files. Both are measured at the largest size
alone.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import sys
from collections.abc import Iterator
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
if not os.environ.get("DISPLAY"):
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtWidgets import QApplication  # noqa: E402

from tests.bench.beside import COMPANIONS, beside_rows  # noqa: E402
from tests.bench.canvas import Cases, Effort  # noqa: E402
from tests.bench.figures import Row, heading, misses  # noqa: E402
from tests.bench.memory import memory_rows  # noqa: E402
from tests.bench.program import program_rows  # noqa: E402
from tests.bench.stage import Stage  # noqa: E402

SIZES = {"1k": 1024, "4k": 4096, "8k": 8192, "16k": 16384}
GROUPS = ("memory", "brush", "pan", "zoom", "undo", "polygon", "fill", "beside", "program")
QUICK = Effort(events=20, undos=5, kept=10)


def measure(stage: Stage, size: int, options: argparse.Namespace) -> Iterator[Row]:
    """The rows of one size of image."""
    largest = size == max(SIZES[name] for name in options.sizes)
    alone = [group for group in ("memory", "program") if group in options.only]
    if "memory" in alone:
        yield from memory_rows(size)
    if set(options.only) - set(alone):
        cases = Cases(stage, size, QUICK if options.quick else Effort())
        for group in options.only:
            if group == "beside" and largest:
                yield from beside_rows(cases, size, options.beside, 100 if options.quick else 1000)
            elif group not in (*alone, "beside"):
                yield from cases.run(group)
        cases.close()
    if "program" in alone and largest:
        yield from program_rows(size, 2000 if options.quick else 100_000, 3 if options.quick else 8)


def main() -> int:
    """Print the table, and write it with ``--json``; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=list(SIZES))
    parser.add_argument("--only", nargs="+", choices=GROUPS, default=list(GROUPS))
    parser.add_argument("--beside", nargs="+", choices=COMPANIONS, default=list(COMPANIONS))
    parser.add_argument("--quick", action="store_true", help="a fifth of the events")
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    app = QApplication([])
    stage = Stage(app)
    gc.disable()  # as in the program, where rubbish is collected between events
    load = os.getloadavg() if hasattr(os, "getloadavg") else ()
    print(f"platform {app.platformName()}, {os.cpu_count()} cores, load {', '.join(f'{x:.1f}' for x in load)}")
    print(heading())
    rows = []
    for name in options.sizes:
        for row in measure(stage, SIZES[name], options):
            rows.append(row)
            print(row.line(), flush=True)
        gc.collect()
    missed = list(misses(rows))
    print(*missed, f"{len(missed)} bars missed", sep="\n")
    if options.json:
        table = [asdict(row) for row in rows]
        found = {"platform": app.platformName(), "load": load, "rows": table, "missed": missed}
        options.json.write_text(json.dumps(found, indent=2) + "\n")
    stage.close()
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
