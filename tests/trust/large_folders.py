"""Folders of very many images: made of links in seconds, and opened in the real window under a watch."""

from __future__ import annotations

import os
import shutil
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import psutil
from PySide6.QtCore import QObject, QTimer
from PySide6.QtWidgets import QApplication

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.labels import Labels
from fcn_studio.core.sample import Status
from fcn_studio.formats.images.images import write_png
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.ui.app import Studio
from tests.trust.switching import Paints

SIZE = (64, 48)
LINKS_A_FILE = 20_000
"""File systems allow so many names of one file, and more."""
TABLE = ClassTable.from_names(["background", "cell", "debris"])
TICK_MS = 5


def link_many(first: Path, name: Callable[[int], str], count: int) -> None:
    """Give a file ``count`` names beside it; where there are no links, copies."""
    source = first
    for number in range(count):
        target = first.parent / name(number)
        if number % LINKS_A_FILE == 0:
            shutil.copyfile(first, target)
            source = target
            continue
        try:
            os.link(source, target)
        except OSError:
            shutil.copyfile(source, target)
    first.unlink()


def draw_many(folder: Path, images: int, *, labelled: int = 0) -> Path:
    """A folder of so many pictures; with ``labelled`` a project whose first so many have a mask and a record."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(1)
    write_png(folder / "first.png", rng.integers(0, 255, (SIZE[1], SIZE[0], 3), np.uint8))
    if labelled:
        with ProjectFolder.open(folder, writable=True, table=TABLE) as project:
            label_map = rng.integers(0, 3, SIZE[::-1], np.uint8)
            project.annotations.save(
                project.samples[0], Labels(label_map, np.full_like(label_map, 2)), Status.VERIFIED
            )
        for part in ("SegmentationClass", ".fcn-studio/provenance"):
            link_many(folder / part / "first.png", "picture-{:06}.png".format, labelled)
        (folder / ".fcn-studio" / "index").unlink(missing_ok=True)
    link_many(folder / "first.png", "picture-{:06}.png".format, images)
    return folder


def listed(folder: Path) -> float:
    """Seconds that it takes to list the images alone: the floor of what opening can take."""
    began = time.perf_counter()
    with os.scandir(folder) as entries:
        names = [entry.name for entry in entries if entry.is_file()]
    assert names
    return time.perf_counter() - began


class Stalls(QObject):
    """Notes how long the GUI thread handled nothing: wall time between ticks, less the tick itself.

    Attributes:
        longest_ms: the longest of them.
        longest_cpu_ms: the longest by the CPU time of the process, be it that of the GUI thread or of one that let it
            wait; other work of the machine cannot prolong it.
    """

    def __init__(self) -> None:
        super().__init__()
        self.longest_ms = self.longest_cpu_ms = 0.0
        self._last = time.perf_counter(), time.process_time()
        self._timer = QTimer(self, interval=TICK_MS)
        self._timer.timeout.connect(self._tick)
        self._timer.start()

    def reset(self) -> None:
        """Begin anew."""
        self.longest_ms = self.longest_cpu_ms = 0.0
        self._last = time.perf_counter(), time.process_time()

    def stop(self) -> None:
        """Note no more."""
        self._timer.stop()

    def _tick(self) -> None:
        now = time.perf_counter(), time.process_time()
        self.longest_ms = max(self.longest_ms, 1000 * (now[0] - self._last[0]) - TICK_MS)
        self.longest_cpu_ms = max(self.longest_cpu_ms, 1000 * min(now[0] - self._last[0], now[1] - self._last[1]))
        self._last = now


@dataclass(frozen=True)
class Opening:
    """One opening of a folder.

    Attributes:
        images: in it.
        floor_s: listing it alone, just before.
        first_image_s: until the canvas has painted the first image.
        statuses_s: until the status of every image is known.
        stall_ms: longest time in which the window handled nothing, until then.
        stall_cpu_ms: likewise in CPU time of the process.
        cpu_s: of the process, until then.
        memory_mb: more than before.
    """

    images: int
    floor_s: float
    first_image_s: float
    statuses_s: float
    stall_ms: float
    stall_cpu_ms: float
    cpu_s: float
    memory_mb: float


def open_and_watch(studio: Studio, folder: Path, timeout: float = 300.0) -> Opening:
    """Open a folder as a person does, and watch until all statuses are known."""
    session, me = studio.session, psutil.Process()
    floor = listed(folder)
    QApplication.processEvents()
    before = me.memory_info().rss
    paints, stalls = Paints(studio.window.canvas), Stalls()
    cpu, began = time.process_time(), time.perf_counter()
    QTimer.singleShot(0, lambda: studio.window.open_folder(folder))

    def turn(done: Callable[[], bool]) -> float:
        while not done():
            assert time.perf_counter() - began < timeout, "it takes too long"
            QApplication.processEvents()
            time.sleep(0.0005)
        return time.perf_counter() - began

    turn(lambda: session.document is not None)
    paints.count = 0
    first = turn(lambda: paints.count > 0)
    known = turn(lambda: session.status_scan.done)
    turn(lambda: time.perf_counter() - began > known + 0.3)
    stalls.stop()
    return Opening(
        len(session.samples),
        floor,
        first,
        known,
        stalls.longest_ms,
        stalls.longest_cpu_ms,
        time.process_time() - cpu,
        (me.memory_info().rss - before) / 2**20,
    )


def table(rows: dict[str, Opening]) -> str:
    """A line each."""
    names = ("images", "floor_s", "first_image_s", "statuses_s", "stall_ms", "stall_cpu_ms", "cpu_s", "memory_mb")
    lines = [f"{'':30}" + "".join(f"{name:>15}" for name in names)]
    for what, opening in rows.items():
        figures = (getattr(opening, name) for name in names)
        lines.append(f"{what:30}" + "".join(f"{figure:15,.2f}" for figure in figures))
    return "\n".join(lines)


def threads_of(name: str) -> list[threading.Thread]:
    """The living threads of that name."""
    return [thread for thread in threading.enumerate() if thread.name.startswith(name)]
