"""The two likeliest classes of each pixel, at an image's full size."""

from __future__ import annotations

import cv2
import numpy as np
import torch
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap
from fcn_studio.fcn.inference.argmax import DOUBTED, InterpolationAxis
from fcn_studio.fcn.transforms import resized_labels, scaled_size

_STRIP_PIXELS = 1 << 16
_LARGEST_SIDE = 2048
_NUMBER = 0xFF


def top_two(
    probabilities: NDArray[np.float32], indices: NDArray[np.uint8], size: tuple[int, int]
) -> tuple[LabelMap, LabelMap, LabelMap]:
    """Upsample probabilities, and return what is likeliest.

    They are interpolated up to `_LARGEST_SIDE` pixels; beyond that the nearest classes are repeated.

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
    if max(size) > _LARGEST_SIDE:
        planes = top_two(probabilities, indices, scaled_size(size, _LARGEST_SIDE / max(size)))
        labels, doubt, second = (resized_labels(plane, size) for plane in planes)
        return labels, doubt, second
    labels, doubt, second = (np.empty(size, np.uint8) for _ in range(3))
    height = probabilities.shape[1]
    rows = InterpolationAxis.of(size[0], height, 0, height, 0)
    table = np.full(256, VOID, np.uint8)
    table[_NUMBER - np.arange(len(indices))] = indices  # of equals, the first class wins
    # Where the uncertainty reaches `DOUBTED`, the second class has its share of it.
    least = DOUBTED / 255 / len(indices)
    step = max(1, _STRIP_PIXELS // size[1])
    for start in range(0, size[0], step):
        part = rows.part(start, start + step)
        cells = probabilities[:, slice(*part.span)]
        likely = np.flatnonzero(cells.max((1, 2)) >= least)
        best, other = _two_largest(cells, likely, part, size[1])
        target = slice(start, start + len(part))
        numbers, others = ((keys & _NUMBER).astype(np.uint8) for keys in (best, other))
        cv2.LUT(numbers, table, labels[target])
        largest = (best & ~_NUMBER).view(np.float32)
        cv2.convertScaleAbs(255 - 255 * np.minimum(largest, 1), doubt[target])
        second[target] = np.where(doubt[target] < DOUBTED, VOID, cv2.LUT(others, table))
    return labels, doubt, second


def _two_largest(
    cells: NDArray[np.float32], likely: NDArray[np.int64], rows: InterpolationAxis, width: int
) -> tuple[NDArray[np.int32], NDArray[np.int32]]:
    """Return the two largest keys of each pixel of a strip of the image, int32 (n, width).

    Args:
        cells: float32 (C, h, w), those that the strip lies between.
        likely: which of the C to look at.
        rows: where the strip's rows lie between cells.
        width: of the image.
    """
    best = np.zeros((len(rows), width), np.int32)
    other = best.copy()
    for number in likely:
        tall = rows.sample(torch.from_numpy(cells[number])[..., None], 0)[..., 0].numpy()
        wide = tall if tall.shape[1] == width else cv2.resize(tall, (width, len(tall)))
        keys = wide.view(np.int32) & np.int32(~_NUMBER)
        keys |= np.int32(_NUMBER - number)
        np.maximum(other, np.minimum(best, keys), out=other)
        np.maximum(best, keys, out=best)
    return best, other
