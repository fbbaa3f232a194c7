"""Training as a generator of progress: who wants no more of it stops asking, and the best network is on disk."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Generator, Sequence
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import torch

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.metrics import Figures
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.core.training import Level, TrainConfig, TrainOutcome, TrainProgress
from fcn_studio.errors import ImageError, TrainingError
from fcn_studio.fcn.budget import BASELINE_SHARE, CACHE_SHARE, Budget
from fcn_studio.fcn.data import CropSampler
from fcn_studio.fcn.evaluate import evaluate
from fcn_studio.fcn.learner import Learner
from fcn_studio.fcn.material import Material, is_foreign, starting_point
from fcn_studio.fcn.predict import Predictor
from fcn_studio.fcn.recipe import augmentation_for, batch_size_for, class_weights, initialise, recipe_for
from fcn_studio.fcn.run_state import StateFile, chance, read_tensors, restore_chance
from fcn_studio.fcn.sources import CropSource, FeatureSource, Source
from fcn_studio.fcn.unfinished import Unfinished, bound_to, damage_told, read_unfinished
from fcn_studio.fcn.weights import Checkpoint, Preprocessing, as_stored, save_checkpoint
from fcn_studio.formats.runs import state_of

_log = logging.getLogger(__name__)

Reports = Generator[TrainProgress, bool | None, None]
"""Steps that report; sent True, they stop as soon as they can."""

_QUICK_VIEWS = 2


def train(
    config: TrainConfig,
    train_set: Sequence[LabelledImage],
    val_set: Sequence[LabelledImage],
    table: ClassTable,
    base: Checkpoint | None,
    device: torch.device,
    out_path: Path,
    *,
    resume: bool = False,
) -> Generator[TrainProgress, bool | None, TrainOutcome]:
    """Train a network on trusted pixels and keep the best, by validation mean IoU, in a file.

    Reports come after every step, and while images are validated or prepared; those repeat the step and the
    loss of the last one (not a number before the first). To stop, send True: the generator then ends soon, with
    its outcome. To cancel, close it or drop it: what was best so far is in the file.

    Beside the file a state is kept, now and then and when it is stopped, from which the training can go on; on the
    CPU, with the same number of threads and a budget of steps, exactly as if it had never ended. Once the budget is
    spent it is deleted.

    Args:
        config: level and budget.
        train_set: images to learn from; those without a pixel of an active class are left out.
        val_set: images to score on; may be empty, then the last network is kept.
        table: the project's classes; the network gets its active ones.
        base: the network to start from, of whatever classes, and the baseline. Scratch does not start from it;
            without one, every level is scratch.
        device: where; memory that runs out halves the batch, and last moves the training to the CPU.
        out_path: the checkpoint file, written atomically each time a better network is found.
        resume: go on from the state beside it; everything else must be as it was.

    Yields:
        A report; ``figures`` is set in the one after a validation.

    Returns:
        What came out.

    Raises:
        TrainingError: if there is nothing to learn from, no image of it can be read, no step succeeds, or there is
            nothing to go on from.
    """
    bound = bound_to(config, train_set, val_set, table, base.sha256 if base else "")
    state = read_unfinished(state_of(out_path)) if resume else None
    if state is not None:
        state.require_same(bound)
    training = _Training(config, train_set, val_set, table, base, device, out_path, bound, state)
    try:
        yield from training.run()
        return training.outcome()
    finally:
        training.close()


class _Training:
    """The state of one training; `run` is its course."""

    def __init__(
        self,
        config: TrainConfig,
        train_set: Sequence[LabelledImage],
        val_set: Sequence[LabelledImage],
        table: ClassTable,
        base: Checkpoint | None,
        device: torch.device,
        out_path: Path,
        bound: dict[str, str],
        state: Unfinished | None,
    ) -> None:
        self._config, self._table, self._base, self._out_path = config, table, base, out_path
        self._val_set, self._bound, self._resumed = val_set, bound, state
        level = Level.SCRATCH if base is None else config.level
        torch.manual_seed(config.seed)
        self._material = material = Material.of(train_set, table)
        recipe = recipe_for(
            level,
            batch_norm=level is Level.SCRATCH or (base is not None and base.architecture.batch_norm),
            foreign=is_foreign(base, table),
            images=len(material.usable),
        )
        self._budget = Budget(config, recipe.steps, recipe.evaluations)
        self._start = starting_point(replace(config, level=level), table, base, material)
        if state is not None:
            with damage_told(state.path):
                self._start = replace(self._start, preprocessing=_preprocessing(state.values["preprocessing"]))
        network = self._start.build()
        if level is Level.SCRATCH:
            initialise(network)
        self._batch_size = batch_size_for(level, config.batch_size, images=len(material.usable), device=device)
        self._learner = Learner(network, recipe, class_weights(material.pixels), device, self._batch_size)
        self._source = self._new_source(level, 0 if state is None else state.position)

        self._stopped = False
        self._best: Figures | None = None
        self._baseline: Figures | None = None
        self._saved = False
        self._notes: list[str] = []
        self._state_file = StateFile(state_of(out_path), config.keep_every)
        if state is not None:
            self._restore(state)

    # --- the course -------------------------------------------------------------------------------------

    def run(self) -> Reports:
        """From the baseline to the last validation."""
        yield from self._prepare()
        try:
            while True:
                if not self._stopped and self._val_set and self._budget.validation_is_due(self._steps):
                    yield from self._validate()
                self._keep_state()
                if not self._may_go_on():
                    break
                self._learner.step(self._source.batch, self._fraction)
                yield from self._report()
            yield from self._conclude()
        finally:
            # Closed or stopped before the first validation: better the last network than none.
            if not self._saved and self._steps > 0:
                self._save(None)

    def _prepare(self) -> Reports:
        """What comes before the first step: the baseline, cached features; of what is resumed, the features only."""
        if self._base is not None and self._resumed is None:
            self._baseline = yield from self._score(self._base, self._budget.seconds * BASELINE_SHARE)
            if self._baseline is None and self._val_set and not self._stopped:
                self._notes.append("the base was not scored first: too many validation images for the time")
        if isinstance(self._source, FeatureSource):
            yield from self._fill(self._source)
        if self._resumed is None:
            self._budget.begin()

    def _conclude(self) -> Reports:
        """The last validation, if there is need of one; what has come to its end needs no state any more."""
        if self._steps == 0:
            raise TrainingError(
                "the training was stopped before its first step, and nothing was written"
                if self._stopped
                else "no step succeeded: the loss was not a number each time; start from another network"
            )
        if self._best is None or not (self._stopped or self._budget.validated_step == self._steps):
            was_stopped = self._stopped
            yield from self._validate()
            if self._stopped and not was_stopped:
                self._keep_state()
        if not self._stopped:
            self._state_file.remove()

    def _may_go_on(self) -> bool:
        """Whether another step is to be taken; the first always is."""
        if self._stopped or self._learner.given_up:
            return False
        return self._steps == 0 or self._fraction < 1

    @property
    def _steps(self) -> int:
        """Optimiser steps done."""
        return self._learner.steps

    @property
    def _fraction(self) -> float:
        """Share of the budget spent, 0..1."""
        return self._budget.fraction(self._steps)

    def outcome(self) -> TrainOutcome:
        """What came out."""
        left_out = self._material.left_out
        return TrainOutcome(
            checkpoint=str(self._out_path),
            figures=self._best,
            baseline=self._baseline,
            val_ids=tuple(image.image_id for image in self._val_set if image.image_id not in left_out),
            trained_on=len(self._material.read),
            steps=self._steps,
            cpu_seconds=self._budget.cpu_seconds,
            stopped=self._stopped,
            notes=(
                *self._notes,
                *self._learner.notes,
                *(f"left out: {why}" for why in list(left_out.values())),
            ),
        )

    def close(self) -> None:
        """End the background thread."""
        self._source.close()

    def _report(self, figures: Figures | None = None) -> Reports:
        """Yield one report and heed the answer."""
        fraction, budget = self._fraction, self._budget
        total = budget.total(self._steps, fraction)
        stop = yield TrainProgress(
            self._steps, total, fraction, self._learner.loss, budget.elapsed, budget.cpu_seconds, figures
        )
        self._stopped = self._stopped or bool(stop)

    def _fill(self, source: FeatureSource) -> Reports:
        """Cache the features: under a wall-clock budget as many as leave time to learn, resumed as many as then."""
        enough = self._budget.seconds * CACHE_SHARE
        then = self._resumed.values["filled"] if self._resumed is not None else None
        for _ in source.fill():
            yield from self._report()
            if self._stopped or (source.filled >= then if then else self._budget.elapsed > enough):
                break
        done, wanted = source.filled, len(self._material.read)
        if done < wanted and not then:
            self._notes.append(f"learned from {done} of {wanted} images, for want of time or memory")

    # --- going on after a crash -------------------------------------------------------------------------

    def _keep_state(self) -> None:
        """Write all that is needed to go on, if it is time to; when stopped, it is."""
        soon = self._budget.validated_step == self._steps
        if self._steps == 0 or not (self._stopped or self._state_file.is_due(soon=soon)):
            return
        if self._config.keep_every is None:
            return
        source = self._source
        values: dict[str, Any] = {
            "bound": self._bound,
            "config": asdict(self._config),
            "base": str(self._base.path or "") if self._base is not None else "",
            "preprocessing": asdict(self._start.preprocessing),
            "learner": self._learner.values(),
            "budget": self._budget.values(),
            "position": source.position,
            "filled": source.filled if isinstance(source, FeatureSource) else 0,
            "best": asdict(self._best) if self._best else None,
            "baseline": asdict(self._baseline) if self._baseline else None,
            "saved": self._saved,
            "left_out": dict(self._material.left_out),
            "notes": self._notes,
        }
        problem = self._state_file.write(self._learner.tensors() | chance(self._learner.device), values)
        if problem and problem not in self._notes:
            self._notes.append(problem)

    def _restore(self, state: Unfinished) -> None:
        """Bring everything to where it was.

        Raises:
            TrainingError: if the state is damaged, or the best network so far is gone.
        """
        tensors, values = read_tensors(state), state.values
        if values["saved"] and not self._out_path.is_file():
            raise TrainingError(f"{self._out_path}: the best network of the unfinished training is gone; train anew")
        with damage_told(state.path):
            self._learner.restore(tensors, values["learner"])
            self._budget.restore(values["budget"])
            self._best = Figures.from_json(values["best"]) if values["best"] else None
            self._baseline = Figures.from_json(values["baseline"]) if values["baseline"] else None
            self._saved = bool(values["saved"])
            self._material.left_out.update(values["left_out"])
            self._notes += values["notes"]
            restore_chance(tensors, self._learner.device)

    # --- validation and saving --------------------------------------------------------------------------

    def _validate(self) -> Reports:
        """Score the average and keep it if it is the best; without validation images, keep it as it is."""
        if not self._val_set:
            self._save(None)
            return
        figures = yield from self._score(self._snapshot())
        self._budget.validated(self._steps)
        if figures is None:
            return
        if self._best is None or figures.mean_iou > self._best.mean_iou:
            self._best = figures
            self._save(figures)
        yield from self._report(figures)

    def _score(
        self, checkpoint: Checkpoint, patience: float = math.inf
    ) -> Generator[TrainProgress, bool | None, Figures | None]:
        """Figures of a network on the validation images, reporting after each.

        None if no image can be read, if it is stopped, or if it takes longer than ``patience`` wall seconds.
        """
        if not self._val_set:
            return None
        began, was_stopped = time.perf_counter(), self._stopped
        predictor = Predictor(checkpoint, self._learner.device)
        scoring = evaluate(predictor, self._val_set, self._table, left_out=self._material.left_out)
        while True:
            try:
                done = next(scoring)
            except StopIteration as end:
                figures: Figures = end.value
                return figures
            except ImageError:  # of the last: none could be read
                return None
            self._notes += [note for note in predictor.take_notes() if note not in self._notes]
            taken = time.perf_counter() - began
            self._budget.validation_seconds = taken / done * len(self._val_set)
            yield from self._report()
            if (self._stopped and not was_stopped) or (taken > patience and done < len(self._val_set)):
                return None

    def _snapshot(self) -> Checkpoint:
        """The average as a checkpoint without a file, rounded as the file will be: what is scored is what is kept."""
        state = {
            key: as_stored(value, half=True).to(value.dtype, copy=True)
            for key, value in self._learner.average.state_dict().items()
        }
        return replace(self._start, state=state, trained_on=self._material.read)

    def _save(self, figures: Figures | None) -> None:
        """Write the average to the file."""
        validation = None if figures is None else figures.as_json(self._table)
        save_checkpoint(replace(self._snapshot(), validation=validation), self._out_path, half=True)
        self._saved = True

    def _new_source(self, level: Level, position: int) -> Source:
        """Cached features where the trunk stays as it is, else augmented crops."""
        material, pre, seed = self._material, self._start.preprocessing, self._config.seed
        if level is Level.QUICK:
            network, make_room = self._learner.network.eval(), self._learner.make_room
            images = material.decoded(pre.input_scale)
            return FeatureSource(images, network, pre, _QUICK_VIEWS, seed, make_room, position)
        augmentation = augmentation_for(level, material.shapes, pre.input_scale, self._learner.device)
        images = material.decoded(augmentation.scale[1])
        sampler = CropSampler(images, augmentation, class_weights(material.pixels), seed)
        return CropSource(sampler, pre, self._batch_size, position)


def _preprocessing(values: dict[str, Any]) -> Preprocessing:
    """The preprocessing that ``asdict`` gave, back from JSON."""
    return Preprocessing(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})
