"""The page that is shown while no folder is open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QFrame, QHBoxLayout, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from fcn_studio.i18n import tr
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named, with_role
from fcn_studio.ui.widgets.recent_list import RecentList

SHOWN = 6
WIDTH = 560


class Welcome(QWidget):
    """Page with buttons to open a folder, recent folder or demo.

    Attributes:
        recent: the folders that were opened last.
    """

    def __init__(self, open_folder: QAction, demo: QAction, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        page = QWidget()
        page.setFixedWidth(WIDTH)
        column = QVBoxLayout(page)
        column.setSpacing(theme.GRID)
        column.addWidget(_label("FCN Studio", "title"))
        column.addWidget(
            _label(tr("Label images by painting. A network learns from them and labels the next image."), "dim")
        )
        column.addSpacing(theme.GRID)
        buttons = QHBoxLayout()
        buttons.setSpacing(theme.GRID)
        for action, words, default in ((open_folder, tr("Open folder…"), True), (demo, tr("Open the demo"), False)):
            button = named(QPushButton(words, default=default), words, action.toolTip())
            button.setMinimumHeight(32)
            button.clicked.connect(action.trigger)
            action.changed.connect(lambda button=button, action=action: button.setToolTip(action.toolTip()))
            buttons.addWidget(button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        column.addSpacing(theme.GRID)
        column.addWidget(_label(tr("Or drop a folder of images here. Images are not copied or changed."), "dim"))
        column.addSpacing(2 * theme.GRID)
        self._heading = _label(tr("Recent"), "strong")
        column.addWidget(self._heading)
        self.recent = RecentList(SHOWN)
        self.recent.filled.connect(self._heading.setVisible)
        column.addWidget(self.recent)
        row = QHBoxLayout()  # an alignment in the column would ignore the height of wrapped text
        row.addStretch(1)
        row.addWidget(page)
        row.addStretch(1)
        content = QWidget()
        middle = QVBoxLayout(content)
        middle.addStretch(2)
        middle.addLayout(row)
        middle.addStretch(3)
        area = QScrollArea(widgetResizable=True)  # a low window cuts nothing
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setFocusPolicy(Qt.FocusPolicy.NoFocus)
        area.setWidget(content)
        outer = QVBoxLayout(self)
        outer.setContentsMargins(0, 0, 0, 0)
        outer.addWidget(area)

    def show_recent(self, folders: Sequence[Path]) -> None:
        """Show the folders that were opened last."""
        self.recent.show_folders(folders)


def _label(text: str, role: str) -> QLabel:
    return with_role(QLabel(text, wordWrap=True), role)
