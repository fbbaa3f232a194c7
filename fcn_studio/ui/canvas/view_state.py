"""Zoom and position of the image in the viewport.

There are two coordinate systems, both (x, y) with y downwards. *Image* coordinates count image pixels: pixel (column,
row) covers ``column <= x < column + 1``. *Device* coordinates count physical pixels of the viewport, not Qt's logical
ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from fcn_studio.core.geometry import Rect

MIN_SCALE, MAX_SCALE = 1 / 64, 64.0
"""Limits of the zoom, in device pixels for one image pixel."""

FIT_MARGIN = 8
"""Device pixels around a fitted image."""

ROOM = 0.8
"""Share of the viewport's sides that a shown rectangle takes at most."""

LEAST_SHOWN = 24
"""Device pixels of the longer side of a rectangle below which `ViewState.showing` zooms in."""

MAGNIFIED, MOST_MAGNIFIED = 1 / 6, 8.0
"""Share of the viewport that a small rectangle gets, and the largest zoom for that."""

KEPT_VISIBLE = 64
"""Device pixels of the image that stay visible, however far it is panned."""


@dataclass(frozen=True, slots=True)
class ViewState:
    """Immutable view of an image.

    Each gesture returns the next view. The origin is integer, so that a pan moves every shown pixel by the same whole
    number of device pixels and buffers can be scrolled instead of composed again.

    Attributes:
        image_width: columns of the image.
        image_height: rows of the image.
        width: columns of the viewport in device pixels.
        height: rows of the viewport in device pixels.
        scale: device pixels for one image pixel.
        origin_x: device column of the image's left edge.
        origin_y: device row of the image's top edge.
    """

    image_width: int
    image_height: int
    width: int
    height: int
    scale: float = 1.0
    origin_x: int = 0
    origin_y: int = 0

    @property
    def viewport(self) -> Rect:
        """Device pixels of the viewport."""
        return Rect(0, 0, self.width, self.height)

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """Return the image coordinates of a device point."""
        return (x - self.origin_x) / self.scale, (y - self.origin_y) / self.scale

    def to_device(self, x: float, y: float) -> tuple[float, float]:
        """Return the device coordinates of an image point."""
        return x * self.scale + self.origin_x, y * self.scale + self.origin_y

    def fit(self) -> ViewState:
        """Return a view of the whole image, centred.

        It is as large as possible.
        """
        scale = min(
            max(1, self.width - 2 * FIT_MARGIN) / self.image_width,
            max(1, self.height - 2 * FIT_MARGIN) / self.image_height,
        )
        return self._centred_on(self.image_width / 2, self.image_height / 2, _limited(scale))

    def one_to_one(self) -> ViewState:
        """Return a view with one device pixel per image pixel.

        The centre is the same.
        """
        return self._centred_on(*self.to_image(self.width / 2, self.height / 2), 1.0)

    def zoom_at(self, point: tuple[float, float], factor: float) -> ViewState:
        """Return a view zoomed by ``factor`` around a device point.

        The point stays in place to half a device pixel. A step across 100 % stops at 100 %, where pixels are shown as
        they are.
        """
        scale = _limited(self.scale * factor)
        if (self.scale - 1) * (scale - 1) < 0:
            scale = 1.0
        x, y = self.to_image(*point)
        return self._placed(round(point[0] - x * scale), round(point[1] - y * scale), scale)

    def pan(self, dx: int, dy: int) -> ViewState:
        """Return a view moved by (dx, dy) device pixels.

        Some of the image stays visible.
        """
        return self._placed(self.origin_x + dx, self.origin_y + dy, self.scale)

    def showing(self, rect: Rect, scale: float) -> ViewState:
        """Return a view that shows a rectangle of the image.

        The view stays as it is if it has the zoom and shows the rectangle already. It zooms out where the rectangle
        does not fit, and zooms in where it would be smaller than `LEAST_SHOWN`.

        Args:
            rect: in image pixels.
            scale: the zoom that is wanted, in device pixels for one image pixel.
        """
        side = max(rect.width, rect.height, 1)
        if side * scale < LEAST_SHOWN:
            scale = max(scale, min(MAGNIFIED * min(self.width, self.height) / side, MOST_MAGNIFIED))
        if scale == self.scale and self._shows(rect):
            return self
        fitting = ROOM * min(self.width / max(1, rect.width), self.height / max(1, rect.height))
        view = self._centred_on((rect.x0 + rect.x1) / 2, (rect.y0 + rect.y1) / 2, _limited(min(scale, fitting)))
        return view.pan(
            _backdrop(view.origin_x, view.image_width * view.scale, view.width),
            _backdrop(view.origin_y, view.image_height * view.scale, view.height),
        )

    def _shows(self, rect: Rect) -> bool:
        """Return whether all of a rectangle in image pixels is in the viewport."""
        left, top = self.to_device(rect.x0, rect.y0)
        right, bottom = self.to_device(rect.x1, rect.y1)
        return left >= 0 and top >= 0 and right <= self.width and bottom <= self.height

    def between(self, other: ViewState, share: float) -> ViewState:
        """Return a view on the way to another one of the same viewport.

        Args:
            other: the view at share 1.
            share: 0..1.
        """
        if share >= 1:
            return other
        scale = self.scale * (other.scale / self.scale) ** share
        ends = (view.to_image(view.width / 2, view.height / 2) for view in (self, other))
        x, y = (a + (b - a) * share for a, b in zip(*ends, strict=True))
        return self._centred_on(x, y, scale)

    def resize(self, width: int, height: int) -> ViewState:
        """Return the view for a viewport of another size.

        Zoom and centre are the same.
        """
        centre = self.to_image(self.width / 2, self.height / 2)
        return replace(self, width=width, height=height)._centred_on(*centre, self.scale)

    def in_place(self, width: int, height: int, dx: int, dy: int) -> ViewState:
        """Return a view of the same zoom in another viewport.

        The viewport has another size. Its content moves by (dx, dy) pixels.
        """
        return replace(self, width=width, height=height, origin_x=self.origin_x + dx, origin_y=self.origin_y + dy)

    def _centred_on(self, x: float, y: float, scale: float) -> ViewState:
        return self._placed(round(self.width / 2 - x * scale), round(self.height / 2 - y * scale), scale)

    def _placed(self, origin_x: int, origin_y: int, scale: float) -> ViewState:
        return replace(
            self,
            scale=scale,
            origin_x=_kept_visible(origin_x, self.image_width * scale, self.width),
            origin_y=_kept_visible(origin_y, self.image_height * scale, self.height),
        )


def _limited(scale: float) -> float:
    return min(MAX_SCALE, max(MIN_SCALE, scale))


def _backdrop(origin: int, shown: float, viewport: int) -> int:
    """Return how far to move so that no needless backdrop is shown along one axis."""
    before, after = FIT_MARGIN, math.floor(viewport - shown) - FIT_MARGIN
    if after >= before:  # the image is smaller than the viewport: centred
        return (before + after) // 2 - origin
    return min(before, max(after, origin)) - origin


def _kept_visible(origin: int, shown: float, viewport: int) -> int:
    """Return the nearest origin that keeps `KEPT_VISIBLE` device pixels visible."""
    kept = min(float(KEPT_VISIBLE), shown, float(viewport))
    return min(math.floor(viewport - kept), max(math.ceil(kept - shown), origin))
