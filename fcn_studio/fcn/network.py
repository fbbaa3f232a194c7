"""The fully convolutional network: scores at several strides, summed after fixed bilinear upsampling.

Source: Long, Shelhamer & Darrell, "Fully Convolutional Networks for Semantic Segmentation" (CVPR 2015, PAMI 2017)
and the released nets (voc-fcn32s, voc-fcn16s, voc-fcn8s, voc-fcn8s-atonce), whose layer names are kept. As in the
released nets the upsampling is not learned; its kernel is computed and no part of a checkpoint.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import torch
from torch import Tensor, nn
from torch.nn import functional

from fcn_studio.fcn.backbones import Features, VGGTrunk
from fcn_studio.fcn.geometry import IMAGE

_SKIPS = ((16, "score_pool4", "upscore2"), (8, "score_pool3", "upscore_pool4"))
_LAST_UPSCORE = {32: "upscore", 16: "upscore16", 8: "upscore8"}

SCORE_LAYERS = ("score_fr", "score_pool4", "score_pool3")
"""Names of the layers that have one output channel a class."""


@dataclass(frozen=True, slots=True)
class _Fusion:
    """One step down: upsample by 2, crop, add the score of a finer tap.

    ``crop`` is the index in the tap of the upsampled map's cell 0; negative where the upsampled map starts
    outside of the tap and is itself cropped.
    """

    stride: int
    score: str
    upscore: str
    crop: int


class BilinearUpsample(nn.Module):
    """Bilinear interpolation by a whole factor as a transposed convolution, one kernel for every channel.

    Gives (n + 1) * factor cells for n, fading to zero at the rim: exactly the released nets' fixed deconvolution
    (kernel 2 * factor), at a cost linear in the number of classes.
    """

    def __init__(self, factor: int) -> None:
        """Only remembers the factor, which must be even."""
        super().__init__()
        self.factor = factor

    def forward(self, scores: Tensor) -> Tensor:
        """Upsampled scores: (N, C, h, w) -> (N, C, (h + 1) * factor, (w + 1) * factor)."""
        steps = torch.arange(2 * self.factor, dtype=scores.dtype, device=scores.device)
        ramp = 1 - (steps - (self.factor - 0.5)).abs() / self.factor
        channels = scores.shape[1]
        weight = (ramp[:, None] * ramp[None, :]).expand(channels, 1, -1, -1)
        return functional.conv_transpose2d(scores, weight, stride=self.factor, groups=channels)


class FCN(nn.Module):
    """FCN-32s, -16s or -8s over a trunk; the output has the input's size, whatever that is.

    Attributes:
        trunk: what makes the features.
        stride: of the finest score: 32, 16 or 8.
        scales: stride -> constant factor on the tap before its score layer (FCN-8s at-once).
    """

    def __init__(
        self, trunk: VGGTrunk, num_classes: int, stride: int = 8, scales: Mapping[int, float] | None = None
    ) -> None:
        """Derive all crops from the trunk's grids."""
        super().__init__()
        self.trunk, self.stride, self.scales = trunk, stride, dict(scales or {})
        self.score_fr = nn.Conv2d(trunk.channels[32], num_classes, 1)
        self._fusions: list[_Fusion] = []
        grid = trunk.grids[32]
        for tap, score, upscore in _SKIPS:
            if tap < stride:
                break
            self.add_module(upscore, BilinearUpsample(2))
            self.add_module(score, nn.Conv2d(trunk.channels[tap], num_classes, 1))
            grid = grid.deconv(4, 2)
            crop = trunk.grids[tap].index_of(grid)
            self._fusions.append(_Fusion(tap, score, upscore, crop))
            if crop < 0:
                grid = trunk.grids[tap]
        self._last = _LAST_UPSCORE[stride]
        self.add_module(self._last, BilinearUpsample(stride))
        self._last_crop = grid.deconv(2 * stride, stride).index_of(IMAGE)

    @property
    def crops(self) -> tuple[int, ...]:
        """The derived crops, coarsest first, the last to the image."""
        return (*(fusion.crop for fusion in self._fusions), self._last_crop)

    def forward(self, images: Tensor) -> Tensor:
        """Scores (N, C, H, W) of normalised images (N, 3, H, W)."""
        height, width = images.shape[-2:]
        return self.decode(self.trunk(images), height, width)

    def decode(self, features: Features, height: int, width: int) -> Tensor:
        """Scores (N, C, height, width) from the trunk's features of an image of that size."""
        scores: Tensor = self.score_fr(features[32])
        for fusion in self._fusions:
            tap = features[fusion.stride]
            if fusion.stride in self.scales:
                tap = tap * self.scales[fusion.stride]
            upsampled: Tensor = self.get_submodule(fusion.upscore)(scores)
            scores = _add_aligned(upsampled, self.get_submodule(fusion.score)(tap), fusion.crop)
        upsampled = self.get_submodule(self._last)(scores)
        crop = self._last_crop
        return upsampled[:, :, crop : crop + height, crop : crop + width]


def _add_aligned(upsampled: Tensor, skip: Tensor, crop: int) -> Tensor:
    """Sum of two score maps where they overlap; cell 0 of ``upsampled`` is cell ``crop`` of ``skip``."""
    ahead, behind = max(0, -crop), max(0, crop)
    upsampled, skip = upsampled[:, :, ahead:, ahead:], skip[:, :, behind:, behind:]
    height = min(upsampled.shape[2], skip.shape[2])
    width = min(upsampled.shape[3], skip.shape[3])
    return upsampled[:, :, :height, :width] + skip[:, :, :height, :width]
