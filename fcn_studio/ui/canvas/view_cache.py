"""Buffers at the viewport's resolution, one per layer, updated incrementally.

A brush event costs the device pixels that changed, a pan the strips that come into view, whatever the size of the
image. The result of an incremental update equals a full one byte for byte (tests/ui/canvas/test_view_cache.py).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace

import numpy as np
from PySide6.QtGui import QImage

from fcn_studio.core.geometry import Rect, around, merge_rects
from fcn_studio.ui.canvas.blit import image_of
from fcn_studio.ui.canvas.colours import Pixels
from fcn_studio.ui.canvas.composers import Composer
from fcn_studio.ui.canvas.sampling import Sampling
from fcn_studio.ui.canvas.view_state import ViewState

MAX_DIRTY = 128
"""Number of dirty rectangles that are kept apart; more are joined to one."""


_WORTH_A_CALL = 8_000
"""Pixels that can be composed in the time that one more rectangle takes."""


class LayerCache:
    """Device pixels of one layer for one view at a time.

    Nothing is composed before `pixels` needs it. A hidden layer therefore costs nothing, and several events
    between two paints cost as much as one.
    """

    def __init__(self, composer: Composer) -> None:
        self._composer = composer
        self._view: ViewState | None = None
        self._pixels: Pixels = np.empty((0, 0), np.uint32)
        self._spare = self._pixels
        self._image = QImage()
        self._spare_image = self._image
        self._dirty: list[Rect] = []

    @property
    def reach(self) -> int:
        """Device pixels within which a changed pixel can change the picture."""
        return self._composer.reach

    def set_composer(self, composer: Composer) -> None:
        """Draw with another composer and mark everything as stale."""
        self._composer = composer
        self._view = None

    def invalidate(self, *image_rects: Rect) -> None:
        """Mark rectangles of image pixels as stale."""
        self._dirty.extend(image_rects)
        if len(self._dirty) > MAX_DIRTY:
            self._dirty = [around(self._dirty)]

    def pixels(self, sampling: Sampling) -> Pixels:
        """Return the pixels of the layer in this view.

        They have (height, width) of the viewport. They are valid until the next call.
        """
        view = sampling.view
        if self._view is None or not _differ_by_a_pan(self._view, view):
            self._start_anew(sampling)
        else:
            if self._view != view:
                self._scroll(sampling, view.origin_x - self._view.origin_x, view.origin_y - self._view.origin_y)
            if self._dirty:
                for rect in self._dirty_in(sampling):
                    self._compose(sampling, rect)
        self._view = view
        self._dirty.clear()
        return self._pixels

    def image(self, sampling: Sampling) -> QImage:
        """Return `pixels` as a `QImage` without a copy."""
        self.pixels(sampling)
        return self._image

    def _dirty_in(self, sampling: Sampling) -> Sequence[Rect]:
        """Return the stale device pixels, joined where several rectangles are more work."""
        return merge_rects([sampling.device_rect(rect, self._composer.reach) for rect in self._dirty], _WORTH_A_CALL)

    def _start_anew(self, sampling: Sampling) -> None:
        shape = sampling.viewport.height, sampling.viewport.width
        if self._pixels.shape != shape:
            self._pixels, self._spare = np.empty(shape, np.uint32), np.empty(shape, np.uint32)
            self._image, self._spare_image = (
                image_of(pixels, opaque=self._composer.opaque) for pixels in (self._pixels, self._spare)
            )
        self._compose(sampling, sampling.viewport)

    def _scroll(self, sampling: Sampling, dx: int, dy: int) -> None:
        """Move what is still in view and compose the rest.

        The rest is the strips that came into view.
        """
        whole = sampling.viewport
        kept = Rect(dx, dy, whole.x1 + dx, whole.y1 + dy).intersect(whole)
        if not kept:
            self._compose(sampling, whole)
            return
        came_from = Rect(kept.x0 - dx, kept.y0 - dy, kept.x1 - dx, kept.y1 - dy)
        self._spare[kept.slices] = self._pixels[came_from.slices]
        self._pixels, self._spare = self._spare, self._pixels
        self._image, self._spare_image = self._spare_image, self._image
        for strip in (
            Rect(0, 0, whole.x1, kept.y0),
            Rect(0, kept.y1, whole.x1, whole.y1),
            Rect(0, kept.y0, kept.x0, kept.y1),
            Rect(kept.x1, kept.y0, whole.x1, kept.y1),
        ):
            self._compose(sampling, strip)

    def _compose(self, sampling: Sampling, rect: Rect) -> None:
        if not rect:
            return
        shown = rect.intersect(sampling.inside)
        if shown != rect:
            self._pixels[rect.slices] = self._composer.outside
        if shown:
            self._composer.compose(sampling, shown, self._pixels[shown.slices])


def _differ_by_a_pan(one: ViewState, other: ViewState) -> bool:
    """Return whether two views differ in their origins only."""
    return one is other or replace(one, origin_x=other.origin_x, origin_y=other.origin_y) == other
