"""The FCN8 of the article that the project began with.

It is a DAG that concatenates its taps, and all of its upsampling is learned.

Layers and their names are the article's, so that its state dicts load. Its code fails at most sizes (pooling rounds
down, and the maps to be concatenated differ); here images are padded to a multiple of 32 with zeros, as its
convolutions pad them, and the scores are cropped. At multiples of 32 the scores are the article's own.

Behind the concatenation there is no non-linearity: two transposed convolutions and a convolution of up to 789
channels each, nine tenths of the cost. `ArticleFCN8.for_inference` has one transposed convolution in their place
(docs/adr/0016).
"""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import cast

import torch
from torch import Tensor, nn
from torch.nn import functional

from fcn_studio.fcn.model.backbones import Features, widened
from fcn_studio.fcn.model.fcn import Network, rows_for
from fcn_studio.fcn.model.receptive_field import IMAGE, Grid
from fcn_studio.fcn.model.upsampling import bilinear_kernel

_STAGES = ((96,), (256,), (384, 384, 256), (512, 512))
"""Channels of the convolutions of stages 1 to 4; stage 5 has one with a channel for each class."""

_MULTIPLE = 32
_TRUNK = ("stage1", "stage2", "stage3", "stage4", "stage5", "upsample_2", "upsample_4")


class ArticleFCN8(Network):
    """The article's network, as it is trained.

    Attributes:
        stage1, stage2, stage3, stage4, stage5: convolutions, each with ReLU and then normalisation, and pooling.
        upsample_2: stage 4's map to stride 8.
        upsample_4: stage 5's map to stride 8.
        upsample_81, upsample_82: the concatenated map to strides 2 and 1.
        final: a convolution to the scores.
    """

    score_layers = ("final.0",)
    head_layers = ("stage5", "upsample_")
    early_layers = ("stage1", "stage2")
    alignment = _MULTIPLE

    def __init__(self, num_classes: int, width: float = 1.0) -> None:
        """Create the layers.

        ``width`` multiplies the channels of the trunk, rounded to multiples of 8.
        """
        super().__init__()
        channels = 3
        for number, full_widths in enumerate(_STAGES, start=1):
            wide = [widened(full, width) for full in full_widths]
            self.add_module(f"stage{number}", _stage(channels, wide))
            channels = wide[-1]
        self.stage5 = _stage(channels, [num_classes])
        self._kept = widened(_STAGES[2][-1], width) + channels
        joint = self._kept + num_classes
        self.upsample_2 = _upsampling(channels, factor=2)
        self.upsample_4 = _upsampling(num_classes, factor=4)
        self.upsample_81 = _upsampling(joint, factor=4)
        self.upsample_82 = _upsampling(joint, factor=2)
        self.final = nn.Sequential(nn.Conv2d(joint, num_classes, 7, padding=3))
        self.halo = math.ceil(_grid().reach)
        self.channels_per_pixel = joint

    def features(self, images: Tensor) -> Features:
        """Return the concatenated map at stride 8 of the padded images."""
        height, width = images.shape[-2:]
        x = functional.pad(images, (0, -width % _MULTIPLE, 0, -height % _MULTIPLE))
        pool3 = self.get_submodule("stage3")(self.get_submodule("stage2")(self.get_submodule("stage1")(x)))
        pool4 = self.get_submodule("stage4")(pool3)
        return {8: torch.cat([pool3, self.upsample_2(pool4), self.upsample_4(self.stage5(pool4))], dim=1)}

    def decode(self, features: Features, height: int, width: int) -> Tensor:
        """Return scores (N, C, height, width) from the concatenated map."""
        return self.tail(features[8])[:, :, :height, :width]

    def tail(self, joint: Tensor) -> Tensor:
        """Return scores at stride 1 from the concatenated map at stride 8."""
        scores: Tensor = self.final(self.upsample_82(self.upsample_81(joint)))
        return scores

    def for_inference(self) -> Network:
        """Return the same network with a collapsed tail.

        It shares the other layers.
        """
        return _CollapsedFCN8(self)

    def adapted(self, key: str, value: Tensor, sources: Sequence[int | None]) -> Tensor:
        """Return a weight for other classes.

        Rows and columns of kept classes stay, and new ones are fresh. A new class has random weights in stage 5 and
        scores of zero: zeros in stage 5 would stay zeros behind ReLU.
        """
        layer, _, what = key.rpartition(".")
        if key == "stage5.0.weight":
            return _with_random_rows(value, sources)
        if layer in ("stage5.0", "stage5.2", "upsample_4", "final.0") and value.ndim == 1:
            return rows_for(value, sources, fill=1 if (layer, what) in _ONES else 0)
        if layer == "final.0":
            return _columns_for(rows_for(value, sources), self._kept, sources)
        if layer == "upsample_4":
            return _joint_for(value, 0, sources, factor=4)
        if layer in ("upsample_81", "upsample_82"):
            if value.ndim == 1:
                return torch.cat([value[: self._kept], rows_for(value[self._kept :], sources)])
            return _joint_for(value, self._kept, sources, factor=4 if layer == "upsample_81" else 2)
        return value


_ONES = (("stage5.2", "weight"), ("stage5.2", "running_var"))


class _CollapsedFCN8(ArticleFCN8):
    """The article's network with its tail in one piece."""

    def __init__(self, plain: ArticleFCN8) -> None:
        Network.__init__(self)
        for name in _TRUNK:
            self.add_module(name, plain.get_submodule(name))
        with torch.no_grad():
            self.collapsed = CollapsedTail(plain)
        self.halo = plain.halo
        self.channels_per_pixel = cast(nn.Conv2d, plain.get_submodule("stage1.0")).out_channels

    def tail(self, joint: Tensor) -> Tensor:
        scores: Tensor = self.collapsed(joint)
        return scores

    def for_inference(self) -> Network:
        return self


@dataclass(frozen=True, slots=True)
class _Side:
    """A part of an axis of the tail's middle map.

    The map loses one cell at either end.

    Attributes:
        source: cells of the tail's input that it comes from.
        taps: of the two transposed convolutions that lead there.
        kernel: rows of the collapsed kernel that reach visible scores.
        target: those scores.
        padding: of the collapsed transposed convolution.
        sign: whether the part is to be taken (1) or was taken too much (-1).
    """

    source: slice
    taps: slice
    kernel: slice
    target: slice
    padding: int
    sign: int


_ALL = slice(None)
_SIDES = (
    _Side(_ALL, _ALL, _ALL, _ALL, 4, 1),
    _Side(slice(0, 1), slice(0, 1), slice(4, 7), slice(0, 3), 0, -1),
    _Side(slice(-1, None), slice(3, 4), slice(0, 3), slice(-3, None), 0, -1),
)
"""The whole axis as if nothing were cropped, and the cropped cells at its beginning and at its end."""


class CollapsedTail(nn.Module):
    """The article's tail as one transposed convolution, borders included.

    Its kernel is 16, its stride 8, its padding 4.

    It is linear, so kernels can be multiplied out: behind a transposed convolution A, one of weight B and stride s
    makes of A's weight, taken as an image, the weight of both. The one thing in the way is what the tail crops in
    between (``padding=1`` of ``upsample_82``): 3 pixels at each border would see a row that is not there. That row's
    part is subtracted, by eight thin kernels: inclusion and exclusion over rows and columns. The biases make an image
    of their own, which repeats every 2 pixels but for 4 at each border.
    """

    def __init__(self, plain: ArticleFCN8) -> None:
        """Multiply the kernels out, once."""
        super().__init__()
        final = cast(nn.Conv2d, plain.final[0])
        backwards = final.weight.transpose(0, 1).flip(2, 3)
        for i, rows in enumerate(_SIDES):
            for j, columns in enumerate(_SIDES):
                late = plain.upsample_82.weight[:, :, rows.taps, columns.taps]
                early = plain.upsample_81.weight[:, :, rows.taps, columns.taps]
                behind = functional.conv_transpose2d(late, backwards)
                kernel = functional.conv_transpose2d(early, behind, stride=2)[:, :, rows.kernel, columns.kernel]
                self.register_buffer(f"kernel_{i}{j}", (rows.sign * columns.sign * kernel).contiguous())
        nothing = final.weight.new_zeros(1, final.in_channels, 2, 2)
        ends = torch.tensor([0, 1, 2, 3, 4, 5, 12, 13, 14, 15])
        self.register_buffer("constant", plain.tail(nothing)[0][:, ends][:, :, ends])

    def forward(self, joint: Tensor) -> Tensor:
        """Return scores of the concatenated map.

        The map is (N, channels, h, w), the scores (N, C, 8 * h, 8 * w).
        """
        height, width = joint.shape[-2:]
        rows, columns = (_stretched(8 * size, joint.device) for size in (height, width))
        scores = self.get_buffer("constant")[:, rows][:, :, columns].repeat(len(joint), 1, 1, 1)
        for i, vertical in enumerate(_SIDES):
            for j, across in enumerate(_SIDES):
                scores[:, :, vertical.target, across.target] += functional.conv_transpose2d(
                    joint[:, :, vertical.source, across.source],
                    self.get_buffer(f"kernel_{i}{j}"),
                    stride=8,
                    padding=(vertical.padding, across.padding),
                )
        return scores


def _stretched(size: int, device: torch.device) -> Tensor:
    """Return cell indices of a stretched axis, int64 (size,).

    They are cells 0 to 3, then 4 and 5 alternately, then 6 to 9.
    """
    steps = torch.arange(size, device=device)
    inner = torch.where(steps < 4, steps, 4 + steps % 2)
    return torch.where(steps < size - 4, inner, steps - (size - 10))


def _stage(inputs: int, channels: Sequence[int]) -> nn.Sequential:
    """Return convolutions, each with ReLU and then normalisation, and pooling by 2."""
    layers: list[nn.Module] = []
    for wide in channels:
        layers += [nn.Conv2d(inputs, wide, 3, padding=1), nn.ReLU(), nn.BatchNorm2d(wide)]
        inputs = wide
    return nn.Sequential(*layers, nn.MaxPool2d(2))


def _upsampling(channels: int, factor: int) -> nn.ConvTranspose2d:
    """Return a transposed convolution that begins as interpolation.

    Its kernel has a side of 4.
    """
    layer = nn.ConvTranspose2d(channels, channels, 4, stride=factor, padding=1 if factor == 2 else 0)
    with torch.no_grad():
        layer.weight.copy_(_interpolation(channels, factor).to(layer.weight.device))
        cast(Tensor, layer.bias).zero_()
    return layer


def _interpolation(channels: int, factor: int) -> Tensor:
    """Return a weight (C, C, 4, 4) for upsampling.

    By 2 it is bilinear. By 4 it repeats a cell.
    """
    kernel = bilinear_kernel(4) if factor == 2 else torch.ones(4, 4)
    return torch.eye(channels)[:, :, None, None] * kernel


def _grid() -> Grid:
    """Return the grid of the scores."""
    grid = IMAGE
    for widths in (*_STAGES, (1,)):
        for _ in widths:
            grid = grid.conv(3, padding=1)
        grid = grid.conv(2, stride=2)
    return grid.deconv(4, 4).deconv(4, 4).deconv(4, 2, padding=1).conv(7, padding=3)


def _with_random_rows(value: Tensor, sources: Sequence[int | None]) -> Tensor:
    """Return rows for other classes.

    Kept classes keep theirs. New ones get He's random rows, from a fixed seed.
    """
    fan_in = value[0].numel() if len(value) else math.prod(value.shape[1:])
    generator = torch.Generator().manual_seed(0)
    adapted = torch.randn((len(sources), *value.shape[1:]), generator=generator) * math.sqrt(2 / fan_in)
    for new, old in enumerate(sources):
        if old is not None:
            adapted[new] = value[old]
    return adapted.to(value.dtype)


def _columns_for(value: Tensor, kept: int, sources: Sequence[int | None]) -> Tensor:
    """Return columns for other classes.

    The trunk's columns come first, unchanged, then those of the classes, zero for new ones.
    """
    classes = rows_for(value[:, kept:].transpose(0, 1), sources).transpose(0, 1)
    return torch.cat([value[:, :kept], classes], dim=1).contiguous()


def _joint_for(value: Tensor, kept: int, sources: Sequence[int | None], factor: int) -> Tensor:
    """Return a joint kernel for other classes.

    It is (kept + C, kept + C, 4, 4). New classes interpolate.
    """
    rows = [*range(kept), *(None if old is None else kept + old for old in sources)]
    adapted = rows_for(rows_for(value, rows).transpose(0, 1), rows).transpose(0, 1).contiguous()
    fresh = [new for new, old in enumerate(rows) if old is None]
    adapted[fresh, fresh] = _interpolation(1, factor)[0, 0].to(value.dtype)
    return adapted
