"""Comparison of a fit with the network in use where few images are for validation.

Each image is scored by networks that have not learned from it (docs/adr/0030). Fits to the images outside of the fold
stand for the new network. The network in use is scored as it is on images that it has not learned from. On the others
a fit to those of its images that are outside of the fold stands for it.
"""

from __future__ import annotations

from collections.abc import Container, Generator, Iterable, Sequence
from dataclasses import dataclass, field, replace

import torch

from fcn_studio.core.class_map import ClassMap, map_classes
from fcn_studio.core.metrics import ConfusionMatrix, Figures, Uncertainty, uncertainty
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.errors import ImageError
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.inference.evaluate import evaluate
from fcn_studio.fcn.inference.predictor import Predictor
from fcn_studio.fcn.model.fcn import FCN
from fcn_studio.fcn.training.score_fit import PixelSource, ScoreFit
from fcn_studio.fcn.training.stages import TrainingRequest
from fcn_studio.fcn.weights.checkpoint import Checkpoint, as_stored

Matrices = dict[str, ConfusionMatrix]
"""Image id -> confusion matrix of the image."""


@dataclass(frozen=True)
class FoldPlan:
    """What two networks are compared on.

    Attributes:
        folds: ids of verified training images.
        held_back: images that are not trained on.
        baseline: the network in use; None if there is none to compare with.
        baseline_map: what its classes mean in the project.
    """

    folds: tuple[tuple[str, ...], ...]
    held_back: tuple[LabelledImage, ...] = ()
    baseline: Checkpoint | None = None
    baseline_map: ClassMap = field(default_factory=dict)


@dataclass(frozen=True)
class Comparison:
    """Figures of two networks on the same images.

    Attributes:
        new: of the new network.
        baseline: of the network in use; None if there is none, or it has learned from all images.
        image_ids: the images.
        uncertainty: of their difference; None where it is not known.
        baseline_knows_all: whether the network in use has learned from all images, and nothing can stand for it.
    """

    new: Figures
    baseline: Figures | None
    image_ids: tuple[str, ...]
    uncertainty: Uncertainty | None = None
    baseline_knows_all: bool = False


class FoldComparer:
    """The fits of the folds and their scores."""

    def __init__(
        self,
        plan: FoldPlan,
        request: TrainingRequest,
        start: Checkpoint,
        fit: ScoreFit,
        source: PixelSource,
    ) -> None:
        """Take what the training has used.

        Args:
            plan: what to compare on.
            request: what was trained.
            start: what the fit started from.
            fit: the finished fit.
            source: the sample of pixels that it was fitted to.
        """
        self._plan, self._request, self._start, self._fit, self._source = plan, request, start, fit, source
        images = request.training_set.usable
        self._numbers = {image.image_id: number for number, image in enumerate(images)}
        known = set(plan.baseline.trained_on) if plan.baseline is not None else set()
        self._known = known
        self._own = known & set(self._numbers) if self._is_fit_from_the_same_start() else None
        self._left_out = request.training_set.left_out
        self._new: Matrices = {}
        self._old: Matrices = {}

    def run(self) -> Generator[None, None, Comparison | None]:
        """Score the networks and yield after each image; None if no image can be read."""
        parts = self._parts()
        comparable = [[i for i in part if self._can_be_scored(i.image_id)] for part in parts]
        knows_all = self._plan.baseline is not None and not any(comparable)
        for part in parts if knows_all else comparable:
            ids = [image.image_id for image in part]
            outside = [n for image_id, n in self._numbers.items() if image_id not in ids]
            yield from self._score(self._fitted(outside), part, self._new)
            if self._plan.baseline is not None and not knows_all:
                yield from self._score_baseline(self._plan.baseline, part)
        return self._comparison(knows_all=knows_all)

    def _comparison(self, *, knows_all: bool) -> Comparison | None:
        """Return what has been found."""
        if not self._new:
            return None
        indices = [info.index for info in self._request.table.active]
        new = ConfusionMatrix.total(list(self._new.values())).figures(indices)
        if self._plan.baseline is None or knows_all:
            return Comparison(new, None, tuple(self._new), baseline_knows_all=knows_all)
        olds, news = zip(*((self._old[image_id], matrix) for image_id, matrix in self._new.items()), strict=True)
        old = ConfusionMatrix.total(olds).figures(indices)
        return Comparison(new, old, tuple(self._new), uncertainty(olds, news, indices))

    def _parts(self) -> list[list[LabelledImage]]:
        """Return the images of each fold, then those that were held back."""
        usable = self._request.training_set.usable
        parts = [[usable[self._numbers[i]] for i in fold if i in self._numbers] for fold in self._plan.folds]
        return [part for part in (*parts, list(self._plan.held_back)) if part]

    def _can_be_scored(self, image_id: str) -> bool:
        """Return whether the network in use, or what stands for it, has not learned from an image."""
        return image_id not in self._known or self._own is not None

    def _score_baseline(self, baseline: Checkpoint, part: Sequence[LabelledImage]) -> Generator[None, None, None]:
        """Score the network in use on a part, or what stands for it."""
        index_map = map_classes(baseline.table, self._request.table, self._plan.baseline_map)
        unseen = [image for image in part if image.image_id not in self._known]
        yield from self._score(baseline, unseen, self._old, index_map)
        seen = [image for image in part if image.image_id in self._known]
        if seen and self._own is not None:
            ids = {image.image_id for image in part}
            yield from self._score(self._fitted(self._numbers[i] for i in self._own - ids), seen, self._old)

    def _score(
        self,
        network: Checkpoint,
        part: Sequence[LabelledImage],
        matrices: Matrices,
        index_map: dict[int, int] | None = None,
    ) -> Generator[None, None, None]:
        """Score a network on images, and add the matrix of each that can be read."""
        if not part:
            return
        predictor = Predictor(network, self._fit.device)
        for image in part:
            matrix = ConfusionMatrix()
            try:
                yield from _silent(
                    evaluate(predictor, [image], self._request.table, index_map, self._left_out, confusion=matrix)
                )
            except ImageError:  # it cannot be read; the other network leaves it out too
                continue
            matrices[image.image_id] = matrix

    def _fitted(self, image_numbers: Iterable[int]) -> Checkpoint:
        """Return a fit to the sample of some images, rounded as a file would be.

        It takes as many steps as the training at most. Without pixels it is the start.
        """
        numbers: Container[int] = set(image_numbers)
        network = self._start.build()
        assert isinstance(network, FCN)
        fit = ScoreFit(network, self._fit.shares, CPU)
        sample = self._source.sample(numbers)
        while len(sample.target) and fit.steps < self._fit.steps and not (fit.converged or fit.given_up):
            fit.step(lambda device: [sample.to(device)], 0.0)
        state = {key: as_stored(value, half=True).to(value.dtype) for key, value in fit.network.state_dict().items()}
        return replace(self._start, state=state)

    def _is_fit_from_the_same_start(self) -> bool:
        """Return whether the network in use differs from the start in its scores alone."""
        baseline, start = self._plan.baseline, self._start
        if baseline is None or baseline.architecture != start.architecture:
            return False
        scores = self._fit.network.score_layers
        return all(
            torch.equal(as_stored(value, half=True).to(value.dtype), baseline.state[key])
            for key, value in start.state.items()
            if not key.startswith(scores)
        )


def _silent(steps: Iterable[object]) -> Generator[None, None, None]:
    """Yield None for each step."""
    for _ in steps:
        yield
