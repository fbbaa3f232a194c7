"""Features of an image as maps that scores are linear in.

The features of a pixel are the values of all maps there, each interpolated bilinearly. Interpolation is linear, so
scores are made in each map and interpolated then. For a few classes this is a tenth of the work.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor
from torch.nn import functional


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
    def of(cls, places: Tensor, stride: int, length: int) -> Between:
        """Return where pixels, float64 (n,), lie on an axis of some cells.

        A cell lies in the middle of the ``stride`` pixels that it stands for. Beyond the outermost cells their
        values go on.
        """
        inside = ((places - (stride - 1) / 2) / stride).clamp(0, length - 1)
        low = inside.floor().long()
        return cls(low, (low + 1).clamp(max=length - 1), (inside - low).float())

    @property
    def cells(self) -> tuple[tuple[Tensor, Tensor], tuple[Tensor, Tensor]]:
        """The two cells, with their weights."""
        return (self.low, 1 - self.weight), (self.high, self.weight)


@dataclass(frozen=True)
class FeatureMap:
    """Some features of an image.

    Attributes:
        stride: in pixels of the working image.
        values: float16 (c, h, w).
    """

    stride: int
    values: Tensor

    def at(self, y: Tensor, x: Tensor) -> Tensor:
        """Return the features (n, c), float32, at places (n,) of the working image."""
        rows, columns = (
            Between.of(places, self.stride, length)
            for places, length in zip((y, x), self.values.shape[1:], strict=True)
        )
        total = torch.zeros(len(y), len(self.values))
        for row, row_weight in rows.cells:
            for column, column_weight in columns.cells:
                total += (row_weight * column_weight)[:, None] * self.values[:, row, column].T.float()
        return total


@dataclass(frozen=True)
class Features:
    """The features of one image.

    Attributes:
        maps: all of them, those of a group beside each other.
        groups: number of features of each group.
        size: (height, width) of the working image; maps may reach beyond it.
        full_size: (height, width) of the image.
    """

    maps: tuple[FeatureMap, ...]
    groups: tuple[int, ...]
    size: tuple[int, int]
    full_size: tuple[int, int]

    @property
    def nbytes(self) -> int:
        """Bytes of all maps."""
        return sum(part.values.numel() * part.values.element_size() for part in self.maps)

    @cached_property
    def moments(self) -> tuple[Tensor, Tensor]:
        """Mean and standard deviation of each feature over the image, float32 (D,)."""
        cells = [part.values.flatten(1).float() for part in self.maps]
        means = [part.mean(1) for part in cells]
        squares = [(part - mean[:, None]).square_().mean(1) for part, mean in zip(cells, means, strict=True)]
        return torch.cat(means), torch.cat(squares).sqrt()

    @cached_property
    def scale(self) -> Tensor:
        """What features are multiplied by so that all groups count the same, float32 (D,)."""
        counts = torch.cat([torch.full((count,), float(count)) for count in self.groups])
        return 1 / ((self.moments[1] + 1e-4) * counts.sqrt())

    @cached_property
    def lengths(self) -> Tensor:
        """Length of the features of each pixel, without their means and multiplied by `scale`, float32 (h, w).

        Lengths of maps are interpolated as `scores` are. They take twice the time of scores, and are kept.
        """
        counts = [len(part.values) for part in self.maps]
        means, scales = torch.split(self.moments[0], counts), torch.split(self.scale, counts)
        squares = [
            FeatureMap(
                part.stride, ((part.values - mean[:, None, None]) * factor[:, None, None]).square_().sum(0)[None]
            )
            for part, mean, factor in zip(self.maps, means, scales, strict=True)
        ]
        alone = replace(self, maps=tuple(squares))
        return alone.scores(torch.ones(1, len(squares)), torch.zeros(1))[0].sqrt()

    def at(self, pixels: NDArray[np.int64]) -> Tensor:
        """Return the features (n, D), float32, of pixels of the image.

        Pixels are counted row by row.
        """
        y, x = (
            torch.from_numpy((place + 0.5) * (working / full) - 0.5)
            for place, working, full in zip(divmod(pixels, self.full_size[1]), self.size, self.full_size, strict=True)
        )
        return torch.cat([part.at(y, x) for part in self.maps], 1)

    def scores(self, weight: Tensor, bias: Tensor) -> Tensor:
        """Return linear scores (C, h, w) of the working image.

        They are interpolated from each stride to the next finer one, as an FCN does. So they are those of `at` but
        near the cells of coarse maps, where two steps round a corner off.

        Args:
            weight: float32 (C, D).
            bias: float32 (C,).
        """
        by_stride: dict[int, Tensor] = {}
        parts = torch.split(weight, [len(part.values) for part in self.maps], 1)
        for (stride, values), part in zip(((m.stride, m.values) for m in self.maps), parts, strict=True):
            scores = (part @ values.flatten(1).float()).view(len(part), *values.shape[1:])
            by_stride[stride] = by_stride[stride].add_(scores) if stride in by_stride else scores
        total, before = bias[:, None, None], 0
        for stride, scores in sorted(by_stride.items(), reverse=True):
            total = scores.add_(_enlarged(total, before // stride) if before else total)
            before = stride
        height, width = self.size
        return _enlarged(total, before)[:, :height, :width].contiguous()


def _enlarged(scores: Tensor, factor: int) -> Tensor:
    """Return scores (C, h, w) interpolated to a finer grid."""
    if factor == 1:
        return scores
    return functional.interpolate(scores[None], scale_factor=factor, mode="bilinear", align_corners=False)[0]
