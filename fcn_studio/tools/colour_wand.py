"""Colour wand, which labels pixels of a similar colour."""

from __future__ import annotations

from math import floor
from typing import ClassVar

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect
from fcn_studio.core.raster import Point
from fcn_studio.core.region import Region, StencilRegion
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import Overlay, PointerEvent, Tool, ToolContext
from fcn_studio.tools.options import CONTIGUOUS, PURPOSE, AnyOption, Purpose, Size

TOLERANCE = Size(
    "tolerance",
    tr_noop("Tolerance"),
    tr_noop("How far colours may differ; drag to the right or left to change it"),
    default=12,
    maximum=100,
    unit="",
)

_LEVELS_A_REACH = 3.0
"""Levels of tolerance for each `ToolContext.grab_radius` of a drag."""

_LIGHTNESS = 1.5
"""Lightness may differ by so much more than colour, since shade changes it."""


class ColourWand(Tool):
    """Labels or selects pixels of a similar colour.

    A press outlines the pixels whose colour is near to that under the pointer, dragging to the right takes more of
    them, to the left fewer, and the release labels or selects them. Colours are compared in Lab.
    """

    options: ClassVar[tuple[AnyOption, ...]] = (TOLERANCE, CONTIGUOUS, PURPOSE)
    gestures: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            tr_noop("Drag with the colour wand"),
            tr_noop("Take more of similar colour to the right, fewer to the left"),
        ),
    )

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._document: Document | None = None  # the image, while the button is held
        self._lab = np.empty((0, 0, 3), np.uint8)
        self._pressed: Point = (0.0, 0.0)
        self._tolerance = 0
        self._for: Purpose = "label"
        self._region: Region | None = None

    @property
    def busy(self) -> bool:
        """Whether pixels are being chosen or labelled."""
        return self._document is not None or self.working

    def press(self, event: PointerEvent) -> None:
        """Choose the pixels of a similar colour.

        Nothing happens outside the image, and before the whole image is read.
        """
        document, image = self.context.document, self.context.image_rgb
        if event.button != "left" or self.busy or document is None or image is None:
            return
        if not (0 <= event.x < document.width and 0 <= event.y < document.height):
            return
        self._document, self._pressed, self._for = document, event.point_xy, self._purpose(event)
        self._lab = np.asarray(cv2.cvtColor(image, cv2.COLOR_RGB2LAB), np.uint8)
        self._choose(self.context.option(TOLERANCE))

    def move(self, event: PointerEvent) -> None:
        """Choose more or fewer pixels."""
        if self._document is not None:
            dragged = (event.x - self._pressed[0]) / self.context.grab_radius * _LEVELS_A_REACH
            tolerance = TOLERANCE.clipped(round(self.context.option(TOLERANCE) + dragged))
            if tolerance != self._tolerance:
                self._choose(tolerance)

    def release(self, event: PointerEvent) -> None:
        """Label the pixels that are chosen."""
        if event.button == "left":
            self._label()

    def settle(self) -> None:
        """Label the pixels that are chosen so far."""
        self._label()
        super().settle()

    def cancel(self) -> None:
        """Choose none, or undo labels that are not all written."""
        super().cancel()
        self._drop()

    def overlay(self) -> Overlay:
        """Return the outline of the chosen pixels."""
        return Overlay(region=self._region)

    def _choose(self, tolerance: int) -> None:
        x, y = floor(self._pressed[0]), floor(self._pressed[1])
        self._tolerance = tolerance
        self._region = similar_region(self._lab, (x, y), tolerance, contiguous=self.context.option(CONTIGUOUS))
        self.overlay_changed.emit()

    def _label(self) -> None:
        document, region = self._document, self._region
        self._drop()
        if document is not None and region is not None:
            self._use(document, tr_noop("Colour wand"), self._for, lambda: region, region.rect.area)

    def _drop(self) -> None:
        if self._document is not None:
            self._document = self._region = None
            self._lab = self._lab[:0, :0]
            self.overlay_changed.emit()


def similar_region(lab: NDArray[np.uint8], seed_xy: tuple[int, int], tolerance: int, *, contiguous: bool) -> Region:
    """Return the pixels whose colour is near to that of a pixel.

    Args:
        lab: uint8 (H, W, 3), L, a, b as OpenCV scales them to 0..255.
        seed_xy: a pixel inside the image.
        tolerance: how far a and b may differ; L may differ by half as much again.
        contiguous: only pixels connected with it by such pixels (4 neighbours).
    """
    x, y = seed_xy
    height, width = lab.shape[:2]
    most = (tolerance * _LIGHTNESS, tolerance, tolerance)
    if contiguous:
        mask = np.zeros((height + 2, width + 2), np.uint8)
        flags = 4 | cv2.FLOODFILL_MASK_ONLY | cv2.FLOODFILL_FIXED_RANGE | (1 << 8)
        left, top, columns, rows = cv2.floodFill(lab, mask, seed_xy, 0, most, most, flags)[3]
        rect = Rect(left, top, left + columns, top + rows)
        return StencilRegion(rect, mask[1:-1, 1:-1][rect.slices])
    seed = lab[y, x].astype(int)
    low, high = np.clip(seed - most, 0, 255), np.clip(seed + most, 0, 255)
    return StencilRegion(Rect(0, 0, width, height), np.asarray(cv2.inRange(lab, low, high), np.uint8))
