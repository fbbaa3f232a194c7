#!/usr/bin/env python3
"""Huge images through the real window: first pixels, whole picture, memory, a prediction, saving, undo.

Usage: python benchmarks/huge.py [--size 16384] [--kinds jpg png tif] [--json FILE]

A picture of each kind is made in a temporary folder and opened in a window of its own process, offscreen. Times are
wall seconds, memory is of the window's process (Linux). The bars: first pixels of the JPEG below 1.6 s, memory at any
moment below 2.4 GB with the image and below 3.0 GB with prediction and uncertainty.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
MAKE = """
import sys
from pathlib import Path
from tests.trust.huge import draw
draw(Path(sys.argv[1]), int(sys.argv[2]))
"""
BARS = {"first pixels": 1.6, "open: GB at most": 2.4, "auto-segment: GB at most": 3.0, "save: GB at most": 3.0}


def child(folder: Path) -> None:
    """One sitting in this process; prints its figures as JSON."""
    os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")
    from fcn_studio.settings import Settings
    from fcn_studio.ui import app
    from fcn_studio.ui.runtime.garbage_collection import GuiThreadGarbageCollector
    from tests.trust.huge import Sitting
    from tests.ui.conftest import IdleProcess

    application = app.application([])
    studio = app.build(Settings(), IdleProcess())
    GuiThreadGarbageCollector(studio.window)
    studio.window.resize(1920, 1080)
    studio.window.show()
    application.processEvents()
    figures = Sitting(studio, folder).run()
    assert studio.session.close_project()
    studio.shut_down()
    studio.window.close()
    print(json.dumps(figures))


def sitting(kind: str, side: int) -> dict[str, float]:
    """Make a picture, open it in a process of its own, and give its figures."""
    with tempfile.TemporaryDirectory() as scratch:
        folder = Path(scratch) / "project"
        folder.mkdir()
        (folder / "labels.txt").write_text("background\ncell\ndebris\n")
        environment = {
            **os.environ,
            "PYTHONPATH": str(ROOT),
            "FCN_STUDIO_CONFIG_DIR": f"{scratch}/config",
            "FCN_STUDIO_STATE_DIR": f"{scratch}/state",
        }
        picture = str(folder / f"a.{kind}")
        subprocess.run([sys.executable, "-c", MAKE, picture, str(side)], check=True, cwd=ROOT, env=environment)
        command = [sys.executable, __file__, "--child", str(folder)]
        done = subprocess.run(command, check=True, cwd=ROOT, env=environment, stdout=subprocess.PIPE)
        return dict(json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    """Run all kinds; the exit code says whether every bar was met."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--size", type=int, default=16384, help="pixels a side")
    parser.add_argument("--kinds", nargs="+", default=["jpg", "png", "tif"], choices=["jpg", "png", "tif"])
    parser.add_argument("--json", type=Path, metavar="FILE")
    parser.add_argument("--child", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.child:
        child(options.child)
        return 0
    found = {kind: sitting(kind, options.size) for kind in options.kinds}
    missed = []
    print(f"{options.size} x {options.size}" + "".join(f"{kind:>10}" for kind in found))
    for name in dict.fromkeys(name for figures in found.values() for name in figures):
        print(f"{name:<44}" + "".join(f"{figures.get(name, float('nan')):10.2f}" for figures in found.values()))
        for kind, figures in found.items():
            bar = None if name == "first pixels" and kind == "png" else BARS.get(name)
            if bar is not None and figures[name] > bar:
                missed.append(f"{kind}: {name} is {figures[name]:.2f}, the bar {bar}")
    print(*(missed or ["every bar is met"]), sep="\n")
    if options.json:
        options.json.write_text(json.dumps({"size": options.size, "kinds": found, "missed": missed}, indent=2))
    return 1 if missed else 0


if __name__ == "__main__":
    sys.exit(main())
