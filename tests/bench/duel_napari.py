"""napari's side of the comparison, run by its own Python; needs nothing of ours but `tests.bench.paths`.

``python -m tests.bench.duel_napari FOLDER BRUSH EVENTS STROKES`` opens ``image.npy`` and ``mask.npy`` of the folder,
paints with the same events of the mouse on napari's own canvas, and prints figures as JSON. An event is done when
napari has drawn and OpenGL has finished.
"""

from __future__ import annotations

import json
import os
import sys
import time
from collections.abc import Callable
from pathlib import Path
from statistics import median
from typing import Any

import napari
import numpy as np
from OpenGL import GL
from qtpy.QtCore import QEvent, QPointF, Qt
from qtpy.QtGui import QMouseEvent
from qtpy.QtWidgets import QApplication

from tests.bench.paths import HEIGHT, STROKE, WIDTH, ellipse, straight

PATIENCE_S = 20.0
THROTTLE_S = 0.015
"""Moves that come faster are dropped on the way to napari's layers."""

NO_BUTTON, LEFT = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton


class Napari:
    """The viewer with a picture and a mask, and the hand on the mouse."""

    def __init__(self, image: np.ndarray, mask: np.ndarray) -> None:
        self.viewer = napari.Viewer(show=True)
        qt = self.viewer.window._qt_viewer
        for dock in (qt.dockLayerControls, qt.dockLayerList):
            dock.hide()
        self.viewer.add_image(image, rgb=True)
        self.labels = self.viewer.add_labels(mask)
        self.viewer.layers.selection.active = self.labels
        self.labels.mode = "paint"
        self._native = qt.canvas.native
        self._draws = 0
        qt.canvas._scene_canvas.events.draw.connect(self._drawn, position="last")
        self._resize(self.viewer.window._qt_window)

    def look(self, zoom: str) -> None:
        """The whole image, or a pixel a pixel."""
        self.viewer.reset_view()
        if zoom == "1:1":
            self.viewer.camera.zoom = 1.0
        self.live(0.5)

    def mouse(self, kind: QEvent.Type, at: tuple[float, float], button: Qt.MouseButton, held: Qt.MouseButton) -> None:
        """Give the canvas one event of the mouse."""
        place = QPointF(*at)
        globally = QPointF(self._native.mapToGlobal(place.toPoint()))
        QApplication.sendEvent(
            self._native, QMouseEvent(kind, place, globally, button, held, Qt.KeyboardModifier.NoModifier)
        )

    def press(self, at: tuple[float, float]) -> None:
        """The pointer comes, and the button goes down."""
        self.mouse(QEvent.Type.MouseMove, at, NO_BUTTON, NO_BUTTON)
        self.mouse(QEvent.Type.MouseButtonPress, at, LEFT, LEFT)

    def move(self, at: tuple[float, float]) -> None:
        """The mouse moves with the button held."""
        self.mouse(QEvent.Type.MouseMove, at, NO_BUTTON, LEFT)

    def release(self, at: tuple[float, float]) -> None:
        """The button goes up."""
        self.mouse(QEvent.Type.MouseButtonRelease, at, LEFT, NO_BUTTON)

    def live(self, seconds: float) -> None:
        """Let the window live."""
        end = time.monotonic() + seconds
        while time.monotonic() < end:
            QApplication.processEvents()

    def timed(self, act: Callable[[], Any]) -> tuple[float, float, float]:
        """(until drawn, CPU until drawn, in the handler alone) in milliseconds."""
        QApplication.processEvents()
        draws, cpu, wall = self._draws, time.process_time(), time.perf_counter()
        act()
        handled = time.perf_counter()
        while self._draws == draws:
            QApplication.processEvents()
            if time.perf_counter() - wall > PATIENCE_S:
                sys.exit("napari does not draw")
        self._native.makeCurrent()
        GL.glFinish()
        self._native.doneCurrent()
        end = time.perf_counter()
        return 1000 * (end - wall), 1000 * (time.process_time() - cpu), 1000 * (handled - wall)

    def history_bytes(self) -> int:
        """What the steps hold."""
        return sum(_bytes(step) for step in self.labels._undo_history)

    def _drawn(self, event: object) -> None:
        self._draws += 1

    def _resize(self, window: Any) -> None:
        window.resize(WIDTH, HEIGHT + 100)
        for _ in range(3):
            self.live(0.3)
            window.resize(
                window.width() + WIDTH - self._native.width(), window.height() + HEIGHT - self._native.height()
            )
        self.live(0.3)


def _bytes(held: Any) -> int:
    if isinstance(held, np.ndarray):
        return held.nbytes
    return sum(map(_bytes, held)) if isinstance(held, tuple | list) else 0


def _paint(peer: Napari, zoom: str, brush: int, events: int) -> dict[str, float]:
    peer.look(zoom)
    peer.labels.brush_size = brush
    found: list[tuple[float, float, float]] = []
    stroke = 0
    while len(found) < events:
        stroke += 1
        peer.labels.selected_label = 1 + stroke % 19
        path = ellipse(STROKE, phase=len(found))
        peer.press(path[0])
        peer.live(0.1)
        found += [peer.timed(lambda at=at: peer.move(at)) for at in path[1:]]  # type: ignore[misc]
        peer.release(path[-1])
        peer.live(0.1)
    event, cpu, handler = (median(column) for column in zip(*found, strict=True))
    return {f"{zoom} event": event, f"{zoom} cpu": cpu, f"{zoom} handler": handler}


def _paint_unseen(peer: Napari, strokes: int) -> None:
    """Strokes for the history alone: nothing is drawn meanwhile, or they would take minutes."""
    peer.labels._reset_history()
    peer._native.setUpdatesEnabled(False)
    rng = np.random.default_rng(len(peer.labels.data))
    for stroke in range(strokes):
        peer.labels.selected_label = 1 + stroke % 19
        path = straight(rng)
        peer.press(path[0])
        for at in path[1:]:
            peer.live(THROTTLE_S)
            peer.move(at)
        peer.release(path[-1])
        peer.live(THROTTLE_S)
    peer._native.setUpdatesEnabled(True)
    peer.live(1.0)
    steps = peer.labels._undo_history
    if len(steps) != strokes or sum(map(len, steps)) < 0.9 * strokes * STROKE:
        sys.exit(f"napari noted {len(steps)} strokes of {strokes}, with {sum(map(len, steps))} events")


def main(folder: Path, brush: int, events: int, strokes: int) -> None:
    """Paint, undo, weigh the history."""
    image, mask = np.load(folder / "image.npy"), np.load(folder / "mask.npy")
    peer = Napari(image, mask)
    found: dict[str, float] = {}
    for zoom in ("fit", "1:1"):
        found |= _paint(peer, zoom, brush, events)
    _paint_unseen(peer, strokes)
    found["history"] = peer.history_bytes()
    undone = [peer.timed(peer.labels.undo) for _ in range(min(20, strokes))]
    found["undo"], found["undo handler"] = median(u[0] for u in undone), median(u[2] for u in undone)
    print(
        json.dumps(
            {**found, "version": napari.__version__, "viewport": [peer._native.width(), peer._native.height()]}
        )
    )
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main(Path(sys.argv[1]), *map(int, sys.argv[2:]))
