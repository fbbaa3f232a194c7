"""The dialog with the earlier versions of an image."""

from __future__ import annotations

from collections.abc import Sequence

import cv2
import numpy as np
from PySide6.QtCore import QDateTime, QLocale, QSize, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPixmap
from PySide6.QtWidgets import QHBoxLayout, QHeaderView, QLabel, QTreeWidget, QTreeWidgetItem, QWidget

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.formats.project.loaded import EarlierLabels
from fcn_studio.i18n import tr
from fcn_studio.ui.canvas.colours import PAPER, class_pixels
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.widgets import theme
from fcn_studio.ui.widgets.class_colours import on_screen
from fcn_studio.ui.widgets.named import named

PREVIEW = QSize(320, 240)


class RestoreDialog(Dialog):
    """Dialog for the choice of an earlier version of an image.

    Args:
        image_id: id of the image.
        words: what restoring does here.
        versions: newest first, at least one.
        table: the class table, for the colours of the preview.
        parent: the window it belongs to.
    """

    def __init__(
        self,
        image_id: str,
        words: str,
        versions: Sequence[EarlierLabels],
        table: ClassTable,
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("Restore an earlier version"), tr("Restore"), width=720, parent=parent)
        self._versions, self._table = versions, table
        self.add_words(image_id, "strong")
        self.add_words(words)
        row = QHBoxLayout()
        row.setSpacing(2 * theme.GRID)
        self.list = QTreeWidget()
        self._fill()
        row.addWidget(self.list, 1)
        self.preview = named(QLabel(alignment=Qt.AlignmentFlag.AlignRight), tr("Preview of the labels"))
        self.preview.setFixedSize(PREVIEW)
        row.addWidget(self.preview)
        self.column.addLayout(row)
        self.list.currentItemChanged.connect(self._show)
        self.list.itemDoubleClicked.connect(self.accept)
        self.list.setCurrentItem(self._items[0])

    def _fill(self) -> None:
        self.list.setAccessibleName(tr("Earlier versions, newest first"))
        self.list.setRootIsDecorated(False)
        self.list.setHeaderLabels([tr("Saved"), tr("Status"), tr("Labelled")])
        rows = [(_date(v.saved_at), v.found.status.words, _share(v.found.labels)) for v in self._versions]
        self._items = [QTreeWidgetItem(row) for row in rows]
        self.list.addTopLevelItems(self._items)
        for item in (self.list.headerItem(), *self._items):
            item.setTextAlignment(2, Qt.AlignmentFlag.AlignRight | Qt.AlignmentFlag.AlignVCenter)
            item.setSizeHint(1, QSize(0, 3 * theme.GRID))  # in the column that stretches
        header = self.list.header()
        header.setStretchLastSection(False)
        header.setSectionResizeMode(QHeaderView.ResizeMode.ResizeToContents)
        header.setSectionResizeMode(1, QHeaderView.ResizeMode.Stretch)

    def version(self) -> EarlierLabels:
        """Return the chosen version."""
        return self._versions[self._items.index(self.list.selectedItems()[0])]

    def _show(self, item: QTreeWidgetItem) -> None:
        labels = self._versions[self._items.index(item)].found.labels
        self.preview.setPixmap(_picture(labels, self._table, self.devicePixelRatioF()))


def _date(seconds: float) -> str:
    """Return a time as text: "24 Nov 2026, 15:41"."""
    return QLocale().toString(QDateTime.fromSecsSinceEpoch(int(seconds)), "d MMM yyyy, HH:mm")


def _share(labels: Labels) -> str:
    """Return the labelled share in percent.

    It is 0 and 100 only if that is exact.
    """
    share = np.count_nonzero(labels.provenance) / labels.provenance.size
    return f"{0 if not share else 100 if share == 1 else min(99, max(1, round(100 * share)))} %"


def _picture(labels: Labels, table: ClassTable, ratio: float) -> QPixmap:
    """Return a preview of the label map.

    Unlabelled pixels are middle grey.
    """
    height, width = labels.shape
    scale = min(PREVIEW.width() * ratio / width, PREVIEW.height() * ratio / height)
    size = max(1, round(width * scale)), max(1, round(height * scale))
    label_map, provenance = (
        cv2.resize(array, size, interpolation=cv2.INTER_NEAREST) for array in (labels.label_map, labels.provenance)
    )
    pixels = class_pixels(on_screen(table), (), 1.0)[label_map]
    pixels[provenance == Provenance.NOBODY] = 0
    picture = QPixmap(*size)
    picture.fill(QColor(PAPER, PAPER, PAPER))
    painter = QPainter(picture)
    painter.drawImage(0, 0, QImage(pixels.data, *size, 4 * size[0], QImage.Format.Format_ARGB32_Premultiplied))
    painter.end()
    picture.setDevicePixelRatio(ratio)
    return picture
