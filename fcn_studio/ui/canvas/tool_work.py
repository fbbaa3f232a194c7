"""Long work of tools, done between the window's events."""

from __future__ import annotations

import time
from collections.abc import Callable

from PySide6.QtCore import QObject, QTimer, Signal

from fcn_studio.i18n import tr
from fcn_studio.tools.base import Tool

TURN_S = 0.025
"""Seconds of work between two turns of the event loop; too short to be noticed."""


class ToolWork(QObject):
    """Event-loop timer for the long work of a tool.

    Signals:
        changed: work began or ended, or `words` are others.
    """

    changed = Signal()

    def __init__(self, parent: QObject) -> None:
        super().__init__(parent)
        self._tool: Tool | None = None
        self._disconnect: Callable[[], None] = lambda: None
        self._timer = QTimer(self, singleShot=True)
        self._timer.timeout.connect(self._turn)

    @property
    def working(self) -> bool:
        """Whether the tool has long work to do."""
        return self._tool is not None and self._tool.working

    @property
    def words(self) -> str:
        """Sentence on what the tool does or waits for, or ""."""
        return tr(self._tool.hint) if self._tool is not None and self._tool.hint else ""

    def follow(self, tool: Tool | None) -> None:
        """Do the work of this tool from now on."""
        self._disconnect()
        self._disconnect = lambda: None
        self._tool = tool
        if tool is not None:
            self._disconnect = tool.working_changed.connect(self._working_changed)

    def _working_changed(self) -> None:
        if self.working:
            self._timer.start(0)
        self.changed.emit()

    def _turn(self) -> None:
        if self._tool is None:
            return
        end = time.monotonic() + TURN_S
        wait: float | None = 0.0
        while wait == 0 and time.monotonic() < end:
            wait = self._tool.work()
        if wait is not None:
            self._timer.start(round(1000 * wait))
