"""Ctrl+C, SIGTERM and SIGHUP, which close the window."""

from __future__ import annotations

import signal
import socket
from collections.abc import Callable
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # start-up: signals are handled before Qt is loaded
    from PySide6.QtCore import QSocketNotifier


class QuitSignals:
    """Context manager that turns signals into the closing of a window.

    It works from construction on. Nothing happens in the handler itself, which may run between any two lines, in the
    middle of a stroke, a save or another closing. Python writes each signal to a socket that Qt watches. A signal
    before there is a window waits there; one while a window is closing is not needed any more.
    """

    def __init__(self) -> None:
        self._reading, self._writing = socket.socketpair()
        for end in (self._reading, self._writing):
            end.setblocking(False)
        signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        numbers = [signal.SIGINT, signal.SIGTERM]
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # not under nohup
            numbers.append(signal.SIGHUP)
        self._before = {number: signal.signal(number, _note) for number in numbers}
        self._notifier: QSocketNotifier | None = None

    def connect(self, close: Callable[[], object]) -> None:
        """Call this function, which saves and closes the window, at a signal from now on."""
        from PySide6.QtCore import QSocketNotifier

        def look() -> None:
            with suppress(BlockingIOError):
                if self._before.keys() & set(self._reading.recv(64)):
                    close()

        self._notifier = QSocketNotifier(self._reading.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(look)

    def __enter__(self) -> QuitSignals:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """Ignore signals from now on.

        A second Ctrl+C must not interrupt the end.
        """
        for number, before in self._before.items():
            # Ignored: at its end Python would restore the system's handler.
            signal.signal(number, signal.SIG_IGN if kind is None else before)
        if self._notifier is not None:
            self._notifier.setEnabled(False)
        signal.set_wakeup_fd(-1)
        self._reading.close()
        self._writing.close()


def _note(number: int, frame: object) -> None:
    """Do nothing: Python has already written the number to the socket."""
