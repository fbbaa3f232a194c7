"""What a training is told, and what each of its stages is made of; all recipes but the paper's have one stage."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
import torch
from numpy.typing import NDArray

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.core.training import Level, RecipeName, TrainConfig
from fcn_studio.errors import TrainingError
from fcn_studio.fcn.model.fcn import Network
from fcn_studio.fcn.training.batch_sources import CropSource, FeatureSource, ImageSource, Share, Source
from fcn_studio.fcn.training.crop_sampler import CropSampler
from fcn_studio.fcn.training.optimisation import Optimisation
from fcn_studio.fcn.training.recipe import (
    Recipe,
    augmentation_for,
    batch_size_for,
    class_weights,
    initialise,
    paper_recipe,
    recipe_for,
)
from fcn_studio.fcn.training.training_set import TrainingSet, at_stride, is_foreign, starting_point
from fcn_studio.fcn.weights.checkpoint import Checkpoint, load_checkpoint

_QUICK_VIEWS = 2


@dataclass(frozen=True)
class Order:
    """What a training is told; see `fcn.training.train.train`.

    Attributes:
        bound: digests of all that must be the same to go on with it.
    """

    config: TrainConfig
    training_set: TrainingSet
    val_set: Sequence[LabelledImage]
    table: ClassTable
    base: Checkpoint | None
    device: torch.device
    out_path: Path
    bound: dict[str, str]


@dataclass(frozen=True, slots=True)
class Stage:
    """One training of several, one after the other.

    Attributes:
        number: from 0.
        count: of all.
        stride: of its network; None leaves it as it is.
    """

    number: int
    count: int
    stride: int | None

    @property
    def is_last(self) -> bool:
        """Whether none comes after it."""
        return self.number == self.count - 1

    def config(self, order: Order) -> TrainConfig:
        """What the training is told, with this stage's part of the budget."""
        config = order.config
        minutes = config.minutes / self.count if config.minutes is not None else None
        steps = max(1, config.steps // self.count) if config.steps is not None else None
        return replace(config, minutes=minutes, steps=steps)

    def start(self, order: Order, *, anew: bool) -> Checkpoint:
        """What it starts from: the best of the stage before, or, first or ``anew``, what the training starts from."""
        if self.number and not anew:
            # From scratch the base is what it is compared with, and no more.
            base = None if order.config.level is Level.SCRATCH else order.base
            start = replace(load_checkpoint(order.out_path), parent=base.sha256 if base else "")
        else:
            start = starting_point(order.config, order.table, order.base, order.training_set)
        if self.stride is None:
            return start
        return at_stride(start, self.stride, at_once=order.config.recipe is RecipeName.PAPER_AT_ONCE)

    def network(self, order: Order, start: Checkpoint) -> Network:
        """The network of its start, with random weights if that has none that mean anything."""
        network = start.build()
        if order.config.level is Level.SCRATCH and self.number == 0:
            initialise(network, 0.01 if order.config.recipe is RecipeName.MODERN else 0.0)
        return network

    def recipe(self, order: Order, start: Checkpoint) -> Recipe:
        """How it is trained, rates with the factor that was asked for."""
        config, training_set = order.config, order.training_set
        if self.stride is not None:
            scale = start.preprocessing.input_scale
            pixels = float(np.median([height * width for height, width in training_set.shapes])) * scale**2
            recipe = paper_recipe(
                self.stride,
                at_once=config.recipe is RecipeName.PAPER_AT_ONCE,
                batch=config.batch_size or 1,
                pixels=pixels,
                statistics=config.level is Level.SCRATCH,
            )
        else:
            recipe = recipe_for(
                config.level,
                batch_norm=start.architecture.batch_norm,
                foreign=is_foreign(order.base, order.table, config.class_map),
                images=len(training_set.usable),
            )
        return recipe.times(config.rate)


def stages(config: TrainConfig) -> list[Stage]:
    """The stages of a training.

    Raises:
        TrainingError: if the recipe has no such level.
    """
    strides = {RecipeName.MODERN: (None,), RecipeName.PAPER: (32, 16, 8), RecipeName.PAPER_AT_ONCE: (8,)}[
        config.recipe
    ]
    if config.level is Level.QUICK and config.recipe is not RecipeName.MODERN:
        raise TrainingError("the paper's recipes train all layers; choose the level full or scratch")
    return [Stage(number, len(strides), stride) for number, stride in enumerate(strides)]


def loss_weights(training_set: TrainingSet, recipe: Recipe) -> NDArray[np.float64]:
    """Weight of each class in the loss, float64 (C,)."""
    return class_weights(training_set.pixels) if recipe.balanced else np.ones(len(training_set.pixels))


def images_a_step(order: Order, recipe: Recipe, share: Share) -> int:
    """How many images, or crops of them, a step takes in all processes together: at least one each."""
    config = order.config
    if recipe.whole:
        return max(config.batch_size or 1, share.size)
    images = len(order.training_set.usable)
    return max(batch_size_for(config.level, config.batch_size, images=images, device=order.device), share.size)


def source_of(
    order: Order, recipe: Recipe, optimisation: Optimisation, start: Checkpoint, position: int, share: Share
) -> Source:
    """Cached features where the trunk stays as it is, whole images for the paper, else augmented crops."""
    config, training_set, pre = order.config, order.training_set, start.preprocessing
    size = images_a_step(order, recipe, share)
    if config.level is Level.QUICK:
        images = training_set.decoded(pre.input_scale)
        network, make_room = optimisation.network.eval(), optimisation.make_room
        return FeatureSource(
            images, network, pre, config.batch_size or _QUICK_VIEWS, config.seed, make_room, position
        )
    if recipe.whole:
        return ImageSource(training_set.decoded(pre.input_scale), pre, size, config.seed, position, share)
    augmentation = augmentation_for(config.level, training_set.shapes, pre.input_scale, optimisation.device)
    if config.crop is not None:
        augmentation = replace(augmentation, shape=config.crop)
    images = training_set.decoded(augmentation.scale[1])
    sampler = CropSampler(images, augmentation, class_weights(training_set.pixels), config.seed)
    return CropSource(sampler, pre, size, position, share)
