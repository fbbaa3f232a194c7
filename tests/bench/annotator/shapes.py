"""Shapes that a hand can draw: lines along the middle of a mask, and polygons around it."""

from __future__ import annotations

from collections.abc import Sequence
from itertools import pairwise

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.labels import Mask
from fcn_studio.core.raster import Point

Pixel = tuple[int, int]

SLACK = 12
"""So many pixels a careless side of a polygon stays away from what it must contain."""

_CARELESS = SLACK / 2

_STEP, _SMOOTH = 3.0, 3
"""Pixels from one place of a drawn line to the next, and places over which its tremor is smooth."""

_CROSS = np.ones((3, 3), np.uint8)


def distance_to(mask: Mask) -> NDArray[np.float32]:
    """Return the distance of each pixel from the nearest one of a mask: float32 (H, W)."""
    if not mask.any():
        return np.full(mask.shape, np.inf, np.float32)
    return np.asarray(cv2.distanceTransform((~mask).view(np.uint8), cv2.DIST_L2, cv2.DIST_MASK_5))


def largest_component(mask: Mask) -> Mask:
    """Return the largest 8-connected component of a mask that has one."""
    count, numbers, stats, _ = cv2.connectedComponentsWithStats(mask.view(np.uint8), connectivity=8)
    if count == 2:
        return mask
    return np.asarray(numbers == 1 + int(stats[1:, cv2.CC_STAT_AREA].argmax()))


def middle(mask: Mask) -> tuple[int, int, float]:
    """Return (row, column, depth) of the pixel of a mask that is farthest from its border."""
    depth = distance_to(~np.pad(mask, 1))[1:-1, 1:-1]
    row, column = np.unravel_index(int(depth.argmax()), mask.shape)
    return int(row), int(column), float(depth[row, column])


def longest_path(mask: Mask) -> list[Pixel]:
    """Return the pixels (x, y) of a longest shortest path through a connected mask."""
    left, top, width, height = cv2.boundingRect(mask.view(np.uint8))
    mask = np.ascontiguousarray(mask[top : top + height, left : left + width])
    first = tuple(np.argwhere(mask)[0])
    start = _steps_from(mask, first)
    end = np.unravel_index(int(start.argmax()), mask.shape)
    steps = _steps_from(mask, end)
    y, x = (int(value) for value in np.unravel_index(int(steps.argmax()), mask.shape))
    padded = np.pad(steps, 1, constant_values=-1)
    path = [(x + left, y + top)]
    for step in range(int(steps[y, x]) - 1, -1, -1):
        rows, columns = np.nonzero(padded[y : y + 3, x : x + 3] == step)
        nearest = int((abs(rows - 1) + abs(columns - 1)).argmin())
        y, x = y + int(rows[nearest]) - 1, x + int(columns[nearest]) - 1
        path.append((x + left, y + top))
    return path


def _steps_from(mask: Mask, start: tuple[int, ...]) -> NDArray[np.int32]:
    """Return the number of steps from a pixel through a mask: int32 (H, W), -1 where there is no way."""
    inside = mask.view(np.uint8)
    steps = np.full(mask.shape, -1, np.int32)
    reached = np.zeros(mask.shape, np.uint8)
    reached[start] = 1
    steps[start] = step = 0
    while True:
        grown = cv2.dilate(reached, _CROSS)
        grown &= inside
        new = grown != reached
        if not new.any():
            return steps
        step += 1
        steps[new] = step
        reached = grown


def drawn(points: Sequence[Point], tremor: float, attempt: int = 0) -> list[Point]:
    """Return a line as a hand draws it that should go through points: it wanders to both sides.

    Args:
        points: the corners, in image coordinates.
        tremor: standard deviation along each axis, in pixels; 0 for a hand that is exact.
        attempt: the same line is drawn in the same way if this is the same.
    """
    line = np.asarray(points, np.float64)
    lengths = np.hypot(*np.diff(line, axis=0).T)
    if not tremor or lengths.sum() < _STEP:
        return list(points)
    along = np.concatenate(([0.0], np.cumsum(lengths)))
    places = np.linspace(0, along[-1], 1 + round(along[-1] / _STEP))
    rng = np.random.default_rng([attempt, len(points), *(np.abs(line[[0, -1]]).ravel() * 2).astype(int).tolist()])
    margin = 3 * _SMOOTH
    noise = rng.standard_normal((len(places) + 2 * margin, 2))
    smooth = cv2.GaussianBlur(noise, (1, 2 * margin + 1), sigmaX=1, sigmaY=_SMOOTH)[margin:-margin]
    wander = smooth * (tremor * np.sqrt(2 * np.sqrt(np.pi) * _SMOOTH))
    found = np.stack([np.interp(places, along, line[:, axis]) for axis in (0, 1)], axis=1) + wander
    return [(x, y) for x, y in found.tolist()]


def clicked(points: Sequence[Point], tremor: float, attempt: int = 0) -> list[Point]:
    """Return corners as a hand clicks them: half as far off as a line is drawn; see `drawn`."""
    rng = np.random.default_rng([attempt, len(points), *(int(abs(value) * 2) for value in points[0])])
    return [
        (x + dx, y + dy) for (x, y), (dx, dy) in zip(points, rng.normal(0, tremor / 2, (len(points), 2)), strict=True)
    ]


def simplified(path: NDArray[np.int32] | Sequence[Pixel], tolerance: float) -> list[Pixel]:
    """Return the corners of a line that stays within a distance of a path."""
    corners = cv2.approxPolyDP(np.asarray(path, np.int32)[:, None], tolerance, closed=False)[:, 0]
    return [(x, y) for x, y in corners.tolist()]


def outline(must: Mask, may: Mask, tolerance: float) -> list[Point] | None:
    """Return the corners of a polygon around ``must`` within ``must`` and ``may``.

    Beside other pixels it keeps to the border; elsewhere, and outside the image, it is careless. It cannot leave out
    a hole.

    Args:
        must: bool (H, W), a connected component.
        may: bool (H, W), pixels that the polygon may contain.
        tolerance: distance in pixels from a border that it keeps to.

    Returns:
        Points in image coordinates, which may lie outside the image; None if it has fewer than three.
    """
    must = np.pad(must, SLACK + 2)
    may = np.pad(may, SLACK + 2, constant_values=True) | must
    free = may & (distance_to(must) <= SLACK)
    # Slivers between right pixels would cost corners and gain nothing.
    opened = cv2.morphologyEx(free.view(np.uint8), cv2.MORPH_OPEN, np.ones((5, 5), np.uint8)).view(bool) | must
    count, numbers = cv2.connectedComponents(opened.view(np.uint8), connectivity=4)
    inside = opened if count == 2 else _with(must, numbers)
    # Doubled, the contour runs a quarter of a pixel inside the border, and contains the centres of all its pixels.
    doubled = inside.view(np.uint8).repeat(2, 0).repeat(2, 1)
    contours, _ = cv2.findContours(doubled, cv2.RETR_EXTERNAL, cv2.CHAIN_APPROX_NONE)
    contour = max(contours, key=len)[:, 0]
    careful = cv2.dilate((~may).view(np.uint8), np.ones((5, 5), np.uint8)).astype(bool)
    corners = _corners(contour, careful[contour[:, 1] // 2, contour[:, 0] // 2], tolerance)
    points = [((x + 0.5) / 2 - SLACK - 2, (y + 0.5) / 2 - SLACK - 2) for x, y in corners]
    return points if len(points) >= 3 else None


def _with(must: Mask, numbers: NDArray[np.int32]) -> Mask:
    """Return the components of a labelling that have pixels of a mask."""
    present = np.zeros(int(numbers.max()) + 1, bool)
    present[numbers[must]] = True
    present[0] = False
    return largest_component(present[numbers])


def _corners(contour: NDArray[np.int32], careful: Mask, tolerance: float) -> list[Pixel]:
    """Simplify a doubled contour: its careful runs to the tolerance, the others carelessly."""
    turns = np.flatnonzero(careful != np.roll(careful, 1))
    if not len(turns):
        distance = 2 * (tolerance if careful[0] else _CARELESS)
        return [(x, y) for x, y in cv2.approxPolyDP(contour[:, None], distance, closed=True)[:, 0].tolist()]
    contour, careful = np.roll(contour, -turns[0], axis=0), np.roll(careful, -turns[0])
    closed = np.concatenate((contour, contour[:1]))
    corners: list[Pixel] = []
    for start, end in pairwise([*(turns - turns[0]), len(contour)]):
        corners += simplified(closed[start : end + 1], 2 * (tolerance if careful[start] else _CARELESS))[:-1]
    return corners
