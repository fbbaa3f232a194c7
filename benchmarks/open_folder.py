#!/usr/bin/env python3
"""Opening folders of very many images in the real window, against listing them with ``os.scandir`` in the same run.

Usage: python benchmarks/open_folder.py [--images 100000] [--json FILE]

Rows: a plain folder; one whose images all have a mask and a record, without the index of statuses, and again with
it. Each is opened in a process of its own. Bars: the window never handles nothing for 100 ms in which the process is
at work (`stall_cpu_ms`; `stall_ms` is wall time, which other work of the machine prolongs), and the first image is
there within 100 times the floor. `statuses_s` is when the status of every image is known, which nobody waits for.
"""

from __future__ import annotations

import argparse
import gc
import json
import os
import subprocess
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

from PySide6.QtCore import qInstallMessageHandler  # noqa: E402

from fcn_studio.settings import Settings  # noqa: E402
from fcn_studio.ui import app  # noqa: E402
from fcn_studio.ui.runtime.garbage_collection import GuiThreadGarbageCollector  # noqa: E402
from tests.trust.large_folders import Opening, draw_many, open_and_watch, table  # noqa: E402
from tests.ui.conftest import IdleProcess  # noqa: E402

BAR_STALL_MS = 100.0
BAR_FLOORS = 100.0


def open_once(folder: Path) -> Opening:
    """Open it in a window of this process."""
    application = app.application([])
    studio = app.build(Settings(), IdleProcess())  # type: ignore[arg-type]
    studio.window.resize(1600, 900)
    studio.window.show()
    gc.freeze()  # as the program does
    GuiThreadGarbageCollector(studio.window)
    application.processEvents()
    opening = open_and_watch(studio, folder)
    studio.session.close_project(discard=True)
    studio.shut_down()
    studio.window.close()
    return opening


def opened(folder: Path) -> Opening:
    """`open_once` in a fresh process."""
    command = [sys.executable, __file__, "--open", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    if done.returncode:
        raise SystemExit(done.stderr)
    return Opening(**json.loads(done.stdout.splitlines()[-1]))


def main() -> int:
    """Run and print; the exit code says whether the bars are kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--images", type=int, default=100_000)
    parser.add_argument("--json", type=Path)
    parser.add_argument("--open", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    qInstallMessageHandler(lambda *_: None)
    if options.open:
        print(json.dumps(asdict(open_once(options.open))))
        return 0
    with tempfile.TemporaryDirectory(prefix="fcn-studio-folders-") as home:
        os.environ["FCN_STUDIO_STATE_DIR"] = f"{home}/state"
        os.environ["FCN_STUDIO_CONFIG_DIR"] = f"{home}/config"
        plain = draw_many(Path(home) / "plain", options.images)
        labelled = draw_many(Path(home) / "labelled", options.images, labelled=options.images)
        openings = {
            "plain": opened(plain),
            "labelled, no index": opened(labelled),
            "labelled, indexed": opened(labelled),
        }
    print(table(openings))
    stall = max(opening.stall_cpu_ms for opening in openings.values())
    floors = max(opening.first_image_s / opening.floor_s for opening in openings.values())
    kept = stall < BAR_STALL_MS and floors < BAR_FLOORS
    print(f"\nlongest stall {stall:.0f} ms of CPU (bar {BAR_STALL_MS:.0f}), first image after {floors:.0f} floors "
          f"(bar {BAR_FLOORS:.0f}): {'kept' if kept else 'MISSED'}")  # fmt: skip
    if options.json:
        options.json.write_text(json.dumps({name: asdict(o) for name, o in openings.items()} | {"kept": kept}))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
