"""Looks for unreachable objects on the GUI thread, and on no other.

Python does that on whatever thread happens to make the object too many. Where that is one of the window's workers, a
forgotten dialog with its timers is taken down there, which Qt forbids: at best it warns, at worst the program dies.
"""

from __future__ import annotations

import ctypes
import gc
import sys
from contextlib import suppress

from PySide6.QtCore import QObject, QTimer

INTERVAL_MS = 1000
TRIM_EVERY = 60
"""Collections after which freed memory is given back."""


class GuiThreadGarbageCollector(QObject):
    """Takes over Python's cyclic garbage collection for as long as it lives; to be made on the GUI thread.

    Reference counts free nearly everything at once, as ever; what is put off for a second is objects in circles.
    """

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        gc.disable()
        self._until_trim = TRIM_EVERY
        self._timer = QTimer(self, interval=INTERVAL_MS)
        self._timer.timeout.connect(self.collect)
        self._timer.start()

    def collect(self) -> None:
        """Collect the oldest generation that Python itself would collect now, if any."""
        counts, limits = gc.get_count(), gc.get_threshold()
        due = [age for age, (count, limit) in enumerate(zip(counts, limits, strict=True)) if count > limit > 0]
        if due:
            gc.collect(max(due))
        self._until_trim -= 1
        if self._until_trim <= 0:
            self._until_trim = TRIM_EVERY
            give_free_memory_back()


def give_free_memory_back() -> None:
    """Let the system have what was freed: with threads that each have a heap, glibc keeps more and more of it."""
    if sys.platform == "linux":
        with suppress(OSError, AttributeError):  # another C library
            ctypes.CDLL("libc.so.6").malloc_trim(0)  # 1 to 10 ms
