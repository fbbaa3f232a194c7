"""Parts of the stroke that lasts, for the journal."""

from __future__ import annotations

import time
from collections.abc import Callable
from itertools import islice

from PySide6.QtCore import QObject, QTimer

from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect
from fcn_studio.core.tiles import TILE, Tile

PART_S = 0.4
"""Seconds from a write of a stroke to its part in the journal; with the time to write it, less than half a second."""

MOST_TILES = 32
"""Tiles copied at once: 1.5 ms. A wider stroke has more parts, `NEXT_S` apart."""

NEXT_S = 0.02


class StrokeParts(QObject):
    """Collection of the tiles that a document's stroke changes.

    They are handed on while the stroke lasts.

    Args:
        document: the open image.
        write: called with the tiles since the last part; returns whether it took them.
    """

    def __init__(self, document: Document, write: Callable[[set[Tile]], bool], parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._document, self._write = document, write
        self._tiles: set[Tile] = set()
        self._since = 0.0
        self._timer = QTimer(self)  # for a hand that rests; while it moves, its events are what is sure to come
        self._timer.setSingleShot(True)
        self._timer.timeout.connect(self._hand_on)
        self._disconnects = [
            document.changed.connect(self._on_changed),
            document.stepped.connect(lambda *_: self._forget()),
            document.dropped.connect(self._forget),
        ]

    def begin_anew(self) -> None:
        """Hand on all of the stroke again.

        The stroke's journal has no part of it.
        """
        if self._document.stroke is not None:
            self._on_changed(Rect(0, 0, self._document.width, self._document.height))

    def end(self) -> None:
        """Watch the document no more."""
        for disconnect in self._disconnects:
            disconnect()
        self._disconnects = []
        self._forget()
        self.setParent(None)  # from now on Python's alone: deleteLater would hold the document until the loop turns

    def _on_changed(self, *rects: Rect) -> None:
        if self._document.stroke is None:
            return
        if not self._tiles:
            self._since = time.monotonic()
            self._timer.start(round(1000 * PART_S))
        for rect in rects:
            self._tiles.update(rect.tiles(TILE))
        if time.monotonic() - self._since >= PART_S:
            self._hand_on()

    def _hand_on(self) -> None:
        if self._document.stroke is None or not self._tiles:
            return
        some = set(islice(self._tiles, MOST_TILES))
        if self._write(some):
            self._tiles -= some
        self._since = time.monotonic() + NEXT_S - PART_S
        if self._tiles:
            self._timer.start(round(1000 * NEXT_S))
        else:
            self._timer.stop()

    def _forget(self) -> None:
        self._timer.stop()
        self._tiles = set()
