"""Computation of a VGG trunk in limited memory.

Early stages are computed block by block, and fc6 as a product. A stage is a VGG block: convolutions and the pooling
after them. A block, here, is a part of the image.

Three quarters of the memory of a VGG are its first two maps, at the image's full size. pool3 sees only 22 pixels
around a cell's centre, so that it can be computed in blocks with a narrow rim; the later maps are a tenth as large.
On most machines the result equals that of the whole image bit by bit.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import torch
from torch import Tensor, nn
from torch.nn import functional

from fcn_studio.fcn.inference.pad100_cache import convolutions, convolved, margin_of
from fcn_studio.fcn.model.backbones import Features, VGGTrunk

SMALLEST_BLOCK = 256
_STEM = 3
_POSITIONS = 512
_RESERVE = 1.25

PartReader = Callable[[tuple[int, int], tuple[int, int]], Tensor]
"""Returns rows and columns of a map, from the first to the one after the last, as (N, C, h, w)."""


def stem_bytes(trunk: VGGTrunk) -> int:
    """Return the bytes of stage 1 for each pixel of the canvas.

    They are those of the image and two maps.
    """
    return int(_RESERVE * 4 * (3 + 2 * trunk.channels_per_pixel))


def deep_bytes(trunk: VGGTrunk) -> int:
    """Return the bytes after pool3 for each pixel of the canvas.

    They are those of taps, stage 5 and fc7.
    """
    stage5 = trunk.channels[16]
    numbers = trunk.channels[8] / 8**2 + 3 * stage5 / 16**2 + trunk.channels[32] / 32**2
    return math.ceil(_RESERVE * 4 * numbers)


def features_in_blocks(trunk: VGGTrunk, read_part: PartReader, size: tuple[int, int], block: int) -> Features:
    """Return the trunk's features, computed in blocks.

    At most a block of the maps before pool3 is held.

    Args:
        trunk: in evaluation mode.
        read_part: returns parts of the normalised canvas: the image with `margin_of` rows of zeros around.
        size: (height, width) of the canvas.
        block: side of a block, in pixels; a multiple of 16.
    """
    stages = list(trunk.stages.values())
    pool3 = _in_blocks(stages[:_STEM], read_part, size, block)

    def part_of_pool3(rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
        return pool3[:, :, slice(*rows), slice(*columns)]

    # Stage 4 holds 64 bytes where stage 1 holds 512, at the paper's width.
    pool4 = _in_blocks(stages[_STEM:4], part_of_pool3, (pool3.shape[2], pool3.shape[3]), max(block // 4, 2))
    return {8: pool3, 16: pool4, 32: head_features(trunk.head, stages[4](pool4))}


def head_features(head: nn.Module, x: Tensor) -> Tensor:
    """Compute fc7 from pool5 (N, C, h, w).

    A few rows are computed at a time. fc6 is written as the matrix product that it is. The library's convolution
    would first bring its 411 MB of weights into another order, which for a small image is most of the work.
    """
    layers = list(head.children())
    fc6, rest = layers[0], nn.Sequential(*layers[1:])
    assert isinstance(fc6, nn.Conv2d)
    kernel, padding = fc6.kernel_size[0], int(fc6.padding[0])
    rows_last = functional.pad(x, (padding,) * 4).permute(0, 2, 3, 1).contiguous()
    weight = fc6.weight.permute(0, 2, 3, 1).flatten(1)
    number, height, width, channels = rows_last.shape
    height, width = height - kernel + 1, width - kernel + 1
    # All windows, (N, h, w, kernel, kernel * C), without a copy.
    along = rows_last.stride()
    windows = rows_last.as_strided(
        (number, height, width, kernel, kernel * channels), (along[0], along[1], along[2], along[1], 1)
    )
    out: Tensor | None = None
    step = max(1, _POSITIONS // (number * width))
    for row in range(0, height, step):
        part = windows[:, row : row + step]
        fc6_part = functional.linear(part.flatten(3).flatten(0, 2), weight, fc6.bias)
        fc7_part = rest(fc6_part.view(number, part.shape[1], width, -1).permute(0, 3, 1, 2))
        if out is None:
            out = _empty_like(fc7_part, height, width)
        out[:, :, row : row + step] = fc7_part
    assert out is not None
    return out


def _in_blocks(stages: Sequence[nn.Module], read_part: PartReader, size: tuple[int, int], block: int) -> Tensor:
    """Compute stages block by block.

    Each block sees a rim that is cut off again. The rim is what a cell sees beyond its own pixels, rounded up to
    whole cells, so that pooling keeps its phase.
    """
    factor = 2 ** len(stages)
    reach = sum(2**number * len(convolutions(stage)) for number, stage in enumerate(stages))
    rim = -(-reach // factor) * factor
    block = max(factor, block // factor * factor)
    out: Tensor | None = None
    for y in range(0, size[0], block):
        rows = max(0, y - rim), min(size[0], y + block + rim)
        for x in range(0, size[1], block):
            columns = max(0, x - rim), min(size[1], x + block + rim)
            part = read_part(rows, columns)
            for stage in stages:
                part = convolved(stage, part, padding=1)
            top, left = y // factor, x // factor
            part = part[:, :, top - rows[0] // factor :, left - columns[0] // factor :]
            part = part[:, :, : block // factor, : block // factor]
            if out is None:
                out = _empty_like(part, -(-size[0] // factor), -(-size[1] // factor))
            out[:, :, top : top + part.shape[2], left : left + part.shape[3]] = part
    assert out is not None
    return out


def canvas_size(trunk: VGGTrunk, size: tuple[int, int]) -> tuple[int, int]:
    """Return (height, width) of an image with the trunk's margin around it."""
    margin = 2 * margin_of(trunk)
    return size[0] + margin, size[1] + margin


def _empty_like(part: Tensor, height: int, width: int) -> Tensor:
    """Return an empty map of another size, channels last."""
    shape = *part.shape[:2], height, width
    return torch.empty(shape, dtype=part.dtype, device=part.device, memory_format=torch.channels_last)
