#!/usr/bin/env python3
"""Soak: images, strokes and predictions through the real window for a long time; memory, files and threads.

Usage: python benchmarks/soak.py [--minutes 30] [--infer-every 10] [--seed 0] [--json FILE]

The window is offscreen, the network's process the real one with a tiny network. Each line of the table is a sample;
the bars are growth of memory below 1 MB per 1,000 image switches (least squares, without the first third), and files,
threads and processes that never rise. Seconds are wall time, CPU seconds are of the window's process.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
import time
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import psutil  # noqa: E402
from PySide6.QtCore import QTimer, qInstallMessageHandler  # noqa: E402

from fcn_studio.settings import Settings  # noqa: E402
from fcn_studio.ui import app  # noqa: E402
from fcn_studio.ui.runtime.garbage_collection import GuiThreadGarbageCollector  # noqa: E402
from tests.helpers import use_network  # noqa: E402
from tests.trust.soak import Soak, growth, steady  # noqa: E402

BAR_MB = 1.0
MAKE_NETWORK = """
import sys
from pathlib import Path
from fcn_studio.core.classes import ClassTable
from tests.helpers import tiny_checkpoint
tiny_checkpoint(Path(sys.argv[1]), ClassTable.from_names(["background", "cell", "debris"]))
"""
COLUMNS = ("switches", "strokes", "inferences", "seconds", "cpu", "rss_mb", "files", "threads", "children", "objects")


def run(folder: Path, minutes: float, infer_every: int, seed: int) -> Soak:
    """Soak for so long, with 60 samples."""
    application = app.application([])
    studio = app.build(Settings())
    GuiThreadGarbageCollector(studio.window)
    studio.window.resize(1200, 800)
    studio.window.show()
    soak = Soak(studio, folder / "project", seed, infer_every=infer_every)
    network = folder / "tiny.safetensors"
    subprocess.run([sys.executable, "-c", MAKE_NETWORK, str(network)], check=True, cwd=ROOT)
    use_network(studio, str(network))
    print(*(f"{name:>10}" for name in COLUMNS))
    end, next_sample = time.monotonic() + 60 * minutes, [time.monotonic() + minutes]

    def work() -> None:
        if time.monotonic() > end:
            application.quit()
            return
        soak.visit()
        if time.monotonic() > next_sample[0]:
            next_sample[0] = time.monotonic() + minutes
            sample = soak.measure()
            print(*(f"{getattr(sample, name):10,.0f}" for name in COLUMNS), flush=True)

    timer = QTimer(studio.window, interval=0)  # in a real event loop, which alone takes down what is deleted later
    timer.timeout.connect(work)
    timer.start()
    application.exec()
    assert studio.session.close_project()
    studio.shut_down()
    studio.window.close()
    return soak


def main() -> int:
    """Print the table, and write it with ``--json``; 1 if anything grew."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--minutes", type=float, default=30)
    parser.add_argument("--infer-every", type=int, default=10)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    qInstallMessageHandler(lambda *_: None)  # the offscreen platform says what it cannot do
    with tempfile.TemporaryDirectory(prefix="fcn-studio-soak-") as name:
        os.environ["FCN_STUDIO_CONFIG_DIR"] = os.environ["FCN_STUDIO_STATE_DIR"] = f"{name}/own"
        soak = run(Path(name), options.minutes, options.infer_every, options.seed)
    slope = growth(soak.samples, "rss_mb")
    rising = [name for name in ("files", "threads", "children") if not steady(soak.samples, name)]
    left = [p for p in psutil.Process().children(recursive=True) if "resource_tracker" not in " ".join(p.cmdline())]
    print(f"memory: {slope:+.2f} MB per 1,000 switches (bar: below {BAR_MB:g})")
    print(f"objects: {growth(soak.samples, 'objects'):+.0f} per 1,000 switches")
    print("rising:", ", ".join(rising) or "nothing", "- left behind:", ", ".join(p.name() for p in left) or "nothing")
    print(*soak.problems[:20], sep="\n")
    if options.json:
        rows = [asdict(sample) for sample in soak.samples]
        result = {"samples": rows, "mb_per_1000": slope, "rising": rising, "problems": soak.problems}
        options.json.write_text(json.dumps(result, indent=2) + "\n")
    return int(slope >= BAR_MB or bool(rising) or bool(soak.problems) or bool(left))


if __name__ == "__main__":
    sys.exit(main())
