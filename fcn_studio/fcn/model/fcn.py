"""The interface of every network, and the fully convolutional network.

An FCN has scores at several strides, summed after upsampling.

Source: Long, Shelhamer & Darrell, "Fully Convolutional Networks for Semantic Segmentation" (CVPR 2015, PAMI 2017)
and the released nets (voc-fcn32s, voc-fcn16s, voc-fcn8s, voc-fcn8s-atonce, voc-fcn-alexnet), whose layer names are
kept. As in the released nets the upsampling is not learned, unless it is asked for; its kernel is then computed and
no part of a checkpoint.
"""

from __future__ import annotations

import math
from abc import ABC, abstractmethod
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace

import torch
from torch import Tensor, nn
from torch.nn import functional

from fcn_studio.fcn.model.backbones import Features, Trunk
from fcn_studio.fcn.model.light_head import LightHead
from fcn_studio.fcn.model.receptive_field import IMAGE, Grid
from fcn_studio.fcn.model.score_map import ScoreMap
from fcn_studio.fcn.model.upsampling import BilinearUpsample, LearnedUpsample, adapted_upsampling

_SKIPS = (
    (16, "score_pool4", "upscore2"),
    (8, "score_pool3", "upscore_pool4"),
    (4, "score_pool2", "upscore_pool3"),
    (2, "score_pool1", "upscore_pool2"),
)
"""(stride, score layer, layer that upsamples to it); the released nets end at stride 8."""

_LAST_UPSCORE = {32: "upscore", 16: "upscore16", 8: "upscore8", 4: "upscore4", 2: "upscore_pool1"}


class Network(nn.Module, ABC):
    """Network that scores each class at each pixel.

    Its input is normalised images of every size from 1x1 on.

    Attributes:
        score_layers: names of the layers with one output channel a class: what the quick level trains.
        head_layers: how the names of the layers before them begin, which the paper calls the head: fc6 and fc7.
        early_layers: how the names of the first layers begin, which see edges and colours in any picture.
        halo: how far from a pixel, along an axis, lie the farthest input pixels that its scores depend on.
        alignment: a tile must start at a multiple of it in the image to see the phase of the whole.
        exact_tiles: whether tiles so aligned, with the halo around them, give the scores of the whole image.
        channels_per_pixel: size of the largest map, in numbers for each pixel of the image.
    """

    score_layers: tuple[str, ...]
    head_layers: tuple[str, ...]
    early_layers: tuple[str, ...]
    halo: int
    alignment: int = 32
    exact_tiles: bool = True
    channels_per_pixel: int

    def forward(self, images: Tensor) -> Tensor:
        """Scores (N, C, H, W) of normalised images (N, 3, H, W)."""
        height, width = images.shape[-2:]
        return self.decode(self.features(images), height, width)

    @abstractmethod
    def features(self, images: Tensor) -> Features:
        """Return what the score layers need of normalised images.

        The images are (N, 3, H, W). The features stay as they are in the quick level.
        """

    @abstractmethod
    def decode(self, features: Features, height: int, width: int) -> Tensor:
        """Return scores (N, C, height, width) of the features of images.

        The images are of that size.
        """

    def score_map(self, features: Features, height: int, width: int) -> ScoreMap:
        """Return the scores of `decode` as a map.

        If the network can do that, they are at the image's size only where they are asked for.
        """
        return ScoreMap(self.decode(features, height, width), (height, width))

    def bytes_per_pixel(self, num_classes: int) -> int:
        """Return the estimated memory of labelling for each image pixel.

        Counted are three of the largest maps, and scores at the image's size while they are compared. The weights are
        not.
        """
        return 4 * (3 * self.channels_per_pixel + 4 * num_classes)

    def adapted(self, key: str, value: Tensor, sources: Sequence[int | None]) -> Tensor:
        """Return a weight of this network for other classes.

        Most weights do not depend on the classes, and are given back as they are.

        Args:
            key: its name in the state dict.
            value: the weight.
            sources: for each new class its old channel, or None: then its scores start at zero.
        """
        return rows_for(value, sources) if key.rpartition(".")[0] in self.score_layers else value

    def for_inference(self) -> Network:
        """Return a cheaper network with the same scores.

        The scores are the same in evaluation mode. Where no such network is known, it is this one.
        """
        return self


def rows_for(value: Tensor, sources: Sequence[int | None], fill: float = 0) -> Tensor:
    """Return rows of ``value`` (C, ...) for other classes.

    Kept classes keep their rows, and new ones are filled with ``fill``.
    """
    adapted = value.new_full((len(sources), *value.shape[1:]), fill)
    for new, old in enumerate(sources):
        if old is not None:
            adapted[new] = value[old]
    return adapted


@dataclass(frozen=True, slots=True)
class _Fusion:
    """One step down.

    It upsamples by 2, crops, and adds the score of a finer tap. ``crop`` is the index in the tap of the upsampled
    map's cell 0; negative where the upsampled map starts outside of the tap and is itself cropped.
    """

    stride: int
    score: str
    upscore: str
    crop: int


class FCN(Network):
    """FCN-32s, -16s, -8s or finer over a trunk.

    The output has the input's size, whatever that is.

    Attributes:
        trunk: what makes the features.
        stride: of the finest score: 32, 16 or 8; 4 or 2 where the trunk has such taps.
        scales: stride -> constant factor on the tap before its score layer (FCN-8s at-once).
    """

    def __init__(
        self,
        trunk: Trunk,
        num_classes: int,
        stride: int = 8,
        scales: Mapping[int, float] | None = None,
        *,
        learned: bool = False,
        light_head: int = 0,
    ) -> None:
        """Derive all crops from the trunk's grids.

        Args:
            trunk: what makes the features.
            num_classes: channels of the scores.
            stride: of the finest score.
            scales: stride -> constant factor on the tap before its score layer.
            learned: whether upsampling has weights.
            light_head: channels of a light head beside the taps; 0 for none.
        """
        super().__init__()
        self.trunk, self.stride, self.scales = trunk, stride, dict(scales or {})
        self.early_layers = tuple(f"trunk.{name}" for name in trunk.early_layers)
        skips = [skip for skip in _SKIPS if skip[0] >= stride]
        self.head = LightHead(trunk, [32, *(tap for tap, *_ in skips)], light_head) if light_head else None
        taps = trunk if self.head is None else self.head
        self.head_layers = ("head",) if self.head else tuple(f"trunk.{name}" for name in trunk.head_layers)
        self.score_fr = nn.Conv2d(taps.channels[32], num_classes, 1)
        self._learned = num_classes if learned else 0
        self._fusions: list[_Fusion] = []
        grid = taps.grids[32]
        for tap, score, upscore in skips:
            grid = self._add_upsampling(upscore, grid, 2, 4 - trunk.odd_kernels)
            self.add_module(score, nn.Conv2d(taps.channels[tap], num_classes, 1))
            crop = taps.grids[tap].index_of(grid)
            self._fusions.append(_Fusion(tap, score, upscore, crop))
            if crop < 0:
                grid = taps.grids[tap].seeing(grid)
        self._last = _LAST_UPSCORE[stride]
        self._last_kernel = 2 * stride - trunk.odd_kernels
        grid = self._add_upsampling(self._last, grid, stride, self._last_kernel)
        self._last_crop = grid.index_of(IMAGE)
        self.score_layers = ("score_fr", *(fusion.score for fusion in self._fusions))
        self.halo = math.ceil(grid.reach)
        self.channels_per_pixel = trunk.channels_per_pixel

    def _add_upsampling(self, name: str, grid: Grid, factor: int, kernel: int) -> Grid:
        """Add a layer that upsamples a map of a grid.

        Returns the grid of the layer's result.
        """
        learned = self._learned
        self.add_module(
            name, LearnedUpsample(learned, factor, kernel) if learned else BilinearUpsample(factor, kernel)
        )
        if self.trunk.extends_rim:
            grid = replace(grid, offset=grid.offset - grid.stride)
        return grid.deconv(kernel, factor)

    def _extended(self, scores: Tensor) -> Tensor:
        """Return scores with their outermost cells repeated once around.

        This is done if the trunk's maps need it.
        """
        return functional.pad(scores, (1, 1, 1, 1), mode="replicate") if self.trunk.extends_rim else scores

    @property
    def crops(self) -> tuple[int, ...]:
        """The derived crops, coarsest first, the last to the image."""
        return (*(fusion.crop for fusion in self._fusions), self._last_crop)

    def features(self, images: Tensor) -> Features:
        """Return the taps that have scores.

        If there is a head, its channels are among them.
        """
        return self.of_taps(self.trunk(images))

    def of_taps(self, taps: Features) -> Features:
        """Return the same features of the taps that the trunk gives."""
        used = {stride: tap for stride, tap in taps.items() if stride >= self.stride}
        return used if self.head is None else self.head(used)

    def decode(self, features: Features, height: int, width: int) -> Tensor:
        """Return scores (N, C, height, width) of the trunk's features.

        The features are of an image of that size.
        """
        return self.score_map(features, height, width).whole()

    def score_map(self, features: Features, height: int, width: int) -> ScoreMap:
        """Return the sum of all scores at the finest stride.

        It is to be upsampled to an image of that size.
        """
        scores = self._fused(features, lambda layer, tap: self.get_submodule(layer)(tap), torch.add)
        return self._upsampled_last(scores, height, width)

    def score_inputs(self, features: Features, height: int, width: int) -> ScoreMap:
        """Return what the scores of an image are linear in.

        They are if upsampling is not learned. The channels are those of the taps, each upsampled as its scores are,
        in the order of the score layers.
        """
        joined = self._fused(features, lambda _, tap: tap, lambda *maps: torch.cat(maps, 1))
        return self._upsampled_last(joined, height, width)

    def _fused(
        self, features: Features, score: Callable[[str, Tensor], Tensor], join: Callable[[Tensor, Tensor], Tensor]
    ) -> Tensor:
        """Upsample stride by stride and join what is scored there, down to the finest stride."""
        scores = score("score_fr", features[32])
        for fusion in self._fusions:
            upsampled: Tensor = self.get_submodule(fusion.upscore)(self._extended(scores))
            ahead, behind = max(0, -fusion.crop), max(0, fusion.crop)
            upsampled = upsampled[:, :, ahead:, ahead:]
            tap = features[fusion.stride][:, :, behind:, behind:]
            # What the two do not share is cut off before the score layer, which need not see it.
            rows, columns = min(upsampled.shape[2], tap.shape[2]), min(upsampled.shape[3], tap.shape[3])
            tap = tap[:, :, :rows, :columns]
            if fusion.stride in self.scales:
                tap = tap * self.scales[fusion.stride]
            scores = join(upsampled[:, :, :rows, :columns], score(fusion.score, tap))
        return scores

    def _upsampled_last(self, values: Tensor, height: int, width: int) -> ScoreMap:
        """Return values at the finest stride as a map to be upsampled to the image."""
        last = self.get_submodule(self._last)
        return ScoreMap(
            self._extended(values), (height, width), last, self.stride, self._last_kernel, self._last_crop
        )

    def adapted(self, key: str, value: Tensor, sources: Sequence[int | None]) -> Tensor:
        """Return the scores' weight for other classes.

        Rows change, and of learned upsampling both rows and columns, new classes being interpolated.
        """
        if key.startswith("upscore"):
            return adapted_upsampling(value, sources)
        return super().adapted(key, value, sources)
