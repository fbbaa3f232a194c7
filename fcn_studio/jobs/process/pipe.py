"""Pipe to the network's process.

Two threads of its own read and write it. A process that stops in the middle of a message, announces more than it
sends, or reads no more, blocks these threads and not their owner. When the process ends, its end of the pipe closes,
and the threads end.
"""

from __future__ import annotations

import io
import logging
import pickle
import queue
import threading
from collections.abc import Callable
from multiprocessing.connection import Connection
from typing import Any

log = logging.getLogger(__name__)

LONGEST = 2**28 - 1
"""Bytes of the longest message, unless `MessagePipe.expect` allows more.

Text that a library prints into the pipe by mistake always announces more.
"""

_ARRAYS = {
    ("numpy", "ndarray"),
    ("numpy", "dtype"),
    *((f"numpy.{core}.multiarray", name) for core in ("core", "_core") for name in ("_reconstruct", "scalar")),
    *((f"numpy.{core}.numeric", "_frombuffer") for core in ("core", "_core")),
}
"""What numpy's arrays and numbers are pickled by, in its first and second versions."""

END = object()
"""The last message, when the other end is gone or sends what cannot be read."""


class _Reader(pickle.Unpickler):
    """Unpickler of the protocol's values and arrays only.

    The other process reads untrusted files.
    """

    def find_class(self, module: str, name: str) -> Any:
        """Return a class of the protocol, or a part of an array.

        Raises:
            UnpicklingError: if it is anything else.
        """
        ours = module == "fcn_studio.jobs.protocol" or module.startswith("fcn_studio.core.")
        ours = ours or (module, name) == ("fcn_studio.i18n", "Message")  # where a job ran, in any language
        found = super().find_class(module, name) if ours or (module, name) in _ARRAYS else None
        if found is None or (ours and not isinstance(found, type)):
            raise pickle.UnpicklingError(f"{module}.{name} is no part of the protocol")
        return found


class MessagePipe:
    """One connection that sends and receives messages.

    Args:
        connection: this end of the pipe.
        receive: gets every message and at last `END`, on the reading thread.
    """

    def __init__(self, connection: Connection, receive: Callable[[MessagePipe, object], None]) -> None:
        self._connection, self._receive, self._longest = connection, receive, LONGEST
        self._outgoing: queue.SimpleQueue[object] = queue.SimpleQueue()
        self._threads = [threading.Thread(target=work, daemon=True) for work in (self._read, self._write)]
        for thread in self._threads:
            thread.start()

    def send(self, message: object) -> None:
        """Send a message as soon as the other end takes it.

        A failure is received as `END`.
        """
        self._outgoing.put(message)

    def expect(self, size: int) -> None:
        """Allow messages of ``size`` bytes, from the one after the next on.

        `Started` always comes before a result, so that this is soon enough.
        """
        self._longest = max(self._longest, size)

    def close(self, timeout: float) -> None:
        """End the threads.

        Args:
            timeout: seconds to wait for each while the process at the other end still lives.
        """
        self._outgoing.put(END)
        for thread in self._threads:
            thread.join(timeout)
        if not any(thread.is_alive() for thread in self._threads):
            self._connection.close()

    def _read(self) -> None:
        try:
            while True:
                self._receive(self, _Reader(io.BytesIO(self._connection.recv_bytes(self._longest))).load())
        except (EOFError, OSError):  # gone; a length beyond the longest is an OSError too
            pass
        except Exception:  # a door: bytes that were never pickled may raise anything
            log.warning("the network's process sent what cannot be read", exc_info=True)
        self._receive(self, END)

    def _write(self) -> None:
        try:
            while (message := self._outgoing.get()) is not END:
                self._connection.send(message)
        except OSError:  # gone: the reading thread sees it too, unless it waits for the rest of a message
            self._receive(self, END)
