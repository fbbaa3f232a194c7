"""The two likeliest classes of each pixel, at an image's full size."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from fcn_studio.core.labels import LabelMap
from fcn_studio.fcn.inference.argmax import InterpolationAxis

_STRIP_PIXELS = 1 << 17
_PLACE = 0xFF


def top_two(
    probabilities: NDArray[np.float32], indices: NDArray[np.uint8], size: tuple[int, int]
) -> tuple[LabelMap, LabelMap, LabelMap]:
    """Upsample probabilities, and return what is likeliest.

    A probability and the number of its class are compared as one integer: floats from 0 on have the order of their
    bits, and the class takes the lowest eight of these, which costs the probability 2**-15 of its value.

    Args:
        probabilities: float32 (C, h, w).
        indices: class index of each of the C.
        size: (height, width) of the result.

    Returns:
        Class indices, uncertainty and second class indices, uint8 of the size; the second is 255 where C is 1.
    """
    labels, doubt, second = (np.empty(size, np.uint8) for _ in range(3))
    rows = InterpolationAxis.of(size[0], probabilities.shape[1], 0, probabilities.shape[1], 0)
    values = torch.from_numpy(probabilities).permute(1, 2, 0)
    table = np.full(256, 255, np.uint8)
    table[255 - np.arange(len(indices))] = indices  # of equals, the first class wins
    step = max(1, _STRIP_PIXELS // size[1])
    for start in range(0, size[0], step):
        part = rows.part(start, start + step)
        first, last = part.span
        strip = part.sample(values[first:last], 0).permute(2, 0, 1).contiguous().numpy()
        best, other = _two_largest(strip, size[1])
        target = slice(start, start + len(part))
        labels[target], second[target] = (cv2.LUT((keys & _PLACE).astype(np.uint8), table) for keys in (best, other))
        largest = (best & ~_PLACE).view(np.float32)
        doubt[target] = np.rint(255 * (1 - np.minimum(largest, 1)))
    return labels, doubt, second


def _two_largest(strip: NDArray[np.float32], width: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the two largest keys of each pixel of a strip (C, n, w), interpolated to a width."""
    best = other = np.zeros((strip.shape[1], width), np.int32)
    for place, plane in enumerate(strip):
        wide = (
            cv2.resize(plane, (width, len(plane)), interpolation=cv2.INTER_LINEAR)
            if width != plane.shape[1]
            else plane
        )
        keys = np.ascontiguousarray(wide).view(np.int32) & ~_PLACE | (255 - place)
        other = np.maximum(other, np.minimum(best, keys))
        best = np.maximum(best, keys)
    return best, other
