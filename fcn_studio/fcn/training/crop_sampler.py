"""The training set in memory, and random crops of it.

The crops show labelled pixels.
"""

from __future__ import annotations

import queue
import threading
from collections.abc import Callable, Sequence
from dataclasses import replace
from typing import Generic, TypeVar

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.errors import ImageError, TrainingError
from fcn_studio.fcn.device import is_out_of_memory
from fcn_studio.fcn.inference.evaluate import read_labelled
from fcn_studio.fcn.transforms import Augmentation, Image, random_view, resized, resized_labels
from fcn_studio.i18n import tr

T = TypeVar("T")

CACHE_BYTES = 2**30
"""How much decoded training data is kept in memory; the rest is decoded again each time."""

_ALL_LABELLED = 0.9
VIEWS, STATISTICS, _ORDERS = 0, 1, 2
"""Kinds of `generator`."""
_TRIES = 4
_COUNTED = 1 << 20


def channel_lut(table: ClassTable) -> NDArray[np.uint8]:
    """Return class index -> score channel, uint8 (256,).

    Active classes count up in the order of their indices; everything else is 255.
    """
    lut = np.full(256, VOID, np.uint8)
    for channel, index in enumerate(sorted(info.index for info in table.active)):
        lut[index] = channel
    return lut


def channel_pixels(snapshot: Sequence[LabelledImage], lut: NDArray[np.uint8]) -> NDArray[np.int64]:
    """Count the trusted pixels of each image by score channel.

    The result is int64 (images, 255).
    """
    counts = np.zeros((len(snapshot), VOID + 1), np.int64)
    for row, labelled in zip(counts, snapshot, strict=True):
        np.add.at(row, lut, value_counts(labelled.label_map()))
    return counts[:, :VOID]


def value_counts(values: LabelMap) -> NDArray[np.int64]:
    """Count the pixels of each value, int64 (256,).

    They are counted in bands to save memory.
    """
    counts, rows = np.zeros(256, np.int64), max(1, _COUNTED // values.shape[1])
    for row in range(0, len(values), rows):
        counts += np.bincount(values[row : row + rows].ravel(), minlength=256)
    return counts


def pixel_of_value(values: LabelMap, value: int, number: int) -> tuple[int, int]:
    """Return (x, y) of the pixel of a value with this number.

    Pixels are counted by rows from 0.
    """
    upto = np.cumsum([np.count_nonzero(row == value) for row in values])
    y = int(np.searchsorted(upto, number, side="right"))
    before = int(upto[y - 1]) if y else 0
    return int(np.flatnonzero(values[y] == value)[number - before]), y


class DecodedImages:
    """Images and their label maps in score channels.

    They are decoded once as long as memory lasts. Images much larger than they are ever shown are kept shrunk by
    ``shrink``, a power of two, with areas averaged: a single bilinear warp from their full size would alias.
    """

    def __init__(
        self,
        snapshot: Sequence[LabelledImage],
        lut: NDArray[np.uint8],
        largest_scale: float = 1.0,
        left_out: dict[str, str] | None = None,
    ) -> None:
        """Prepare without decoding.

        Args:
            snapshot: the images.
            lut: class index -> channel, uint8 (256,).
            largest_scale: largest size of an image pixel in pixels of a view.
            left_out: image id -> sentence, for images that cannot be read; `get` adds to it.
        """
        self._snapshot, self._lut = snapshot, lut
        self._left_out = {} if left_out is None else left_out
        self.shrink = 1
        while largest_scale * self.shrink * 2 <= 0.5:
            self.shrink *= 2
        self._kept: dict[int, tuple[Image, LabelMap]] = {}
        self._bytes = 0

    def __len__(self) -> int:
        return len(self._snapshot)

    def get(self, number: int) -> tuple[Image, LabelMap] | None:
        """Return ``self[number]``, None for an unreadable file.

        A note is added if the file cannot be read any more.

        Raises:
            TrainingError: if no image can be read.
        """
        try:
            return self[number]
        except ImageError as error:
            self._left_out[self._snapshot[number].image_id] = str(error)
            if all(image.image_id in self._left_out for image in self._snapshot):
                raise TrainingError(
                    tr("no image of the training set can be read any more: {reason}", reason=error)
                ) from error
            return None

    def get_or_another(self, number: int, rng: np.random.Generator) -> tuple[Image, LabelMap]:
        """Return ``self[number]``, or another image if it is unreadable.

        The other image is random.

        Raises:
            TrainingError: if no image can be read.
        """
        while (pair := self.get(number)) is None:
            number = int(rng.integers(len(self)))
        return pair

    def __getitem__(self, number: int) -> tuple[Image, LabelMap]:
        """Return image uint8 (H, W, 3) and channels uint8 (H, W).

        Channels are 255 where untrusted.

        Raises:
            ImageError: if the file cannot be read any more.
        """
        if number in self._kept:
            return self._kept[number]
        image = read_labelled(self._snapshot[number])
        channels = self._lut[self._snapshot[number].label_map()]
        if self.shrink > 1:
            shape = (max(1, image.shape[0] // self.shrink), max(1, image.shape[1] // self.shrink))
            image, channels = resized(image, shape), resized_labels(channels, shape)
        if self._bytes + image.nbytes + channels.nbytes <= CACHE_BYTES:
            self._bytes += image.nbytes + channels.nbytes
            self._kept[number] = image, channels
        return image, channels


class ImageOrder:
    """The image that each view shows.

    All images come in a new random order each round. The number of the view decides alone, so that a training can
    resume anywhere and several processes can share it.
    """

    def __init__(self, count: int, seed: int) -> None:
        """Shuffle ``count`` images by a seed."""
        self._count, self._seed = count, seed
        self._round, self._order = -1, np.empty(0, np.int64)

    def __getitem__(self, number: int) -> int:
        """Return the number of the image that a view shows."""
        turn, place = divmod(number, self._count)
        if turn != self._round:
            self._round, self._order = turn, generator(self._seed, _ORDERS, turn).permutation(self._count)
        return int(self._order[place])


def generator(seed: int, kind: int, number: int) -> np.random.Generator:
    """Return a random generator for one item of a kind.

    It does not depend on what was drawn before.
    """
    return np.random.default_rng([seed, kind, number])


class CropSampler:
    """Random views of a training set.

    The number of a view decides all of it. Every image is shown equally often.
    """

    def __init__(
        self,
        images: DecodedImages,
        augmentation: Augmentation,
        channel_weights: NDArray[np.float64],
        seed: int,
    ) -> None:
        """Prepare for drawing.

        Args:
            images: what to draw from.
            augmentation: how, scales in full-size image pixels.
            channel_weights: float64 (C,); how much each class is wanted when a view is placed on a class.
            seed: of the random generators, not negative.
        """
        self._images, self._weights, self._seed = images, channel_weights, seed
        low, high = augmentation.scale
        self._augmentation = replace(augmentation, scale=(low * images.shrink, high * images.shrink))
        self._order = ImageOrder(len(images), seed)

    def batch(self, numbers: Sequence[int]) -> tuple[Image, LabelMap]:
        """Return views by number, with their channels.

        The views are uint8 (n, h, w, 3), the channels uint8 (n, h, w).
        """
        views = [self._view(number) for number in numbers]
        return np.stack([image for image, _ in views]), np.stack([labels for _, labels in views])

    def _view(self, number: int) -> tuple[Image, LabelMap]:
        """Draw one view.

        It is drawn again if it shows no labelled pixel.
        """
        rng = generator(self._seed, VIEWS, number)
        image, channels = self._images.get_or_another(self._order[number], rng)
        for _ in range(_TRIES):
            view = random_view(image, channels, self._augmentation, rng, self._anchor(channels, rng))
            if (view[1] != VOID).any():
                break
        return view

    def _anchor(self, channels: LabelMap, rng: np.random.Generator) -> tuple[int, int] | None:
        """Return (x, y) of a pixel that the view must show.

        None allows a view anywhere.
        """
        counts = value_counts(channels)[: len(self._weights)]
        labelled = counts.sum() / channels.size
        if labelled == 0 or (labelled >= _ALL_LABELLED and rng.random() >= self._augmentation.rare_share):
            return None
        wanted = np.where(counts > 0, self._weights, 0)
        channel = rng.choice(len(wanted), p=wanted / wanted.sum())
        return pixel_of_value(channels, int(channel), int(rng.integers(counts[channel])))


class PrefetchQueue(Generic[T]):
    """Results of a function, computed ahead in a background thread until `close`.

    An out-of-memory error is passed on like a result, and the function is then called again for the same result.
    """

    def __init__(self, make: Callable[[], T], ahead: int = 3) -> None:
        """Start the thread.

        All calls of ``make`` happen in it, one after the other.

        Args:
            make: returns the next result; after an error it is asked for the same one again.
            ahead: how many results may wait.
        """
        self._make = make
        self._results: queue.Queue[T | Exception] = queue.Queue(ahead)
        self._closed = threading.Event()
        self._thread = threading.Thread(target=self._work, name="training-feeder", daemon=True)
        self._thread.start()

    def __next__(self) -> T:
        """Return the next result, or raise what ``make`` has raised."""
        result = self._results.get()
        if isinstance(result, Exception):
            raise result
        return result

    def close(self) -> None:
        """End the thread and wait for it.

        It may be called more than once.
        """
        self._closed.set()
        # Make room for the result that it may be waiting to put; then it sees that it is closed.
        while not self._results.empty():
            self._results.get_nowait()
        self._thread.join()

    def _work(self) -> None:
        """Make results until closed or until an error.

        Lack of memory does not end it.
        """
        while not self._closed.is_set():
            try:
                result: T | Exception = self._make()
            except Exception as error:  # noqa: BLE001 - carried over to the thread that asks for the result
                result = error
            self._results.put(result)
            if isinstance(result, Exception) and not is_out_of_memory(result):
                return
