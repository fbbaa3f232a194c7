"""Dialog that cleans the labels of the open image."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping

import numpy as np
from PySide6.QtWidgets import QComboBox, QFormLayout, QRadioButton, QSpinBox, QWidget

from fcn_studio.core.document import Document
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import Labels
from fcn_studio.core.region import Region, StencilRegion
from fcn_studio.core.regions.clean import Cleaning, cleaned
from fcn_studio.core.regions.gaps import union
from fcn_studio.i18n import tr, tr_n, tr_noop
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.runtime.worker import Worker

_WAYS: Mapping[Cleaning, tuple[str, str, int]] = {
    Cleaning.SMOOTH: (tr_noop("Smooth the border"), tr_noop("Radius"), 3),
    Cleaning.ISLANDS: (tr_noop("Remove small regions"), tr_noop("Smaller than"), 100),
    Cleaning.HOLES: (tr_noop("Fill holes"), tr_noop("Smaller than"), 100),
    Cleaning.GROW: (tr_noop("Grow"), tr_noop("By"), 2),
    Cleaning.SHRINK: (tr_noop("Shrink"), tr_noop("By"), 2),
    Cleaning.REFINE: (tr_noop("Move borders to the edges of the picture"), tr_noop("By at most"), 3),
}
"""What each way is called, what its number is called, and the number at first; marked for translation."""

_MOST = 100_000


class CleanDialog(Dialog):
    """Question how to clean, with a preview.

    Args:
        document: the open image; nobody may write it while the dialog is open.
        image_rgb: its pixels, None while they are read; then borders cannot be moved to their edges.
        classes: indices of all active classes.
        active: the active class, and its name.
        outline: outlines a region on the canvas, or nothing.
        parent: the window it belongs to.
    """

    def __init__(
        self,
        document: Document,
        image_rgb: ImageRgb | None,
        classes: list[int],
        active: tuple[int, str],
        outline: Callable[[Region | None], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("Clean labels"), tr("Clean"), width=360, parent=parent)
        self._document, self._image = document, image_rgb
        self._classes, self._active, self._outline = classes, active[0], outline
        self._numbers = {way: number for way, (_, _, number) in _WAYS.items()}
        self.way = QComboBox()
        self.way.setAccessibleName(tr("What to do"))
        for way, (title, _, _) in _WAYS.items():
            if way is not Cleaning.REFINE or image_rgb is not None:
                self.way.addItem(tr(title), way)
        self.number = QSpinBox(minimum=1, maximum=_MOST, suffix=tr(" px"))
        self._form = QFormLayout()
        self._form.addRow(tr("Do"), self.way)
        self._form.addRow(tr("Radius"), self.number)
        self.column.addLayout(self._form)
        self.one = QRadioButton(tr("Only {name}", name=active[1]))
        self.all = QRadioButton(tr("All classes, in their order"))
        self.one.setChecked(True)
        self.column.addWidget(self.one)
        self.column.addWidget(self.all)
        self._words = self.add_words("", "dim")
        self._worker = Worker("clean")  # not a child: its thread must end before it is deleted
        self._worker.finished.connect(self._on_found)
        self.finished.connect(self._close)
        self.destroyed.connect(self._worker.close)
        self.way.currentIndexChanged.connect(self._way_changed)
        self.number.valueChanged.connect(self._number_changed)
        self.one.toggled.connect(self._look)
        self._way_changed()

    def _way_changed(self) -> None:
        way = self._way
        label = self._form.labelForField(self.number)
        label.setProperty("text", tr(_WAYS[way][1]))
        self.number.setAccessibleName(tr(_WAYS[way][1]))
        blocked = self.number.blockSignals(True)
        self.number.setMaximum(_MOST if way in (Cleaning.ISLANDS, Cleaning.HOLES) else 100)
        self.number.setValue(self._numbers[way])
        self.number.blockSignals(blocked)
        self._look()

    @property
    def _way(self) -> Cleaning:
        return Cleaning(self.way.currentData())

    def _number_changed(self, number: int) -> None:
        self._numbers[self._way] = number
        self._look()

    def _look(self) -> None:
        """Find out in the background what would change."""
        self._words.setText(tr("Looking…"))
        self._worker.start(_found(self._document, self._image, *self.choice()))

    def choice(self) -> tuple[Cleaning, int, list[int]]:
        """Return what to do, the number of pixels, and the classes to clean."""
        return self._way, self.number.value(), [self._active] if self.one.isChecked() else self._classes

    def _on_found(self, changed: Region | None) -> None:
        self._outline(changed)
        count = 0 if changed is None else changed.area
        self._words.setText(
            tr_n("{n} pixel changes.", "{n:,} pixels change.", count) if count else tr("Nothing changes.")
        )

    def _close(self) -> None:
        self._outline(None)
        self._worker.close()


def _found(
    document: Document, image_rgb: ImageRgb | None, way: Cleaning, n: int, classes: list[int]
) -> Generator[None, None, Region | None]:
    """Return what would change under the rules of the document."""
    yield
    labels = Labels(document.label_map, document.provenance)
    changed = union(cleaned(labels, way, n, classes, image_rgb))
    if changed is None:
        return None
    part = labels.part(changed.rect)
    allowed = document.rules.paintable(changed.rect, part.label_map, part.provenance)
    if allowed is None:
        return changed
    return StencilRegion(changed.rect, np.where(allowed > 0, changed.stencil, np.uint8(0)))
