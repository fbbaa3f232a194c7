"""The whole program in a process of its own: opening a large image, opening a large folder, going to the next image.

``python -m tests.bench.program FOLDER`` prints figures of the folders that `draw_all` made as JSON. A picture is
there when the canvas shows it.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import cv2
import numpy as np

from tests.bench.figures import Row, Times
from tests.bench.scene import picture

ROOT = Path(__file__).resolve().parents[2]
FIRST_PIXELS_MS, SWITCH_MS = 1600.0, 50.0
PATIENCE_S = 120.0
PREFETCH_S = 2.0
"""So long the person looks at each image."""


def program_rows(side: int, files: int, images: int) -> list[Row]:
    """A line each: an image of that side, so many images of a quarter of it, a folder of so many files."""
    with tempfile.TemporaryDirectory() as home, tempfile.TemporaryDirectory() as folder:
        draw_all(Path(folder), side, files, images)
        environment = {**os.environ, "FCN_STUDIO_CONFIG_DIR": home, "FCN_STUDIO_STATE_DIR": home}
        command = [sys.executable, "-m", "tests.bench.program", folder]
        done = subprocess.run(command, capture_output=True, text=True, check=False, cwd=ROOT, env=environment)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout.splitlines()[-1])
    return [
        Row(side, "fit", "first pixels of a JPEG", found["first"], {"wall p50": FIRST_PIXELS_MS}),
        Row(side // 4, "fit", "next image, prefetched", found["next"], {"wall p50": SWITCH_MS}),
        Row(64, "fit", f"open a folder of {files:,}", found["folder"]),
    ]


class Program:
    """The program's window, 1920 x 1080, with an engine that does nothing."""

    def __init__(self) -> None:
        from PySide6.QtCore import QEvent, QObject

        from fcn_studio.settings import Settings
        from fcn_studio.ui import app
        from fcn_studio.ui.runtime.guard import guarded
        from tests.helpers import InlineProcess

        class Paints(QObject):
            """Counts what is painted."""

            count = 0

            @guarded(fallback=False)
            def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
                self.count += event.type() == QEvent.Type.Paint
                return False

        self.app = app.application([])
        settings = Settings()
        settings.use_for_now("max_pixels", 1_000_000_000)
        self.studio = app.build(settings, InlineProcess())  # type: ignore[arg-type]
        self.problems: list[str] = []
        self.studio.window.messages.problem.connect(self.problems.append)
        self.studio.window.messages.bug.connect(self.problems.append)
        self.studio.window.resize(1920, 1080)
        self.studio.window.show()
        self._paints = Paints()
        self.studio.window.canvas.installEventFilter(self._paints)
        self.live(0.5)

    def live(self, seconds: float) -> None:
        """Let the window live."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            self.app.processEvents()
            time.sleep(0.001)

    def timed(self, act: Callable[[], Any], times: Times) -> None:
        """Do it, and note the time until the canvas shows a picture of another image than before."""
        before = self._image_id
        cpu, wall = time.process_time(), time.perf_counter()
        act()
        while True:
            seen = self._paints.count
            self.app.processEvents()
            now = time.perf_counter()
            assert now - wall < PATIENCE_S, f"nothing is shown; {self.problems}"
            spent = 1000 * (time.process_time() - cpu)
            if self._paints.count > seen and self._image_id not in (None, before) and self._shows_a_picture():
                times.add(spent, 1000 * (now - wall))
                return
            time.sleep(0.001)  # pictures are read by a thread, which must not wait for us

    def close(self) -> None:
        """End all threads."""
        assert not self.problems, self.problems
        self.studio.session.close_project(discard=True)
        self.studio.window.close()
        self.studio.shut_down()

    @property
    def _image_id(self) -> str | None:
        document = self.studio.session.document
        return None if document is None else document.image_id

    def _shows_a_picture(self) -> bool:
        """Whether the middle of the canvas has many colours, as the drawn noise has."""
        from PySide6.QtCore import QRect

        canvas = self.studio.window.canvas
        paints = self._paints.count
        shot = canvas.grab(QRect(canvas.width() // 2 - 32, canvas.height() // 2 - 32, 64, 64)).toImage()
        self._paints.count = paints
        pixels = np.frombuffer(shot.constBits(), np.uint32)
        return np.unique(pixels).size > 8


def draw(path: Path, side: int, seed: int) -> Path:
    """A JPEG of smooth noise."""
    path.parent.mkdir(parents=True, exist_ok=True)
    assert cv2.imwrite(str(path), picture(side, seed))
    return path


def draw_all(root: Path, side: int, files: int, images: int) -> None:
    """The folders "large", "some" and "many"."""
    draw(root / "large" / "large.jpg", side, 0)
    for number in range(images):
        draw(root / "some" / f"{number}.jpg", side // 4, number)
    small = draw(root / "many" / "0000000.jpg", 64, 0)
    content = small.read_bytes()
    for number in range(1, files):
        small.with_name(f"{number:07}.jpg").write_bytes(content)


def main(root: Path) -> None:
    """Open, go on; print the figures."""
    first, following, folder = Times(), Times(), Times()
    program = Program()
    window, session = program.studio.window, program.studio.session
    program.timed(lambda: window.open_folder(root / "some"), Times())
    for _ in session.samples[1:]:
        program.live(PREFETCH_S)
        program.timed(lambda: session.step(1), following)
    for name, times in (("large", first), ("many", folder)):
        session.close_project()
        program.live(PREFETCH_S)
        program.timed(lambda name=name: window.open_folder(root / name), times)
    program.close()
    print(json.dumps({"first": first.figures(), "next": following.figures(), "folder": folder.figures()}))


if __name__ == "__main__":
    main(Path(sys.argv[1]))
