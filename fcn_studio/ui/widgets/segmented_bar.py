"""A thin bar of segments, whose lengths are counts."""

from __future__ import annotations

from collections.abc import Sequence

from PySide6.QtCore import QRectF
from PySide6.QtGui import QColor, QPainter, QPainterPath, QPaintEvent
from PySide6.QtWidgets import QWidget

from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.widgets import theme

_LEAST = 2.0
"""Pixels of a segment that has anything at all."""


class SegmentedBar(QWidget):
    """Shows how many there are of each kind; the kinds go from strong to faint."""

    def __init__(self, width: int, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setFixedSize(width, theme.GRID)
        self._counts: tuple[int, ...] = ()

    def set_counts(self, counts: Sequence[int]) -> None:
        """Show other counts, the strongest first; the last is drawn as empty."""
        if tuple(counts) != self._counts:
            self._counts = tuple(counts)
            self.update()

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        shape = QPainterPath()
        whole = QRectF(self.rect()).adjusted(0, 1, 0, -1)
        shape.addRoundedRect(whole, 3, 3)
        painter.setClipPath(shape)
        painter.fillRect(whole, QColor(theme.current().line))
        total, left = sum(self._counts), whole.left()
        for place, count in enumerate(self._counts[:-1]):
            if count:
                colour = QColor(theme.current().accent)
                colour.setAlphaF((1.0, 0.6, 0.3)[min(place, 2)])
                width = max(_LEAST, whole.width() * count / total)
                painter.fillRect(QRectF(left, whole.top(), width, whole.height()), colour)
                left += width
