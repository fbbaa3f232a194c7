"""Handling of Ctrl+C on the command line.

The first ends a training early, the second interrupts it.
"""

from __future__ import annotations

import signal
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from types import FrameType

from fcn_studio.i18n import tr


@contextmanager
def graceful_interrupt() -> Iterator[threading.Event]:
    """Let the first Ctrl+C only set the event.

    The second interrupts as usual.
    """
    event = threading.Event()
    if threading.current_thread() is not threading.main_thread():
        yield event
        return

    def on_interrupt(number: int, frame: FrameType | None) -> None:
        signal.signal(signal.SIGINT, previous)
        print(tr("ending early, keeping the best network so far; Ctrl+C again gives up"), file=sys.stderr)
        event.set()

    previous = signal.signal(signal.SIGINT, on_interrupt)
    try:
        yield event
    finally:
        signal.signal(signal.SIGINT, previous)
