"""The pipe to the network's process, read and written by threads of its own, so that nobody waits for it.

A process that stops in the middle of a message, announces more than it sends, or reads no more, blocks these threads
and not their owner. Its death closes its end of the pipe, and that ends them.
"""

from __future__ import annotations

import logging
import pickle
import queue
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection

log = logging.getLogger(__name__)

LONGEST = 2**28 - 1
"""Bytes of the longest message, unless `Wire.expect` says otherwise. Text that a library prints into the pipe by
mistake always announces more."""

END = object()
"""What is heard last, when the other end is gone or talks nonsense."""


class Wire:
    """One connection. ``heard`` gets every message and at last `END`, on the reading thread."""

    def __init__(self, connection: Connection, heard: Callable[[Wire, object], None]) -> None:
        self._connection, self._heard, self._longest = connection, heard, LONGEST
        self._outgoing: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._listen, self._talk)]
        for thread in self._threads:
            thread.start()

    def send(self, message: object) -> None:
        """Send a message as soon as the other end takes it; a failure is heard as `END`."""
        self._outgoing.put(message)

    def expect(self, size: int) -> None:
        """Allow messages of so many bytes from now on."""
        self._longest = max(self._longest, size)

    def close(self, patience: float) -> None:
        """End the threads; the process at the other end must be dead, else this may take ``patience`` seconds."""
        self._outgoing.put(END)
        for thread in self._threads:
            thread.join(patience)
        if not any(thread.is_alive() for thread in self._threads):
            self._connection.close()

    def _listen(self) -> None:
        try:
            while True:
                self._heard(self, pickle.loads(self._connection.recv_bytes(self._longest)))
        except (EOFError, OSError):  # gone; a length beyond the longest is an OSError too
            pass
        except Exception:  # a door: bytes that were never pickled raise whatever they happen to spell
            log.warning("the network's process sent what cannot be read", exc_info=True)
        self._heard(self, END)

    def _talk(self) -> None:
        try:
            while (message := self._outgoing.get()) is not END:
                self._connection.send(message)
        except OSError:  # gone: the reading thread sees it too, unless it waits for the rest of a message
            self._heard(self, END)
