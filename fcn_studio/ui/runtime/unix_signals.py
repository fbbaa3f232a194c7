"""Ctrl+C, SIGTERM and a terminal that goes away end the program as closing its window does."""

from __future__ import annotations

import signal
import socket
from contextlib import suppress
from typing import TYPE_CHECKING

if TYPE_CHECKING:  # start-up: signals are heard before Qt is loaded
    from PySide6.QtCore import QSocketNotifier
    from PySide6.QtWidgets import QWidget


class QuitSignals:
    """Hears signals from construction to the end of its ``with``, and closes a window in a turn of its event loop.

    Nothing happens in the handler itself: it may run between any two lines, in the middle of a stroke, of a save or
    of another closing. Python notes each signal in a socket that Qt watches; one that comes before there is a window
    waits there, and one that comes while a window is closing is not needed any more.
    """

    def __init__(self) -> None:
        self._reading, self._writing = socket.socketpair()
        for end in (self._reading, self._writing):
            end.setblocking(False)
        signal.set_wakeup_fd(self._writing.fileno(), warn_on_full_buffer=False)
        numbers = [signal.SIGINT, signal.SIGTERM]
        if hasattr(signal, "SIGHUP") and signal.getsignal(signal.SIGHUP) is not signal.SIG_IGN:  # but for nohup
            numbers.append(signal.SIGHUP)
        self._before = {number: signal.signal(number, _note) for number in numbers}
        self._notifier: QSocketNotifier | None = None

    def close_window(self, window: QWidget) -> None:
        """From now on they close the window as its owner would: everything is saved first."""
        from PySide6.QtCore import QSocketNotifier

        def close() -> None:
            with suppress(BlockingIOError):
                if self._before.keys() & set(self._reading.recv(64)):
                    window.close()

        self._notifier = QSocketNotifier(self._reading.fileno(), QSocketNotifier.Type.Read)
        self._notifier.activated.connect(close)

    def __enter__(self) -> QuitSignals:
        return self

    def __exit__(self, kind: type[BaseException] | None, *_: object) -> None:
        """After a window hear nothing any more: a second Ctrl+C must not kill what still ends in good order."""
        for number, before in self._before.items():
            # Ignored, not noted: Python's own end would give a handler back to the system.
            signal.signal(number, signal.SIG_IGN if kind is None else before)
        if self._notifier is not None:
            self._notifier.setEnabled(False)
        signal.set_wakeup_fd(-1)
        self._reading.close()
        self._writing.close()


def _note(number: int, frame: object) -> None:
    """Python has written the number to the socket by now."""
