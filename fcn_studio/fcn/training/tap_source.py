"""Cached taps, over which a head and the last stages of the trunk are trained."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from functools import partial

import numpy as np
import torch
from torch import Tensor

from fcn_studio.fcn.inference.fast_network import folded_copy
from fcn_studio.fcn.model.backbones import Features
from fcn_studio.fcn.model.efficientnet import COARSEST, EfficientNetTrunk
from fcn_studio.fcn.model.fcn import FCN, Network
from fcn_studio.fcn.training.batch_sources import FEATURE_CACHE_BYTES, Batch, FeatureSource
from fcn_studio.fcn.training.crop_sampler import VIEWS, CropSampler, DecodedImages, ImageOrder, generator
from fcn_studio.fcn.weights.checkpoint import Preprocessing

CACHED_CROPS = 120
"""Crops whose taps are cached, at least one of each image."""

DROPPED_SHARE = 0.3
"""Share of the channels of each tap that a step leaves out."""


@dataclass(frozen=True)
class TapBatch(Batch):
    """Taps of one image, from which the trunk's last stages and the head still have to be computed.

    Attributes:
        factors: stride -> factors on the channels of that tap before the head, float32 (C, 1, 1).
    """

    factors: Features = field(default_factory=dict)

    def scores(self, network: Network, *, bf16: bool = False) -> Tensor:
        """Return scores (N, C, H, W), float32."""
        assert isinstance(network, FCN)
        assert isinstance(network.trunk, EfficientNetTrunk)
        assert not isinstance(self.inputs, Tensor)
        taps = network.trunk.with_coarsest(self.inputs)
        varied = {stride: tap * self.factors[stride].to(tap.device) for stride, tap in taps.items()}
        return network.decode(network.of_taps(varied), *self.target.shape[1:]).float()


class TapSource(FeatureSource):
    """An EfficientNet's taps of augmented crops, computed once up to stride 16.

    The trunk's last stages and a head can be trained on them. Channels of the taps are left out at random in each
    step, which learns more from few images.
    """

    def __init__(
        self,
        images: DecodedImages,
        sampler: CropSampler,
        network: Network,
        preprocessing: Preprocessing,
        size: int,
        seed: int,
        make_room: Callable[[], None],
        position: int,
    ) -> None:
        """Prepare without computing.

        The arguments are those of `FeatureSource`. The sampler draws the crops.
        """
        super().__init__(images, network, preprocessing, size, seed, make_room, position)
        self._sampler = sampler
        self._folded = folded_copy(network)

    def fill(self) -> Iterator[int]:
        """Compute the taps of crops.

        It ends when the cache is full.

        Yields:
            The number of crops done.
        """
        total = 0
        for number in range(max(CACHED_CROPS, len(self._images))):
            images, channels = self._sampler.batch([number])
            taps = self._with_room(partial(self._features, images[0]))
            self._views.append((taps, torch.from_numpy(channels[0])))
            total += sum(2 * tap.numel() for tap in taps.values())
            self.filled = number + 1
            self._order = ImageOrder(len(self._views), self._seed)
            yield self.filled
            if total > FEATURE_CACHE_BYTES:
                return

    def batch(self, device: torch.device) -> list[Batch]:
        """Return some crops, each a batch of its own."""
        rng = generator(self._seed, VIEWS, self.position)
        return [TapBatch(batch.inputs, batch.target, self._factors(rng)) for batch in super().batch(device)]

    def _factors(self, rng: np.random.Generator) -> Features:
        """Return 0 for channels that are left out, and more than 1 for the others, so that sums stay the same."""
        channels = self._folded.trunk.channels
        kept = {stride: rng.random((channels[stride], 1, 1)) >= DROPPED_SHARE for stride in channels}
        return {stride: torch.from_numpy(mask).float() / (1 - DROPPED_SHARE) for stride, mask in kept.items()}

    def _of_images(self, inputs: Tensor) -> Features:
        """Return the taps of normalised images, without the coarsest."""
        taps = self._folded.to(inputs.device).trunk(inputs)
        return {stride: tap for stride, tap in taps.items() if self._folded.stride <= stride < COARSEST}
