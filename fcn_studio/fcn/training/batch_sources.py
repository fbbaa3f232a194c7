"""Sources of batches: augmented crops, whole images, or cached features."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from functools import partial
from typing import Protocol, TypeVar

import numpy as np
import torch
from torch import Tensor

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap
from fcn_studio.fcn.device import is_out_of_memory, to_device
from fcn_studio.fcn.distributed import ALL, Share
from fcn_studio.fcn.model.backbones import Features
from fcn_studio.fcn.model.fcn import Network
from fcn_studio.fcn.training.crop_sampler import (
    VIEWS,
    CropSampler,
    DecodedImages,
    ImageOrder,
    PrefetchQueue,
    generator,
)
from fcn_studio.fcn.transforms import Image, normalise, resized, resized_labels, scaled_size
from fcn_studio.fcn.weights.checkpoint import Preprocessing

T = TypeVar("T")

FEATURE_CACHE_BYTES = 2**30
"""Memory that cached features may take."""


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
        """Return scores (N, C, H, W), float32.

        ``bf16`` applies to features only.
        """
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
        """Return the batch on another device."""
        if isinstance(self.inputs, Tensor):
            return replace(self, inputs=self.inputs.to(device), target=self.target.to(device))
        features = {stride: tensor.to(device) for stride, tensor in self.inputs.items()}
        return replace(self, inputs=features, target=self.target.to(device))

    def split(self, size: int) -> list[Batch]:
        """Split the batch into parts of at most ``size`` images."""
        if not isinstance(self.inputs, Tensor) or len(self.target) <= size:
            return [self]
        pairs = zip(torch.split(self.inputs, size), torch.split(self.target, size), strict=True)
        return [Batch(inputs, target) for inputs, target in pairs]


class BatchSource(Protocol):
    """A source of batches for a training.

    Attributes:
        position: number of the next batch; position and seed decide its contents.
    """

    position: int

    def batch(self, device: torch.device) -> list[Batch]:
        """Return the batches of the next step."""

    def close(self) -> None:
        """End background work."""


def _step_by_step(position: int, make: Callable[[int], T]) -> Callable[[], T]:
    """Return a function that makes batches step after step.

    After an error it makes the same step again.
    """
    step = position

    def make_next() -> T:
        nonlocal step
        made = make(step)
        step += 1
        return made

    return make_next


class CropSource:
    """Augmented crops, made in a background thread while the network trains."""

    def __init__(
        self, sampler: CropSampler, preprocessing: Preprocessing, size: int, position: int, share: Share = ALL
    ) -> None:
        """Start the thread.

        It makes batches of ``size`` views from a position on.
        """
        self.position = position
        self._preprocessing = preprocessing
        make = _step_by_step(position, lambda step: sampler.batch(share.of(step, size)))
        self._queue: PrefetchQueue[tuple[Image, LabelMap]] = PrefetchQueue(make)

    def batch(self, device: torch.device) -> list[Batch]:
        """Return one batch of crops."""
        images, channels = next(self._queue)
        self.position += 1
        inputs = normalise(to_device(images, device), self._preprocessing)
        return [Batch(inputs, to_device(channels, device).long())]

    def close(self) -> None:
        """End the background thread."""
        self._queue.close()


class ImageSource:
    """Source of whole images, each a batch of its own.

    They are read in a background thread.
    """

    def __init__(
        self,
        images: DecodedImages,
        preprocessing: Preprocessing,
        size: int,
        seed: int,
        position: int,
        share: Share = ALL,
    ) -> None:
        """Start the thread.

        It reads ``size`` images a step from a position on.
        """
        self.position = position
        self._images, self._preprocessing, self._seed = images, preprocessing, seed
        self._order = ImageOrder(len(images), seed)
        make = _step_by_step(position, lambda step: [self._view(number) for number in share.of(step, size)])
        self._queue: PrefetchQueue[list[tuple[Image, LabelMap]]] = PrefetchQueue(make)

    def batch(self, device: torch.device) -> list[Batch]:
        """Return the images of one step."""
        views = next(self._queue)
        self.position += 1
        return [
            Batch(
                normalise(to_device(image[None], device), self._preprocessing),
                to_device(channels[None], device).long(),
            )
            for image, channels in views
        ]

    def close(self) -> None:
        """End the background thread."""
        self._queue.close()

    def _view(self, number: int) -> tuple[Image, LabelMap]:
        """Return an image and its labels at the network's scale."""
        rng = generator(self._seed, VIEWS, number)
        image, channels = self._images.get_or_another(self._order[number], rng)
        shape = scaled_size(channels.shape, self._preprocessing.input_scale * self._images.shrink)
        return resized(image, shape), resized_labels(channels, shape)


class FeatureSource:
    """Features of the training images, computed once.

    The trunk must not change.

    Attributes:
        largest_view: longest side in pixels of the network's input of which features are computed.
        image_numbers: of the images that gave features, in the order of these.
    """

    largest_view = 768

    def __init__(
        self,
        images: DecodedImages,
        network: Network,
        preprocessing: Preprocessing,
        size: int,
        seed: int,
        make_room: Callable[[], None],
        position: int = 0,
        *,
        flip: bool = True,
    ) -> None:
        """Prepare without computing.

        `fill` computes the features.

        Args:
            images: the training set.
            network: whose trunk makes the features, in evaluation mode.
            preprocessing: of its input.
            size: views a step.
            seed: of the random generators.
            make_room: called when memory has run out; may move the network to another device; raises at the end.
            position: number of the first batch.
            flip: whether mirror images are learned from too.
        """
        self.position, self.filled = position, 0
        self._make_room, self._flip = make_room, flip
        self._images, self._network, self._preprocessing = images, network, preprocessing
        self._size, self._seed = size, seed
        self._views: list[tuple[Features, Tensor]] = []
        self._order = ImageOrder(0, seed)
        self.image_numbers: list[int] = []

    def fill(self) -> Iterator[int]:
        """Compute features of images and mirror images.

        It ends when the cache is full.

        Yields:
            The number of images done.
        """
        total, order = 0, ImageOrder(len(self._images), self._seed)
        for place in range(len(self._images)):
            if (pair := self._images.get(order[place])) is not None:
                rng = generator(self._seed, VIEWS, place)
                added = self._add(*self._view(*pair, rng), rng)
                if added:
                    self.image_numbers.append(order[place])
                total += added
            self.filled = place + 1
            self._order = ImageOrder(len(self._views), self._seed)
            yield self.filled
            if total > FEATURE_CACHE_BYTES:
                return

    def batch(self, device: torch.device) -> list[Batch]:
        """Return some views, each a batch of its own."""
        batches, size = [], min(self._size, len(self._views))
        for number in range(self.position * size, (self.position + 1) * size):
            features, channels = self._views[self._order[number]]
            inputs = {stride: tensor.to(device).float() for stride, tensor in features.items()}
            batches.append(Batch(inputs, channels.to(device).long()[None]))
        self.position += 1
        return batches

    def close(self) -> None:
        """Do nothing: no work runs in the background."""

    def _add(self, image: Image, channels: LabelMap, rng: np.random.Generator) -> int:
        """Cache the features of an image and its mirror image.

        Returns their bytes.
        """
        total = 0
        for step in (1, -1) if self._flip else (1,):
            mirrored = image[:, ::step].copy()  # torch takes no negative strides
            features = self._with_room(partial(self._features, mirrored))
            total += sum(2 * tensor.numel() for tensor in features.values())
            self._views.append((features, torch.from_numpy(channels[:, ::step].copy())))
        return total

    def _view(self, image: Image, channels: LabelMap, rng: np.random.Generator) -> tuple[Image, LabelMap]:
        """Return an image at the network's scale.

        Of a large image, it is a labelled window.
        """
        scale = self._preprocessing.input_scale * self._images.shrink
        shape = scaled_size(channels.shape, scale)
        image, small = resized(image, shape), resized_labels(channels, shape)
        labelled = np.argwhere(small != VOID)
        side = self.largest_view
        if max(shape) <= side or not len(labelled):
            return image, small
        middle = labelled[rng.integers(len(labelled))]
        starts = np.clip(middle - side // 2, 0, np.maximum(0, np.array(shape) - side))
        rows, columns = (slice(start, start + side) for start in starts.tolist())
        return image[rows, columns], small[rows, columns]

    def _with_room(self, compute: Callable[[], T]) -> T:
        """Return what is computed, once memory is enough for it."""
        while True:
            try:
                return compute()
            except (RuntimeError, MemoryError) as error:
                if not is_out_of_memory(error):
                    raise
            self._make_room()  # outside of except: the error keeps activations alive

    @torch.inference_mode()
    def _features(self, image: Image) -> Features:
        """Return the trunk's features of one image in half precision.

        It may run out of memory.
        """
        device = next(self._network.parameters()).device
        inputs = normalise(to_device(image[None], device), self._preprocessing)
        return {stride: _in_half_the_bytes(tensor).cpu() for stride, tensor in self._of_images(inputs).items()}

    def _of_images(self, inputs: Tensor) -> Features:
        """Return what is cached of normalised images."""
        return self._network.features(inputs)


def _in_half_the_bytes(values: Tensor) -> Tensor:
    """Return float32 values in half the bytes.

    They are float16, or bfloat16 where one is above the range of float16.
    """
    half = values.half()
    return half if bool(torch.isfinite(half).all()) else values.bfloat16()
