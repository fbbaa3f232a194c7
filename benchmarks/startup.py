#!/usr/bin/env python3
"""Start-up: CPU time to the first painted window, against an empty PySide6 + numpy + cv2 window in the same run.

Usage: python benchmarks/startup.py [--runs 9] [--labelme PYTHON] [--napari PYTHON] [--json FILE]

All are started in turn, each in a fresh interpreter. CPU time (user and system, all threads, up to the first paint)
is what counts; wall time stands beside it, for the machines are shared. labelme 7 and napari, each from an own
environment whose Python is given (or in FCN_STUDIO_LABELME and FCN_STUDIO_NAPARI), are compared on the display
(xvfb-run); without one they are left out with a sentence. The exit code is 1 if a bar is missed.

The floor pays for threads of OpenBLAS that numpy and cv2 start and that spin; ours starts none. "calm" is the floor
without them.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PATIENCE_S = 60

DONE = """
def done():
    times = os.times()
    print(times.user + times.system, time.monotonic())
    sys.stdout.flush()
    os._exit(0)
"""

FIRST_PAINT = (
    DONE
    + """
class FirstPaint(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            QTimer.singleShot(0, done)
        return False
paint = FirstPaint()
"""
)

FLOOR = (
    """
import sys, time, os
import numpy, cv2
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget
class Painted(QWidget):
    def paintEvent(self, event):
        QTimer.singleShot(0, done)
"""
    + DONE
    + """app = QApplication([])
window = QMainWindow()
window.setCentralWidget(Painted())
window.resize(1440, 900)
window.show()
app.exec()
"""
)

CALM = "import os\nos.environ['OPENBLAS_NUM_THREADS'] = '1'" + FLOOR

OURS = (
    """
import sys, time, os
from fcn_studio.cli import main
from fcn_studio.ui import app
from PySide6.QtCore import QEvent, QObject, QTimer
"""
    + FIRST_PAINT
    + """build = app.build
def build_and_watch(settings):
    studio = build(settings)
    studio.window.installEventFilter(paint)
    return studio
app.build = build_and_watch
main([])
"""
)


LABELME = (
    """
import sys, time, os
from labelme import __main__ as program
from PySide6.QtCore import QEvent, QObject, QTimer
"""
    + FIRST_PAINT
    + """class Watched(program.MainWindow):
    def __init__(self, *args, **more):
        super().__init__(*args, **more)
        self.installEventFilter(paint)
program.MainWindow = Watched
sys.argv = ["labelme"]
program.main()
"""
)

NAPARI = (
    """
import sys, time, os
import napari
from qtpy.QtCore import QEvent, QObject, QTimer
"""
    + FIRST_PAINT
    + """viewer = napari.Viewer(show=False)
viewer.window._qt_window.installEventFilter(paint)
viewer.show()
napari.run()
"""
)

BARS = {"floor": 2.0, "labelme": 0.5, "napari": 0.25}
"""How many times the CPU time of each we may take."""


def measure(python: str, code: str, home: str) -> tuple[float, float]:
    """(CPU seconds, wall seconds) from the start of the interpreter to the first paint; settings lie in ``home``."""
    environment = {
        "QT_QPA_PLATFORM": "offscreen",
        **os.environ,
        "FCN_STUDIO_CONFIG_DIR": home,
        "FCN_STUDIO_STATE_DIR": home,
        "HOME": home,
        "XDG_CONFIG_HOME": home,
        "XDG_CACHE_HOME": home,
        "XDG_DATA_HOME": home,
        "PYTHONPATH": str(ROOT) if python == sys.executable else "",
    }
    started = time.monotonic()
    command = [python, "-c", code]
    done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True, timeout=PATIENCE_S)
    cpu, at = map(float, done.stdout.split()[-2:])
    for mark in Path(home).glob("logs/*.alive"):  # of a program that the clock ended; the next would tell of it
        mark.unlink()
    return cpu, at - started


def contenders(options: argparse.Namespace) -> dict[str, tuple[str, str]]:
    """Name -> (Python, code) of what is started."""
    found = {name: (sys.executable, code) for name, code in (("floor", FLOOR), ("calm", CALM), ("fcn-studio", OURS))}
    for name, python, code in (("labelme", options.labelme, LABELME), ("napari", options.napari, NAPARI)):
        if python and Path(python).exists() and os.environ.get("DISPLAY"):
            found[name] = python, code
            os.environ.setdefault("QT_QPA_PLATFORM", "xcb")
        else:
            print(f"{name} is left out: it needs a display (xvfb-run) and the Python of its environment (--{name})")
    return found


def sample(chosen: dict[str, tuple[str, str]], runs: int) -> dict[str, list[tuple[float, float]]]:
    """Start all in turn, so many times, after a start of each that warms caches and makes settings."""
    samples: dict[str, list[tuple[float, float]]] = {name: [] for name in chosen}
    with tempfile.TemporaryDirectory() as folder:
        homes = {name: str(Path(folder) / name) for name in chosen}
        for run in range(runs + 1):
            for name, (python, code) in chosen.items():
                Path(homes[name]).mkdir(exist_ok=True)
                found = measure(python, code, homes[name])
                if run:
                    samples[name].append(found)
    return samples


def main() -> int:
    """Print the table, and write it with ``--json``; the exit code."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--labelme", default=os.environ.get("FCN_STUDIO_LABELME", ""))
    parser.add_argument("--napari", default=os.environ.get("FCN_STUDIO_NAPARI", ""))
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    subprocess.run([sys.executable, "-m", "compileall", "-q", ROOT / "fcn_studio"], check=True)  # as pip installs it
    chosen = contenders(options)
    result: dict[str, dict[str, float]] = {}
    print(f"{'':12} {'CPU median':>11} {'CPU max':>9} {'wall median':>12}")
    for name, rows in sample(chosen, options.runs).items():
        cpu, wall = [r[0] for r in rows], [r[1] for r in rows]
        median, slowest, wall_median = statistics.median(cpu), max(cpu), statistics.median(wall)
        result[name] = {"cpu_median": median, "cpu_max": slowest, "wall_median": wall_median}
        print(f"{name:12} {median:10.2f}s {slowest:8.2f}s {wall_median:11.2f}s")
    ours, missed = result["fcn-studio"], 0
    ratios = {}
    for name in chosen.keys() - {"fcn-studio"}:
        ratios[name] = ours["cpu_median"] / result[name]["cpu_median"]
        wall_ratio = ours["wall_median"] / result[name]["wall_median"]
        missed += ratios[name] > BARS.get(name, math.inf)
        promise = f" (the promise: at most {BARS[name]:g})" if name in BARS else ""
        print(f"CPU {ratios[name]:.2f} of {name}'s{promise}, wall {wall_ratio:.2f}")
    if options.json:
        table = {"runs": options.runs, "ratio": ratios["floor"], "ratios": ratios, **result}
        options.json.write_text(json.dumps(table, indent=2) + "\n")
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
