"""Swatches and names of classes in lines, to look at."""

from __future__ import annotations

from PySide6.QtCore import QRect, QSize, Qt
from PySide6.QtGui import QFontMetrics, QPainter, QPaintEvent
from PySide6.QtWidgets import QSizePolicy, QWidget

from fcn_studio.core.classes import ClassInfo, ClassTable
from fcn_studio.i18n import tr_n
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.class_colours import on_screen

_SWATCH = 12
_INSET = 3 * theme.GRID
"""Pixels from the left, where the text of a radio button begins."""

_WIDTH = 520
"""Pixels of a line where the layout has not decided its width."""


class ClassChips(QWidget):
    """Shows the first classes of a table; its tool tip names all.

    Args:
        table: the classes.
        most: how many are shown.
        parent: the widget it belongs to.
    """

    def __init__(self, table: ClassTable, *, most: int = 14, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self._most = most
        self._chips: list[tuple[ClassInfo | None, str]] = []
        policy = QSizePolicy(QSizePolicy.Policy.Preferred, QSizePolicy.Policy.Fixed)
        policy.setHeightForWidth(True)
        self.setSizePolicy(policy)
        self.set_table(table)

    def set_table(self, table: ClassTable) -> None:
        """Show the classes of another table."""
        names = [info.name for info in table.active]
        self._chips = [(info, info.name) for info in on_screen(table).active[: self._most]]
        if len(names) > self._most:
            self._chips.append((None, tr_n("{n} more", "{n:,} more", len(names) - self._most)))
        self.setToolTip(", ".join(names))
        self.setAccessibleName(", ".join(names))
        self.setVisible(bool(names))
        self.updateGeometry()
        self.update()

    @guarded(fallback=True)
    def hasHeightForWidth(self) -> bool:
        return True

    @guarded(fallback=theme.GRID)
    def heightForWidth(self, width: int) -> int:
        return max((rect.bottom() + 1 for rect in self._places(width)), default=0)

    @guarded(fallback=QSize())
    def sizeHint(self) -> QSize:
        return QSize(0, self.heightForWidth(_WIDTH))

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        for (info, name), rect in zip(self._chips, self._places(self.width()), strict=True):
            if info is None:
                painter.setPen(theme.current().dim)
            else:
                painter.drawPixmap(
                    rect.left(), rect.center().y() - _SWATCH // 2 + 1, theme.swatch(info.colour, _SWATCH)
                )
                rect.setLeft(rect.left() + _SWATCH + theme.GRID // 2)
                painter.setPen(theme.current().text)
            words = painter.fontMetrics().elidedText(name, Qt.TextElideMode.ElideRight, rect.width())
            painter.drawText(rect, Qt.AlignmentFlag.AlignVCenter | Qt.TextFlag.TextSingleLine, words)

    def _places(self, width: int) -> list[QRect]:
        """Return the place of each chip in lines of a width."""
        metrics, places, x, y = QFontMetrics(self.font()), [], _INSET, 0
        height = max(metrics.height(), _SWATCH) + 2
        for info, name in self._chips:
            wide = metrics.horizontalAdvance(name) + 2 + (0 if info is None else _SWATCH + theme.GRID // 2)
            wide = min(wide, max(width - _INSET, 1))
            if x > _INSET and x + wide > width:
                x, y = _INSET, y + height
            places.append(QRect(x, y, wide, height))
            x += wide + int(1.5 * theme.GRID)
        return places
