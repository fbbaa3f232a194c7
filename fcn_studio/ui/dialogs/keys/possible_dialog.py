"""The dialog of keys that work now."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import combinations, pairwise

from PySide6.QtCore import Qt
from PySide6.QtGui import QKeyEvent
from PySide6.QtWidgets import QFrame, QGridLayout, QHBoxLayout, QLabel, QScrollArea, QSizePolicy, QVBoxLayout, QWidget

from fcn_studio.i18n import tr
from fcn_studio.ui.actions import keys
from fcn_studio.ui.actions.physical_keys import pressed_key
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import with_role

_COLUMNS = 4
_SIZE = 1180, 880
_LONG = 16

Group = tuple[str, list[tuple[str, str]]]
"""A heading, and (keys, effect) of each row below it."""


class PossibleDialog(Dialog):
    """Groups of keys with their effect in columns.

    The key that opens the dialog closes it too.

    Args:
        groups: what to show, the most important first.
        parent: the window it belongs to.
    """

    def __init__(self, groups: Sequence[Group], parent: QWidget | None = None) -> None:
        super().__init__(tr("Keys that work now"), width=480, parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        sheet = QWidget()
        row = QHBoxLayout(sheet)
        row.setContentsMargins(0, 0, theme.GRID, 0)
        row.setSpacing(3 * theme.GRID)
        for column in balanced(groups, _COLUMNS):
            row.addWidget(_column(column), 1, Qt.AlignmentFlag.AlignTop)
        area = QScrollArea(widgetResizable=True)
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setAccessibleName(tr("Keys that work now"))
        area.setWidget(sheet)
        self.column.addWidget(area, 1)
        room = self.screen().availableSize()
        self.resize(min(_SIZE[0], room.width() - 64), min(_SIZE[1], room.height() - 64))

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        if pressed_key(event) in keys.current().of("possible_now"):
            self.reject()
        else:
            super().keyPressEvent(event)


def balanced(groups: Sequence[Group], columns: int) -> list[list[Group]]:
    """Divide groups among columns in their order, so that no column is much higher than the others."""
    heights = [2 + sum(2 if len(names) > _LONG else 1 for names, _what in rows) for _heading, rows in groups]
    ends = [*combinations(range(1, len(groups)), columns - 1)] or [tuple(range(1, len(groups)))]

    def columns_of(cuts: tuple[int, ...]) -> list[slice]:
        return [slice(start, end) for start, end in pairwise((0, *cuts, len(groups)))]

    best = min(ends, key=lambda cuts: sum(sum(heights[part]) ** 4 for part in columns_of(cuts)))
    return [list(groups[part]) for part in columns_of(best)]


def _column(groups: Sequence[Group]) -> QWidget:
    column = QWidget()
    stack = QVBoxLayout(column)
    stack.setContentsMargins(0, 0, 0, 0)
    stack.setSpacing(theme.GRID)
    for heading, rows in groups:
        stack.addWidget(with_role(QLabel(heading), "strong"))
        grid = QGridLayout()
        grid.setHorizontalSpacing(theme.GRID)
        grid.setVerticalSpacing(theme.GRID // 4)
        grid.setColumnStretch(1, 1)
        for names, what in rows:
            row, text = grid.rowCount(), QLabel(what, wordWrap=True)
            if len(names) > _LONG:  # it would leave no width for what it does
                grid.addWidget(_keys_label(names), row, 0, 1, 2)
                grid.addWidget(text, row + 1, 0, 1, 2)
            else:
                grid.addWidget(_keys_label(names), row, 0, Qt.AlignmentFlag.AlignTop)
                grid.addWidget(text, row, 1)
        stack.addLayout(grid)
        stack.addSpacing(theme.GRID)
    return column


def _keys_label(names: str) -> QLabel:
    label = with_role(QLabel(names), "key")
    label.setTextFormat(Qt.TextFormat.PlainText)
    label.setSizePolicy(QSizePolicy.Policy.Maximum, QSizePolicy.Policy.Maximum)
    return label
