"""EfficientNet-Lite as a classifier, and FCN over it, written out plainly under the names of its publisher.

It knows nothing of the program: TensorFlow's padding is computed for each size, and scores are upsampled by
interpolation between cell centres.
"""

from __future__ import annotations

import math

import torch
from torch import Tensor, nn
from torch.nn import functional

STAGES = [
    (1, 3, 1, 1, 16), (2, 3, 2, 6, 24), (2, 5, 2, 6, 40), (3, 3, 2, 6, 80), (3, 5, 1, 6, 112), (4, 5, 2, 6, 192),
    (1, 3, 1, 6, 320),
]  # fmt: skip
"""(blocks, kernel, stride, expansion, channels)."""

LITE = {
    0: [(1, 16), (2, 24), (2, 40), (3, 80), (3, 112), (4, 192), (1, 320)],
    1: [(1, 16), (3, 24), (3, 40), (4, 80), (4, 112), (5, 192), (1, 320)],
    2: [(1, 16), (3, 24), (3, 48), (4, 88), (4, 120), (5, 208), (1, 352)],
}
"""(blocks, channels) of each stage of Lite0, 1 and 2."""


def same_padded(x: Tensor, kernel: int, stride: int) -> Tensor:
    """TensorFlow's 'SAME': as many outputs as inputs by stride, what is odd of the padding right and below."""
    missing = [max((math.ceil(n / stride) - 1) * stride + kernel - n, 0) for n in x.shape[2:]]
    top, left = missing[0] // 2, missing[1] // 2
    return functional.pad(x, (left, missing[1] - left, top, missing[0] - top))


class PlainBlock(nn.Module):
    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int, expansion: int) -> None:
        super().__init__()
        inner = inputs * expansion
        self.kernel, self.stride, self.expands = kernel, stride, expansion > 1
        self.adds = stride == 1 and inputs == outputs
        if self.expands:
            self._expand_conv = nn.Conv2d(inputs, inner, 1, bias=False)
            self._bn0 = nn.BatchNorm2d(inner, eps=1e-3)
        self._depthwise_conv = nn.Conv2d(inner, inner, kernel, stride, groups=inner, bias=False)
        self._bn1 = nn.BatchNorm2d(inner, eps=1e-3)
        self._project_conv = nn.Conv2d(inner, outputs, 1, bias=False)
        self._bn2 = nn.BatchNorm2d(outputs, eps=1e-3)

    def forward(self, image: Tensor) -> Tensor:
        x = image
        if self.expands:
            x = self._bn0(self._expand_conv(x)).clamp(0, 6)
        x = self._bn1(self._depthwise_conv(same_padded(x, self.kernel, self.stride))).clamp(0, 6)
        x = self._bn2(self._project_conv(x))
        return x + image if self.adds else x


class PlainEfficientNet(nn.Module):
    """Lite0, 1 or 2 with its classifier."""

    def __init__(self, number: int, classes: int = 1000) -> None:
        super().__init__()
        self._conv_stem = nn.Conv2d(3, 32, 3, 2, bias=False)
        self._bn0 = nn.BatchNorm2d(32, eps=1e-3)
        blocks, channels = [], 32
        self.ends = {}
        for (count, wide), (_, kernel, stride, expansion, _) in zip(LITE[number], STAGES, strict=True):
            for place in range(count):
                blocks.append(PlainBlock(channels, wide, kernel, stride if place == 0 else 1, expansion))
                channels = wide
            self.ends[len(blocks) - 1] = wide
        self._blocks = nn.ModuleList(blocks)
        self._conv_head = nn.Conv2d(channels, 1280, 1, bias=False)
        self._bn1 = nn.BatchNorm2d(1280, eps=1e-3)
        self._fc = nn.Linear(1280, classes)

    def taps(self, image: Tensor) -> dict[int, Tensor]:
        """What the last block of each stride gives, of images whose sides are multiples of 32."""
        x = self._bn0(self._conv_stem(same_padded(image, 3, 2))).clamp(0, 6)
        taps = {}
        for number, block in enumerate(self._blocks):
            x = block(x)
            if number in self.ends:
                taps[image.shape[3] // x.shape[3]] = x
        return taps

    def forward(self, image: Tensor) -> Tensor:
        x = self._bn1(self._conv_head(self.taps(image)[32])).clamp(0, 6)
        return self._fc(x.mean((2, 3)))


def reflected(image: Tensor) -> Tensor:
    """The image continued by its mirror images, right and below, to multiples of 32, pixel by pixel."""
    height, width = image.shape[2:]

    def source(place: int, length: int) -> int:
        while not 0 <= place < length:
            place = 2 * (length - 1) - place if place >= length else -place
        return place

    rows = [source(y, height) if height > 1 else 0 for y in range(math.ceil(height / 32) * 32)]
    columns = [source(x, width) if width > 1 else 0 for x in range(math.ceil(width / 32) * 32)]
    return image[:, :, rows][:, :, :, columns]


def fused(taps: dict[int, Tensor], scores: dict[int, nn.Conv2d], size: tuple[int, int]) -> Tensor:
    """Scores of the taps, coarsest first, each sum interpolated to the next tap, the last to the image."""
    total = torch.zeros(())
    for stride in sorted(scores, reverse=True):
        score = scores[stride](taps[stride])
        if total.ndim:
            total = functional.interpolate(total, scale_factor=2, mode="bilinear", align_corners=False)
        total = total + score
    whole = functional.interpolate(total, scale_factor=min(scores), mode="bilinear", align_corners=False)
    return whole[:, :, : size[0], : size[1]]
