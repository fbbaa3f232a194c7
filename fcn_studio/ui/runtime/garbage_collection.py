"""Garbage collection on the GUI thread only.

Python collects garbage on the thread that happens to allocate. On a worker thread, a closed dialog with its timers
would be destroyed there, which Qt forbids: it warns at best and crashes at worst.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 1000
TRIM_EVERY = 60
"""Number of collections between two returns of free memory to the system."""


class GuiThreadGarbageCollector(QObject):
    """Cyclic garbage collection of Python by a timer of the GUI thread.

    It must be made on the GUI thread. Reference counts free nearly everything at once as before; only objects in
    cycles wait for a second.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self._until_trim = TRIM_EVERY
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def collect(self) -> None:
        """Collect the oldest generation that Python would collect now, if any."""
        counts, limits = gc.get_count(), gc.get_threshold()
        due = [age for age, (count, limit) in enumerate(zip(counts, limits, strict=True)) if count > limit > 0]
        if due:
            gc.collect(max(due))
        self._until_trim -= 1
        if self._until_trim <= 0:
            self._until_trim = TRIM_EVERY
            give_free_memory_back()


def give_free_memory_back() -> None:
    """Return free memory to the system.

    With a heap for each thread, glibc keeps more and more of it.
    """
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)  # 1 to 10 ms
