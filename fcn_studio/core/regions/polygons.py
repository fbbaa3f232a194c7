"""Polygons with holes as pixels of a label map.

Pixel (x, y) covers ``[x, x + 1) x [y, y + 1)`` and is inside a polygon if its centre is (`fcn_studio.core.raster`). A
region that was traced along the edges of its pixels has corners of whole numbers, and is filled to the same pixels.
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from itertools import pairwise
from typing import Any

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.raster import Point, even_odd
from fcn_studio.i18n import tr

Ring = Sequence[Point]
"""The corners of a closed ring in image coordinates."""

_FARTHEST = 1e7
"""Coordinates beyond it are no places near an image of any size."""


def checked_ring(points_xy: Sequence[Sequence[float]]) -> list[Point]:
    """Return the corners of a ring as pairs of floats.

    Raises:
        ValueError: if one is no pair of numbers, not a number or infinite, or millions of pixels away.
    """
    try:
        ring = np.asarray(points_xy, np.float64)
    except (TypeError, OverflowError) as error:
        raise ValueError(tr("a coordinate is no number")) from error
    if ring.size == 0:
        return []
    if ring.ndim != 2 or ring.shape[1] != 2:
        raise ValueError(tr("a corner is no pair of numbers"))
    if not (np.abs(ring) <= _FARTHEST).all():
        raise ValueError(tr("a coordinate is not a number, or is millions of pixels away"))
    return [(x, y) for x, y in ring.tolist()]


def fill(label_map: NDArray[Any], rings_xy: Sequence[Ring], value: int) -> int:
    """Write a value into the pixels that a polygon of several rings encloses.

    A ring inside another is a hole (even-odd rule). What lies outside the image is cut off.

    Args:
        label_map: integers (H, W), changed in place.
        rings_xy: its rings.
        value: what is written.

    Returns:
        How many pixels the polygon has in the image.

    Raises:
        ValueError: if it has too many corners to be a drawing.
    """
    region = even_odd(rings_xy, (label_map.shape[1], label_map.shape[0]))
    if region is None:
        return 0
    inside = region.stencil.view(np.bool_)
    label_map[region.rect.slices][inside] = value
    return int(np.count_nonzero(inside))


def with_holes(rings_xy: Sequence[Ring]) -> list[list[Ring]]:
    """Return the polygons that rings make which nobody has sorted.

    A ring that lies wholly within another is a hole in it, one within that hole a polygon again. Rings that only
    overlap are polygons of their own.

    Returns:
        Polygons with their holes, to fill one after the other.
    """
    rings = [np.asarray(ring, np.float32) for ring in rings_xy]
    area = [abs(cv2.contourArea(ring)) for ring in rings]
    box = np.array([(*ring.min(axis=0), *ring.max(axis=0)) for ring in rings])
    polygons: dict[int, list[Ring]] = {}
    depth: dict[int, int] = {}
    for i in sorted(range(len(rings)), key=lambda i: -area[i]):
        near = np.flatnonzero((box[:, :2] <= box[i, :2]).all(axis=1) & (box[:, 2:] >= box[i, 2:]).all(axis=1))
        around = [j for j in near.tolist() if j in depth and area[j] > area[i] and _lies_in(rings[i], rings[j])]
        parent = max(around, key=lambda j: depth[j], default=None)
        depth[i] = 0 if parent is None else depth[parent] + 1
        if parent is not None and depth[i] % 2:
            polygons[parent].append(rings_xy[i])
        else:
            polygons[i] = [rings_xy[i]]
    return list(polygons.values())


def _lies_in(ring: NDArray[np.float32], other: NDArray[np.float32]) -> bool:
    """Return whether all corners of a ring lie in another or on its border."""
    return all(cv2.pointPolygonTest(other, (float(x), float(y)), False) >= 0 for x, y in ring)


def rectangle(p_xy: Point, q_xy: Point) -> Ring:
    """Return the ring between two opposite corners."""
    return [p_xy, (q_xy[0], p_xy[1]), q_xy, (p_xy[0], q_xy[1])]


def ellipse(centre_xy: Point, radii: Point, angle: float = 0.0) -> Ring:
    """Return the ring of an ellipse, turned clockwise by ``angle`` degrees."""
    count = int(min(max(16, 2 * math.pi * max(map(abs, radii))), 20_000))
    turn = np.linspace(0, 2 * np.pi, count, endpoint=False)
    return turned(np.column_stack((radii[0] * np.cos(turn), radii[1] * np.sin(turn))) + centre_xy, centre_xy, angle)


def turned(points_xy: Ring | NDArray[np.float64], centre_xy: Point, angle: float) -> Ring:
    """Return points turned clockwise (y goes down) by ``angle`` degrees around a centre."""
    cos, sin = math.cos(math.radians(angle)), math.sin(math.radians(angle))
    away = np.asarray(points_xy, np.float64) - centre_xy
    return [(x, y) for x, y in (away @ np.array(((cos, sin), (-sin, cos))) + centre_xy).tolist()]


def stroke(points_xy: Ring, width: float) -> list[Ring]:
    """Return rings that together cover a line of this width, with round joints.

    They overlap: fill one after the other, each as a polygon of its own.
    """
    half = width / 2
    rings: list[Ring] = [ellipse(joint, (half, half)) for joint in points_xy[1:-1]]
    for (x, y), (u, v) in pairwise(points_xy):
        length = math.hypot(u - x, v - y)
        if length:
            dx, dy = (v - y) * half / length, (x - u) * half / length
            rings.append([(x + dx, y + dy), (u + dx, v + dy), (u - dx, v - dy), (x - dx, y - dy)])
    return rings
