"""Scores before the last upsampling.

They are upsampled for a part of the image at a time. Scores of the whole image at its own size are what takes the
memory (21 classes of 12 megapixels: 1 GB) and are never needed at once: what is kept of them is one byte a pixel.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import torch
from torch import Tensor


@dataclass(frozen=True)
class ScoreMap:
    """Scores of images of one size.

    They can be upsampled in any rectangle.

    Attributes:
        values: (N, C, h, w).
        size: (height, width) of the images.
        upsample: transposed convolution from the values to the images' size and beyond; None if they have it.
        factor: its stride.
        kernel: side of its kernel.
        crop: row and column of its output where the images begin.
    """

    values: Tensor
    size: tuple[int, int]
    upsample: Callable[[Tensor], Tensor] | None = None
    factor: int = 1
    kernel: int = 1
    crop: int = 0

    def whole(self) -> Tensor:
        """Return the scores (N, C, H, W) of the images."""
        return self.part((0, self.size[0]), (0, self.size[1]))

    def part(self, rows: tuple[int, int], columns: tuple[int, int]) -> Tensor:
        """Return scores (N, C, n, m) of some rows and columns.

        They go from the first up to the second. Only the cells that reach them are upsampled. The sums are those of
        the whole, in an order of their own.
        """
        if self.upsample is None:
            return self.values[:, :, slice(*rows), slice(*columns)]
        top, bottom = self._cells(rows, self.values.shape[2])
        left, right = self._cells(columns, self.values.shape[3])
        upsampled = self.upsample(self.values[:, :, top:bottom, left:right])
        row, column = rows[0] + self.crop - top * self.factor, columns[0] + self.crop - left * self.factor
        return upsampled[:, :, row : row + rows[1] - rows[0], column : column + columns[1] - columns[0]]

    def at(self, rows: Tensor, columns: Tensor) -> Tensor:
        """Return values (n, C) at pixels of the first image.

        The upsampling must be bilinear; rows and columns are int64 (n,).
        """
        values = self.values[0].permute(1, 2, 0)
        if self.upsample is None:
            return values[rows, columns]
        total = values.new_zeros(len(rows), values.shape[2])
        for row, row_weight in self._reaching(rows, values.shape[0]):
            for column, column_weight in self._reaching(columns, values.shape[1]):
                total += (row_weight * column_weight)[:, None] * values[row, column]
        return total

    def _reaching(self, pixels: Tensor, length: int) -> list[tuple[Tensor, Tensor]]:
        """Return the two cells that reach each pixel, with their weights.

        Along one axis; a cell outside of the map weighs 0.
        """
        place = pixels + self.crop
        found = []
        for back in (0, 1):
            cell = place // self.factor - back
            distance = (place - cell * self.factor - (self.kernel - 1) / 2).abs() / self.factor
            inside = (cell >= 0) & (cell < length)
            found.append((cell.clamp(0, length - 1), torch.where(inside, (1 - distance).clamp(min=0), 0.0)))
        return found

    def only(self, number: int) -> ScoreMap:
        """Return the score map of one of the images."""
        values = self.values[number : number + 1]
        return ScoreMap(values, self.size, self.upsample, self.factor, self.kernel, self.crop)

    def _cells(self, pixels: tuple[int, int], length: int) -> tuple[int, int]:
        """Return the range of cells that reach some pixels.

        It is the first cell that reaches them, and the one after the last.
        """
        first = (pixels[0] + self.crop - self.kernel) // self.factor + 1
        return max(0, first), min(length, (pixels[1] - 1 + self.crop) // self.factor + 1)
