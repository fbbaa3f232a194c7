"""Ctrl+C and SIGTERM end the program as closing its window does."""

from __future__ import annotations

import signal
import socket

from PySide6.QtCore import QObject, QSocketNotifier
from PySide6.QtWidgets import QWidget


class _SignalWaker(QObject):
    """Lets Python's signal handlers run while Qt's event loop waits: a signal writes to a socket that Qt watches."""

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._reading, self._writing = socket.socketpair()
        for end in (self._reading, self._writing):
            end.setblocking(False)
        signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        self._notifier = QSocketNotifier(self._reading.fileno(), QSocketNotifier.Type.Read, self)
        self._notifier.activated.connect(self._drain)

    def _drain(self) -> None:
        self._reading.recv(64)


def quit_on_signals(window: QWidget) -> None:
    """Ctrl+C and SIGTERM close the window as its owner would: everything is saved first."""

    def close(number: int, frame: object) -> None:
        window.close()

    _SignalWaker(window)
    for number in (signal.SIGINT, signal.SIGTERM):
        signal.signal(number, close)
