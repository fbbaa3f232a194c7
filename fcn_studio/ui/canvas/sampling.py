"""The rule by which device pixels show image pixels.

All layers share it.
"""

from __future__ import annotations

import math
from bisect import bisect_left
from typing import Any

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.geometry import EMPTY, Rect
from fcn_studio.ui.canvas.view_state import ViewState

HALO = 1
"""Device pixels beyond the viewport that can be sampled, for borders at its edge."""

_KEPT_RECTS = 128
"""Number of rectangles whose device pixels are cached."""


class Sampling:
    """Nearest-neighbour sampling of a view.

    Device column X shows image column ``floor((X - origin + 0.5) / scale)``. The index depends on ``X - origin``
    alone, so a panned view shows exactly the scrolled pixels.
    """

    def __init__(self, view: ViewState) -> None:
        self.view = view
        columns = _indices(view.width, view.origin_x, view.scale)
        rows = _indices(view.height, view.origin_y, view.scale)
        self._columns = columns.clip(*_sampled(view.image_width, view.scale))
        self._rows = rows.clip(*_sampled(view.image_height, view.scale))
        self._column_list, self._row_list = columns.tolist(), rows.tolist()  # bisect is twice as fast on lists
        self.viewport = view.viewport
        self._device_rects: dict[tuple[Rect, int], Rect] = {}
        self.inside = self.device_rect(Rect(0, 0, view.image_width, view.image_height))
        """The device pixels that show the image."""

    def device_rect(self, image_rect: Rect, reach: int = 0) -> Rect:
        """Return the device pixels that show ``image_rect``, and ``reach`` more around."""
        asked = image_rect, reach  # each rectangle is asked for twice: to repaint and to compose
        if asked not in self._device_rects:
            if len(self._device_rects) >= _KEPT_RECTS:
                self._device_rects.clear()
            self._device_rects[asked] = self._device_rect(image_rect, reach)
        return self._device_rects[asked]

    def _device_rect(self, image_rect: Rect, reach: int) -> Rect:
        columns, rows = self._column_list, self._row_list
        left, right = bisect_left(columns, image_rect.x0), bisect_left(columns, image_rect.x1)
        top, bottom = bisect_left(rows, image_rect.y0), bisect_left(rows, image_rect.y1)
        if left == right or top == bottom:
            return EMPTY
        before, after = HALO + reach, HALO - reach
        return Rect(left - before, top - before, right - after, bottom - after).intersect(self.viewport)

    def gather(self, source: NDArray[Any], rect: Rect, halo: int = 0) -> NDArray[Any]:
        """Return what the device pixels of ``rect`` show of an array.

        Args:
            source: (H, W) or (H, W, C) of the image's size.
            rect: device pixels, not empty, within `inside`.
            halo: 0 or 1 device pixels more on each side; the outermost are repeated where the image ends.

        Returns:
            Array of ``rect``'s height and width plus twice the halo; at 100 % it may be a view of ``source``.
        """
        if self.view.scale == 1:
            shown = rect.grown(halo).moved(-self.view.origin_x, -self.view.origin_y)
            if shown.intersect(Rect(0, 0, self.view.image_width, self.view.image_height)) == shown:
                return source[shown.slices]  # the image itself, not a copy
        rows = self._rows[rect.y0 - halo + HALO : rect.y1 + halo + HALO]
        columns = self._columns[rect.x0 - halo + HALO : rect.x1 + halo + HALO]
        top, left = rows[0], columns[0]
        block = source[top : rows[-1] + 1, left : columns[-1] + 1]  # only the needed part is read
        taken: NDArray[Any] = block[rows - top].take(columns - left, axis=1)
        return taken


def _sampled(size: int, scale: float) -> tuple[int, int]:
    """Return the first and the last image index that device pixels show.

    Zoomed out, they are not always the image's edges.
    """
    last = math.ceil(size * scale) + np.arange(-3, 2)
    shown = np.floor((last + 0.5) / scale)
    return int(0.5 / scale), int(shown[shown < size].max(initial=0))


def _indices(size: int, origin: int, scale: float) -> NDArray[np.int64]:
    """Return the image index of device pixels ``-HALO .. size + HALO``.

    Indices outside of the image occur too.
    """
    device = np.arange(-HALO, size + HALO, dtype=np.int64)
    indices: NDArray[np.int64] = np.floor((device - origin + 0.5) / scale).astype(np.int64)
    return indices
