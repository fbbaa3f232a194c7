#!/usr/bin/env python3
"""The canvas against napari's: both real widgets, the same picture, mask and events, in turn in one run.

Usage: xvfb-run -a -s "-screen 0 3840x1080x24" python benchmarks/canvas_vs_napari.py --napari PYTHON [--sizes 16k]
       [--brush 500] [--events 40] [--strokes 100] [--rounds 2] [--json FILE]

PYTHON is that of an environment of its own with ``pip install 'napari[pyqt6]'`` (or the variable FCN_STUDIO_NAPARI);
without it, or without a display, nothing is measured and the exit code is 0. Figures are medians over the rounds of
the medians of a round, wall time in milliseconds. napari draws by OpenGL, without a GPU in software; what it needs
before it draws is the line "handler". An event of ours is always counted until the screen has it. "floor" is what
mere copying of what ours repaints takes: where napari's handler does not take four floors, no canvas can keep that
bar. The exit code is 1 if a bar is missed.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from dataclasses import asdict, dataclass
from pathlib import Path
from statistics import median

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

import numpy as np  # noqa: E402

from tests.bench.scene import blobs, picture  # noqa: E402

SIZES = {"1k": 1024, "4k": 4096, "8k": 8192, "16k": 16384}
EVENT_BAR, HANDLER_BAR, MEMORY_BAR = 50.0, 4.0, 100.0


@dataclass(frozen=True)
class Line:
    """One comparison; ``bar`` is how many times better we must be, None if that is not promised."""

    size: str
    what: str
    ours: float
    napari: float
    bar: float | None

    @property
    def ratio(self) -> float:
        """How many times better we are."""
        return self.napari / self.ours

    @property
    def kept(self) -> bool:
        """Whether the promise is."""
        return self.bar is None or self.ratio >= self.bar


def run(python: str, module: str, *arguments: object) -> dict[str, float]:
    """The figures that one side prints."""
    command = [python, "-m", module, *map(str, arguments)]
    with tempfile.TemporaryDirectory() as home:  # settings of its own
        environment = {**os.environ, "PYTHONPATH": str(ROOT), "NAPARI_CONFIG": f"{home}/napari.yaml"}
        done = subprocess.run(command, capture_output=True, text=True, cwd=ROOT, env=environment, check=False)
    if done.returncode:
        sys.exit(f"{module} failed:\n{done.stdout[-2000:]}{done.stderr[-4000:]}")
    found: dict[str, float] = json.loads(done.stdout.splitlines()[-1])
    return found


def duel(size: str, options: argparse.Namespace) -> Iterator[Line]:
    """The lines of one size of image."""
    ours: list[dict[str, float]] = []
    theirs: list[dict[str, float]] = []
    effort = (options.brush, options.events, options.strokes)
    with tempfile.TemporaryDirectory() as folder:
        np.save(f"{folder}/image.npy", picture(SIZES[size]))
        np.save(f"{folder}/mask.npy", blobs(SIZES[size]))
        for _ in range(options.rounds):
            ours.append(run(sys.executable, "tests.bench.duel_ours", SIZES[size], *effort))
            theirs.append(run(options.napari, "tests.bench.duel_napari", folder, *effort))

    def line(what: str, our: str, their: str, bar: float | None = None) -> Line:
        return Line(size, what, median(o[our] for o in ours), median(t[their] for t in theirs), bar)

    for zoom in ("fit", "1:1"):
        yield line(f"{zoom} d={options.brush}, event to screen", f"{zoom} event", f"{zoom} event", EVENT_BAR)
        yield line(f"{zoom} d={options.brush}, CPU time", f"{zoom} cpu", f"{zoom} cpu")
        yield line(f"{zoom} d={options.brush}, its handler alone", f"{zoom} event", f"{zoom} handler", HANDLER_BAR)
        yield line(f"{zoom} d={options.brush}, handler to floor", f"{zoom} floor", f"{zoom} handler")
    yield line("undo of a stroke, d=500 at 1:1", "undo", "undo")
    yield line("the same, its handler alone", "undo", "undo handler")
    yield line(f"bytes of {options.strokes} strokes, d=500", "history", "history", MEMORY_BAR)


def main() -> int:
    """Print the table, and write it with ``--json``; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--napari", default=os.environ.get("FCN_STUDIO_NAPARI", ""))
    parser.add_argument("--sizes", nargs="+", choices=SIZES, default=["16k"])
    parser.add_argument("--brush", type=int, default=500)
    parser.add_argument("--events", type=int, default=40)
    parser.add_argument("--strokes", type=int, default=100)
    parser.add_argument("--rounds", type=int, default=2)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    if not (options.napari and Path(options.napari).exists() and os.environ.get("DISPLAY")):
        print("skipped: it needs a display (xvfb-run) and the Python of an environment with napari (--napari PYTHON)")
        return 0
    print(f"load {', '.join(f'{x:.1f}' for x in os.getloadavg())}")
    print(f"{'image':6} {'':40} {'ours':>12} {'napari':>12} {'times':>8}  bar")
    lines: list[Line] = []
    for size in options.sizes:
        for line in duel(size, options):
            lines.append(line)
            bar = "" if line.bar is None else f"{'>=' if line.kept else 'MISSES'} {line.bar:g}"
            print(
                f"{size:6} {line.what:40} {line.ours:12.2f} {line.napari:12.2f} {line.ratio:8.1f}  {bar}", flush=True
            )
    if options.json:
        table = [{**asdict(line), "ratio": line.ratio, "kept": line.kept} for line in lines]
        options.json.write_text(json.dumps({"load": os.getloadavg(), "lines": table}, indent=2) + "\n")
    return 0 if all(line.kept for line in lines) else 1


if __name__ == "__main__":
    sys.exit(main())
