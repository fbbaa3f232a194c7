"""Description, progress and outcome of a training, and the adoption rule."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any

from fcn_studio.core.class_map import ClassMap
from fcn_studio.core.metrics import Figures, Uncertainty
from fcn_studio.i18n import Message, message, message_n


class Level(StrEnum):
    """Part of the network that a fine-tune changes."""

    QUICK = "quick"
    """Only the score layers: seconds on a CPU, convex, no augmentation."""
    BETTER = "better"
    """The score layers, then a light head beside them, on cached features: under a minute on a CPU."""
    FULL = "full"
    """All layers, augmented, normalisation statistics frozen."""
    SCRATCH = "scratch"
    """A new network over the bundled trunk, or of random weights."""


class RecipeName(StrEnum):
    """Name of a training recipe."""

    MODERN = "modern"
    """AdamW, warm-up and cosine, augmented crops, class weights, the average of the weights is kept."""
    PAPER = "paper"
    """Long, Shelhamer & Darrell's: FCN-32s, then 16s, then 8s, each from the best of the one before, by SGD."""
    PAPER_AT_ONCE = "paper-atonce"
    """The same for an FCN-8s at once, with scaled taps."""


@dataclass(frozen=True, slots=True)
class TrainConfig:
    """Settings of a training.

    ``minutes`` or ``steps`` bounds the run. Without either, the level's default does.

    Attributes:
        level: see `Level`.
        minutes: wall-clock budget; the learning-rate schedule follows it.
        steps: number of optimiser steps.
        batch_size: crops a step; None for the recipe's own.
        seed: of the random weights and the augmentation.
        width: channel multiplier of a slim trunk (scratch only); None where there is none.
        class_map: what the classes of the network it starts from mean in the project; the others go by name.
        recipe: see `RecipeName`.
        architecture: name of the network to train; "slim" has ``width``. None: from scratch the slim one if there is
            a width, else an FCN-8s over the bundled trunk; from a network that network's own. From a network it has
            the same trunk, and another stride, upsampling or head.
        input_scale: factor on the images before the network (scratch only); None follows from their size.
        crop: (height, width) of the crops; None follows from the device and the images.
        lovasz: weight of the Lovász-softmax loss beside cross-entropy in the last third of the budget.
        rate: factor on all learning rates.
        precision: "fp32", "bf16" (features by automatic mixed precision) or "auto": bf16 on CUDA.
        divide_weights: take the class weights of the loss out of the scores of the network that is kept, so that
            its probabilities are those of the images: rare classes are then found less often, and more surely.
        flip: whether crops are mirrored left to right; not where left and right are classes, or for text.
        vertical_flip: whether crops are mirrored top to bottom, as for micrographs and pictures from above.
        rotation: largest angle by which crops are turned, in degrees.
        early_stop: end after so many validations in a row without a better one; 0 for never.
        keep_every: seconds between two states that are kept to go on from after a crash; None keeps none.
    """

    level: Level = Level.FULL
    minutes: float | None = None
    steps: int | None = None
    batch_size: int | None = None
    seed: int = 0
    width: float | None = None
    class_map: ClassMap = field(default_factory=dict)
    recipe: RecipeName = RecipeName.MODERN
    architecture: str | None = None
    input_scale: float | None = None
    crop: tuple[int, int] | None = None
    lovasz: float = 0.0
    rate: float = 1.0
    precision: str = "auto"
    divide_weights: bool = False
    flip: bool = True
    vertical_flip: bool = False
    rotation: float = 0.0
    early_stop: int = 0
    keep_every: float | None = 60.0

    @classmethod
    def from_json(cls, data: Mapping[str, Any]) -> TrainConfig:
        """Make the config from the JSON of its ``asdict``.

        Raises:
            TypeError, ValueError: if it is anything else.
        """
        crop = None if data["crop"] is None else tuple(data["crop"])
        return cls(**{**data, "level": Level(data["level"]), "recipe": RecipeName(data["recipe"]), "crop": crop})


@dataclass(frozen=True, slots=True)
class TrainProgress:
    """One report of a running training.

    Attributes:
        step: optimiser steps done.
        total_steps: planned steps, or an estimate from the pace so far under a wall-clock budget.
        fraction: share of the budget spent, 0..1.
        loss: mean cross-entropy of the last step, nats a pixel.
        elapsed: wall seconds since the start.
        cpu_seconds: CPU time of the process since the start, all threads.
        figures: validation figures, when this report follows an evaluation.
    """

    step: int
    total_steps: int
    fraction: float
    loss: float
    elapsed: float
    cpu_seconds: float
    figures: Figures | None = None


@dataclass(frozen=True, slots=True)
class Calibration:
    """Calibration error (0..1) on held-out pictures before and after a temperature."""

    temperature: float
    error_before: float
    error_after: float


@dataclass(frozen=True)
class TrainOutcome:
    """Result of a finished or stopped training.

    Attributes:
        checkpoint: path of the best checkpoint, as text.
        figures: its validation figures; None if there was no validation image.
        baseline: figures of the network that was current, on the same images; None if there was none to compare.
        val_ids: ids of the images both were scored on.
        trained_on: number of images with trusted pixels that were trained on.
        steps: optimiser steps done.
        stopped: ended before its budget, by the user.
        calibration: its temperature and what that is worth; None with too few validation images.
        steps_wanted: steps of the recipe, where time bounded the training; else 0.
        folds: number of folds both were compared on; 0 where they were scored on images held back.
        uncertainty: of the difference between the two, where they were compared on folds.
        baseline_knows_all: whether the network in use could not be compared because it has learned from all images.
    """

    checkpoint: str
    figures: Figures | None
    baseline: Figures | None
    val_ids: Sequence[str]
    trained_on: int
    steps: int
    cpu_seconds: float
    stopped: bool = False
    notes: tuple[str, ...] = ()
    calibration: Calibration | None = None
    steps_wanted: int = 0
    folds: int = 0
    uncertainty: Uncertainty | None = None
    baseline_knows_all: bool = False

    @property
    def is_starved(self) -> bool:
        """Whether the time allowed under a quarter of the recipe's steps."""
        return 4 * self.steps < self.steps_wanted


class Verdict(StrEnum):
    """Decision on a new network."""

    ADOPTED = "adopted"
    NOT_COMPARED = "adopted, not compared"
    CANDIDATE = "kept as a candidate"


_TOO_SHORT = message("the time was enough for {steps:,} of the recipe's {wanted:,} steps; give it more minutes")
_NOT_HELD_BACK = message("no verified image was held back to compare on")
_ON_FOLDS = message_n(
    "compared on {folds} folds of your {n} image", "compared on {folds} folds of your {n} images", 0, folds=0
)
_ON_HELD_BACK = message_n("compared on {n} image that was held back", "compared on {n} images that were held back", 0)
_KNOWS_ALL = message("the network in use has learned from all verified images")
_NO_EARLIER = message("no earlier network to compare with")
_MEAN_FELL = message("mean IoU fell from {old:.3f} to {new:.3f}")
_CLASS_FELL = message("{name} fell from {old:.3f} to {new:.3f}")
_MEAN = message("mean IoU {old:.3f} to {new:.3f}")
_UNCERTAIN = message("the difference is uncertain by {error:.3f}")

REASONS = (
    _TOO_SHORT, _NOT_HELD_BACK, _ON_FOLDS, _ON_HELD_BACK, _KNOWS_ALL, _NO_EARLIER, _MEAN_FELL, _CLASS_FELL, _MEAN,
    _UNCERTAIN,
)  # fmt: skip
"""Reasons for a verdict, the special before the general; files have them in English."""

MIN_VAL_IMAGES = 3
"""With fewer images for validation, a quick fine-tune is compared on folds (docs/adr/0030)."""
MIN_CLASS_PIXELS = 1000
MAX_CLASS_LOSS = 0.05
ERRORS = 2.0
"""Standard errors by which a network may be worse on folds; chance alone seldom does more."""


@dataclass(frozen=True)
class Adoption:
    """The verdict on a new network, with the reasons."""

    verdict: Verdict
    reasons: tuple[Message, ...] = field(default=())

    @property
    def adopted(self) -> bool:
        """Whether the new network becomes the one in use."""
        return self.verdict is not Verdict.CANDIDATE


def starved_sentence(outcome: TrainOutcome) -> Message:
    """Return the message about a training whose time was too short."""
    return _TOO_SHORT.filled(steps=outcome.steps, wanted=outcome.steps_wanted)


def nothing_held_back() -> Message:
    """Return the message that there is no image to compare two networks on."""
    return _NOT_HELD_BACK


def compared_on(outcome: TrainOutcome) -> Message:
    """Return the message that says which images two networks were compared on."""
    if outcome.folds > 1:
        return _ON_FOLDS.filled(n=len(outcome.val_ids), folds=outcome.folds)
    return _ON_HELD_BACK.filled(n=len(outcome.val_ids))


def judge(outcome: TrainOutcome, class_names: Mapping[int, str]) -> Adoption:
    """Decide whether a new network is put in use (docs/ARCHITECTURE.md, "Adoption").

    A new network is adopted if the mean IoU does not fall on images that neither has learned from, and no class with
    1,000 or more pixels there loses over 5 points of IoU. On folds it may be lower by what chance can do, twice the
    standard error: so few images show no less. Without such images, or without a network to compare with,
    it is adopted and marked "not compared"; but a starved one with under 3 such images is kept as a candidate.
    """
    new, old = outcome.figures, outcome.baseline
    if outcome.is_starved and (new is None or len(outcome.val_ids) < MIN_VAL_IMAGES):
        few = compared_on(outcome) if outcome.val_ids else nothing_held_back()
        return Adoption(Verdict.CANDIDATE, (few, starved_sentence(outcome)))
    if new is None or not outcome.val_ids:
        return Adoption(Verdict.NOT_COMPARED, (nothing_held_back(),))
    if old is None and outcome.baseline_knows_all:
        return Adoption(Verdict.NOT_COMPARED, (_KNOWS_ALL,))
    if old is None:
        return Adoption(Verdict.NOT_COMPARED, (_NO_EARLIER,))
    reasons = []
    chance = outcome.uncertainty or Uncertainty(0.0, {})
    if new.mean_iou < old.mean_iou - ERRORS * chance.mean_iou:
        reasons.append(_MEAN_FELL.filled(old=old.mean_iou, new=new.mean_iou))
    for index, before in old.iou.items():
        after = new.iou.get(index, 0.0)
        if new.pixels.get(index, 0) >= MIN_CLASS_PIXELS and before - after > max(
            MAX_CLASS_LOSS, ERRORS * chance.iou.get(index, 0.0)
        ):
            name = class_names.get(index, index)
            reasons.append(_CLASS_FELL.filled(name=name, old=before, new=after))
    verdict = Verdict.CANDIDATE if reasons else Verdict.ADOPTED
    if not reasons:
        reasons = [_MEAN.filled(old=old.mean_iou, new=new.mean_iou)]
    if outcome.uncertainty is not None and new.mean_iou != old.mean_iou:
        reasons.append(_UNCERTAIN.filled(error=ERRORS * chance.mean_iou))
    if outcome.folds or len(outcome.val_ids) < MIN_VAL_IMAGES:
        reasons.append(compared_on(outcome))
    return Adoption(verdict, tuple(reasons))


ENOUGH_IMAGES = 5
"""Verified images with a class from which on others help it about as much as any."""

GOOD_IOU = 0.9


def advice(figures: Figures, images: Mapping[int, int], class_names: Mapping[int, str]) -> Message | None:
    """Return the message about the class for which more labels would help most, None where all are good.

    That is the class of the lowest IoU among those with a verified image.

    Args:
        figures: of the network in use.
        images: class index -> number of verified images with the class.
        class_names: names of the classes that are not retired.
    """
    weak = [(iou, index) for index, iou in figures.iou.items() if images.get(index) and index in class_names]
    if not weak or min(weak)[0] >= GOOD_IOU:
        return None
    iou, index = min(weak)
    return message_n(
        "{name}: {n} image, IoU {iou:.2f}; label {more} more",
        "{name}: {n} images, IoU {iou:.2f}; label {more} more",
        images[index],
        name=class_names[index],
        iou=iou,
        more=max(3, ENOUGH_IMAGES - images[index]),
    )
