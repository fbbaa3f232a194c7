#!/usr/bin/env python3
"""Changing images in the real window: from the call until the canvas has painted, read ahead or not.

Usage: python benchmarks/switch.py [--images 8] [--rounds 2] [--width 4000] [--height 3000] [--json FILE]

The window is offscreen and 1920 x 1080; each image is a JPEG with a mask and a record. Rows: neighbours that were
read ahead; the same with strokes on the image that is left (its save, journal and steps are part of the time); going
back to images with kept steps; and images that nothing was read of. The bar is 50 ms of the GUI thread's CPU at the
95th percentile for what was read ahead: wall time, which is printed beside it, is also that of whatever else the
machine does.
"""

from __future__ import annotations

import argparse
import json
import os
import sys
import tempfile
from dataclasses import asdict
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))
os.environ.setdefault("QT_QPA_PLATFORM", "offscreen")

import numpy as np  # noqa: E402
from PySide6.QtCore import qInstallMessageHandler  # noqa: E402

from fcn_studio.settings import Settings  # noqa: E402
from fcn_studio.ui import app  # noqa: E402
from tests.trust.switching import Switch, Switcher, draw_folder, peak_mb, table  # noqa: E402
from tests.ui.conftest import IdleProcess  # noqa: E402

BAR_MS = 50.0


def run(folder: Path, images: int, rounds: int) -> dict[str, list[Switch]]:
    """All walks, in a window of their own."""
    application = app.application([])
    studio = app.build(Settings(), IdleProcess())  # type: ignore[arg-type]
    studio.window.resize(1920, 1080)
    studio.window.show()
    switcher = Switcher(studio, folder)
    forth, back = list(range(1, images)), list(range(images - 2, -1, -1))
    walks: dict[str, list[Switch]] = {}
    for _ in range(rounds):
        for name, rows, ahead, strokes in (
            ("read ahead", [*forth, *back], True, False),
            ("read ahead, strokes", forth, True, True),
            ("read ahead, kept steps", back, True, False),
            ("not read ahead", [*forth, *back], False, False),
        ):
            walks.setdefault(name, []).extend(switcher.walk(rows, prefetched=ahead, strokes=strokes))
    studio.session.close_project(discard=True)
    studio.shut_down()
    studio.window.close()
    del application
    return walks


def main() -> int:
    """Run and print; the exit code says whether the bar is kept."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    for name, default in (("images", 8), ("rounds", 2), ("width", 4000), ("height", 3000)):
        parser.add_argument(f"--{name}", type=int, default=default)
    parser.add_argument("--json", type=Path)
    options = parser.parse_args()
    qInstallMessageHandler(lambda *_: None)
    with tempfile.TemporaryDirectory(prefix="fcn-studio-switch-") as home:
        os.environ["FCN_STUDIO_STATE_DIR"] = f"{home}/state"
        os.environ["FCN_STUDIO_CONFIG_DIR"] = f"{home}/config"
        folder = draw_folder(Path(home) / "project", options.images, options.width, options.height)
        walks = run(folder, options.images, options.rounds)
    print(table(walks))
    slowest = max(
        float(np.percentile([switch.gui_cpu_ms for switch in found], 95))
        for name, found in walks.items()
        if name.startswith("read ahead")
    )
    kept = slowest < BAR_MS
    print(f"\npeak memory {peak_mb():.0f} MB")
    print(f"read ahead, p95 of the GUI thread: {slowest:.1f} ms (bar {BAR_MS:.0f}): {'kept' if kept else 'MISSED'}")
    if options.json:
        figures = {name: [asdict(switch) for switch in found] for name, found in walks.items()}
        options.json.write_text(json.dumps({"walks": figures, "peak_mb": peak_mb(), "kept": kept}, indent=1))
    return 0 if kept else 1


if __name__ == "__main__":
    sys.exit(main())
