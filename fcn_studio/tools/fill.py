"""Fill, which gives a region of equal labels the active class."""

from __future__ import annotations

from collections.abc import Callable
from functools import partial
from typing import ClassVar
from weakref import ref

import numpy as np

from fcn_studio.core.classes import VOID
from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import Provenance
from fcn_studio.core.prediction import predicted_region
from fcn_studio.core.raster import Connectivity, flood
from fcn_studio.core.region import Region, StencilRegion
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import PointerEvent, ToolContext
from fcn_studio.tools.options import CONTIGUOUS, AnyOption, Choice
from fcn_studio.tools.outlined import OutlinedRegionTool

CONNECTIVITY: Choice[Connectivity] = Choice(
    "connectivity",
    tr_noop("Neighbours"),
    tr_noop("Which neighbours of a pixel belong to its region"),
    default=4,
    choices=((4, tr_noop("4 neighbours"), ""), (8, tr_noop("8 neighbours"), "")),
)


_MOST_OUTLINED = 16_000_000
"""Pixels of the largest image whose region is outlined before it is filled."""


class Fill(OutlinedRegionTool):
    """Gives the region under a left click the active class.

    The region is one of equal labels, or with Ctrl one of the prediction. Unlabelled pixels and painted void are
    different labels. The region under the pointer is outlined.
    """

    options: ClassVar[tuple[AnyOption, ...]] = (CONTIGUOUS, CONNECTIVITY)
    gestures: ClassVar[tuple[tuple[str, str], ...]] = (
        (tr_noop("Ctrl+click with fill"), tr_noop("Give a region of the prediction the active class")),
    )

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._predicted = False  # whether the region is one of the prediction
        self._region_found: Region | None = None  # the one outlined last
        self._source: tuple[object, ...] = ()  # what it follows from; weak, for a closed image is large

    def press(self, event: PointerEvent) -> None:
        """Fill the region under the pointer.

        Outside the image nothing happens.
        """
        self._follow(event)
        find, document = self._find(), self.context.document
        if find is not None and document is not None and event.button == "left" and not self.working:
            self._paint(document, tr_noop("Fill"), find, document.label_map.size)
            self.overlay_changed.emit()

    def _follow(self, event: PointerEvent) -> None:
        super()._follow(event)
        self._predicted = event.ctrl

    def _find(self) -> Callable[[], Region | None] | None:
        """Return what finds the region under the pointer, None if there is none."""
        document, pixel, prediction = self.context.document, self._pixel, self.context.prediction
        if document is None or pixel is None or not _inside(document, pixel):
            return None
        if not self._predicted:
            contiguous, connectivity = self.context.option(CONTIGUOUS), self.context.option(CONNECTIVITY)
            return partial(equal_region, document, pixel, contiguous=contiguous, connectivity=connectivity)
        if prediction is None or prediction.image_id != document.image_id:
            return None
        return partial(predicted_region, prediction, pixel)

    def _region(self) -> Region | None:
        """Return the region to outline, the same object as long as the pointer stays in it.

        Very large images have none: to find it would hold the window.
        """
        find, document = self._find(), self.context.document
        if find is None or document is None or self.working or document.label_map.size > _MOST_OUTLINED:
            return None
        options = self.context.option(CONTIGUOUS), self.context.option(CONNECTIVITY)
        prediction = self.context.prediction if self._predicted else None
        source = ref(document), document.revision, *options, id(prediction)
        found = self._region_found
        if found is None or source != self._source or self._pixel is None or not found.holds(self._pixel):
            self._region_found, self._source = find(), source
        return self._region_found


def equal_region(
    document: Document, seed_xy: tuple[int, int], *, contiguous: bool, connectivity: Connectivity
) -> Region:
    """Return the pixels labelled like the one at ``seed_xy``.

    Args:
        document: the image.
        seed_xy: a pixel inside it.
        contiguous: only those connected with it.
        connectivity: 4 or 8 neighbours.
    """
    x, y = seed_xy
    value = document.label_map[y, x]
    if value != VOID and contiguous:
        return flood(document.label_map, seed_xy, connectivity=connectivity)
    same = document.label_map == value
    if value == VOID:
        nobody = document.provenance == Provenance.NOBODY
        same &= nobody if nobody[y, x] else ~nobody
    stencil = same.view(np.uint8)
    if contiguous:
        return flood(stencil, seed_xy, connectivity=connectivity)
    return StencilRegion(_frame(document), stencil)


def _inside(document: Document, pixel_xy: tuple[int, int]) -> bool:
    return 0 <= pixel_xy[0] < document.width and 0 <= pixel_xy[1] < document.height


def _frame(document: Document) -> Rect:
    return Rect(0, 0, document.width, document.height)
