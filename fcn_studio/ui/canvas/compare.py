"""The wipe, a line between prediction and labels, or between the predictions of two networks.

The prediction is left of the line, the labels right of it. Tools work on the labels on both sides.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, replace

from PySide6.QtCore import QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QPainter, QPen, QPolygonF

from fcn_studio.core.geometry import Rect
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.ui.canvas.layers import Layer

LEFT, RIGHT = tr_noop("Prediction"), tr_noop("Labels")

_TOP, _HEIGHT, _HANDLE, _PADDING, _TEXT = 8, 26, 30, 10, 12
"""Logical pixels of the grip: top, height, width of the arrows, padding of text, size of text."""

_LONGEST = 28
"""Characters of a name on the grip."""

_GROUND, _EDGE, _INK = QColor(32, 32, 32, 225), QColor(255, 255, 255, 110), QColor(255, 255, 255)
_SHADE = QColor(0, 0, 0, 150)


@dataclass(frozen=True, slots=True)
class Divider:
    """Position of the line in a viewport of device pixels.

    Attributes:
        share: part of the viewport's width left of the line, 0..1.
        names: what is left and right of the line, for people; None for prediction and labels.
    """

    share: float = 0.5
    names: tuple[str, str] | None = None

    @property
    def words(self) -> tuple[str, str]:
        """What is left and right of the line, no longer than fits the grip."""
        if self.names is None:
            return tr(LEFT), tr(RIGHT)
        left, right = (name if len(name) <= _LONGEST else f"{name[: _LONGEST - 1]}…" for name in self.names)
        return left, right

    def column(self, width: int) -> int:
        """Return the first device column that shows the labels."""
        return round(self.share * width)

    def moved_to(self, x: float, width: int) -> Divider:
        """Return the divider moved to a device column."""
        return replace(self, share=min(1.0, max(0.0, x / max(1, width))))

    def shown(self, layer: Layer, viewport: Rect) -> Rect:
        """Return the part of the viewport in which a layer is drawn."""
        column = self.column(viewport.x1)
        if layer == Layer.PREDICTION:
            return Rect(0, 0, column, viewport.y1)
        if layer == Layer.LABELS:
            return Rect(column, 0, viewport.x1, viewport.y1)
        return viewport

    def grip(self, width: int, dpr: float) -> Rect:
        """Return the device pixels by which the user drags the line."""
        column, half = self.column(width), round((_HANDLE / 2 + self._side(dpr)) * dpr)
        return Rect(column - half, round(_TOP * dpr), column + half, round((_TOP + _HEIGHT) * dpr))

    def changed_since(self, old: Divider, viewport: Rect, dpr: float) -> Iterator[Rect]:
        """Yield the device rectangles to repaint after a move."""
        columns = sorted(d.column(viewport.x1) for d in (self, old))
        margin = 2 * _thickness(dpr)
        yield Rect(columns[0] - margin, 0, columns[1] + margin, viewport.y1).intersect(viewport)
        for divider in (self, old):
            yield divider.grip(viewport.x1, dpr).grown(margin).intersect(viewport)

    def paint(self, painter: QPainter, viewport: Rect, dpr: float) -> None:
        """Draw line and grip.

        ``painter`` counts device pixels.
        """
        column, width = self.column(viewport.x1), _thickness(dpr)
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
        painter.fillRect(column - 2 * width, 0, 4 * width, viewport.y1, _SHADE)
        painter.fillRect(column - width, 0, 2 * width, viewport.y1, _INK)
        self._paint_grip(painter, self.grip(viewport.x1, dpr), column, dpr)

    def _paint_grip(self, painter: QPainter, grip: Rect, column: int, dpr: float) -> None:
        painter.save()
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        width = _thickness(dpr)
        area = QRectF(grip.x0, grip.y0, grip.width, grip.height)
        painter.setPen(QPen(_EDGE, width))
        painter.setBrush(_GROUND)
        inset = width / 2
        painter.drawRoundedRect(area.adjusted(inset, inset, -inset, -inset), grip.height / 2, grip.height / 2)
        painter.setPen(_INK)
        painter.setFont(_font(dpr))
        handle = _HANDLE / 2 * dpr
        for text, left in zip(self.words, (grip.x0, column + handle), strict=True):
            place = QRectF(left, grip.y0, self._side(dpr) * dpr, grip.height)
            painter.drawText(place, Qt.AlignmentFlag.AlignCenter, text)
        painter.setPen(Qt.PenStyle.NoPen)
        painter.setBrush(_INK)
        middle = grip.y0 + grip.height / 2
        for side in (-1, 1):
            tip, base, half = column + 9 * side * dpr, column + 4 * side * dpr, 5 * dpr
            painter.drawPolygon(
                QPolygonF([QPointF(tip, middle), QPointF(base, middle - half), QPointF(base, middle + half)])
            )
        painter.restore()

    def _side(self, dpr: float) -> float:
        """Return the logical pixels of each side of the grip.

        They are enough for the longer word.
        """
        metrics = QFontMetricsF(_font(dpr))
        return max(metrics.horizontalAdvance(text) for text in self.words) / dpr + 2 * _PADDING


def _font(dpr: float) -> QFont:
    font = QFont()
    font.setPixelSize(round(_TEXT * dpr))
    return font


def _thickness(dpr: float) -> int:
    return max(1, round(dpr))
