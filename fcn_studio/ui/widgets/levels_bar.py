"""A histogram with a handle for black and one for white."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from PySide6.QtCore import QPointF, QRectF, QSize, Qt, Signal
from PySide6.QtGui import QColor, QMouseEvent, QPainter, QPaintEvent, QPen, QPolygonF
from PySide6.QtWidgets import QSizePolicy, QWidget

from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.widgets import theme

Span = tuple[float, float]

_HEIGHT = 56
_HANDLE = 6
"""Half the width of a handle, and the margin at either end, in pixels."""


class LevelsBar(QWidget):
    """Histogram of grey values in which black and white are dragged.

    A drag of a handle moves it, a drag between the handles moves both.

    Signals:
        changed(float, float): the user moved black or white.
    """

    changed = Signal(float, float)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._axis: Span = (0.0, 1.0)
        self._ends: Span = (0.0, 1.0)
        self._span: Span = (0.0, 1.0)
        self._bars: NDArray[np.float64] = np.zeros(1)
        self._gap = 0.0
        self._grip: tuple[bool, bool] | None = None  # whether black moves, and whether white does
        self._from: tuple[float, Span] = (0.0, (0.0, 1.0))
        self.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Fixed)
        self.setMouseTracking(True)

    @guarded(fallback=QSize())
    def sizeHint(self) -> QSize:
        return QSize(120, _HEIGHT)

    def set_histogram(self, counts: NDArray[np.int64], ends: Span, axis: Span, gap: float) -> None:
        """Show another histogram.

        Args:
            counts: numbers of values in equal bars.
            ends: the values where the first bar begins and the last ends.
            axis: the values at the ends of the widget.
            gap: the least distance of black and white.
        """
        self._bars = np.sqrt(counts / max(1, counts.max()))  # else a background hides all the rest
        self._ends, self._axis, self._gap = ends, axis, gap
        self.update()

    def set_span(self, span: Span) -> None:
        """Show black and white without emitting `changed`."""
        self._span = span
        self.update()

    def _x(self, value: float) -> float:
        low, high = self._axis
        return _HANDLE + (self.width() - 2 * _HANDLE) * (value - low) / (high - low)

    def _value(self, x: float) -> float:
        low, high = self._axis
        return low + (high - low) * (x - _HANDLE) / max(1, self.width() - 2 * _HANDLE)

    def _grip_at(self, x: float) -> tuple[bool, bool]:
        """Return which of black and white a drag from here moves."""
        black, white = self._x(self._span[0]), self._x(self._span[1])
        if black + _HANDLE < x < white - _HANDLE:
            return True, True
        return (True, False) if abs(x - black) <= abs(x - white) else (False, True)

    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if event.button() == Qt.MouseButton.LeftButton:
            x = event.position().x()
            self._grip = self._grip_at(x)
            self._from = self._value(x), self._span

    @guarded
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        x = event.position().x()
        if self._grip is None:
            both = all(self._grip_at(x))
            self.setCursor(Qt.CursorShape.SizeAllCursor if both else Qt.CursorShape.SizeHorCursor)
            return
        start, (black, white) = self._from
        moved, (low, high) = self._value(x) - start, self._axis
        if self._grip == (True, True):
            moved = min(max(moved, low - black), high - white)
            black, white = black + moved, white + moved
        elif self._grip[0]:
            black = min(max(low, black + moved), white - self._gap)
        else:
            white = max(min(high, white + moved), black + self._gap)
        if (black, white) != self._span:
            self.set_span((black, white))
            self.changed.emit(black, white)

    @guarded
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._grip = None

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        look, on = theme.current(), self.isEnabled()
        with QPainter(self) as painter:
            painter.setRenderHint(QPainter.RenderHint.Antialiasing)
            field = QRectF(_HANDLE, 0.5, self.width() - 2 * _HANDLE, _HEIGHT - 10)
            painter.setPen(QPen(QColor(look.line)))
            painter.setBrush(QColor(look.field))
            painter.drawRect(field)
            if on:
                self._paint_bars(painter, field)
                for value, fill in zip(self._span, ("#000000", "#ffffff"), strict=True):
                    self._paint_handle(painter, field, self._x(value), QColor(fill))

    def _paint_bars(self, painter: QPainter, field: QRectF) -> None:
        look = theme.current()
        edges = np.linspace(*self._ends, len(self._bars) + 1)
        outline = [QPointF(self._x(float(edges[0])), field.bottom())]
        for left, right, height in zip(edges[:-1], edges[1:], self._bars, strict=True):
            top = field.bottom() - float(height) * (field.height() - 2)
            outline += [QPointF(self._x(float(left)), top), QPointF(self._x(float(right)), top)]
        outline.append(QPointF(self._x(float(edges[-1])), field.bottom()))
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(QColor(look.dim))
        painter.drawPolygon(QPolygonF(outline))

    def _paint_handle(self, painter: QPainter, field: QRectF, x: float, fill: QColor) -> None:
        accent = QColor(theme.current().accent)
        painter.setPen(QPen(accent, 1.5))
        painter.drawLine(QPointF(x, field.top()), QPointF(x, field.bottom()))
        painter.setBrush(fill)
        painter.drawPolygon(
            QPolygonF([QPointF(x, field.bottom()), QPointF(x - 5, _HEIGHT - 1), QPointF(x + 5, _HEIGHT - 1)])
        )
