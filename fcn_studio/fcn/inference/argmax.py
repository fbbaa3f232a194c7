"""Conversion of a score map to label map, uncertainty and second guess.

It works strip by strip.
"""

from __future__ import annotations

from dataclasses import dataclass

import torch
from torch import Tensor

from fcn_studio.core.classes import VOID
from fcn_studio.fcn.model.score_map import ScoreMap
from fcn_studio.fcn.transforms import Image

_STRIP_BYTES = 16 * 2**20

Planes = tuple[Image, Image, Image]
"""Label map, uncertainty and second guess of one image, uint8 (H, W) each."""

DOUBTED = 8
"""The uncertainty from which a pixel gets a second guess.

Below it the network is sure (97 %), and comparing all classes once more would double the time of the comparison.
"""


@dataclass(frozen=True)
class InterpolationAxis:
    """Linear interpolation along one axis of a score map.

    Image pixel ``start + i`` lies between two cells.

    Attributes:
        start: first image pixel.
        low, high: cells before and after, int64 (n,).
        weight: of the cell after, float32 (n,); None if every pixel lies on its cell.
    """

    start: int
    low: Tensor
    high: Tensor
    weight: Tensor | None

    @classmethod
    def of(cls, full: int, scaled: int, begin: int, end: int, origin: int) -> InterpolationAxis:
        """Return the image pixels of cells ``begin`` to ``end`` of a map.

        The map is given from cell ``origin`` on. The map of all ``scaled`` cells covers all ``full`` pixels, centres
        at halves (align_corners=False).
        """
        start = -(-begin * full // scaled)
        stop = min(full, -(-end * full // scaled))
        pixels = torch.arange(start, stop)
        if full == scaled:
            return cls(start, pixels - origin, pixels - origin, None)
        position = ((pixels + 0.5).double() * (scaled / full) - 0.5).clamp(0, scaled - 1)
        low = position.floor().long()
        high = (low + 1).clamp(max=scaled - 1)
        return cls(start, low - origin, high - origin, (position - low).float())

    def __len__(self) -> int:
        return len(self.low)

    @property
    def span(self) -> tuple[int, int]:
        """First cell used, and the one after the last."""
        return int(self.low[0]), int(self.high[-1]) + 1

    def part(self, start: int, stop: int) -> InterpolationAxis:
        """Return a range of its pixels."""
        cut = slice(start, stop)
        weight = None if self.weight is None else self.weight[cut]
        return InterpolationAxis(self.start + start, self.low[cut], self.high[cut], weight)

    def sample(self, values: Tensor, dim: int) -> Tensor:
        """Interpolate values (h, w, C) along dimension 0 or 1.

        The values are the cells of the axis's span.
        """
        if self.weight is None:
            return values
        first = self.low[0]
        low = values.index_select(dim, (self.low - first).to(values.device))
        weight = self.weight.to(values.device).view(-1, *(1,) * (2 - dim))
        return low.lerp_(values.index_select(dim, (self.high - first).to(values.device)), weight)


@dataclass(frozen=True)
class ArgmaxUpsampler:
    """Upsample scores, and take class indices, uncertainty and second guess from them.

    Attributes:
        class_indices: the class of each channel.
        temperature: scores are divided by it before the softmax.
    """

    class_indices: tuple[int, ...]
    temperature: float

    def write(
        self,
        scores: ScoreMap,
        rows: InterpolationAxis,
        columns: InterpolationAxis,
        planes: Planes,
    ) -> None:
        """Write the best class, the uncertainty and the second best class into images.

        They are written at some of their rows and columns. Only one strip of rows at a time exists at the image's
        size: it is upsampled, resampled to the image's own resolution and compared before the next.
        """
        if not len(rows) or not len(columns):
            return
        labels, uncertainty, second_guess = planes
        indices = torch.tensor(self.class_indices, dtype=torch.uint8, device=scores.values.device)
        first, last = columns.span
        strip = max(1, _STRIP_BYTES // (4 * len(self.class_indices) * max(len(columns), last - first)))
        for start in range(0, len(rows), strip):
            part = rows.part(start, start + strip)
            # Classes lie last, where argmax is fast: (r, w, C) -> (n, w, C) -> (n, W, C).
            cells = scores.part(part.span, (first, last))[0].float().permute(1, 2, 0).contiguous()
            piece = columns.sample(part.sample(cells, 0), 1)
            best, channel = piece.max(2)
            confidence = (piece - best[..., None]).div_(self.temperature).exp_().sum(2).reciprocal_()
            doubt = confidence.neg_().add_(1).mul_(255).round_().to(torch.uint8)
            target = slice(part.start, part.start + len(part)), slice(columns.start, columns.start + len(columns))
            labels[target] = indices[channel].cpu().numpy()
            uncertainty[target] = doubt.cpu().numpy()
            second_guess[target] = self._second(piece, channel, doubt, indices).cpu().numpy()

    def _second(self, scores: Tensor, best: Tensor, doubt: Tensor, indices: Tensor) -> Tensor:
        """Return the class of the second largest score, uint8 (n, W).

        Args:
            scores: float32 (n, W, C).
            best: channel of the largest score, int64 (n, W).
            doubt: uncertainty, uint8 (n, W); pixels below `DOUBTED` get 255.
            indices: class of each channel, uint8 (C,).
        """
        second = torch.full_like(doubt, VOID)
        if len(indices) > 1:
            at = (doubt.flatten() >= DOUBTED).nonzero()[:, 0]
            rest = scores.reshape(-1, len(indices)).index_select(0, at)
            rest.scatter_(1, best.flatten()[at, None], -torch.inf)
            second.view(-1)[at] = indices[rest.max(1)[1]]
        return second
