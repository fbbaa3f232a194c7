"""The request for a training and its stages.

Only the paper's recipe has several stages.
"""

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
from fcn_studio.fcn.distributed import Ranks, Share
from fcn_studio.fcn.model.architecture import named
from fcn_studio.fcn.model.fcn import FCN, Network
from fcn_studio.fcn.training.batch_sources import (
    BatchSource,
    CropSource,
    FeatureSource,
    ImageSource,
)
from fcn_studio.fcn.training.crop_sampler import CropSampler
from fcn_studio.fcn.training.folded_norm import fold_norms
from fcn_studio.fcn.training.optimisation import Optimisation
from fcn_studio.fcn.training.recipe import (
    Recipe,
    augmentation_for,
    batch_size_for,
    class_weights,
    fit_recipe,
    initialise,
    paper_recipe,
    recipe_for,
)
from fcn_studio.fcn.training.score_fit import PixelSource, ScoreFit
from fcn_studio.fcn.training.tap_source import TapSource
from fcn_studio.fcn.training.training_set import (
    TrainingSet,
    at_stride,
    is_foreign,
    starting_point,
    with_light_head,
)
from fcn_studio.fcn.transforms import Augmentation
from fcn_studio.fcn.weights.checkpoint import Checkpoint, load_checkpoint
from fcn_studio.i18n import tr

_QUICK_VIEWS = 2
_PAPER_STRIDES = (32, 16, 8)
_FIT_SHARE = 0.25
"""Share of the time that a fit before another level may take at most; it ends by itself."""


@dataclass(frozen=True)
class TrainingRequest:
    """What to train.

    `fcn.training.train.train` has the details.

    Attributes:
        digests: of all that must be the same to resume it (`input_digests`).
    """

    config: TrainConfig
    training_set: TrainingSet
    val_set: Sequence[LabelledImage]
    table: ClassTable
    base: Checkpoint | None
    device: torch.device
    out_path: Path
    digests: dict[str, str]

    @property
    def is_fitted_first(self) -> bool:
        """Whether the score layers are fitted before more of the network is trained.

        Full begins so over an EfficientNet that knows less than half of the classes.
        """
        if self.config.level is not Level.FULL or self.base is None:
            return self.config.level is Level.BETTER
        wanted = self.base.architecture if self.config.architecture is None else named(self.config.architecture)
        foreign = is_foreign(self.base, self.table, self.config.class_map)
        return foreign and wanted.is_efficientnet and wanted.is_linear_in_taps


@dataclass(frozen=True, slots=True)
class TrainingStage:
    """One of the trainings in a run, one after the other.

    Attributes:
        number: of the stage, from 0.
        count: of all stages.
        level: what it trains.
        stride: of its network; None leaves it as it is.
        begins: share of the time that the stages before it have.
        ends: share of the time that it and the stages before it have.
    """

    number: int
    count: int
    level: Level
    stride: int | None = None
    begins: float = 0.0
    ends: float = 1.0

    @property
    def is_last(self) -> bool:
        """Whether no stage comes after it."""
        return self.number == self.count - 1

    def config(self, request: TrainingRequest) -> TrainConfig:
        """Return the config with this stage's part of the budget.

        A fit before another level ends by itself, so that all steps are the other's.
        """
        config, steps = request.config, request.config.steps
        minutes = config.minutes * (self.ends - self.begins) if config.minutes is not None else None
        if self.stride is not None and steps is not None:
            steps = max(1, steps // self.count)
        return replace(config, level=self.level, minutes=minutes, steps=steps if self.level is config.level else None)

    def start(self, request: TrainingRequest, *, anew: bool) -> Checkpoint:
        """Return the checkpoint that the stage starts from.

        That is the best of the stage before; in the first stage, or ``anew``, what the training starts from.
        """
        if self.number and not anew:
            start = load_checkpoint(request.out_path)
        else:
            start = starting_point(request.config, request.table, request.base, request.training_set)
        if self.level is Level.BETTER:
            return with_light_head(start)
        if self.stride is None:
            return start
        return at_stride(start, self.stride, at_once=request.config.recipe is RecipeName.PAPER_AT_ONCE)

    def is_fit(self, request: TrainingRequest, start: Checkpoint) -> bool:
        """Return whether the score layers are fitted and nothing else is trained."""
        return self.level is Level.QUICK and start.architecture.is_linear_in_taps

    def network(self, request: TrainingRequest, start: Checkpoint) -> Network:
        """Build the network of a checkpoint.

        It is initialised at random if no other has led to it. *Full* after a fit trains it with its normalisation
        folded.
        """
        network = start.build()
        if self.level is Level.FULL and request.is_fitted_first:
            return fold_norms(network)
        if self.level is Level.SCRATCH and self.number == 0 and not start.parent:
            initialise(network, 0.01 if request.config.recipe is RecipeName.MODERN else 0.0)
        return network

    def recipe(self, request: TrainingRequest, start: Checkpoint) -> Recipe:
        """Return the recipe of this stage.

        Its learning rates are multiplied by the requested factor.
        """
        config, training_set = request.config, request.training_set
        if self.stride is not None:
            scale = start.preprocessing.input_scale
            pixels = float(np.median([height * width for height, width in training_set.shapes])) * scale**2
            recipe = paper_recipe(
                self.stride,
                at_once=config.recipe is RecipeName.PAPER_AT_ONCE,
                batch=config.batch_size or 1,
                pixels=pixels,
                statistics=self.level is Level.SCRATCH and not start.architecture.is_efficientnet,
            )
        elif self.is_fit(request, start):
            recipe = fit_recipe()
        else:
            recipe = recipe_for(
                self.level,
                batch_norm=start.architecture.batch_norm,
                foreign=is_foreign(request.base, request.table, config.class_map),
                images=len(training_set.usable),
                # From random weights, as of a larger one that was not imported, the trunk has nothing to keep.
                efficientnet=start.architecture.is_efficientnet
                and not (self.level is Level.SCRATCH and not start.parent),
            )
        return recipe.scaled(config.rate)

    def augmentation(self, request: TrainingRequest, start: Checkpoint, device: torch.device) -> Augmentation:
        """Return how the crops of this stage are drawn."""
        config, scale = request.config, start.preprocessing.input_scale
        augmentation = augmentation_for(self.level, request.training_set.shapes, scale, device)
        return replace(
            augmentation,
            shape=config.crop or augmentation.shape,
            flip=config.flip,
            vertical_flip=config.vertical_flip,
            rotation=config.rotation,
        )


def training_stages(config: TrainConfig, *, fitted_first: bool = False) -> list[TrainingStage]:
    """Return the stages of a training; the paper's end at the stride of the architecture, or else at 8.

    Args:
        config: recipe and level.
        fitted_first: whether the score layers are fitted before the level trains more than them.

    Raises:
        TrainingError: if the recipe does not have the level, or the stride.
        CheckpointError: if there is no such architecture.
    """
    if config.recipe is RecipeName.MODERN and fitted_first:
        return [
            TrainingStage(0, 2, Level.QUICK, ends=_FIT_SHARE),
            TrainingStage(1, 2, config.level, begins=_FIT_SHARE),
        ]
    if config.recipe is RecipeName.MODERN:
        return [TrainingStage(0, 1, config.level)]
    if config.level in (Level.QUICK, Level.BETTER):
        raise TrainingError(tr("The paper's recipes train all layers; choose the level full or scratch."))
    last = named(config.architecture).stride if config.architecture is not None else _PAPER_STRIDES[-1]
    if last not in _PAPER_STRIDES:
        raise TrainingError(
            tr(
                "The paper's recipes end at FCN-32s, FCN-16s or FCN-8s, not at FCN-{stride}s; choose the modern "
                "recipe",
                stride=last,
            )
        )
    strides: tuple[int, ...] = (last,)
    if config.recipe is RecipeName.PAPER:
        strides = tuple(stride for stride in _PAPER_STRIDES if stride >= last)
    count = len(strides)
    return [
        TrainingStage(number, count, config.level, stride, number / count, (number + 1) / count)
        for number, stride in enumerate(strides)
    ]


def loss_weights(training_set: TrainingSet, recipe: Recipe) -> NDArray[np.float64]:
    """Return the weight of each class in the loss, float64 (C,)."""
    return class_weights(training_set.pixels) if recipe.balanced else np.ones(len(training_set.pixels))


def optimisation_of(
    request: TrainingRequest,
    stage: TrainingStage,
    recipe: Recipe,
    start: Checkpoint,
    weights: NDArray[np.float64],
    ranks: Ranks,
) -> Optimisation | ScoreFit:
    """Return the fit of the score layers, or the recipe's optimiser.

    It has the network that the stage trains.
    """
    network, config = stage.network(request, start), request.config
    if stage.is_fit(request, start):
        assert isinstance(network, FCN)
        return ScoreFit(network, weights * request.training_set.pixels, request.device)
    size = images_a_step(request, recipe, ranks.share)
    return Optimisation(
        network, recipe, weights, request.device, size, lovasz=config.lovasz, precision=config.precision, ranks=ranks
    )


def images_a_step(request: TrainingRequest, recipe: Recipe, share: Share) -> int:
    """Return how many images or crops a step takes.

    It counts all processes together, at least one each.
    """
    config = request.config
    if recipe.whole:
        return max(config.batch_size or 1, share.size)
    images = len(request.training_set.usable)
    return max(batch_size_for(config.level, config.batch_size, images=images, device=request.device), share.size)


def batches_of(
    request: TrainingRequest,
    stage: TrainingStage,
    recipe: Recipe,
    optimisation: Optimisation | ScoreFit,
    start: Checkpoint,
    position: int,
    share: Share,
) -> BatchSource:
    """Return the source of batches.

    It gives pixels or cached features for a fixed trunk, whole images for the paper, else crops.
    """
    config, training_set, pre = request.config, request.training_set, start.preprocessing
    size = images_a_step(request, recipe, share)
    if stage.level is Level.QUICK:
        images = training_set.decoded(pre.input_scale)
        network, make_room = optimisation.network.eval(), optimisation.make_room
        if isinstance(optimisation, ScoreFit):
            return PixelSource(images, optimisation.network, pre, config.seed, make_room, position)
        views = config.batch_size or _QUICK_VIEWS
        return FeatureSource(images, network, pre, views, config.seed, make_room, position, flip=config.flip)
    if recipe.whole:
        return ImageSource(training_set.decoded(pre.input_scale), pre, size, config.seed, position, share)
    augmentation = stage.augmentation(request, start, optimisation.device)
    images = training_set.decoded(augmentation.scale[1])
    sampler = CropSampler(images, augmentation, class_weights(training_set.pixels), config.seed)
    if stage.level is Level.BETTER:
        network, make_room = optimisation.network, optimisation.make_room
        return TapSource(images, sampler, network, pre, size, config.seed, make_room, position)
    return CropSource(sampler, pre, size, position, share)
