"""The page that is shown while no folder is open."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

from PySide6.QtCore import Qt, Signal
from PySide6.QtGui import QAction
from PySide6.QtWidgets import QHBoxLayout, QLabel, QPushButton, QToolButton, QVBoxLayout, QWidget

from fcn_studio.i18n import tr
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named, with_role

SHOWN = 6
WIDTH = 480


class Welcome(QWidget):
    """Page with buttons to open a folder, recent folder or demo.

    Signals:
        folder_chosen(object): the user chose a recent folder, a `Path`.
    """

    folder_chosen = Signal(object)

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
            buttons.addWidget(button)
        buttons.addStretch(1)
        column.addLayout(buttons)
        column.addSpacing(theme.GRID)
        column.addWidget(_label(tr("Or drop a folder of images here. Images are not copied or changed."), "dim"))
        column.addSpacing(2 * theme.GRID)
        self._heading = _label(tr("Recent"), "strong")
        column.addWidget(self._heading)
        self._recent = QVBoxLayout()
        self._recent.setSpacing(0)
        column.addLayout(self._recent)
        row = QHBoxLayout()  # an alignment in the column would ignore the height of wrapped text
        row.addStretch(1)
        row.addWidget(page)
        row.addStretch(1)
        outer = QVBoxLayout(self)
        outer.addStretch(2)
        outer.addLayout(row)
        outer.addStretch(3)

    def show_recent(self, folders: Sequence[Path]) -> None:
        """Show buttons for the folders that were opened last."""
        while (item := self._recent.takeAt(0)) is not None:
            if (old := item.widget()) is not None:
                old.deleteLater()
        self._heading.setVisible(bool(folders))
        for folder in folders[:SHOWN]:
            button = named(QToolButton(autoRaise=True), tr("Open {folder}", folder=folder), str(folder))
            button.setText(f"{folder.name}   {folder.parent}".replace("&", "&&"))  # a single & marks a mnemonic
            button.setIcon(theme.icon("folder"))
            button.setToolButtonStyle(Qt.ToolButtonStyle.ToolButtonTextBesideIcon)
            button.setFixedWidth(WIDTH - 2 * theme.GRID)
            button.setMinimumHeight(32)
            button.clicked.connect(lambda _checked=False, folder=folder: self.folder_chosen.emit(folder))
            self._recent.addWidget(button)


def _label(text: str, role: str) -> QLabel:
    return with_role(QLabel(text, wordWrap=True), role)
