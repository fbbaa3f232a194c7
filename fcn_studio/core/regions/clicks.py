"""Clicks on an object, and the region that they ask for."""

from __future__ import annotations

from collections.abc import Sequence
from typing import NamedTuple

import cv2
import numpy as np

from fcn_studio.core.geometry import Rect
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import LabelMap, Mask
from fcn_studio.core.raster import Point
from fcn_studio.core.region import Region
from fcn_studio.core.regions.enlarged import enlarged, roughly_enlarged

_SPECK, _SPECK_SHARE = 8, 0.005
"""Pixels of the smallest part or hole of a mask that is kept, and their share of the mask."""

HALF = 128
"""The likelihood from which a pixel is in the region."""


class Clicks(NamedTuple):
    """Clicks on one object.

    Attributes:
        inside_xy: places that belong to it, in image coordinates.
        outside_xy: places that do not.
    """

    inside_xy: tuple[Point, ...] = ()
    outside_xy: tuple[Point, ...] = ()


def clicked_region(image_rgb: ImageRgb, clicks: Clicks, likely: LabelMap, *, rough: bool = False) -> Region | None:
    """Return the likely pixels that are connected with a click inside, None if there are none.

    Args:
        image_rgb: uint8 (H, W, 3).
        clicks: at least one of them inside the object.
        likely: uint8 (h, w), 0 to 255, how likely each pixel of a reduced or enlarged picture is in the object.
        rough: for a first preview; the border does not follow the edges of the picture.
    """
    height, width = image_rgb.shape[:2]
    rows, columns = likely.shape
    if columns > width:
        likely = np.asarray(cv2.resize(likely, (width, height), interpolation=cv2.INTER_AREA), np.uint8)
        rows, columns = height, width
    own = likely >= HALF
    places = [(x * columns / width, y * rows / height) for x, y in clicks.inside_xy]
    for x, y in places:
        if 0 <= x < columns and 0 <= y < rows:
            own[int(y), int(x)] = True
    own = ~without_specks(~connected_to(own, places))
    if rough:
        return roughly_enlarged(own, image_rgb)
    small = image_rgb if columns == width else cv2.resize(image_rgb, (columns, rows), interpolation=cv2.INTER_AREA)
    return enlarged(own, np.asarray(small, np.uint8), image_rgb, Rect(0, 0, width, height))


def connected_to(own: Mask, points_xy: Sequence[Point]) -> Mask:
    """Return the connected parts of a mask that hold one of some points; all of it if none does."""
    _, parts = cv2.connectedComponents(own.view(np.uint8), connectivity=4)
    height, width = own.shape
    held = {int(parts[int(y), int(x)]) for x, y in points_xy if 0 <= x < width and 0 <= y < height} - {0}
    return np.isin(parts, list(held)) if held else own


def without_specks(own: Mask) -> Mask:
    """Return a mask without its smallest parts; the inverse of an inverse loses its smallest holes."""
    inside = np.count_nonzero(own)
    least = max(_SPECK, round(_SPECK_SHARE * min(inside, own.size - inside)))
    _, parts, stats, _ = cv2.connectedComponentsWithStats(own.view(np.uint8), connectivity=4)
    small = stats[:, cv2.CC_STAT_AREA] < least
    return np.asarray(own & ~small[parts])
