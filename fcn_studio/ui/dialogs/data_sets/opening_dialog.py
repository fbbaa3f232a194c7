"""The dialog with what was found when a folder was opened."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import Qt, Signal
from PySide6.QtWidgets import QFrame, QLabel, QPushButton, QScrollArea, QVBoxLayout, QWidget

from fcn_studio.i18n import tr, tr_n
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.named import named

if TYPE_CHECKING:
    from fcn_studio.formats.opening.report import OpeningReport

_HEIGHT = 280


class OpeningDialog(Dialog):
    """Dialog with the report on a folder.

    Signals:
        import_wanted(): the user wants to import what `chosen` names.

    Args:
        folder: the folder.
        report: what was found in it.
        can_import: whether to offer imports.
        parent: the window it belongs to.

    Attributes:
        chosen: path of what is to be imported, "" if nothing was chosen.
    """

    import_wanted = Signal()

    def __init__(
        self, folder: Path, report: OpeningReport, *, can_import: bool = True, parent: QWidget | None = None
    ) -> None:
        super().__init__(tr("What was found"), width=560, parent=parent)
        self.setAttribute(Qt.WidgetAttribute.WA_DeleteOnClose)
        self.chosen = ""
        self._can_import = can_import
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
        sources = {found.sentence: found.source for found in report.findings}
        for sentence in sentences:
            label = QLabel(sentence, wordWrap=True)
            label.setTextFormat(Qt.TextFormat.PlainText)
            label.setTextInteractionFlags(Qt.TextInteractionFlag.TextSelectableByMouse)
            column.addWidget(label)
            self._add_import(column, sources.get(sentence, ""))
        column.addStretch(1)
        area = named(QScrollArea(widgetResizable=True), tr("What was found"))
        area.setFrameShape(QFrame.Shape.NoFrame)
        area.setWidget(inside)
        area.setMinimumHeight(min(_HEIGHT, inside.sizeHint().height() + 2 * theme.GRID))
        self.column.addWidget(area, 1)

    def _add_import(self, column: QVBoxLayout, source: str) -> None:
        """Add a button that imports a path, if there is one."""
        if not source or not self._can_import:
            return
        button = named(QPushButton(tr("Import…")), tr("Import {source}", source=source))
        button.clicked.connect(lambda: self._choose(source))
        column.addWidget(button, 0, Qt.AlignmentFlag.AlignLeft)

    def _choose(self, source: str) -> None:
        self.chosen = source
        self.import_wanted.emit()


def _images(count: int) -> str:
    return tr_n("{n} image", "{n:,} images", count)


def _masks(count: int) -> str:
    return tr_n("{n} mask", "{n:,} masks", count)
