"""Fill, which gives a region of equal labels the active class."""

from __future__ import annotations

from functools import partial
from typing import ClassVar

import numpy as np

from fcn_studio.core.classes import VOID
from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import Provenance
from fcn_studio.core.raster import Connectivity, flood
from fcn_studio.core.region import Region, StencilRegion
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import PointerEvent, Tool
from fcn_studio.tools.options import AnyOption, Choice, Toggle

CONTIGUOUS = Toggle(
    "contiguous",
    tr_noop("Connected only"),
    tr_noop("Fill only the region under the cursor, not all equal pixels of the image"),
    default=True,
)
CONNECTIVITY: Choice[Connectivity] = Choice(
    "connectivity",
    tr_noop("Neighbours"),
    tr_noop("Which neighbours of a pixel belong to its region"),
    default=4,
    choices=((4, tr_noop("4 neighbours"), ""), (8, tr_noop("8 neighbours"), "")),
)


class Fill(Tool):
    """Fills the region under a left click.

    Unlabelled pixels and painted void are different labels.
    """

    options: ClassVar[tuple[AnyOption, ...]] = (CONTIGUOUS, CONNECTIVITY)

    def press(self, event: PointerEvent) -> None:
        """Fill the region under the pointer.

        Outside the image nothing happens.
        """
        document = self.context.document
        x, y = int(np.floor(event.x)), int(np.floor(event.y))
        if self.working or document is None or event.button != "left":
            return
        if not Rect(x, y, x + 1, y + 1).intersect(_frame(document)):
            return
        contiguous, connectivity = self.context.option(CONTIGUOUS), self.context.option(CONNECTIVITY)
        find = partial(equal_region, document, (x, y), contiguous=contiguous, connectivity=connectivity)
        self._paint(document, tr_noop("Fill"), find, document.label_map.size)


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


def _frame(document: Document) -> Rect:
    return Rect(0, 0, document.width, document.height)
