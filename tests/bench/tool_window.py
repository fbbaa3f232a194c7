"""The whole window with each tool: when its first preview is on the screen, and how long the window is held."""

from __future__ import annotations

import os
import time
from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path

import cv2
import numpy as np
from PySide6.QtCore import QEvent, QPointF, Qt, qInstallMessageHandler
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import Labels
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Status
from fcn_studio.formats.images.images import write_jpeg
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.settings import Settings
from fcn_studio.tools.base import Overlay
from fcn_studio.tools.options import CONTIGUOUS
from fcn_studio.tools.polygon import SNAP_TO_EDGES
from fcn_studio.ui import app
from fcn_studio.ui.dialogs import clean_dialog
from fcn_studio.ui.network.network_process import JobProcess, NetworkProcess
from tests.trust.switching import Paints

LEFT, NONE = Qt.MouseButton.LeftButton, Qt.MouseButton.NoButton
PLAIN, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier
PATIENCE_S = 60.0

Place = tuple[float, float]
"""(x, y) as shares of the image's width and height."""


PITCH, RADIUS = 250, 70
"""Pixels between the objects of the drawn picture, and of their radius."""


def draw_objects(folder: Path, width: int, height: int) -> Path:
    """Draw a project of one picture, round objects in the middle of a rough ground, with a mask of two classes."""
    folder.mkdir(parents=True)
    rng = np.random.default_rng(0)
    label_map = np.zeros((height, width), np.uint8)
    for y in range(PITCH // 2, height, PITCH):
        for x in range(PITCH // 2, width, PITCH):
            if not (height / 4 < y < 3 * height / 4 and width / 4 < x < 3 * width / 4):
                continue
            cv2.circle(label_map, (x, y), RADIUS, 1, cv2.FILLED, cv2.LINE_8)
    coarse = rng.integers(90, 130, (height // 20, width // 20, 3), np.uint8)
    picture = np.asarray(cv2.resize(coarse, (width, height), interpolation=cv2.INTER_CUBIC), np.uint8)
    picture[label_map == 1] += np.array([90, 10, 40], np.uint8)
    cv2.add(picture, rng.integers(0, 12, picture.shape, np.uint8), dst=picture)
    write_jpeg(folder / "picture.jpg", picture)
    table = ClassTable.from_names(["background", "cell"])
    with ProjectFolder.open(folder, writable=True, table=table) as project:
        project.set_table(table)
        labels = Labels(label_map, np.full_like(label_map, 2))
        project.annotations.save(project.samples[0], labels, Status.IN_PROGRESS)
    return folder


@dataclass
class Times:
    """What one act took, in milliseconds, once for each repetition.

    Attributes:
        wall: until its preview was painted.
        gui_cpu: of the GUI thread in that time.
        cpu: of all threads of the window and of the network's process in that time.
        held: the longest time between two turns of the event loop, until all was done.
        held_cpu: of the GUI thread, the most between two turns.
    """

    wall: list[float] = field(default_factory=list)
    gui_cpu: list[float] = field(default_factory=list)
    cpu: list[float] = field(default_factory=list)
    held: list[float] = field(default_factory=list)
    held_cpu: list[float] = field(default_factory=list)


class ToolWindow:
    """The program's window on one image, driven by events.

    Args:
        folder: the project.
        process: in place of the network's.
        rest_s: seconds to wait before the first act.

    Attributes:
        times: name of an act -> what it took.
    """

    def __init__(self, folder: Path, process: JobProcess | None = None, rest_s: float = 1.0) -> None:
        # What the offscreen platform does not support is not told.
        self._handler = qInstallMessageHandler(lambda *_: None)
        self._app = app.application([])
        self._studio = app.build(Settings(), process)
        self.problems: list[str] = []
        self._studio.window.messages.problem.connect(self.problems.append)
        self._studio.window.messages.bug.connect(self.problems.append)
        self._studio.window.resize(1920, 1080)
        self._studio.window.show()
        self._canvas = self._studio.window.canvas
        self._paints = Paints(self._canvas)
        self.times: dict[str, Times] = {}
        self._turn = (0.0, 0.0)  # longest since the clock was set, wall and CPU seconds
        self._studio.session.open_folder(folder)
        self._wait(lambda: self._studio.session.document is not None and self._toolbox.image_rgb is not None)
        document = self._studio.session.document
        assert document is not None
        self._document = document
        predicted = np.asarray(cv2.medianBlur(document.label_map, 5), np.uint8)
        guess = Prediction(document.image_id, predicted, np.zeros_like(predicted), "0" * 64)
        self._studio.session.set_prediction(guess)
        self._toolbox.set_class(1)
        self._studio.settings.live = "off"
        self._wait(lambda: False, rest_s)

    @property
    def _toolbox(self):  # type: ignore[no-untyped-def]
        return self._studio.session.toolbox

    def close(self) -> None:
        """End all threads and processes."""
        self._studio.session.close_project(discard=True)
        self._studio.window.close()
        self._studio.shut_down()
        qInstallMessageHandler(self._handler)

    # --- acts, each with its tool

    def hovers(self, name: str, tool: str, place: Place, *, keys: Qt.KeyboardModifier = PLAIN) -> None:
        """Move the pointer into a region, which is outlined."""
        self._use(tool)
        self._move((0.999, 0.999), keys=keys)
        self._paint_all()
        with self._timed(name, lambda overlay: overlay.region is not None):
            self._move(place, keys=keys)

    def presses(self, name: str, tool: str, place: Place) -> None:
        """Press, by which pixels are outlined; they are dropped then."""
        self._use(tool)
        self._move(place)
        self._paint_all()
        with self._timed(name, lambda overlay: overlay.region is not None):
            self._give(QEvent.Type.MouseButtonPress, place, LEFT)
        self._drop()

    def everywhere(self, name: str, place: Place) -> None:
        """Press with the wand for such pixels in all of the image."""
        self._toolbox.set_option(CONTIGUOUS, False)
        self.presses(name, "colour_wand", place)
        self._toolbox.set_option(CONTIGUOUS, True)

    def snaps(self, name: str, start: Place, end: Place) -> None:
        """Click a corner of a polygon and move on: the border follows edges."""
        self._use("polygon")
        self._toolbox.set_option(SNAP_TO_EDGES, True)
        self._move(start)
        self._paint_all()
        with self._timed(name, lambda overlay: len(overlay.border) > 1):
            self._click(start)
            self._move(end)
        self._drop()
        self._toolbox.set_option(SNAP_TO_EDGES, False)

    def drags(self, name: str, tool: str, path: Sequence[Place], *, found: bool) -> None:
        """Drag along a path: a shape is drawn, or a region is found when the button is let go."""
        self._use(tool)
        self._move(path[0])
        self._paint_all()
        if found:
            self._give(QEvent.Type.MouseButtonPress, path[0], LEFT)
            for place in path[1:]:
                self._move(place, held=True)
            with self._timed(name, lambda overlay: overlay.region is not None):
                self._give(QEvent.Type.MouseButtonRelease, path[-1], LEFT)
        else:
            with self._timed(name, lambda overlay: bool(overlay.points)):
                self._give(QEvent.Type.MouseButtonPress, path[0], LEFT)
                for place in path[1:]:
                    self._move(place, held=True)
        self._drop()

    def smart_clicks(self, name: str, place: Place) -> None:
        """Click on an object, which the network and the picture's edges outline."""
        self._use("smart_click")
        self._move(place)
        self._paint_all()
        with self._timed(name, lambda overlay: overlay.region is not None):
            self._click(place)
        self._drop()

    def fills(self, name: str, place: Place) -> None:
        """Click with fill, and wait until all is written; then undo."""
        self._use("fill")
        self._toolbox.set_class(0)
        self._move(place)
        self._paint_all()
        before = self._document.revision
        with self._timed(name, lambda _: self._document.revision != before):
            self._click(place)
        self._document.undo()
        self._toolbox.set_class(1)
        self._paint_all()

    def cleans(self, name: str) -> None:
        """Open the dialog that cleans labels, and wait for its preview."""
        outlined: list[object] = []
        place = clean_dialog.Place(Rect(0, 0, self._document.width, self._document.height))

        def outline(region):  # type: ignore[no-untyped-def]
            self._canvas.set_outlined(region)
            outlined.append(region)

        with self._timed(name, lambda _: bool(outlined)):
            dialog = clean_dialog.CleanDialog(
                self._document, self._toolbox.image_rgb, [0, 1], (1, "cell"), place, outline, self._studio.window
            )
            dialog.show()
        dialog.close()
        self._paint_all()

    # --- the clock

    @contextmanager
    def _timed(self, name: str, shown: Callable[[Overlay], bool]) -> Iterator[None]:
        """Time what the block does until the tool's overlay shows it and the canvas has painted it."""
        times = self.times.setdefault(name, Times())
        self._turn = (0.0, 0.0)
        began, seen = self._clocks(), self._paints.count
        yield
        self._wait(lambda: shown(self._toolbox.tool.overlay()))
        self._canvas.update()
        self._wait(lambda: self._paints.count > seen)
        spent = [1000 * (end - start) for start, end in zip(began, self._clocks(), strict=True)]
        self._wait(lambda: not self._toolbox.tool.working)
        for series, value in zip((times.wall, times.gui_cpu, times.cpu), spent, strict=True):
            series.append(value)
        times.held.append(1000 * self._turn[0])
        times.held_cpu.append(1000 * self._turn[1])

    def _clocks(self) -> tuple[float, float, float]:
        """Return wall time, and CPU time of the GUI thread and of window and network's process together (Linux)."""
        process, network = self._studio.network.process, 0.0
        if isinstance(process, NetworkProcess) and process.pid:
            fields = Path(f"/proc/{process.pid}/stat").read_bytes().rpartition(b")")[2].split()
            network = (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
        return time.perf_counter(), time.thread_time(), time.process_time() + network

    def _held(self, act: Callable[[], object]) -> None:
        """Do an act of the event loop, and note how long it held the window."""
        wall, cpu = time.perf_counter(), time.thread_time()
        act()
        spent = time.perf_counter() - wall, time.thread_time() - cpu
        self._turn = max(self._turn[0], spent[0]), max(self._turn[1], spent[1])

    def _wait(self, condition: Callable[[], bool], seconds: float = PATIENCE_S) -> None:
        end = time.monotonic() + seconds
        while not condition():
            if time.monotonic() > end:
                if seconds == PATIENCE_S:
                    raise TimeoutError(f"nothing is shown; {self.problems}")
                return
            self._held(self._app.processEvents)
            time.sleep(0.002)

    # --- the pointer

    def _use(self, tool: str) -> None:
        self._toolbox.use(tool)
        self._paint_all()

    def _drop(self) -> None:
        self._toolbox.tool.cancel()
        self._give(QEvent.Type.MouseButtonRelease, (0.5, 0.5), LEFT)
        self._toolbox.tool.cancel()
        self._paint_all()

    def _paint_all(self) -> None:
        for _ in range(5):
            self._app.processEvents()

    def _click(self, place: Place) -> None:
        self._give(QEvent.Type.MouseButtonPress, place, LEFT)
        self._give(QEvent.Type.MouseButtonRelease, place, LEFT)

    def _move(self, place: Place, *, keys: Qt.KeyboardModifier = PLAIN, held: bool = False) -> None:
        self._give(QEvent.Type.MouseMove, place, NONE, keys=keys, held=held)

    def _give(
        self,
        kind: QEvent.Type,
        place: Place,
        button: Qt.MouseButton,
        *,
        keys: Qt.KeyboardModifier = PLAIN,
        held: bool = False,
    ) -> None:
        view, ratio = self._canvas.view, self._canvas.devicePixelRatioF()
        assert view is not None
        x, y = view.to_device(place[0] * self._document.width, place[1] * self._document.height)
        at = QPointF(x / ratio, y / ratio)
        buttons = LEFT if held or kind == QEvent.Type.MouseButtonPress else NONE
        event = QMouseEvent(kind, at, QPointF(self._canvas.mapToGlobal(at)), button, buttons, keys)
        self._held(lambda: QApplication.sendEvent(self._canvas, event))
