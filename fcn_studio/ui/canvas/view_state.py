"""Where the image lies in the viewport: zoom and integer origin, and the way between the two coordinate systems.

Two systems, both (x, y) with y downwards. *Image* coordinates count image pixels: pixel (column, row) covers
``column <= x < column + 1``. *Device* coordinates count physical pixels of the viewport, not Qt's logical ones.
"""

from __future__ import annotations

import math
from dataclasses import dataclass, replace

from fcn_studio.core.geometry import Rect

MIN_SCALE, MAX_SCALE = 1 / 64, 64.0
"""Limits of the zoom, in device pixels for one image pixel."""

FIT_MARGIN = 8
"""Device pixels left free around an image that is fitted."""

KEPT_VISIBLE = 64
"""So many device pixels of the image stay in the viewport, however far it is panned."""


@dataclass(frozen=True, slots=True)
class ViewState:
    """One view of one image. Immutable: each gesture returns the next view.

    The origin is integer, so that a pan moves every shown pixel by the same whole number of device pixels and
    buffers can be scrolled instead of composed anew.

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
        """The viewport's device pixels."""
        return Rect(0, 0, self.width, self.height)

    def to_image(self, x: float, y: float) -> tuple[float, float]:
        """Image coordinates of a device point."""
        return (x - self.origin_x) / self.scale, (y - self.origin_y) / self.scale

    def to_device(self, x: float, y: float) -> tuple[float, float]:
        """Device coordinates of an image point."""
        return x * self.scale + self.origin_x, y * self.scale + self.origin_y

    def fit(self) -> ViewState:
        """The whole image, as large as the viewport holds it, in the middle."""
        scale = min(
            max(1, self.width - 2 * FIT_MARGIN) / self.image_width,
            max(1, self.height - 2 * FIT_MARGIN) / self.image_height,
        )
        return self._centred_on(self.image_width / 2, self.image_height / 2, _limited(scale))

    def one_to_one(self) -> ViewState:
        """One device pixel for each image pixel; what is in the middle stays there."""
        return self._centred_on(*self.to_image(self.width / 2, self.height / 2), 1.0)

    def zoom_at(self, point: tuple[float, float], factor: float) -> ViewState:
        """Zoomed by ``factor``; what lies under the device ``point`` stays there, to half a device pixel.

        A step across 100 % stops at 100 %, where pixels are shown as they are.
        """
        scale = _limited(self.scale * factor)
        if (self.scale - 1) * (scale - 1) < 0:
            scale = 1.0
        x, y = self.to_image(*point)
        return self._placed(round(point[0] - x * scale), round(point[1] - y * scale), scale)

    def pan(self, dx: int, dy: int) -> ViewState:
        """The image moved by (dx, dy) device pixels, as far as some of it stays visible."""
        return self._placed(self.origin_x + dx, self.origin_y + dy, self.scale)

    def resize(self, width: int, height: int) -> ViewState:
        """The same zoom in a viewport of another size; what is in the middle stays there."""
        centre = self.to_image(self.width / 2, self.height / 2)
        return replace(self, width=width, height=height)._centred_on(*centre, self.scale)

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


def _kept_visible(origin: int, shown: float, viewport: int) -> int:
    """The origin nearest to the wished one that keeps `KEPT_VISIBLE` of ``shown`` device pixels in the viewport."""
    kept = min(float(KEPT_VISIBLE), shown, float(viewport))
    return min(math.floor(viewport - kept), max(math.ceil(kept - shown), origin))
