"""The curves of a training.

They are the loss, the validation mean IoU and the IoU of each class. pyqtgraph is imported when curves are made.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import TypeVar

import pyqtgraph as pg
from PySide6.QtCore import QEvent, Qt
from PySide6.QtWidgets import QHBoxLayout, QSizePolicy, QWidget

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.training import TrainProgress
from fcn_studio.i18n import tr
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.class_colours import dashes_of, on_screen

PLOT_WIDTH, PLOT_HEIGHT = 160, 104
MOST_POINTS = 400
"""Points drawn; a plot of this dock has fewer columns."""

_Point = TypeVar("_Point")


class Curves(QWidget):
    """Two plots over the steps.

    One has the loss, the other the figures on the validation images.
    """

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._loss = _plot(tr("Loss"), tr("nats per pixel"))
        self._iou = _plot(tr("Validation IoU"), tr("1 is perfect; mean in bold"))
        self._iou.setYRange(0, 1, padding=0.02)
        self._iou.setXLink(self._loss)
        row = QHBoxLayout(self)
        row.setContentsMargins(0, 0, 0, 0)
        row.setSpacing(2 * theme.GRID)
        for plot in (self._loss, self._iou):
            plot.setMinimumSize(PLOT_WIDTH, PLOT_HEIGHT)
            plot.setSizePolicy(QSizePolicy.Policy.Expanding, QSizePolicy.Policy.Ignored)  # its own hint is 480 pixels
            row.addWidget(plot)
        self.retheme()

    def retheme(self) -> None:
        """Take the colours of the theme."""
        look = theme.current()
        for plot in (self._loss, self._iou):
            plot.setBackground(look.panel)
            plot.setTitle(plot.accessibleName(), color=look.dim, size="9pt")
            for side in ("left", "bottom"):
                plot.getAxis(side).setPen(pg.mkPen(look.line))
                plot.getAxis(side).setTextPen(pg.mkPen(look.dim))

    @guarded
    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.LanguageChange:
            self.retheme()  # the titles are the plots' names
        super().changeEvent(event)

    def show_history(self, history: Sequence[TrainProgress], table: ClassTable) -> None:
        """Draw a run, its curves thinned to `MOST_POINTS`."""
        look = theme.current()
        self._loss.clear()
        self._iou.clear()
        if not history:  # else an empty plot keeps the axes of what it showed last
            self._loss.setRange(xRange=(0, 1), yRange=(0, 1))
        else:
            self._loss.enableAutoRange()
            self._iou.enableAutoRange(axis="x")
        losses = [(p.step, p.loss) for p in thinned(history) if p.loss == p.loss]  # not NaN
        if losses:
            self._loss.plot(*zip(*losses, strict=True), pen=pg.mkPen(look.accent, width=2))
        scored = thinned([(p.step, p.figures) for p in history if p.figures is not None])
        for info in on_screen(table).active:
            points = [(step, figures.iou[info.index]) for step, figures in scored if info.index in figures.iou]
            if points:
                pen = pg.mkPen(info.colour, width=2, style=dashes_of(info.index))
                self._iou.plot(*zip(*points, strict=True), pen=pen, name=info.name)
        if scored:
            steps, means = [s for s, _ in scored], [f.mean_iou for _, f in scored]
            self._iou.plot(steps, means, pen=pg.mkPen(look.text, width=3), symbol="o", symbolSize=5,
                           symbolBrush=look.text, symbolPen=None)  # fmt: skip


def thinned(points: Sequence[_Point]) -> Sequence[_Point]:
    """Return at most `MOST_POINTS` of the points, evenly spaced.

    The last one is included.
    """
    apart = -(-len(points) // MOST_POINTS) or 1
    return points[(len(points) - 1) % apart :: apart]


def _plot(title: str, tip: str) -> pg.PlotWidget:
    plot = pg.PlotWidget()
    plot.setAccessibleName(title)
    plot.setToolTip(tr("{title}: {tip}", title=title, tip=tip))
    plot.setFocusPolicy(Qt.FocusPolicy.NoFocus)
    plot.setMenuEnabled(False)
    plot.setMouseEnabled(False, False)
    plot.hideButtons()
    plot.getAxis("left").setWidth(36)
    plot.showGrid(y=True, alpha=0.15)
    return plot
