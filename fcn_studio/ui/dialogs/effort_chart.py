"""Bar chart of the labelling effort. It imports pyqtgraph."""

from __future__ import annotations

from collections.abc import Sequence

import pyqtgraph as pg
from PySide6.QtWidgets import QVBoxLayout, QWidget

from fcn_studio.i18n import tr
from fcn_studio.ui.widgets import theme

_LONGEST_NAME = 28
_FEWEST_ROWS = 5.0
"""Room for so many bars, so that a few are not thick."""


class EffortChart(QWidget):
    """Horizontal bars of minutes, the longest on top."""

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        look = theme.current()
        self._plot = pg.PlotWidget()
        self._plot.setAccessibleName(tr("Minutes"))
        self._plot.setBackground(look.panel)
        self._plot.setMouseEnabled(x=False, y=False)
        self._plot.setMenuEnabled(False)
        self._plot.hideButtons()
        self._plot.setFixedHeight(240)
        self._plot.getAxis("bottom").enableAutoSIPrefix(False)
        column = QVBoxLayout(self)
        column.setContentsMargins(0, 0, 0, 0)
        column.addWidget(self._plot)
        self._plot.setLabel("bottom", tr("Minutes"), color=look.dim)
        for side in ("left", "bottom"):
            self._plot.getAxis(side).setPen(pg.mkPen(look.line))
            self._plot.getAxis(side).setTextPen(pg.mkPen(look.dim))

    def show_bars(self, bars: Sequence[tuple[str, float]]) -> None:
        """Show (name, minutes) of each bar."""
        self._plot.clear()
        rows = [-float(row) for row in range(len(bars))]
        names = [name if len(name) <= _LONGEST_NAME else f"…{name[1 - _LONGEST_NAME :]}" for name, _ in bars]
        self._plot.getAxis("left").setTicks([list(zip(rows, names, strict=True))])
        minutes = [value for _, value in bars]
        brush = pg.mkBrush(theme.current().accent)
        self._plot.addItem(pg.BarGraphItem(x0=0, y=rows, height=0.6, width=minutes, brush=brush, pen=pg.mkPen(None)))
        self._plot.setYRange(min(-_FEWEST_ROWS, *rows, 0.0) - 0.6, 0.6, padding=0)
        self._plot.setXRange(0, max(minutes, default=1) * 1.02 or 1, padding=0)
