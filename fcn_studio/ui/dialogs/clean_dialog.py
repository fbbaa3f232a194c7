"""Dialog that cleans the labels of the open image."""

from __future__ import annotations

from collections.abc import Callable, Generator, Mapping
from typing import NamedTuple

import numpy as np
from PySide6.QtWidgets import QComboBox, QFormLayout, QRadioButton, QSpinBox, QWidget

from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import Labels
from fcn_studio.core.region import Region, StencilRegion
from fcn_studio.core.regions.clean import Cleaning, cleaned
from fcn_studio.core.regions.gaps import Parts, union
from fcn_studio.i18n import tr, tr_n, tr_noop
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.runtime.worker import Worker
from fcn_studio.ui.widgets.fields import padded

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

_FIRST = 1024
"""Side in pixels of the part of the image whose changes are outlined first."""


class Place(NamedTuple):
    """Where the user looks.

    Attributes:
        seen: the part of the image that is in view.
        pixel: under the cursor, None if there is none with a class.
        name: of its class.
    """

    seen: Rect
    pixel: tuple[int, int] | None = None
    name: str = ""


class What(NamedTuple):
    """What to clean, as `cleaned` takes it."""

    way: Cleaning
    n: int
    classes: list[int]
    at_xy: tuple[int, int] | None

    def of(self, labels: Labels, image_rgb: ImageRgb | None) -> Parts:
        """Return what changes."""
        return cleaned(labels, self.way, self.n, self.classes, image_rgb, at_xy=self.at_xy)


class CleanDialog(Dialog):
    """Question how to clean, with a preview.

    Args:
        document: the open image; nobody may write it while the dialog is open.
        image_rgb: its pixels, None while they are read; then borders cannot be moved to their edges.
        classes: indices of all active classes.
        active: the active class, and its name.
        place: where the user looks.
        outline: outlines a region on the canvas, or nothing.
        parent: the window it belongs to.
    """

    def __init__(
        self,
        document: Document,
        image_rgb: ImageRgb | None,
        classes: list[int],
        active: tuple[int, str],
        place: Place,
        outline: Callable[[Region | None], None],
        parent: QWidget | None = None,
    ) -> None:
        super().__init__(tr("Clean labels"), tr("Clean"), width=360, parent=parent)
        self._document, self._image = document, image_rgb
        self._classes, self._active, self._place, self._outline = classes, active[0], place, outline
        self._numbers = {way: number for way, (_, _, number) in _WAYS.items()}
        self.way = QComboBox()
        self.way.setAccessibleName(tr("What to do"))
        for way, (title, _, _) in _WAYS.items():
            if way is not Cleaning.REFINE or image_rgb is not None:
                self.way.addItem(tr(title), way)
        self.number = padded(QSpinBox(minimum=1, maximum=_MOST, suffix=tr(" px")))
        self._form = QFormLayout()
        self._form.addRow(tr("Do"), self.way)
        self._form.addRow(tr("Radius"), self.number)
        self.column.addLayout(self._form)
        self.one = QRadioButton(tr("Only {name}", name=active[1]))
        self.all = QRadioButton(tr("All classes, in their order"))
        self.region = QRadioButton(tr("Only the region under the cursor: {name}", name=place.name))
        self.region.setVisible(place.pixel is not None)
        self.one.setChecked(True)
        for button in (self.one, self.region, self.all):
            self.column.addWidget(button)
        self._words = self.add_words("", "dim")
        self._worker = Worker("clean")  # not a child: its thread must end before it is deleted
        self._worker.stepped.connect(self._on_first)
        self._worker.finished.connect(self._on_found)
        self.finished.connect(self._close)
        self.destroyed.connect(self._worker.close)
        self.way.currentIndexChanged.connect(self._way_changed)
        self.number.valueChanged.connect(self._number_changed)
        for button in (self.one, self.region, self.all):
            button.toggled.connect(self._chosen)
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

    def _chosen(self, on: bool) -> None:
        if on:
            self._look()

    def _look(self) -> None:
        """Find out in the background what would change."""
        self._words.setText(tr("Looking…"))
        self._worker.start(_found(self._document, self._image, self._place.seen, self.choice()))

    def choice(self) -> What:
        """Return what to clean."""
        classes = [self._active] if self.one.isChecked() else self._classes
        return What(self._way, self.number.value(), classes, self._place.pixel if self.region.isChecked() else None)

    def _on_first(self, changed: Region | None) -> None:
        if changed is not None:
            self._outline(changed)

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
    document: Document, image_rgb: ImageRgb | None, seen: Rect, what: What
) -> Generator[Region | None, None, Region | None]:
    """Yield what would change in the middle of what is seen, and return what would change under the rules."""
    yield None
    frame = Rect(0, 0, document.width, document.height)
    x, y = what.at_xy or ((seen.x0 + seen.x1) // 2, (seen.y0 + seen.y1) // 2)
    first = Rect(x, y, x, y).grown(_FIRST // 2).intersect(frame)
    if first and first != frame:
        yield _changes(document, image_rgb, first, what)
    return _changes(document, image_rgb, frame, what)


def _changes(document: Document, image_rgb: ImageRgb | None, part: Rect, what: What) -> Region | None:
    """Return what would change if a part of the image were all of it."""
    labels = Labels(document.label_map, document.provenance).part(part)
    if what.at_xy is not None:
        what = what._replace(at_xy=(what.at_xy[0] - part.x0, what.at_xy[1] - part.y0))
    changed = union(what.of(labels, None if image_rgb is None else image_rgb[part.slices]))
    if changed is None:
        return None
    rect, inner = changed.rect.moved(part.x0, part.y0), labels.part(changed.rect)
    allowed = document.rules.paintable(rect, inner.label_map, inner.provenance)
    stencil = changed.stencil if allowed is None else np.where(allowed > 0, changed.stencil, np.uint8(0))
    return StencilRegion(rect, stencil)
