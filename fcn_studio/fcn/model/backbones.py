"""Trunks of networks.

A trunk turns an image into features, and has the geometry of what it gives out.
"""

from __future__ import annotations

from collections import OrderedDict
from dataclasses import dataclass

from torch import Tensor, nn

from fcn_studio.fcn.model.receptive_field import IMAGE, Grid

Features = dict[int, Tensor]
"""Stride in input pixels -> feature map (N, C, h, w)."""

VGG16_STAGES = ((64, 2), (128, 2), (256, 3), (512, 3), (512, 3))
"""(channels, convolutions) of the five stages of VGG-16. Source: Simonyan & Zisserman 2014, configuration D."""

CAFFE_PADDING = 100
"""Padding of conv1_1 in the released FCNs: lets the 7x7 fc6 without padding cover images of any size."""

_FC6_KERNEL = 7


class Trunk(nn.Module):
    """What turns normalised images (N, 3, H, W) into features.

    Attributes:
        grids: stride -> geometry of the map given out there.
        channels: stride -> its number of channels.
        channels_per_pixel: size of the largest map, in numbers for each pixel of the image.
        early_layers: how the names of the first layers begin.
        head_layers: how the names of the layers that the paper calls the head begin: fc6 and fc7.
        odd_kernels: whether scores are upsampled by kernels of an odd side, 2 * factor - 1 as in the released
            FCN-AlexNet, after which their cells fall on those of the taps.
        extends_rim: whether score maps are extended by their outermost cells before they are upsampled, since the
            image reaches beyond the centres of these.
    """

    early_layers: tuple[str, ...]
    head_layers: tuple[str, ...] = ("head",)
    odd_kernels = False
    extends_rim = False

    def __init__(self) -> None:
        super().__init__()
        self.grids: dict[int, Grid] = {}
        self.channels: dict[int, int] = {}
        self.channels_per_pixel = 0


class VGGTrunk(Trunk):
    """VGG-16's body with fc6 and fc7 as convolutions.

    Layers bear Caffe's names (``conv1_1`` ... ``fc7``). Pooling rounds up, as Caffe's does, so that every image size
    from 1x1 on works. Its taps: 8 is pool3, 16 is pool4, 32 is fc7.
    """

    early_layers = ("stages.stage1", "stages.stage2")

    def __init__(
        self,
        *,
        width: float = 1.0,
        fc: int = 4096,
        batch_norm: bool = False,
        head_batch_norm: bool = True,
        padding: int = CAFFE_PADDING,
        dropout: float = 0.5,
    ) -> None:
        """Lay the layers out.

        Args:
            width: multiplier of VGG-16's channels, rounded to multiples of 8.
            fc: channels of fc6 and fc7.
            batch_norm: normalise behind every convolution, which then has no bias.
            head_batch_norm: whether that holds for fc6 and fc7 too.
            padding: of conv1_1; 1 is 'same' padding, and fc6 is then padded too.
            dropout: behind fc6 and fc7.
        """
        super().__init__()
        self.channels_per_pixel = widened(VGG16_STAGES[0][0], width)
        self.stages = nn.ModuleDict()
        grid, channels = IMAGE, 3
        for number, (full_width, depth) in enumerate(VGG16_STAGES, start=1):
            wide = widened(full_width, width)
            layers: OrderedDict[str, nn.Module] = OrderedDict()
            for i in range(1, depth + 1):
                pad = padding if (number, i) == (1, 1) else 1
                layers |= _conv_block(f"{number}_{i}", channels, wide, 3, pad, batch_norm)
                grid, channels = grid.conv(3, padding=pad), wide
            layers[f"pool{number}"] = nn.MaxPool2d(2, 2, ceil_mode=True)
            grid = grid.conv(2, stride=2)
            self.stages[f"stage{number}"] = nn.Sequential(layers)
            self.grids[2**number], self.channels[2**number] = grid, channels
        pad = _FC6_KERNEL // 2 if padding == 1 else 0
        self.head = _head(channels, fc, _FC6_KERNEL, pad, batch_norm and head_batch_norm, dropout)
        self.grids[32], self.channels[32] = grid.conv(_FC6_KERNEL, padding=pad), fc
        for unused in (2, 4):
            del self.grids[unused], self.channels[unused]

    def forward(self, images: Tensor) -> Features:
        """Return features of normalised images (N, 3, H, W).

        They are at strides 8, 16 and 32.
        """
        features: Features = {}
        x = images
        for number, stage in enumerate(self.stages.values(), start=1):
            x = stage(x)
            if 2**number in (8, 16):
                features[2**number] = x
        features[32] = self.head(x)
        return features


_ALEXNET_CONVS = ((11, 4), (5, 1), (3, 1), (3, 1), (3, 1))
"""(kernel, stride) of AlexNet's convolutions; pooling by 2 follows the first, second and fifth."""

_ALEXNET_FC6_KERNEL = 6


@dataclass(frozen=True, slots=True)
class AlexNetLayout:
    """What the two AlexNets differ in.

    Attributes:
        channels: of conv1 to conv5.
        groups: of conv1 to conv5.
        response_norm: whether pool1 and pool2 are followed by local response normalisation.
    """

    channels: tuple[int, ...]
    groups: tuple[int, ...]
    response_norm: bool


CAFFE_ALEXNET = AlexNetLayout((96, 256, 384, 384, 256), (1, 2, 1, 2, 2), response_norm=True)
"""Source: voc-fcn-alexnet/net.py of the released FCNs, which is CaffeNet: pooling comes before normalisation."""

TORCHVISION_ALEXNET = AlexNetLayout((64, 192, 384, 256, 256), (1, 1, 1, 1, 1), response_norm=False)
"""Source: torchvision.models.AlexNet, after Krizhevsky 2014, "One weird trick"."""


class AlexNetTrunk(Trunk):
    """AlexNet's body with fc6 and fc7 as convolutions.

    Its taps: 8 is stage 1, 16 is stage 2, 32 is fc7. Pooling rounds up, and conv1 is padded by 100 pixels, as in the
    released FCN-AlexNet, in both layouts.
    """

    early_layers = ("stages.stage1", "stages.stage2")
    odd_kernels = True

    def __init__(self, layout: AlexNetLayout, *, width: float = 1.0, fc: int = 4096, dropout: float = 0.5) -> None:
        """Lay the layers out.

        Args:
            layout: Caffe's or torchvision's.
            width: multiplier of the channels, rounded to multiples of 8.
            fc: channels of fc6 and fc7.
            dropout: behind fc6 and fc7.
        """
        super().__init__()
        self.stages = nn.ModuleDict({f"stage{number}": nn.Sequential() for number in (1, 2, 3)})
        grid, channels = IMAGE, 3
        for number, (kernel, stride) in enumerate(_ALEXNET_CONVS, start=1):
            stage = self.stages[f"stage{min(number, 3)}"]
            wide, pad = widened(layout.channels[number - 1], width), CAFFE_PADDING if number == 1 else kernel // 2
            groups = layout.groups[number - 1]
            stage.add_module(f"conv{number}", nn.Conv2d(channels, wide, kernel, stride, pad, groups=groups))
            stage.add_module(f"relu{number}", nn.ReLU(inplace=True))
            grid, channels = grid.conv(kernel, stride, pad), wide
            if number in (1, 2, 5):
                stage.add_module(f"pool{number}", nn.MaxPool2d(3, 2, ceil_mode=True))
                grid = grid.conv(3, 2)
            if number in (1, 2) and layout.response_norm:
                stage.add_module(f"norm{number}", nn.LocalResponseNorm(5, alpha=1e-4, beta=0.75))
            if number in (1, 2):
                self.grids[8 * number], self.channels[8 * number] = grid, channels
        self.head = _head(channels, fc, _ALEXNET_FC6_KERNEL, 0, False, dropout)
        self.grids[32], self.channels[32] = grid.conv(_ALEXNET_FC6_KERNEL), fc
        self.channels_per_pixel = -(-widened(layout.channels[0], width) // _ALEXNET_CONVS[0][1] ** 2)

    def forward(self, images: Tensor) -> Features:
        """Features of normalised images (N, 3, H, W) at strides 8, 16 and 32."""
        first = self.stages["stage1"](images)
        second = self.stages["stage2"](first)
        return {8: first, 16: second, 32: self.head(self.stages["stage3"](second))}


def widened(channels: int, width: float) -> int:
    """Channels times the width, as a multiple of 8."""
    return max(8, round(channels * width / 8) * 8)


def _conv_block(
    name: str, inputs: int, outputs: int, kernel: int, padding: int, batch_norm: bool, prefix: str = "conv"
) -> OrderedDict[str, nn.Module]:
    """Convolution, perhaps batch normalisation, ReLU, under Caffe's layer names."""
    layers: OrderedDict[str, nn.Module] = OrderedDict()
    layers[prefix + name] = nn.Conv2d(inputs, outputs, kernel, padding=padding, bias=not batch_norm)
    if batch_norm:
        layers["bn" + name] = nn.BatchNorm2d(outputs)
    layers["relu" + name] = nn.ReLU(inplace=True)
    return layers


def _head(inputs: int, fc: int, kernel: int, padding: int, batch_norm: bool, dropout: float) -> nn.Sequential:
    """fc6 and fc7 as convolutions, each with dropout behind it."""
    return nn.Sequential(
        _conv_block("6", inputs, fc, kernel, padding, batch_norm, prefix="fc")
        | OrderedDict(drop6=nn.Dropout(dropout))
        | _conv_block("7", fc, fc, 1, 0, batch_norm, prefix="fc")
        | OrderedDict(drop7=nn.Dropout(dropout))
    )
