"""The real canvas in a window of 1920 x 1080, given events as Qt gives them, timed until the screen has the result.

Beside it stands a window that only copies: the floor. After each event of the canvas it may answer one by copying
the very region that the canvas repainted, so both are measured in the same state of the machine and its caches.

An event is done when the widget's `paintEvent` has run and the backing store is flushed; under X also when the
server has executed all that was sent to it (a round trip on Qt's own connection). CPU time is of the whole process,
its threads included, and without the X server.
"""

from __future__ import annotations

import ctypes
import time
from collections.abc import Callable
from typing import Any

import numpy as np
from PySide6.QtCore import QEvent, QPoint, QPointF, Qt
from PySide6.QtGui import QImage, QKeyEvent, QMouseEvent, QPainter, QPaintEvent, QRegion, QWheelEvent
from PySide6.QtWidgets import QApplication, QWidget

from fcn_studio.ui.canvas import Canvas
from fcn_studio.ui.runtime.guard import guarded
from tests.bench.figures import Times
from tests.bench.paths import HEIGHT, WIDTH
from tests.bench.scene import Desk

PATIENCE_S, POLLED_S = 30.0, 0.05

NO_BUTTON, LEFT, MIDDLE = Qt.MouseButton.NoButton, Qt.MouseButton.LeftButton, Qt.MouseButton.MiddleButton
PLAIN, CTRL = Qt.KeyboardModifier.NoModifier, Qt.KeyboardModifier.ControlModifier


class WatchedCanvas(Canvas):
    """The canvas, with a note of what it painted."""

    def __init__(self) -> None:
        super().__init__()
        self.painted: list[QRegion] = []

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        super().paintEvent(event)
        self.painted.append(QRegion(event.region()))


class Floor(QWidget):
    """Answers a move of the mouse by copying a region of buffers that are ready, a picture and an overlay.

    It has a window of its own beside the canvas's, so that the two can take turns.

    Attributes:
        region: which it copies.
    """

    def __init__(self) -> None:
        super().__init__()
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setMouseTracking(True)
        self.setFixedSize(WIDTH, HEIGHT)
        self.move(WIDTH, 0)
        self.region = QRegion()
        self.painted: list[QRegion] = []
        rng = np.random.default_rng(0)
        self._base = rng.integers(0, 1 << 24, (HEIGHT, WIDTH), np.uint32)
        self._over = np.full((HEIGHT, WIDTH), (120 << 24) | (60 << 16) | (30 << 8) | 10, np.uint32)

    @guarded
    def mouseMoveEvent(self, event: QMouseEvent) -> None:  # noqa: N802
        self.update(self.region)

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:  # noqa: N802
        modes, formats = QPainter.CompositionMode, QImage.Format
        painter = QPainter(self)
        for pixels, mode, kind in (
            (self._base, modes.CompositionMode_Source, formats.Format_RGB32),
            (self._over, modes.CompositionMode_SourceOver, formats.Format_ARGB32_Premultiplied),
        ):
            painter.setCompositionMode(mode)
            image = QImage(pixels.data, WIDTH, HEIGHT, 4 * WIDTH, kind)
            for rect in event.region():  # type: ignore[attr-defined]
                painter.drawImage(rect.topLeft(), image, rect)
        painter.end()
        self.painted.append(QRegion(event.region()))


class Stage:
    """The window, the hand on mouse and wheel, and the clock."""

    def __init__(self, app: QApplication, *, quiet_s: float = 0.1) -> None:
        self._app = app
        self._quiet_s = quiet_s
        self._sync = _round_trip(app)
        self.desk = Desk()
        self.canvas = WatchedCanvas()
        self.canvas.setFixedSize(WIDTH, HEIGHT)
        self.canvas.move(0, 0)
        self.floor = Floor()
        for window in (self.canvas, self.floor):
            window.show()
        self.rest()
        screen = app.primaryScreen().size()
        holds_both = screen.width() >= 2 * WIDTH and screen.height() >= HEIGHT
        assert app.platformName() != "xcb" or holds_both, "the screen is too small for both windows"
        assert (self.canvas.width(), self.canvas.height()) == (WIDTH, HEIGHT)

    @property
    def middle(self) -> QPointF:
        """Of the viewport."""
        return QPointF(self.canvas.width() / 2, self.canvas.height() / 2)

    def close(self) -> None:
        """Take the window down."""
        self.canvas.set_tool(None)
        self.canvas.set_document(None)
        for window in (self.canvas, self.floor):
            window.close()
            window.deleteLater()
        self.rest()

    # --- events

    def mouse(self, kind: QEvent.Type, at: QPointF, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
        """Give the canvas one event of the mouse."""
        _give(self.canvas, kind, at, button, held)

    def press(self, at: QPointF, button: Qt.MouseButton = LEFT) -> None:
        """A button goes down."""
        self.mouse(QEvent.Type.MouseButtonPress, at, button, button)

    def move(self, at: QPointF, held: Qt.MouseButton = LEFT) -> None:
        """The mouse moves with a button held."""
        self.mouse(QEvent.Type.MouseMove, at, NO_BUTTON, held)

    def release(self, at: QPointF, button: Qt.MouseButton = LEFT) -> None:
        """The button goes up."""
        self.mouse(QEvent.Type.MouseButtonRelease, at, button, NO_BUTTON)

    def wheel(self, notches: int) -> None:
        """Ctrl+wheel over the middle."""
        at, none = self.middle, Qt.ScrollPhase.NoScrollPhase
        turn = QPoint(0, 120 * notches)
        QApplication.sendEvent(self.canvas, QWheelEvent(at, at, QPoint(), turn, NO_BUTTON, CTRL, none, False))

    def enter(self) -> None:
        """The Enter key."""
        for kind in (QEvent.Type.KeyPress, QEvent.Type.KeyRelease):
            QApplication.sendEvent(self.canvas, QKeyEvent(kind, Qt.Key.Key_Return, PLAIN))

    # --- the clock

    def rest(self, share: float = 1.0) -> None:
        """Let the window live until it has painted nothing for this share of a moment."""
        seconds = self._quiet_s * share
        quiet, seen = time.monotonic() + seconds, self._paints
        while time.monotonic() < quiet:
            self._app.processEvents()
            time.sleep(0.001)
            if self._paints != seen:
                quiet, seen = time.monotonic() + seconds, self._paints
        self._sync()

    def timed(self, act: Callable[[], Any], into: Times, *, done: Callable[[], bool] = lambda: True) -> QRegion:
        """Do it, and note what it took until something is painted (and ``done`` holds); what was painted.

        Raises:
            AssertionError: if nothing comes of it for half a minute.
        """
        return self._timed(self.canvas, act, into, done)

    def copied(self, region: QRegion, into: Times) -> None:
        """Note what a move of the mouse takes that leads to mere copying of this region, the least for a canvas."""
        self.floor.region = region
        move = QEvent.Type.MouseMove
        self._timed(self.floor, lambda: _give(self.floor, move, self.middle, NO_BUTTON, LEFT), into, lambda: True)

    def _timed(
        self, watched: WatchedCanvas | Floor, act: Callable[[], Any], into: Times, done: Callable[[], bool]
    ) -> QRegion:
        self._app.processEvents()
        self._sync()
        watched.painted.clear()
        cpu, wall = time.process_time(), time.perf_counter()
        act()
        longest, answered = time.perf_counter() - wall, time.perf_counter()
        while not (watched.painted and done()):
            self._app.processEvents()
            now = time.perf_counter()
            longest, answered = max(longest, now - answered), now
            assert now - wall < PATIENCE_S, "nothing is painted"
            if now - wall > POLLED_S:  # what takes long may be at work in a thread, which must not wait for us
                time.sleep(0.001)
        self._sync()
        into.add(1000 * (time.process_time() - cpu), 1000 * (time.perf_counter() - wall), 1000 * longest)
        return _joined(watched.painted)

    @property
    def _paints(self) -> tuple[int, int]:
        return len(self.canvas.painted), len(self.floor.painted)


def _give(widget: QWidget, kind: QEvent.Type, at: QPointF, button: Qt.MouseButton, held: Qt.MouseButton) -> None:
    globally = QPointF(widget.mapToGlobal(at.toPoint()))
    QApplication.sendEvent(widget, QMouseEvent(kind, at, globally, button, held, PLAIN))


def _joined(regions: list[QRegion]) -> QRegion:
    joined = QRegion()
    for region in regions:
        joined += region
    return joined


def _round_trip(app: QApplication) -> Callable[[], None]:
    """A function that returns when the X server has done all that it was asked; elsewhere it does nothing."""
    if app.platformName() != "xcb":
        return lambda: None
    xcb, libc = ctypes.CDLL("libxcb.so.1"), ctypes.CDLL(None)
    xcb.xcb_get_input_focus.restype = ctypes.c_uint32
    xcb.xcb_get_input_focus.argtypes = [ctypes.c_void_p]
    xcb.xcb_get_input_focus_reply.restype = ctypes.c_void_p
    xcb.xcb_get_input_focus_reply.argtypes = [ctypes.c_void_p, ctypes.c_uint32, ctypes.c_void_p]
    libc.free.argtypes = [ctypes.c_void_p]
    connection = app.nativeInterface().connection()  # type: ignore[attr-defined]

    def sync() -> None:
        libc.free(xcb.xcb_get_input_focus_reply(connection, xcb.xcb_get_input_focus(connection), None))

    return sync
