"""Where a training step gets its batch: augmented crops from a background thread, or cached features."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap
from fcn_studio.fcn.device import is_out_of_memory
from fcn_studio.fcn.model.backbones import Features
from fcn_studio.fcn.model.fcn import Network
from fcn_studio.fcn.training.crop_sampler import VIEWS, CropSampler, DecodedImages, Feeder, Order, generator
from fcn_studio.fcn.transforms import Image, normalise, resized, resized_labels, scaled_size
from fcn_studio.fcn.weights.checkpoint import Preprocessing

T = TypeVar("T")

FEATURE_CACHE_BYTES = 2**30
"""How much memory cached features may take."""

_LARGEST_VIEW = 768


@dataclass(frozen=True, slots=True)
class Share:
    """Every ``size``-th from the ``rank``-th on: what one of several processes takes of each batch."""

    rank: int = 0
    size: int = 1

    def of(self, step: int, size: int) -> range:
        """Its part of the views of a step, which has ``size`` in all."""
        return range(step * size + self.rank, (step + 1) * size, self.size)


ALL = Share()


@dataclass(frozen=True)
class Batch:
    """Input and truth of a step, on the training's device.

    Attributes:
        inputs: normalised images (N, 3, H, W), or a network's features of one image.
        target: int64 (N, H, W), score channel or 255.
    """

    inputs: Tensor | Features
    target: Tensor

    def scores(self, network: Network, *, bf16: bool = False) -> Tensor:
        """Scores (N, C, H, W), float32; ``bf16``: features by automatic mixed precision, scores never."""
        if isinstance(self.inputs, Tensor) and bf16:
            with torch.autocast(self.target.device.type, torch.bfloat16):
                features = network.features(self.inputs)
            inputs = {stride: tensor.float() for stride, tensor in features.items()}
            return network.decode(inputs, *self.target.shape[1:]).float()
        if isinstance(self.inputs, Tensor):
            scores: Tensor = network(self.inputs)
        else:
            height, width = self.target.shape[1:]
            scores = network.decode(self.inputs, height, width)
        return scores.float()

    def to(self, device: torch.device) -> Batch:
        """The batch on another device."""
        if isinstance(self.inputs, Tensor):
            return Batch(self.inputs.to(device), self.target.to(device))
        features = {stride: tensor.to(device) for stride, tensor in self.inputs.items()}
        return Batch(features, self.target.to(device))

    def split(self, size: int) -> list[Batch]:
        """The batch in parts of at most ``size`` images."""
        if not isinstance(self.inputs, Tensor) or len(self.target) <= size:
            return [self]
        pairs = zip(torch.split(self.inputs, size), torch.split(self.target, size), strict=True)
        return [Batch(inputs, target) for inputs, target in pairs]


class Source(Protocol):
    """What gives a training its batches.

    Attributes:
        position: number of the next batch; with the seed it decides what is in it.
    """

    position: int

    def batch(self, device: torch.device) -> list[Batch]:
        """The batches of one step."""

    def close(self) -> None:
        """End what runs in the background."""


def _step_by_step(position: int, make: Callable[[int], T]) -> Callable[[], T]:
    """A function that makes what belongs to one step after the other; one that fails is made anew the next time."""
    step = position

    def make_next() -> T:
        nonlocal step
        made = make(step)
        step += 1
        return made

    return make_next


class CropSource:
    """Augmented crops, made in a background thread while the network works on the last ones."""

    def __init__(
        self, sampler: CropSampler, preprocessing: Preprocessing, size: int, position: int, share: Share = ALL
    ) -> None:
        """Start the thread, which makes batches of ``size`` views from the ``position``-th on."""
        self.position = position
        self._preprocessing = preprocessing
        make = _step_by_step(position, lambda step: sampler.batch(share.of(step, size)))
        self._feeder: Feeder[tuple[Image, LabelMap]] = Feeder(make)

    def batch(self, device: torch.device) -> list[Batch]:
        """One batch of crops."""
        images, channels = next(self._feeder)
        self.position += 1
        inputs = normalise(torch.from_numpy(images).to(device), self._preprocessing)
        return [Batch(inputs, torch.from_numpy(channels).to(device).long())]

    def close(self) -> None:
        """End the thread."""
        self._feeder.close()


class ImageSource:
    """Whole images as they are, one after the other, each a batch of its own; read in a background thread."""

    def __init__(
        self,
        images: DecodedImages,
        preprocessing: Preprocessing,
        size: int,
        seed: int,
        position: int,
        share: Share = ALL,
    ) -> None:
        """Start the thread; ``size`` images a step, from the ``position``-th step on."""
        self.position = position
        self._images, self._preprocessing, self._seed = images, preprocessing, seed
        self._order = Order(len(images), seed)
        make = _step_by_step(position, lambda step: [self._view(number) for number in share.of(step, size)])
        self._feeder: Feeder[list[tuple[Image, LabelMap]]] = Feeder(make)

    def batch(self, device: torch.device) -> list[Batch]:
        """The images of one step."""
        views = next(self._feeder)
        self.position += 1
        return [
            Batch(
                normalise(torch.from_numpy(image[None]).to(device), self._preprocessing),
                torch.from_numpy(channels[None]).to(device).long(),
            )
            for image, channels in views
        ]

    def close(self) -> None:
        """End the thread."""
        self._feeder.close()

    def _view(self, number: int) -> tuple[Image, LabelMap]:
        """An image and its labels at the network's scale."""
        rng = generator(self._seed, VIEWS, number)
        image, channels = self._images.get_or_another(self._order[number], rng)
        shape = scaled_size(channels.shape, self._preprocessing.input_scale * self._images.shrink)
        return resized(image, shape), resized_labels(channels, shape)


class FeatureSource:
    """Features of the training images, computed once, in half precision; for a trunk that does not change."""

    def __init__(
        self,
        images: DecodedImages,
        network: Network,
        preprocessing: Preprocessing,
        size: int,
        seed: int,
        make_room: Callable[[], None],
        position: int = 0,
    ) -> None:
        """Nothing is computed yet; `fill` does that.

        Args:
            images: the training set.
            network: whose trunk makes the features, in evaluation mode.
            preprocessing: of its input.
            size: views a step.
            seed: of chance.
            make_room: called when memory runs out, until it raises; may move the network to another device.
            position: number of the first batch.
        """
        self.position, self.filled = position, 0
        self._make_room = make_room
        self._images, self._network, self._preprocessing = images, network, preprocessing
        self._size, self._seed = size, seed
        self._views: list[tuple[Features, Tensor]] = []
        self._order = Order(0, seed)

    def fill(self) -> Iterator[int]:
        """Compute the features of image after image, and of its mirror image; stops when the cache is full.

        Yields:
            The number of images done.
        """
        total, order = 0, Order(len(self._images), self._seed)
        for place in range(len(self._images)):
            if (pair := self._images.get(order[place])) is not None:
                total += self._add(*self._view(*pair, generator(self._seed, VIEWS, place)))
            self.filled = place + 1
            self._order = Order(len(self._views), self._seed)
            yield self.filled
            if total > FEATURE_CACHE_BYTES:
                return

    def batch(self, device: torch.device) -> list[Batch]:
        """Some views, each a batch of its own."""
        batches, size = [], min(self._size, len(self._views))
        for number in range(self.position * size, (self.position + 1) * size):
            features, channels = self._views[self._order[number]]
            inputs = {stride: tensor.to(device).float() for stride, tensor in features.items()}
            batches.append(Batch(inputs, channels.to(device).long()[None]))
        self.position += 1
        return batches

    def close(self) -> None:
        """Nothing runs in the background."""

    def _add(self, image: Image, channels: LabelMap) -> int:
        """Keep the features of an image and of its mirror image; how many bytes they take."""
        total = 0
        for step in (1, -1):
            features = self._features(image[:, ::step].copy())  # torch takes no negative strides
            total += sum(2 * tensor.numel() for tensor in features.values())
            self._views.append((features, torch.from_numpy(channels[:, ::step].copy())))
        return total

    def _view(self, image: Image, channels: LabelMap, rng: np.random.Generator) -> tuple[Image, LabelMap]:
        """The image at the network's scale, cut to a window around something labelled if it is large."""
        scale = self._preprocessing.input_scale * self._images.shrink
        shape = scaled_size(channels.shape, scale)
        image, small = resized(image, shape), resized_labels(channels, shape)
        labelled = np.argwhere(small != VOID)
        if max(shape) <= _LARGEST_VIEW or not len(labelled):
            return image, small
        middle = labelled[rng.integers(len(labelled))]
        starts = np.clip(middle - _LARGEST_VIEW // 2, 0, np.maximum(0, np.array(shape) - _LARGEST_VIEW))
        rows, columns = (slice(start, start + _LARGEST_VIEW) for start in starts.tolist())
        return image[rows, columns], small[rows, columns]

    def _features(self, image: Image) -> Features:
        """The trunk's features of one image, half precision."""
        while True:
            try:
                return self._compute(image)
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
                self._make_room()

    @torch.inference_mode()
    def _compute(self, image: Image) -> Features:
        """`_features`, as long as memory lasts."""
        device = next(self._network.parameters()).device
        inputs = normalise(torch.from_numpy(image[None]).to(device), self._preprocessing)
        return {stride: tensor.half().cpu() for stride, tensor in self._network.features(inputs).items()}
