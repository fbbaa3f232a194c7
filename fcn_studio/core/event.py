"""Events: lists of callbacks for rooms that have no Qt signals."""

from __future__ import annotations

from collections.abc import Callable
from typing import Generic, TypeVarTuple

Args = TypeVarTuple("Args")


class Event(Generic[*Args]):
    """A list of callbacks with one signature.

    ``Event[Rect]`` calls each with a `Rect`.

    Everything runs in the caller's thread, in the order of connection. What a callback raises goes to the
    emitter: a watcher that fails is a bug that must be seen.
    """

    def __init__(self) -> None:
        self._callbacks: list[Callable[[*Args], object]] = []

    def connect(self, callback: Callable[[*Args], object]) -> Callable[[], None]:
        """Call ``callback`` at each `emit`.

        Returns a function that disconnects it and may be called twice.
        """

        # A wrapper of its own identity: the same function connected twice is two connections.
        def entry(*args: *Args) -> None:
            callback(*args)

        self._callbacks.append(entry)

        def disconnect() -> None:
            if entry in self._callbacks:
                self._callbacks.remove(entry)

        return disconnect

    def emit(self, *args: *Args) -> None:
        """Call every callback that is connected at this moment."""
        for callback in tuple(self._callbacks):
            callback(*args)
