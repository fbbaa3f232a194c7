#!/usr/bin/env python3
"""Start-up: CPU time to the first painted window, against an empty PySide6 + numpy + cv2 window in the same run.

Usage: python benchmarks/startup.py [--runs 9] [--json FILE]

The two are started in turn, each in a fresh interpreter with its own empty settings folder. CPU time (user and
system, all threads, up to the first paint) is what counts; wall time stands beside it, for the machines are shared.
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

ROOT = Path(__file__).resolve().parent.parent

FLOOR = """
import sys, time, os
import numpy, cv2
from PySide6.QtCore import QTimer
from PySide6.QtWidgets import QApplication, QMainWindow, QWidget
class Painted(QWidget):
    def paintEvent(self, event):
        QTimer.singleShot(0, done)
def done():
    times = os.times()
    print(times.user + times.system, time.monotonic())
    sys.stdout.flush()
    os._exit(0)
app = QApplication([])
window = QMainWindow()
window.setCentralWidget(Painted())
window.resize(1440, 900)
window.show()
app.exec()
"""

OURS = """
import sys, time, os
from fcn_studio.cli import main
from fcn_studio.ui import app
from PySide6.QtCore import QEvent, QObject, QTimer
def done():
    times = os.times()
    print(times.user + times.system, time.monotonic())
    sys.stdout.flush()
    os._exit(0)
class FirstPaint(QObject):
    def eventFilter(self, watched, event):
        if event.type() == QEvent.Type.Paint:
            watched.removeEventFilter(self)
            QTimer.singleShot(0, done)
        return False
paint = FirstPaint()
build = app.build
def build_and_watch(settings):
    studio = build(settings)
    studio.window.centralWidget().installEventFilter(paint)
    return studio
app.build = build_and_watch
main([])
"""


def measure(code: str) -> tuple[float, float]:
    """(CPU seconds, wall seconds) from the start of the interpreter to the first paint."""
    with tempfile.TemporaryDirectory() as folder:
        environment = {
            "QT_QPA_PLATFORM": "offscreen",
            **os.environ,
            "FCN_STUDIO_CONFIG_DIR": folder,
            "FCN_STUDIO_STATE_DIR": folder,
            "PYTHONPATH": str(ROOT),
        }
        started = time.monotonic()
        command = [sys.executable, "-c", code]
        done = subprocess.run(command, env=environment, capture_output=True, text=True, check=True)
    cpu, at = map(float, done.stdout.split()[-2:])
    return cpu, at - started


def main() -> None:
    """Print the table, and write it with ``--json``."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--runs", type=int, default=9)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    subprocess.run([sys.executable, "-m", "compileall", "-q", ROOT / "fcn_studio"], check=True)  # as pip installs it
    samples: dict[str, list[tuple[float, float]]] = {"floor": [], "fcn-studio": []}
    for code in (FLOOR, OURS):
        measure(code)  # warm the file cache
    for _ in range(options.runs):
        samples["floor"].append(measure(FLOOR))
        samples["fcn-studio"].append(measure(OURS))
    result = {}
    print(f"{'':12} {'CPU median':>11} {'CPU max':>9} {'wall median':>12}")
    for name, rows in samples.items():
        cpu, wall = [r[0] for r in rows], [r[1] for r in rows]
        median, slowest, wall_median = statistics.median(cpu), max(cpu), statistics.median(wall)
        result[name] = {"cpu_median": median, "cpu_max": slowest, "wall_median": wall_median}
        print(f"{name:12} {median:10.2f}s {slowest:8.2f}s {wall_median:11.2f}s")
    ratio = result["fcn-studio"]["cpu_median"] / result["floor"]["cpu_median"]
    print(f"ratio of CPU medians: {ratio:.2f} (the promise: at most 2)")
    if options.json:
        options.json.write_text(json.dumps({"runs": options.runs, "ratio": ratio, **result}, indent=2) + "\n")


if __name__ == "__main__":
    main()
