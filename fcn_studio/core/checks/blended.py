"""Search for blended masks: class borders with values in between, as smoothing or JPEG leaves them."""

from __future__ import annotations

import cv2
import numpy as np

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap

_FEWEST = 40
"""Fewer pixels prove nothing: thin parts of a class may lie between two others."""

_REACH = np.ones((7, 7), np.uint8)
_SQUARE = np.ones((3, 3), np.uint8)


def blended_share(values: LabelMap, *, void: bool = True) -> float:
    """Return the share of border pixels whose value lies between those on both sides, 0..1.

    A border pixel has another value beside it, and no square of 3 x 3 pixels of its own value around it. Both sides
    are the least and the largest value of such squares within 3 pixels.

    Args:
        values: uint8 (H, W).
        void: whether 255 is void; else it is a value as the others.
    """
    least, most = cv2.erode(values, _SQUARE), cv2.dilate(values, _SQUARE)
    flat = np.asarray(least) == np.asarray(most)
    sides = flat & (values != VOID) if void else flat
    low = np.asarray(cv2.erode(np.where(sides, values, np.uint8(255)), _REACH))
    high = np.asarray(cv2.dilate(np.where(sides, values, np.uint8(0)), _REACH))
    border = ~flat & (low < high)
    between = int(np.count_nonzero(border & (values > low) & (values < high)))
    return between / int(np.count_nonzero(border)) if between >= _FEWEST else 0.0


def isolated_share(values: LabelMap) -> float:
    """Return the share of pixels at class borders that equal none of their 4 neighbours, 0..1.

    Masks by hand have few of them; a mask that was saved as JPEG, or smoothed between far values, is full of them.

    Args:
        values: uint8 (H, W).
    """
    flat = np.asarray(cv2.erode(values, _SQUARE)) == np.asarray(cv2.dilate(values, _SQUARE))
    padded = np.asarray(cv2.copyMakeBorder(values, 1, 1, 1, 1, cv2.BORDER_REFLECT_101))
    alone = ~flat
    for neighbours in (padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]):
        alone &= neighbours != values
    isolated = int(np.count_nonzero(alone))
    return isolated / int(np.count_nonzero(~flat)) if isolated >= _FEWEST else 0.0
