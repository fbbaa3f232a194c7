"""Recipes of each level: learning rates, schedule, class weights, crops."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np
import torch
from numpy.typing import NDArray
from torch import Tensor, nn

from fcn_studio.core.training import Level
from fcn_studio.fcn.model.fcn import Network
from fcn_studio.fcn.transforms import Augmentation

_WEIGHT_DECAY = 1e-2
_LOWEST_WEIGHT, _HIGHEST_WEIGHT = 0.3, 3.0
_CROP_PIXELS = {"cpu": 160 * 208, "cuda": 384 * 512, "mps": 256 * 336}
WORKING_SIDE, PRETRAINED_WORKING_SIDE = 320, 640
_MANY_IMAGES = 50
_BATCH = 8
_PAPER_RATES = {32: 1e-10, 16: 1e-12, 8: 1e-14}


@dataclass(frozen=True, slots=True)
class Recipe:
    """The hyperparameters of one training.

    Attributes:
        steps: default budget.
        score, head, late, early: learning rates of the score layers, of fc6 and fc7, of stages 3 to 5 and of
            stages 1 and 2; 0 freezes.
        warm_up: share of the budget in which the rates rise from 0; after it they fall to 0 along a cosine.
        average: decay of the exponential moving average of the weights, which is what is kept.
        statistics: whether batch normalisation collects new statistics.
        evaluations: validations in a run bounded by steps.
        momentum: of SGD; None for AdamW.
        decay: of weights; biases and normalisation have none.
        bias_factor: on the learning rates of biases.
        constant: whether the rates stay as they are instead of rising and falling.
        clip: largest norm of a step's gradient.
        balanced: whether rare classes weigh more in the loss.
        whole: whether it learns from whole images as they are, one after the other, instead of augmented crops.
        ends_early: whether it ends after its steps even where minutes are left.
        lovasz_from: share of the budget from which the Lovász loss is added, if it is asked for.
        lovasz_step: distance of the rows and columns of pixels that the Lovász loss takes.
    """

    steps: int
    score: float
    head: float
    late: float
    early: float
    warm_up: float
    average: float
    statistics: bool
    evaluations: int
    momentum: float | None = None
    decay: float = _WEIGHT_DECAY
    bias_factor: float = 1.0
    constant: bool = False
    clip: float = 5.0
    balanced: bool = True
    whole: bool = False
    ends_early: bool = False
    lovasz_from: float = 2 / 3
    lovasz_step: int = 1

    def scaled(self, factor: float) -> Recipe:
        """Return the recipe with all learning rates times a factor."""
        names = ("score", "head", "late", "early")
        return replace(self, **{name: factor * getattr(self, name) for name in names})

    def rate(self, fraction: float) -> float:
        """Return the learning rate factor at a share of the budget."""
        if self.constant:
            return 1.0
        if fraction < self.warm_up:
            return max(fraction / self.warm_up, 0.01)
        rest = (fraction - self.warm_up) / (1 - self.warm_up)
        return 0.5 * (1 + math.cos(math.pi * min(1.0, rest))) + 1e-4


def recipe_for(level: Level, *, batch_norm: bool, foreign: bool, images: int, efficientnet: bool = False) -> Recipe:
    """Return the recipe of a level.

    Args:
        level: how much of the network changes.
        batch_norm: whether the trunk has batch normalisation, which allows higher rates.
        foreign: whether the network knows less than half of the classes; its features must change too then.
        images: number of training images; with few, the first stages are not trained.
        efficientnet: whether the trunk is an EfficientNet. It is never trained from random weights, so all of it gets
            a low rate and keeps its statistics.
    """
    if level is Level.BETTER:
        return Recipe(150, 1e-3, 3e-3, 4e-4, 0, 0.06, 0.98, statistics=False, evaluations=2, ends_early=True)
    if efficientnet and level is not Level.QUICK:
        scratch = level is Level.SCRATCH
        trunk = 4e-4 if scratch else 1e-4 if foreign else 2e-4
        steps, average, evaluations = (1500, 0.998, 10) if scratch else (200, 0.98, 4)
        return Recipe(steps, 3e-3, 3e-3, trunk, trunk, 0.06, average, statistics=False, evaluations=evaluations)
    if level is Level.SCRATCH:
        return Recipe(1500, 3e-3, 3e-3, 3e-3, 3e-3, 0.1, 0.998, statistics=True, evaluations=10)
    if level is Level.QUICK:
        return Recipe(120, 3e-3, 0, 0, 0, 0.05, 0.95, statistics=False, evaluations=2)
    head, late = (5e-4, 2e-4) if batch_norm else (1e-4, 2e-5)
    if foreign:
        head, late = 4 * head, 10 * late
    early = late if foreign else late / 2 if images >= _MANY_IMAGES else 0
    return Recipe(200, 2e-3, head, late, early, 0.05, 0.98, statistics=False, evaluations=4)


def fit_recipe() -> Recipe:
    """Return the recipe of a fit of the score layers.

    It has a largest number of steps, and nothing else to choose.
    """
    return Recipe(12, 0, 0, 0, 0, 0.0, 0.0, statistics=False, evaluations=1, decay=0.0, constant=True)


def paper_recipe(stride: int, *, at_once: bool, batch: int, pixels: float, statistics: bool) -> Recipe:
    """Return the paper's recipe of one stage.

    It is for a mean over pixels in place of a sum. Images come whole and one a step at momentum 0.99; several a step
    take momentum 0.9 at the same effective step, rate / (1 - momentum).

    Args:
        stride: of the stage: 32, 16 or 8.
        at_once: whether an FCN-8s is trained without the stages before it.
        batch: images a step.
        pixels: of an image, which a sum adds up.
        statistics: whether normalisation, which the paper does not have, collects its statistics.

    Source: solver.prototxt and net.py of voc-fcn32s, -16s, -8s and -8s-atonce in the authors' release.
    """
    rate = _PAPER_RATES[32 if at_once else stride] * pixels
    momentum = 0.99 if batch == 1 else 0.9
    rate *= (1 - momentum) / (1 - 0.99)
    return Recipe(
        300_000 if at_once else 100_000, rate, rate, rate, rate, 0.0, 0.0, statistics, evaluations=25,
        momentum=momentum, decay=5e-4, bias_factor=2.0, constant=True, clip=math.inf, balanced=False, whole=True,
    )  # fmt: skip


def batch_size_for(level: Level, wanted: int | None, *, images: int, device: torch.device) -> int:
    """Return the crops a step.

    They are as many as wanted, else as suits device and level. On a CPU, or with few images, many small steps learn
    more in the same time. Two micrographs from a foreign network, 30 CPU-seconds: mean IoU 0.73 in steps of 2, 0.66
    of 4, 0.35 of 8. CamVid from scratch, 6 CPU-minutes: 0.52 in steps of 4, 0.49 of 8.
    """
    if wanted is not None:
        return wanted
    most = _BATCH if device.type != "cpu" else 2 if level is Level.FULL else 4
    return min(most, max(2, images))


def parameter_groups(network: Network, recipe: Recipe) -> list[dict[str, object]]:
    """Return the optimiser's parameter groups, each with its rate under "peak".

    Parameters of rate 0 are frozen and left out.

    Weights decay; biases, normalisation and the few score weights do not.
    """
    groups: dict[tuple[float, float], list[Tensor]] = {}
    for name, parameter in network.named_parameters():
        peak = _peak_rate(network, name, recipe) * (recipe.bias_factor if name.endswith("bias") else 1)
        parameter.requires_grad_(peak > 0)
        # The paper's score layers begin at zero and decay like all others.
        decays = parameter.ndim > 1 and (recipe.momentum is not None or not name.startswith(network.score_layers))
        if peak > 0:
            groups.setdefault((peak, recipe.decay if decays else 0.0), []).append(parameter)
    return [
        {"params": members, "peak": peak, "lr": peak, "weight_decay": decay}
        for (peak, decay), members in groups.items()
    ]


def _peak_rate(network: Network, name: str, recipe: Recipe) -> float:
    """Return the learning rate of a parameter.

    It depends on the part of the network that the parameter belongs to.
    """
    if name.startswith(network.score_layers):
        return recipe.score
    if name.startswith(network.head_layers):
        return recipe.head
    return recipe.early if name.startswith(network.early_layers) else recipe.late


def initialise(network: Network, score_std: float = 0.01) -> None:
    """Initialise the trunk as He, and the scores near zero.

    The paper has the scores at zero.

    Source: He et al. 2015, "Delving Deep into Rectifiers", equation 10.
    """
    for name, module in network.named_modules():
        if isinstance(module, nn.Conv2d):
            if name in network.score_layers:
                nn.init.normal_(module.weight, std=score_std)
            else:
                nn.init.kaiming_normal_(module.weight, nonlinearity="relu")
            if module.bias is not None:
                nn.init.zeros_(module.bias)


def class_weights(pixels: NDArray[np.int64]) -> NDArray[np.float64]:
    """Return the weight of each class from its trained pixels.

    The pixels are int64 (C,), the weights float64 (C,). The square root of median frequency balancing, clamped; 1 for
    a class without pixels. Source: Eigen & Fergus 2015, section 6.3, for the median; the root and the clamp were
    measured on CamVid.
    """
    weights = np.ones(len(pixels))
    present = pixels > 0
    if present.any():
        ratio = np.median(pixels[present]) / pixels[present]
        weights[present] = np.clip(np.sqrt(ratio), _LOWEST_WEIGHT, _HIGHEST_WEIGHT)
    return weights


def working_scale(shapes: Sequence[tuple[int, int]], wanted: float = WORKING_SIDE, largest: float = 1.0) -> float:
    """Return the input scale for training a network without classes.

    Brings the longer side near the wanted number of pixels, but never enlarges by more than ``largest``, nor shrinks
    to less than a quarter, so that details remain. At 320 a slim network sees enough around each pixel and a CPU
    keeps up (CamVid: 0.67). An EfficientNet sees more around each pixel at less cost and takes 640.
    """
    side = float(np.median([max(shape) for shape in shapes]))
    return round(min(largest, max(0.25, wanted / side)), 2)


def augmentation_for(
    level: Level, shapes: Sequence[tuple[int, int]], input_scale: float, device: torch.device
) -> Augmentation:
    """Return crops of the images' aspect.

    Their size suits the device, and their scale is near the input scale.
    """
    height, width = (float(np.median([shape[axis] for shape in shapes])) for axis in (0, 1))
    low, high = (bound * input_scale for bound in ((0.67, 1.27) if level is Level.SCRATCH else (0.75, 1.33)))
    pixels = _CROP_PIXELS.get(device.type, _CROP_PIXELS["cpu"]) * (2 if level is Level.BETTER else 1)
    aspect = min(2.0, max(0.5, width / height))
    crop = (
        _rounded(min(math.sqrt(pixels / aspect), height * high)),
        _rounded(min(math.sqrt(pixels * aspect), width * high)),
    )
    colour = 1.0 if level is Level.SCRATCH else 0.5
    return Augmentation(crop, (low, high), colour=colour)


def _rounded(side: float) -> int:
    """Round a side to a multiple of 16.

    Such a side pools evenly at the skips.
    """
    return max(32, round(side / 16) * 16)
