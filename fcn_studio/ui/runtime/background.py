"""Work that the window waits for while it stays responsive."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor, wait
from typing import TypeVar

from PySide6.QtCore import QCoreApplication, QEventLoop, Qt
from PySide6.QtGui import QGuiApplication

AT_ONCE_S = 0.05
"""Seconds that are waited for without running the event loop."""
_TURN_S = 0.002

Result = TypeVar("Result")


def in_background(work: Callable[[], Result]) -> Result:
    """Run work in a thread of its own.

    Returns its result or raises its exception. If it takes long, a wait cursor is shown and the window goes on
    drawing, saving and serving other threads. Input of mouse and keys waits.
    """
    with ThreadPoolExecutor(1, thread_name_prefix="opening") as executor:
        future = executor.submit(work)
        wait([future], AT_ONCE_S)
        if future.done() or QCoreApplication.instance() is None:
            return future.result()
        pointer = isinstance(QCoreApplication.instance(), QGuiApplication)
        if pointer:
            QGuiApplication.setOverrideCursor(Qt.CursorShape.WaitCursor)
        try:
            while not future.done():
                draw_window()
                wait([future], _TURN_S)
        finally:
            if pointer:
                QGuiApplication.restoreOverrideCursor()
        return future.result()


def draw_window() -> None:
    """Run the event loop once. Input of mouse and keys waits."""
    QCoreApplication.processEvents(QEventLoop.ProcessEventsFlag.ExcludeUserInputEvents)
