"""EfficientNet-Lite as a trunk.

Its taps are at strides 2, 4, 8, 16 and 32.

Source: Tan & Le 2019, "EfficientNet", and the Lite variants of
https://github.com/tensorflow/tpu/tree/master/models/official/efficientnet/lite, which have ReLU6 and no
squeeze-and-excitation, and a stem and a last stage whose size does not grow.
"""

from __future__ import annotations

import math
from collections import OrderedDict
from dataclasses import dataclass, replace
from fractions import Fraction

import torch
from torch import Tensor, nn
from torch.nn import functional

from fcn_studio.fcn.model.backbones import Features, Trunk
from fcn_studio.fcn.model.receptive_field import IMAGE, Grid

COARSEST = 32
"""Stride of the last tap; the input is padded to a multiple of it."""

SCALES = {"efficientnet-lite0": (1.0, 1.0), "efficientnet-lite1": (1.0, 1.1), "efficientnet-lite2": (1.1, 1.2)}
"""Trunk -> multipliers of channels and of blocks."""

_STEM = 32


@dataclass(frozen=True, slots=True)
class _Stage:
    """Blocks that follow each other.

    Attributes:
        blocks: how many, before the multiplier.
        kernel: side of the depthwise convolutions.
        stride: of the first block.
        expansion: multiplier of the channels inside a block.
        channels: that the blocks give, before the multiplier.
        fixed: whether the number of blocks has no multiplier.
    """

    blocks: int
    kernel: int
    stride: int
    expansion: int
    channels: int
    fixed: bool = False


_STAGES = (
    _Stage(1, 3, 1, 1, 16, fixed=True),
    _Stage(2, 3, 2, 6, 24),
    _Stage(2, 5, 2, 6, 40),
    _Stage(3, 3, 2, 6, 80),
    _Stage(3, 5, 1, 6, 112),
    _Stage(4, 5, 2, 6, 192),
    _Stage(1, 3, 1, 6, 320, fixed=True),
)


class SameConv2d(nn.Conv2d):
    """A convolution with TensorFlow's 'SAME' padding.

    The sides of its maps are multiples of its stride. At stride 2 it pads one cell less on the left and above than on
    the right and below.
    """

    def __init__(self, inputs: int, outputs: int, kernel: int, stride: int = 1, groups: int = 1) -> None:
        """Create the weights.

        There is no bias, because normalisation follows.
        """
        both = kernel - stride
        self._before, self._after = both // 2, both - both // 2
        super().__init__(inputs, outputs, kernel, stride, self._before, groups=groups, bias=False)

    def forward(self, x: Tensor) -> Tensor:
        """Convolve (N, C, H, W)."""
        if self._before == self._after:
            return super().forward(x)
        # A kernel with a row and a column of zeros more, and even padding: cheaper than to copy the padded map.
        weight = functional.pad(self.weight, (1, 0, 1, 0))
        return functional.conv2d(x, weight, self.bias, self.stride, self._after, groups=self.groups)

    def grid(self, grid: Grid) -> Grid:
        """Return the output's grid for a map of this grid.

        A cell lies in the middle of the cells that it stands for, as if the padding were even. Its kernel is centred
        half a cell further, and reaches so much more.
        """
        even = grid.conv(self.kernel_size[0], self.stride[0], Fraction(self._before + self._after, 2))
        return replace(even, reach=even.reach + grid.stride * Fraction(self._after - self._before, 2))


class InvertedResidual(nn.Module):
    """Inverted residual block, MBConv.

    It expands by 1x1, convolves depthwise, and projects by 1x1. The input is added where the shapes allow.

    Source: Sandler et al. 2018, "MobileNetV2".
    """

    def __init__(self, inputs: int, outputs: int, stage: _Stage, stride: int) -> None:
        """Lay out the layers of one block of a stage."""
        super().__init__()
        inner = inputs * stage.expansion
        layers: OrderedDict[str, nn.Module] = OrderedDict()
        if stage.expansion > 1:
            layers |= _normalised("expand", SameConv2d(inputs, inner, 1))
        layers |= _normalised("depthwise", SameConv2d(inner, inner, stage.kernel, stride, groups=inner))
        layers |= _normalised("project", SameConv2d(inner, outputs, 1), activated=False)
        self.layers = nn.Sequential(layers)
        self._adds = stride == 1 and inputs == outputs

    def forward(self, x: Tensor) -> Tensor:
        """Return the block's output (N, C, h, w)."""
        y: Tensor = self.layers(x)
        return x + y if self._adds else y


class EfficientNetTrunk(Trunk):
    """EfficientNet-Lite without its last 1x1 convolution and its classifier.

    The input is padded on the right and below by reflection to multiples of 32. Every map then has whole cells and
    the same offset for all sizes.
    """

    early_layers = ("stem", "stages.stage1", "stages.stage2")
    head_layers = ()
    extends_rim = True

    def __init__(self, name: str) -> None:
        """Lay out the layers of one of `SCALES`."""
        super().__init__()
        width, _ = SCALES[name]
        stem = SameConv2d(3, _STEM, 3, 2)
        self.stem = nn.Sequential(_normalised("conv", stem))
        self.stages = nn.ModuleDict()
        self._last_stages: list[str] = []
        grid, channels, largest = stem.grid(IMAGE), _STEM, 0
        for number, (stage, count) in enumerate(zip(_STAGES, blocks_of(name), strict=True), start=1):
            wide = rounded_channels(stage.channels * width)
            blocks = []
            for place in range(count):
                largest = max(largest, channels * stage.expansion // int(grid.stride) ** 2)
                block = InvertedResidual(channels, wide, stage, stage.stride if place == 0 else 1)
                depthwise = block.layers.get_submodule("depthwise")
                assert isinstance(depthwise, SameConv2d)
                grid, channels = depthwise.grid(grid), wide
                blocks.append(block)
            self.stages[f"stage{number}"] = nn.Sequential(*blocks)
            if grid.stride == COARSEST:
                self._last_stages.append(f"stage{number}")
            self.grids[int(grid.stride)], self.channels[int(grid.stride)] = grid, wide
        self.channels_per_pixel = largest

    def forward(self, images: Tensor) -> Features:
        """Return features of normalised images (N, 3, H, W).

        They are at strides 2, 4, 8, 16 and 32.
        """
        x: Tensor = self.stem(padded_to_multiple(images, COARSEST))
        features: Features = {}
        size = x.shape[2] * 2
        for stage in self.stages.values():
            x = stage(x)
            features[size // x.shape[2]] = x
        return features

    def with_coarsest(self, features: Features) -> Features:
        """Return features with the map at stride 32, computed from the one at stride 16."""
        x = features[COARSEST // 2]
        for name in self._last_stages:
            x = self.stages[name](x)
        return {**features, COARSEST: x}


def blocks_of(name: str) -> tuple[int, ...]:
    """Return the number of blocks of each stage of one of `SCALES`."""
    _, depth = SCALES[name]
    return tuple(stage.blocks if stage.fixed else math.ceil(stage.blocks * depth) for stage in _STAGES)


def rounded_channels(channels: float) -> int:
    """Return the channels rounded to a multiple of 8.

    It is the nearest multiple that is not more than a tenth smaller.
    """
    rounded = max(8, int(channels + 4) // 8 * 8)
    return rounded + 8 if rounded < 0.9 * channels else rounded


def padded_to_multiple(images: Tensor, multiple: int) -> Tensor:
    """Return images (N, C, H, W) padded to multiples of a number.

    They are reflected on the right and below. Images smaller than what is missing are reflected more than once.
    """
    right, bottom = -images.shape[3] % multiple, -images.shape[2] % multiple
    if right < images.shape[3] and bottom < images.shape[2]:
        return functional.pad(images, (0, right, 0, bottom), mode="reflect")
    for axis in (2, 3):
        length = images.shape[axis]
        if length % multiple:
            places = torch.arange(length + -length % multiple, device=images.device)
            period = max(1, 2 * (length - 1))
            places = places % period
            images = images.index_select(axis, torch.minimum(places, period - places))
    return images


def _normalised(name: str, conv: SameConv2d, *, activated: bool = True) -> OrderedDict[str, nn.Module]:
    """Return a convolution with its batch normalisation and ReLU6."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers[name] = conv
    layers[f"{name}_bn"] = nn.BatchNorm2d(conv.out_channels, eps=1e-3, momentum=0.01)
    if activated:
        layers[f"{name}_relu"] = nn.ReLU6(inplace=True)
    return layers
