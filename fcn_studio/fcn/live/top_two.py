"""The two likeliest classes of each pixel, at an image's full size."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap
from fcn_studio.fcn.inference.argmax import DOUBTED, InterpolationAxis

_STRIP_PIXELS = 1 << 17
_NUMBER = 0xFF


def top_two(
    probabilities: NDArray[np.float32], indices: NDArray[np.uint8], size: tuple[int, int]
) -> tuple[LabelMap, LabelMap, LabelMap]:
    """Upsample probabilities, and return what is likeliest.

    A probability and the number of its class are compared as one integer: floats from 0 on have the order of their
    bits. The number takes the lowest eight of these, which changes a probability by less than 2**-15 of its value.

    Args:
        probabilities: float32 (C, h, w).
        indices: class index of each of the C.
        size: (height, width) of the result.

    Returns:
        Class indices, uncertainty and second class indices, uint8 of the size. The second ones are 255 where the
        uncertainty is below `DOUBTED`, and if C is 1.
    """
    labels, doubt, second = (np.empty(size, np.uint8) for _ in range(3))
    rows = InterpolationAxis.of(size[0], probabilities.shape[1], 0, probabilities.shape[1], 0)
    values = torch.from_numpy(probabilities).permute(1, 2, 0)
    table = np.full(256, VOID, np.uint8)
    table[_NUMBER - np.arange(len(indices))] = indices  # of equals, the first class wins
    step = max(1, _STRIP_PIXELS // size[1])
    for start in range(0, size[0], step):
        part = rows.part(start, start + step)
        first, last = part.span
        strip = part.sample(values[first:last], 0).permute(2, 0, 1).contiguous().numpy()
        best, other = _two_largest(strip, size[1])
        target = slice(start, start + len(part))
        numbers, others = ((keys & _NUMBER).astype(np.uint8) for keys in (best, other))
        cv2.LUT(numbers, table, labels[target])
        largest = (best & ~_NUMBER).view(np.float32)
        cv2.convertScaleAbs(255 - 255 * np.minimum(largest, 1), doubt[target])
        second[target] = np.where(doubt[target] < DOUBTED, VOID, cv2.LUT(others, table))
    return labels, doubt, second


def _two_largest(strip: NDArray[np.float32], width: int) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the two largest keys of each pixel of a strip (C, n, w), interpolated to a width."""
    best = np.zeros((strip.shape[1], width), np.int32)
    other = best.copy()
    for number, plane in enumerate(strip):
        wide = plane if plane.shape[1] == width else cv2.resize(plane, (width, len(plane)))
        keys = wide.view(np.int32) & ~_NUMBER | (_NUMBER - number)
        other = np.maximum(other, np.minimum(best, keys))
        best = np.maximum(best, keys)
    return best, other
