"""The course of one stage of a training: steps, validations, what is kept to go on from, and how it ends."""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Mapping
from dataclasses import asdict, replace
from typing import Any

import torch

from fcn_studio.core.class_map import map_classes
from fcn_studio.core.metrics import Figures
from fcn_studio.core.training import MIN_VAL_IMAGES, Calibration, TrainOutcome, TrainProgress
from fcn_studio.errors import ImageError, TrainingError
from fcn_studio.fcn.inference.evaluate import evaluate
from fcn_studio.fcn.inference.predictor import Predictor
from fcn_studio.fcn.training.batch_sources import FeatureSource
from fcn_studio.fcn.training.budget import BASELINE_SHARE, CACHE_SHARE, Budget
from fcn_studio.fcn.training.calibrate import calibrate, without_weights
from fcn_studio.fcn.training.distributed import Ranks
from fcn_studio.fcn.training.optimisation import Optimisation
from fcn_studio.fcn.training.resume import Unfinished, damage_told
from fcn_studio.fcn.training.resume_file import StateFile, chance, read_tensors, restore_chance
from fcn_studio.fcn.training.stages import Order, Stage, images_a_step, loss_weights, source_of
from fcn_studio.fcn.weights.checkpoint import Checkpoint, Preprocessing, as_stored, load_checkpoint, save_checkpoint
from fcn_studio.formats.project.runs import state_of

Reports = Generator[TrainProgress, bool | None, None]
"""Steps that report; sent True, they stop as soon as they can."""


class StageTrainer:
    """The state of one stage; `run` is its course."""

    def __init__(
        self, order: Order, stage: Stage, ranks: Ranks, state: Unfinished | None, before: StageTrainer | None
    ) -> None:
        self._order, self._stage, self._ranks, self._resumed = order, stage, ranks, state
        self._table, self._val_set, self._training_set = order.table, order.val_set, order.training_set
        config = stage.config(order)
        torch.manual_seed(config.seed)
        self._start = stage.start(order, anew=state is not None)
        if state is not None:
            with damage_told(state.path):
                self._start = replace(self._start, preprocessing=_preprocessing(state.values["preprocessing"]))
        recipe = stage.recipe(order, self._start)
        self._budget = Budget(config, recipe.steps, recipe.evaluations)
        self._weights = loss_weights(order.training_set, recipe)
        self._optimisation = Optimisation(
            stage.network(order, self._start),
            recipe,
            self._weights,
            order.device,
            images_a_step(order, recipe, ranks.share),
            lovasz=config.lovasz,
            precision=config.precision,
            ranks=ranks,
        )
        if ranks.share.size > 1:
            torch.manual_seed(config.seed + ranks.share.rank)  # else all would drop the same features
        self._stopped = False
        self._best: Figures | None = None
        self._calibration: Calibration | None = None
        self._baseline: Figures | None = before._baseline if before else None
        self._before: tuple[int, float, float] = before._spent if before else (0, 0.0, 0.0)
        self._saved = before is not None
        self._notes: list[str] = [*before._notes, *before._optimisation.notes] if before else []
        self._state_file = StateFile(state_of(order.out_path), config.keep_every if ranks.is_first else None)
        if state is not None:
            self._restore(state)
        position = 0 if state is None else state.position
        self._source = source_of(order, recipe, self._optimisation, self._start, position, ranks.share)

    # --- the course -------------------------------------------------------------------------------------

    def run(self) -> Reports:
        """From the baseline to the last validation."""
        yield from self._prepare()
        try:
            while True:
                if not self._stopped and self._val_set and self._budget.validation_is_due(self._steps):
                    yield from self._validate()
                self._keep_state()
                going_on, fraction = self._agreed()
                if not going_on:
                    break
                self._optimisation.step(self._source.batch, fraction)
                yield from self._report()
            yield from self._conclude()
        finally:
            # Closed or stopped before the first validation: better the last network than none.
            if not self._saved and self._steps > 0:
                self._save(None)

    def _prepare(self) -> Reports:
        """What comes before the first step: the baseline, cached features; of what is resumed, the features only."""
        base = self._order.base
        # A trunk without classes can be no baseline.
        if base is not None and len(base.table) and self._resumed is None and self._stage.number == 0:
            index_map = map_classes(base.table, self._table, self._order.config.class_map)
            self._baseline = yield from self._score(base, self._budget.seconds * BASELINE_SHARE, index_map)
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
        if not self._stopped and self._stage.is_last and self._ranks.is_first:
            self._calibrate()
            self._state_file.remove()

    def _calibrate(self) -> None:
        """Give the network that is kept its temperature, if there are images enough to find one."""
        if len(self._val_set) < MIN_VAL_IMAGES or self._best is None:
            return
        kept = load_checkpoint(self._order.out_path)
        self._calibration = calibrate(kept, self._val_set, self._optimisation.device)
        if self._calibration is not None:
            warmer = replace(kept, temperature=self._calibration.temperature)
            save_checkpoint(warmer, self._order.out_path, half=True)

    def _agreed(self) -> tuple[bool, float]:
        """Whether there is another step, and the share of the budget spent: the first process decides for all."""
        ours = (float(self._may_go_on()), self._fraction, float(self._stopped))
        said = self._ranks.together(lambda: ours if self._ranks.is_first else (), self._optimisation.device)
        self._stopped = said[2] > 0
        return said[0] > 0, said[1]

    def _may_go_on(self) -> bool:
        """Whether another step is to be taken; the first always is."""
        if self._stopped or self._optimisation.given_up:
            return False
        return self._steps == 0 or self._fraction < 1

    @property
    def _steps(self) -> int:
        """Optimiser steps done."""
        return self._optimisation.steps

    @property
    def _spent(self) -> tuple[int, float, float]:
        """Steps, wall and CPU seconds of this stage and of those before it."""
        steps, elapsed, cpu_seconds = self._before
        return steps + self._steps, elapsed + self._budget.elapsed, cpu_seconds + self._budget.cpu_seconds

    @property
    def _fraction(self) -> float:
        """Share of the budget spent, 0..1."""
        return self._budget.fraction(self._steps)

    def outcome(self) -> TrainOutcome:
        """What came out."""
        left_out = self._training_set.left_out
        return TrainOutcome(
            checkpoint=str(self._order.out_path),
            figures=self._best,
            baseline=self._baseline,
            val_ids=tuple(image.image_id for image in self._val_set if image.image_id not in left_out),
            trained_on=len(self._training_set.read),
            steps=self._spent[0],
            cpu_seconds=self._spent[2],
            stopped=self._stopped,
            calibration=self._calibration,
            notes=(
                *self._notes,
                *self._optimisation.notes,
                *(f"left out: {why}" for why in list(left_out.values())),
            ),
        )

    def close(self) -> None:
        """End the background thread."""
        self._source.close()

    def _report(self, figures: Figures | None = None) -> Reports:
        """Yield one report and heed the answer."""
        fraction, stage = self._fraction, self._stage
        steps, elapsed, cpu_seconds = self._spent
        total = self._before[0] + self._budget.total(self._steps, fraction) * (stage.count - stage.number)
        whole = (stage.number + fraction) / stage.count
        stop = yield TrainProgress(steps, total, whole, self._optimisation.loss, elapsed, cpu_seconds, figures)
        self._stopped = self._stopped or bool(stop)

    def _fill(self, source: FeatureSource) -> Reports:
        """Cache the features: under a wall-clock budget as many as leave time to learn, resumed as many as then."""
        enough = self._budget.seconds * CACHE_SHARE
        then = self._resumed.values["filled"] if self._resumed is not None else None
        for _ in source.fill():
            yield from self._report()
            if self._stopped or (source.filled >= then if then else self._budget.elapsed > enough):
                break
        done, wanted = source.filled, len(self._training_set.read)
        if done < wanted and not then:
            self._notes.append(f"learned from {done} of {wanted} images, for want of time or memory")

    # --- going on after a crash -------------------------------------------------------------------------

    def _keep_state(self) -> None:
        """Write all that is needed to go on, if it is time to; when stopped, it is."""
        soon = self._budget.validated_step == self._steps
        if self._steps == 0 or not (self._stopped or self._state_file.is_due(soon=soon)):
            return
        if self._order.config.keep_every is None or not self._ranks.is_first:
            return
        source, base = self._source, self._order.base
        values: dict[str, Any] = {
            "bound": self._order.bound,
            "config": asdict(self._order.config),
            "base": str(base.path or "") if base is not None else "",
            "stage": self._stage.number,
            "before": self._before,
            "preprocessing": asdict(self._start.preprocessing),
            "learner": self._optimisation.values(),
            "budget": self._budget.values(),
            "position": source.position,
            "filled": source.filled if isinstance(source, FeatureSource) else 0,
            "best": asdict(self._best) if self._best else None,
            "baseline": asdict(self._baseline) if self._baseline else None,
            "saved": self._saved,
            "left_out": dict(self._training_set.left_out),
            "notes": self._notes,
        }
        problem = self._state_file.write(self._optimisation.tensors() | chance(self._optimisation.device), values)
        if problem and problem not in self._notes:
            self._notes.append(problem)

    def _restore(self, state: Unfinished) -> None:
        """Bring everything to where it was.

        Raises:
            TrainingError: if the state is damaged, or the best network so far is gone.
        """
        tensors, values = read_tensors(state), state.values
        if values["saved"] and not self._order.out_path.is_file():
            raise TrainingError(
                f"{self._order.out_path}: the best network of the unfinished training is gone; train anew"
            )
        with damage_told(state.path):
            self._optimisation.restore(tensors, values["learner"])
            self._budget.restore(values["budget"])
            self._best = Figures.from_json(values["best"]) if values["best"] else None
            self._baseline = Figures.from_json(values["baseline"]) if values["baseline"] else None
            self._saved = bool(values["saved"])
            steps, elapsed, cpu_seconds = values["before"]
            self._before = int(steps), float(elapsed), float(cpu_seconds)
            self._training_set.left_out.update(values["left_out"])
            self._notes += values["notes"]
            restore_chance(tensors, self._optimisation.device)

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
        self, checkpoint: Checkpoint, patience: float = math.inf, index_map: Mapping[int, int] | None = None
    ) -> Generator[TrainProgress, bool | None, Figures | None]:
        """Figures of a network on the validation images, reporting after each.

        None if no image can be read, if it is stopped, or if it takes longer than ``patience`` wall seconds.
        """
        if not self._val_set:
            return None
        began, was_stopped = time.perf_counter(), self._stopped
        predictor = Predictor(checkpoint, self._optimisation.device)
        scoring = evaluate(predictor, self._val_set, self._table, index_map, self._training_set.left_out)
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
        average = self._optimisation.average
        divided = without_weights(average, self._weights) if self._order.config.divide_weights else {}
        state = {
            key: as_stored(divided.get(key, value), half=True).to(value.dtype, copy=True)
            for key, value in average.state_dict().items()
        }
        return replace(self._start, state=state, trained_on=self._training_set.read)

    def _save(self, figures: Figures | None) -> None:
        """Write the average to the file."""
        self._saved = True
        if self._ranks.is_first:
            validation = None if figures is None else figures.as_json(self._table)
            save_checkpoint(replace(self._snapshot(), validation=validation), self._order.out_path, half=True)


def _preprocessing(values: dict[str, Any]) -> Preprocessing:
    """The preprocessing that ``asdict`` gave, back from JSON."""
    return Preprocessing(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})
