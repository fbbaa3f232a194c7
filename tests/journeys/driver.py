"""Drives the real program from inside: a script of waits and events runs while `cli.main` runs the window.

A script is a generator. It yields conditions; each is polled by a timer until it holds, then the script goes on. What
it raises, and a condition that never comes true, end the program with that error. Scripts run in a process of their
own (see `test_journeys`), so that the exit code is the program's own.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from typing import Any

from PySide6.QtCore import QPointF, Qt, QTimer
from PySide6.QtTest import QTest
from PySide6.QtWidgets import QApplication

from fcn_studio import cli
from fcn_studio.settings import Settings
from fcn_studio.ui import app
from fcn_studio.ui.app import Studio
from fcn_studio.ui.network.network_process import JobProcess

Script = Generator[Callable[[], bool], None, None]
PATIENCE_S = 240

STARVED = "does not answer; it is restarted in"
"""What the window rightly says where the network's process gets no time of a busy machine for a while."""


def run_program(arguments: list[str], script: Callable[[Studio], Script], *, expected: str = "") -> None:
    """Run ``fcn-studio`` with these arguments under a script that must end by closing the window.

    A problem that the window reports ends the program, unless it has the ``expected`` words or `STARVED` in it.
    """
    conductors: list[_Conductor] = []
    real_build = app.build

    def build(settings: Settings, process: JobProcess | None = None) -> Studio:
        studio = real_build(settings, process)
        conductors.append(_Conductor(studio, script(studio), expected))
        return studio

    app.build = build
    try:
        code = cli.main(arguments)
    finally:
        app.build = real_build
    conductor = conductors[0]
    if conductor.error is not None:
        raise conductor.error
    assert conductor.ended, "the window was closed before the script had ended"
    assert code == 0, f"exit code {code}"


class _Conductor:
    def __init__(self, studio: Studio, script: Script, expected: str) -> None:
        self.studio = studio
        self.error: BaseException | None = None
        self.ended = False
        self._script = script
        self._condition: Callable[[], bool] = lambda: True
        self._since = time.monotonic()
        self._expected = expected
        self._problems: list[str] = []
        studio.window.messages.problem.connect(self._problems.append)
        studio.window.messages.bug.connect(self._problems.append)
        self._timer = QTimer(studio.window)
        self._timer.setInterval(20)
        self._timer.timeout.connect(self._poll)
        self._timer.start()

    def _poll(self) -> None:
        try:
            expected = [STARVED, *([self._expected] if self._expected else [])]
            unexpected = [text for text in self._problems if not any(words in text for words in expected)]
            if unexpected:
                raise AssertionError(f"the window reported: {unexpected}")
            if not self._condition():
                if time.monotonic() - self._since > PATIENCE_S:
                    raise AssertionError(f"waited {PATIENCE_S} s for line {self._script.gi_frame.f_lineno}")
                return
            self._timer.stop()  # the script may run the event loop itself
            self._condition = next(self._script)
            self._since = time.monotonic()
            self._timer.start()
        except StopIteration:
            self.ended = True
        except BaseException as error:
            self.error = error
            QApplication.exit(1)


def trigger(studio: Studio, name: str) -> None:
    """Do an action of the menu."""
    action = studio.window.actions_[name]
    assert action.isEnabled(), f"action {name} is not on offer"
    action.trigger()


def drag(studio: Studio, points: list[tuple[float, float]]) -> None:
    """Press at the first point, move along, release at the last; points in image pixels."""
    canvas = studio.window.canvas
    view = canvas.view
    ratio = canvas.devicePixelRatioF()

    def at(point: tuple[float, float]) -> Any:
        x, y = view.to_device(*point)
        return QPointF(x / ratio, y / ratio).toPoint()

    QTest.mousePress(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at(points[0]))
    for point in points[1:]:
        QTest.mouseMove(canvas, at(point))
    QTest.mouseRelease(canvas, Qt.MouseButton.LeftButton, Qt.KeyboardModifier.NoModifier, at(points[-1]))


def key(studio: Studio, which: Qt.Key, modifier: Qt.KeyboardModifier = Qt.KeyboardModifier.NoModifier) -> None:
    """Press and release a key where the keyboard is."""
    QTest.keyClick(QApplication.focusWidget() or studio.window, which, modifier)
