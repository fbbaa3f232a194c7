"""The whole window with Live: the brush beside its fits, and strokes until the screen has their prediction.

Strokes with Live take turns with strokes without it, in the same window on the same image, so that both meet the same
load of the machine.
"""

from __future__ import annotations

import os
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from PySide6.QtCore import QEvent, QObject, QPointF, Qt, qInstallMessageHandler
from PySide6.QtGui import QMouseEvent
from PySide6.QtWidgets import QApplication

from fcn_studio.settings import Settings
from fcn_studio.ui import app
from fcn_studio.ui.network.network_process import NetworkProcess
from fcn_studio.ui.runtime.guard import guarded
from tests.bench.figures import Times, percentile
from tests.bench.paths import straight

CLASSES = 11
PATIENCE_S = 180.0
_REST_S = 0.3
"""So long the window rests when Live is switched."""
_LOOK_S = 0.005
"""Time between two looks for what is waited for; a look each millisecond would cost 0.1 CPU-s a stroke."""

Figures = dict[str, float]


class _Paints(QObject):
    """Counts what is painted."""

    count = 0

    @guarded(fallback=False)
    def eventFilter(self, watched: QObject, event: QEvent) -> bool:  # noqa: N802
        self.count += event.type() == QEvent.Type.Paint
        return False


class LiveWindow:
    """The program's window on a folder of one image, with classes that no network knows."""

    def __init__(self, folder: Path) -> None:
        (folder / "class_names.txt").write_text("".join(f"thing {number}\n" for number in range(CLASSES)))
        qInstallMessageHandler(lambda kind, context, text: None)  # what the offscreen platform does not support
        self._app = app.application([])
        self._studio = app.build(Settings())
        self._problems: list[str] = []
        self._studio.window.messages.problem.connect(self._problems.append)
        self._studio.window.messages.bug.connect(self._problems.append)
        self._studio.window.resize(1920, 1080)
        self._studio.window.show()
        self._paints, self._canvas = _Paints(), self._studio.window.canvas
        self._canvas.installEventFilter(self._paints)
        self._studio.window.open_folder(folder)
        self._rng, self._live = np.random.default_rng(0), self._studio.network.live
        self._painted_before = -1  # number of paints when the newest prediction came; they may follow in one turn
        self._studio.session.prediction_changed.connect(self._on_prediction)
        self._wait(lambda: self._studio.session.document is not None)
        assert self._live.on, "a network knows these classes"
        for index in range(CLASSES):
            self.stroke(Times(), index=index, length=3)
        self._wait(lambda: self._live.shows and self._live.idle)

    def beside(self, rounds: int, strokes: int) -> Figures:
        """The brush with and without Live, in milliseconds from a move of the mouse to the screen.

        CPU times are of the window's thread: what the others do meanwhile costs the hand only as far as the wall
        times say.

        Args:
            rounds: how often the two take turns.
            strokes: of each in a turn, of 20 moves.
        """
        live, idle = Times(), Times()
        fitting = [0, 0]
        for _ in range(rounds):
            self._switch(on=True)
            self.stroke(Times())  # the fit begins
            for _ in range(strokes):
                self.stroke(live, fitting=fitting)
            self._switch(on=False)
            self.stroke(Times())
            for _ in range(strokes):
                self.stroke(idle)
        self._switch(on=True)
        found = {"moves": float(len(live)), "share beside a fit": fitting[0] / fitting[1]}
        for clock in ("wall", "cpu"):
            for per_cent in (50, 99):
                ours, alone = (percentile(getattr(times, clock), per_cent) for times in (live, idle))
                name = f"{clock} p{per_cent}"
                found |= {f"{name} live": ours, f"{name} idle": alone, f"{name} ratio": ours / alone}
        return found

    def until_prediction(self, strokes: int) -> Figures:
        """Seconds from the end of a stroke until the canvas has painted what was learned from it.

        CPU seconds are of the window and of the network's process together.
        """
        times = Times()
        for _ in range(strokes):
            self._wait(lambda: self._live.shows and self._live.idle)
            self.stroke(Times())
            cpu, wall, before = self._cpu_s(), time.perf_counter(), self._painted_before
            self._wait(lambda before=before: before < self._painted_before < self._paints.count)  # type: ignore[misc]
            elapsed = time.perf_counter() - wall
            self._wait(lambda: self._live.idle)
            times.add(self._cpu_s() - cpu, elapsed)
        return {
            "cpu s p50": percentile(times.cpu, 50),
            "cpu s max": max(times.cpu),
            "wall s p50": percentile(times.wall, 50),
            "wall s max": max(times.wall),
        }

    def close(self) -> None:
        """End all threads and the network's process."""
        assert not self._problems, self._problems
        self._studio.session.close_project(discard=True)
        self._studio.window.close()
        self._studio.shut_down()

    def stroke(
        self, times: Times, *, index: int | None = None, length: int = 20, fitting: list[int] | None = None
    ) -> None:
        """Paint a straight stroke.

        Args:
            times: gets the times of each move.
            index: the class; a random one if not given.
            length: number of moves.
            fitting: gets the number of moves beside a fit added, and the number of all.
        """
        self._studio.toolbox.set_class(int(self._rng.integers(CLASSES)) if index is None else index)
        path = [QPointF(x / 2, y / 2) for x, y in straight(self._rng)[: length + 1]]
        self._give(QEvent.Type.MouseButtonPress, path[0], Qt.MouseButton.LeftButton)
        for at in path[1:]:
            seen, cpu, wall = self._paints.count, time.thread_time(), time.perf_counter()
            self._give(QEvent.Type.MouseMove, at, Qt.MouseButton.NoButton)
            while self._paints.count == seen:
                assert time.perf_counter() - wall < PATIENCE_S, f"nothing is painted; {self._problems}"
                self._app.processEvents()
            times.add(1000 * (time.thread_time() - cpu), 1000 * (time.perf_counter() - wall))
            if fitting is not None:
                fitting[0] += self._live.learning
                fitting[1] += 1
        self._give(QEvent.Type.MouseButtonRelease, path[-1], Qt.MouseButton.LeftButton)
        self._app.processEvents()

    def _on_prediction(self) -> None:
        self._painted_before = self._paints.count

    def _give(self, kind: QEvent.Type, at: QPointF, button: Qt.MouseButton) -> None:
        none = Qt.MouseButton.NoButton
        held = none if kind == QEvent.Type.MouseButtonRelease else Qt.MouseButton.LeftButton
        place = QPointF(self._canvas.mapToGlobal(at))
        QApplication.sendEvent(
            self._canvas, QMouseEvent(kind, at, place, button, held, Qt.KeyboardModifier.NoModifier)
        )

    def _switch(self, *, on: bool) -> None:
        self._studio.settings.live = "on" if on else "off"
        end = time.monotonic() + _REST_S
        self._wait(lambda: time.monotonic() > end and (not on or (self._live.shows and self._live.idle)))

    def _wait(self, condition: Callable[[], bool]) -> None:
        end = time.monotonic() + PATIENCE_S
        while not condition():
            assert time.monotonic() < end, f"waited in vain; {self._problems}"
            self._app.processEvents()
            time.sleep(_LOOK_S)

    def _cpu_s(self) -> float:
        """CPU seconds of the window and of the network's process so far (Linux)."""
        process = self._studio.network.process
        assert isinstance(process, NetworkProcess)
        fields = Path(f"/proc/{process.pid}/stat").read_bytes().rpartition(b")")[2].split()
        return time.process_time() + (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
