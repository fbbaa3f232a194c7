"""Points well inside the regions of a label map, for their names."""

from __future__ import annotations

import math
from dataclasses import dataclass

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap, Provenance

_LONGEST = 400
"""Pixels of the longer side at which regions are looked for; finer ones have no room for a name."""

_MOST = 150
"""Regions at most, the largest."""

_NEIGHBOURS = np.ones((3, 3), np.uint8)


@dataclass(frozen=True, slots=True)
class InnerPoint:
    """The centre of the largest circle inside a region, in image pixels.

    Attributes:
        class_index: class of the region.
        x: column of the centre.
        y: row of the centre.
        radius: of the circle.
    """

    class_index: int
    x: float
    y: float
    radius: float


def inner_points(label_map: LabelMap, provenance: LabelMap) -> list[InnerPoint]:
    """Return a point in each region of a class, the one with the most room first.

    Void and unlabelled pixels have none. A large image is looked at in steps of some pixels. The time does not depend
    on the number of classes.
    """
    step = max(1, math.ceil(max(label_map.shape) / _LONGEST))
    small = label_map[::step, ::step].copy()
    small[provenance[::step, ::step] == Provenance.NOBODY] = VOID
    small = np.pad(small, 1, constant_values=VOID)  # the border of the image is a border of its regions
    # Where all neighbours are alike, pixels that touch belong to the same class.
    alike = cv2.compare(cv2.dilate(small, _NEIGHBOURS), cv2.erode(small, _NEIGHBOURS), cv2.CMP_EQ)
    alike[small == VOID] = 0
    depth = np.asarray(cv2.distanceTransform(alike, cv2.DIST_L2, cv2.DIST_MASK_5))
    count, parts, boxes, _ = cv2.connectedComponentsWithStats(alike, connectivity=4)
    largest = 1 + np.argsort(-boxes[1:count, cv2.CC_STAT_AREA], kind="stable")[:_MOST]
    found = []
    for part in largest.tolist():
        left, top, width, height = boxes[part, :4].tolist()
        box = np.s_[top : top + height, left : left + width]
        row, column, radius = _deepest(np.where(parts[box] == part, depth[box], 0))
        x, y = (left + column - 0.5) * step, (top + row - 0.5) * step
        found.append(InnerPoint(int(small[top + row, left + column]), x, y, (radius + 0.5) * step))
    return sorted(found, key=lambda point: -point.radius)


def _deepest(depth: NDArray[np.float32]) -> tuple[int, int, float]:
    """Return row, column and depth of the deepest pixel; of many, as in a long region, the middle one."""
    radius = float(depth.max())
    rows, columns = np.nonzero(depth >= 0.98 * radius)
    middle = int(np.argmin((rows - rows.mean()) ** 2 + (columns - columns.mean()) ** 2))
    return int(rows[middle]), int(columns[middle]), radius
