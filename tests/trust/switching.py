"""From image to image in the real window: how long from `Session.go_to` until the canvas has painted the new one."""

from __future__ import annotations

import resource
import shutil
import time
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import cv2
import numpy as np
from PySide6.QtCore import QEvent, QObject
from PySide6.QtWidgets import QApplication

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.labels import Labels
from fcn_studio.core.sample import Status
from fcn_studio.formats.images.images import write_jpeg
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.ui.app import Studio
from fcn_studio.ui.runtime.guard import guarded
from tests.helpers import paint

CLASSES = ("background", "cell", "debris", "road", "sky")


@dataclass(frozen=True)
class Switch:
    """One change of images.

    Attributes:
        wall_ms: from the call until the canvas has painted, milliseconds.
        gui_cpu_ms: of the GUI thread alone in that time.
        cpu_ms: of all threads of the process in that time.
    """

    wall_ms: float
    gui_cpu_ms: float
    cpu_ms: float


class Paints(QObject):
    """Counts the paint events of a widget."""

    def __init__(self, widget: QObject) -> None:
        super().__init__(widget)
        self.count = 0
        widget.installEventFilter(self)

    @guarded(fallback=False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        self.count += event.type() == QEvent.Type.Paint
        return False


def draw_folder(folder: Path, images: int, width: int, height: int) -> Path:
    """A project of photograph-like JPEGs, each with a mask of blobs and its record, saved as the program does it."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    table = ClassTable.from_names(list(CLASSES))
    coarse = rng.integers(0, 255, (height // 40, width // 40, 3), np.uint8)
    picture = np.ascontiguousarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    cv2.add(picture, rng.integers(0, 12, picture.shape, np.uint8), dst=picture)
    write_jpeg(folder / "picture-000.jpg", picture)
    for number in range(1, images):
        shutil.copyfile(folder / "picture-000.jpg", folder / f"picture-{number:03}.jpg")
    with ProjectFolder.open(folder, writable=True, table=table) as project:
        project.set_table(table)
        for sample in project.samples:
            coarse_map = rng.integers(0, len(CLASSES), (height // 60, width // 60), np.uint8)
            label_map = np.asarray(cv2.resize(coarse_map, (width, height), interpolation=cv2.INTER_NEAREST), np.uint8)
            label_map = np.asarray(cv2.medianBlur(label_map, 5), np.uint8)
            project.annotations.save(sample, Labels(label_map, np.full_like(label_map, 2)), Status.IN_PROGRESS)
    return folder


class Switcher:
    """Walks through the images of an open window."""

    def __init__(self, studio: Studio, folder: Path) -> None:
        self.studio = studio
        self._paints = Paints(studio.window.canvas)
        studio.session.open_folder(folder)
        self.rest()

    def rest(self, seconds: float = 0.0) -> None:
        """Let everything in the background come to its end, as while a person looks at an image."""
        session = self.studio.session
        end = time.monotonic() + seconds
        self.wait(lambda: time.monotonic() >= end)
        self.wait(lambda: not session.annotation_prefetch.waiting)
        session.autosave.drain()
        for future in list(session.pictures._prefetch._images.values()):
            future.exception()
        session.annotation_prefetch.flush()
        QApplication.processEvents()

    @staticmethod
    def wait(done: Callable[[], bool], timeout: float = 60.0) -> None:
        """Turn the event loop until something is so."""
        end = time.monotonic() + timeout
        while not done():
            assert time.monotonic() < end, "nothing happened"
            QApplication.processEvents()

    def to(self, row: int) -> Switch:
        """Change to an image and time it."""
        self._paints.count = 0
        cpu, gui, began = time.process_time(), time.thread_time(), time.perf_counter()
        self.studio.session.go_to(row)
        self.wait(lambda: self._paints.count > 0)
        ended = time.perf_counter(), time.thread_time(), time.process_time()
        assert self.studio.session.index == row
        return Switch(*(1000 * (end - start) for end, start in zip(ended, (began, gui, cpu), strict=True)))

    def walk(self, rows: Sequence[int], *, prefetched: bool, strokes: bool) -> list[Switch]:
        """Go to these rows one after another; ``strokes`` are painted on each before it is left."""
        found = []
        for row in rows:
            if not prefetched:
                self.studio.session.annotation_prefetch.forget()
            found.append(self.to(row))
            self.rest()
            if strokes:
                document = self.studio.session.document
                assert document is not None
                for number in range(3):
                    paint(document, 1 + number, at=(500 + 40 * number, 500), size=60)
        return found


def table(rows: dict[str, list[Switch]]) -> str:
    """Figures of several walks, a line each."""
    lines = [f"{'':34}{'p50':>9}{'p95':>9}{'max':>9}"]
    for name, found in rows.items():
        for what in ("wall_ms", "gui_cpu_ms", "cpu_ms"):
            values = np.array([getattr(switch, what) for switch in found])
            figures = np.percentile(values, 50), np.percentile(values, 95), values.max()
            lines.append(f"{name:22}{what:>12}" + "".join(f"{figure:9.1f}" for figure in figures))
    return "\n".join(lines)


def peak_mb() -> float:
    """Most memory this process has had."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024
