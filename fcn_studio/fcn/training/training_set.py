"""The images that a training learns from, and its start.

The start is the network that the training begins with.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from itertools import islice

import numpy as np
import torch
from numpy.typing import NDArray

from fcn_studio.core.class_map import ClassMap, map_classes
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.core.training import Level, TrainConfig
from fcn_studio.errors import CheckpointError, TrainingError
from fcn_studio.fcn.model.architecture import Architecture, named
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.training.crop_sampler import STATISTICS, DecodedImages, channel_lut, channel_pixels, generator
from fcn_studio.fcn.training.recipe import PRETRAINED_WORKING_SIDE, WORKING_SIDE, initialise, working_scale
from fcn_studio.fcn.weights.catalogue import GENERAL, bundled
from fcn_studio.fcn.weights.checkpoint import Checkpoint, Preprocessing, active_table, adapt, load_checkpoint
from fcn_studio.i18n import tr

DEFAULT_ARCHITECTURE = "efficientnet-lite0-8s"
"""What a training from scratch makes where nothing else is asked for."""

_STATISTICS_IMAGES = 16
_FINEST_TAP = 4
"""Stride of the finest tap that a fine-tune takes over a trunk without classes.

Five street scenes: mean IoU 0.48, with stride 8 as the finest 0.44.
"""

_FINE_TUNED_SIDE = 1280
"""What the longer side is brought near in a fine-tune over a trunk without classes.

Quick from five fields of 1296 x 966: mean IoU 0.68, near 1024 pixels 0.64, near 640 pixels 0.63.
"""

_LARGEST_SCALE = 1.5
"""How much small images are enlarged at quick and better at most; docs/adr/0025 has the figures."""

_FULL_SIDE = 1024
"""What it is brought near at the level full, whose crops would show too little of a larger image.

From twenty fields: mean IoU 0.74, near 1280 pixels 0.68.
"""

_SCALED = ("vgg16", "slim")
_AT_ONCE: tuple[tuple[int, float], ...] = ((16, 0.01), (8, 0.0001))
"""Source: net.py of voc-fcn8s-atonce in the authors' release."""


@dataclass(frozen=True)
class TrainingSet:
    """Images with trusted pixels of active classes.

    Attributes:
        usable: the images with a pixel of an active class.
        lut: class index -> score channel, uint8 (256,).
        pixels: trained pixels by score channel, int64 (C,).
        left_out: image id -> reason, for images that could not be read; grows during the training.
    """

    usable: tuple[LabelledImage, ...]
    lut: NDArray[np.uint8]
    pixels: NDArray[np.int64]
    left_out: dict[str, str] = field(default_factory=dict)

    @classmethod
    def of(cls, train_set: Sequence[LabelledImage], table: ClassTable) -> TrainingSet:
        """Select the usable images of a training set.

        Raises:
            TrainingError: if there is nothing to learn.
        """
        lut = channel_lut(table)
        pixels = channel_pixels(train_set, lut)
        usable = [image for image, counts in zip(train_set, pixels, strict=True) if counts.any()]
        channels = len(active_table(table))
        if channels < 2:
            raise TrainingError(tr("Training needs at least two classes; add one in the Classes list."))
        if not usable:
            raise TrainingError(tr("There are no labelled pixels to learn from; label a few images, or verify some."))
        return cls(tuple(usable), lut, pixels.sum(0)[:channels])

    @property
    def shapes(self) -> list[tuple[int, int]]:
        """(height, width) of each usable image."""
        return [image.shape for image in self.usable]

    @property
    def read(self) -> tuple[str, ...]:
        """Ids of the images that could be read."""
        return tuple(image.image_id for image in self.usable if image.image_id not in self.left_out)

    def decoded(self, largest_scale: float = 1.0) -> DecodedImages:
        """Return the images, decoded when they are first used."""
        return DecodedImages(self.usable, self.lut, largest_scale, self.left_out)


def starting_point(
    config: TrainConfig, table: ClassTable, base: Checkpoint | None, training_set: TrainingSet
) -> Checkpoint:
    """Return the base for this class table.

    Without a base, or from scratch, it is a new network. A new network has the bundled trunk if its architecture has
    that trunk, else weights that mean nothing yet. The input scale of a trunk without classes follows from the
    images.

    Raises:
        TrainingError: if the network cannot have the head that the level adds.
    """
    if base is not None and config.level is not Level.SCRATCH:
        start = adapt(base, table, config.class_map)
        if config.architecture is not None:
            start = reshaped(start, other_head(start.architecture, config.architecture))
        if config.level is Level.BETTER and not start.architecture.is_efficientnet:
            raise TrainingError(
                tr(
                    "The level better adds a light head, which '{network}' cannot have; choose quick or full.",
                    network=start.architecture.title,
                )
            )
        if len(base.table) or not base.architecture.is_efficientnet:
            return start
        if config.architecture is None:
            start = reshaped(start, replace(start.architecture, stride=_FINEST_TAP))
        side = _FULL_SIDE if config.level is Level.FULL else _FINE_TUNED_SIDE
        largest = 1.0 if config.level is Level.FULL else _LARGEST_SCALE
        return _at_scale(start, working_scale(training_set.shapes, side, largest))
    architecture = _architecture_of(config)
    side = PRETRAINED_WORKING_SIDE if architecture.is_efficientnet else WORKING_SIDE
    scale = config.input_scale or working_scale(training_set.shapes, side)
    trunk = _bundled_trunk(architecture)
    if trunk is not None:
        return _at_scale(reshaped(adapt(trunk, table), architecture), scale)
    preprocessing = replace(statistics(training_set, config.seed), input_scale=scale)
    channels = active_table(table)
    return Checkpoint(architecture, channels, preprocessing, build(architecture, len(channels)).state_dict())


def other_head(architecture: Architecture, name: str) -> Architecture:
    """Return the architecture of a name, which has the same trunk as another.

    Raises:
        CheckpointError: if it has not.
    """
    wanted = named(name)
    if not wanted.has_trunk_of(architecture):
        raise CheckpointError(
            tr(
                "'{wanted}' does not have the trunk of the network that the training starts from, '{network}'; "
                "choose another network with --network, or --level scratch",
                wanted=wanted.title,
                network=architecture.title,
            )
        )
    return wanted


def _architecture_of(config: TrainConfig) -> Architecture:
    """Return the architecture that a training from scratch asks for."""
    if config.architecture is None and config.width is None:
        return named(DEFAULT_ARCHITECTURE)
    if config.architecture in (None, "slim") and config.width is not None:
        return Architecture.slim(config.width)
    return named(config.architecture or "slim")


def _bundled_trunk(architecture: Architecture) -> Checkpoint | None:
    """Return the bundled trunk if an architecture has it, else None."""
    path = bundled().get(GENERAL)
    if path is None or not architecture.is_efficientnet:
        return None
    checkpoint = load_checkpoint(path)
    return checkpoint if checkpoint.architecture.trunk == architecture.trunk else None


def _at_scale(checkpoint: Checkpoint, input_scale: float) -> Checkpoint:
    """Return the network with another input scale."""
    return replace(checkpoint, preprocessing=replace(checkpoint.preprocessing, input_scale=input_scale))


def at_stride(checkpoint: Checkpoint, stride: int, *, at_once: bool = False) -> Checkpoint:
    """Return the network as FCN-32s, -16s or -8s.

    Taps that it gains have scores of zero, so that its output stays the same.

    ``at_once``: taps of VGG-16 without normalisation are scaled, as in the released FCN-8s at-once.

    Raises:
        CheckpointError: if its trunk does not have these taps.
    """
    if not checkpoint.architecture.has_taps:
        raise CheckpointError(
            tr(
                "The paper's recipes train FCN-32s, FCN-16s and FCN-8s, and '{network}' has no taps for them; "
                "choose a slim network or one over VGG-16, AlexNet or EfficientNet, or the modern recipe.",
                network=checkpoint.architecture.title,
            )
        )
    scales: tuple[tuple[int, float], ...] = ()
    if at_once and checkpoint.architecture.trunk in _SCALED and not checkpoint.architecture.batch_norm:
        scales = tuple(pair for pair in _AT_ONCE if pair[0] >= stride)
    return reshaped(checkpoint, replace(checkpoint.architecture, stride=stride, scales=scales))


def reshaped(checkpoint: Checkpoint, architecture: Architecture) -> Checkpoint:
    """Return the network with other taps or another head.

    The trunk is the same. Score weights that it gains are zero, so that its output stays the same; the layers of a
    head are random.
    """
    network = build(architecture, len(checkpoint.table))
    initialise(network)
    state = {}
    for key, fresh in network.state_dict().items():
        old = checkpoint.state.get(key)
        if not key.startswith(network.score_layers):
            state[key] = fresh if old is None else old
            continue
        state[key] = torch.zeros_like(fresh)
        if old is not None:
            shared = tuple(slice(min(sides)) for sides in zip(old.shape, fresh.shape, strict=True))
            state[key][shared] = old[shared]
    return replace(checkpoint, architecture=architecture, state=state)


def with_light_head(checkpoint: Checkpoint) -> Checkpoint:
    """Return the network with a light head that has no effect yet, if it has none."""
    architecture = checkpoint.architecture
    return checkpoint if architecture.head == "light" else reshaped(checkpoint, replace(architecture, head="light"))


def statistics(training_set: TrainingSet, seed: int) -> Preprocessing:
    """Return the mean and standard deviation of the colours of some images.

    Raises:
        TrainingError: if no image can be read.
    """
    images = training_set.decoded()
    order = generator(seed, STATISTICS, 0).permutation(len(images)).tolist()
    some = islice(filter(None, map(images.get, order)), _STATISTICS_IMAGES)
    pixels = np.concatenate([image[::4, ::4].reshape(-1, 3) for image, _ in some])
    mean, std = pixels.mean(0).tolist(), np.maximum(pixels.std(0), 1).tolist()
    return Preprocessing("rgb", (mean[0], mean[1], mean[2]), (std[0], std[1], std[2]))


def is_foreign(base: Checkpoint | None, table: ClassTable, class_map: ClassMap) -> bool:
    """Return whether a network knows less than half of the classes."""
    return base is not None and 2 * len(map_classes(base.table, table, class_map)) < len(active_table(table))
