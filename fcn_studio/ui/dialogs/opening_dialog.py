"""The dialog with what was found when a folder was opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt
from PySide6.QtWidgets import QFrame, QLabel, QScrollArea, QVBoxLayout, QWidget

from fcn_studio.i18n import tr, tr_n
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named

if TYPE_CHECKING:
    from fcn_studio.formats.opening.report import OpeningReport

_HEIGHT = 280


class OpeningDialog(Dialog):
    """Dialog with the report on a folder.

    Args:
        folder: the folder.
        report: what was found in it.
        parent: the window it belongs to.
    """

    def __init__(self, folder: Path, report: OpeningReport, parent: QWidget | None = None) -> None:
        super().__init__(tr("What was found"), width=560, parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.add_words(str(folder), "strong")
        self.add_words(tr("{images}, {masks}", images=_images(report.images), masks=_masks(report.masks)))
        for name, images in report.lists.items():
            self.add_words(tr("{list} names {images}", list=name, images=_images(images)))
        self.column.addSpacing(theme.GRID)
        self._add_findings(report)

    def _add_findings(self, report: OpeningReport) -> None:
        """Add the sentences, which can be selected and copied."""
        inside = QWidget()
        column = QVBoxLayout(inside)
        column.setContentsMargins(0, 0, theme.GRID, 0)
        column.setSpacing(2 * theme.GRID)
        sentences = [found.sentence for found in report.findings] or [tr("There is nothing else to know.")]
        for sentence in sentences:
            label = QLabel(sentence, wordWrap=True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            column.addWidget(label)
        column.addStretch(1)
        area = named(QScrollArea(widgetResizable=True), tr("What was found"))
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(inside)
        area.setMinimumHeight(min(_HEIGHT, inside.sizeHint().height() + 2 * theme.GRID))
        self.column.addWidget(area, 1)


def _images(count: int) -> str:
    return tr_n("{n} image", "{n:,} images", count)


def _masks(count: int) -> str:
    return tr_n("{n} mask", "{n:,} masks", count)
