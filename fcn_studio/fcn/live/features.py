"""Features of an image as maps that scores are linear in.

The features of a pixel are the values of all maps there, each interpolated bilinearly. Interpolation is linear, so
scores can be made in each map and interpolated then, which for a few classes is a tenth of the work.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


@dataclass(frozen=True)
class FeatureMap:
    """Values on a grid of the working image.

    Cell i lies at ``stride * i + offset``, along both axes; beyond the outermost cells their values go on.

    Attributes:
        values: (c, h, w), in half precision.
        stride: distance of cells in pixels of the working image.
        offset: place of cell 0.
    """

    values: Tensor
    stride: float
    offset: float

    def at(self, y: Tensor, x: Tensor) -> Tensor:
        """Return the values (n, c), float32, at places (n,) of the working image."""
        rows, columns = (
            Between.of((place - self.offset) / self.stride, length)
            for place, length in zip((y, x), self.values.shape[1:], strict=True)
        )
        total = torch.zeros(len(y), len(self.values))
        values = self.values.permute(1, 2, 0)
        for row, row_weight in rows.cells:
            for column, column_weight in columns.cells:
                total += (row_weight * column_weight)[:, None] * values[row, column].float()
        return total


@dataclass(frozen=True)
class Between:
    """Places between two cells of an axis.

    Attributes:
        low: cell before each place, int64 (n,).
        high: cell behind it.
        weight: of the cell behind, float32 (n,).
    """

    low: Tensor
    high: Tensor
    weight: Tensor

    @classmethod
    def of(cls, places: Tensor, length: int) -> Between:
        """Return places, in cells, on an axis of some length."""
        inside = places.clamp(0, length - 1)
        low = inside.floor().long()
        return cls(low, (low + 1).clamp(max=length - 1), (inside - low).float())

    @property
    def cells(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """The two cells, with their weights."""
        return (self.low, 1 - self.weight), (self.high, self.weight)

    def along(self, values: Tensor, dim: int) -> Tensor:
        """Interpolate values along one of their dimensions."""
        shape = [1] * values.ndim
        shape[dim] = -1
        return values.index_select(dim, self.low).lerp_(values.index_select(dim, self.high), self.weight.view(shape))


@dataclass(frozen=True)
class Features:
    """The features of one image.

    Attributes:
        maps: coarsest first.
        size: (height, width) of the working image.
        full_size: (height, width) of the image.
        known: number of the last features that are scores of the base, one a class.
    """

    maps: tuple[FeatureMap, ...]
    size: tuple[int, int]
    full_size: tuple[int, int]
    known: int = 0

    @cached_property
    def nbytes(self) -> int:
        """Bytes of all maps."""
        return sum(part.values.numel() * part.values.element_size() for part in self.maps)

    def at(self, pixels: NDArray[np.int64]) -> Tensor:
        """Return the features (n, D), float32, of pixels of the image.

        Pixels are counted row by row.
        """
        places = divmod(pixels, self.full_size[1])
        y, x = (
            torch.from_numpy((place + 0.5) * working / full - 0.5)
            for place, working, full in zip(places, self.size, self.full_size, strict=True)
        )
        return torch.cat([part.at(y, x) for part in self.maps], 1)

    def scores(self, weight: Tensor, bias: Tensor) -> Tensor:
        """Return linear scores (C, h, w) of the working image.

        Args:
            weight: float32 (C, D).
            bias: float32 (C,).
        """
        total = bias[:, None, None].expand(-1, *self.size).contiguous()
        parts = torch.split(weight, [len(part.values) for part in self.maps], 1)
        for part, rows in zip(self.maps, parts, strict=True):
            scores = functional.conv2d(part.values.float()[None], rows[:, :, None, None])[0]
            for axis in (0, 1):
                places = (torch.arange(self.size[axis]) - part.offset) / part.stride
                scores = Between.of(places, scores.shape[axis + 1]).along(scores, axis + 1)
            total += scores
        return total
