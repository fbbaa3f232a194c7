"""One stage of a training.

It has the stage's parts, its validations, and what is kept on disk.
"""

from __future__ import annotations

import math
import time
from collections.abc import Generator, Mapping
from dataclasses import asdict, replace
from typing import Any

import torch

from fcn_studio.core.class_map import map_classes
from fcn_studio.core.metrics import Figures
from fcn_studio.core.training import MIN_VAL_IMAGES, Calibration, TrainOutcome, TrainProgress, starved_sentence
from fcn_studio.core.with_result import WithResult
from fcn_studio.errors import ImageError, TrainingError
from fcn_studio.fcn.distributed import Ranks
from fcn_studio.fcn.inference.evaluate import evaluate
from fcn_studio.fcn.inference.predictor import Predictor
from fcn_studio.fcn.training.batch_sources import FeatureSource
from fcn_studio.fcn.training.budget import BASELINE_SHARE, CACHE_SHARE, Budget
from fcn_studio.fcn.training.calibrate import bias_without_class_weights, calibrate
from fcn_studio.fcn.training.folds import Comparison, FoldComparer, FoldPlan
from fcn_studio.fcn.training.resume import Unfinished, reporting_damage
from fcn_studio.fcn.training.resume_file import StateFile, read_tensors, restore_rng_state, rng_state
from fcn_studio.fcn.training.score_fit import PixelSource, ScoreFit
from fcn_studio.fcn.training.stages import TrainingRequest, TrainingStage, batches_of, loss_weights, optimisation_of
from fcn_studio.fcn.weights.checkpoint import Checkpoint, Preprocessing, as_stored, load_checkpoint, save_checkpoint
from fcn_studio.formats.project.runs import state_of
from fcn_studio.i18n import tr, tr_n

Reports = Generator[TrainProgress, bool | None, None]
"""A generator of reports; send True to stop it."""


class StageTrainer:
    """The parts of one stage.

    `fcn.training.train` runs them.

    Attributes:
        optimisation: the network and its optimiser.
        batches: where the batches come from.
        stopped: whether a person has stopped the training.
    """

    def __init__(
        self,
        request: TrainingRequest,
        stage: TrainingStage,
        ranks: Ranks,
        state: Unfinished | None,
        previous: StageTrainer | None,
    ) -> None:
        """Build the network and its optimiser.

        Args:
            request: what to train.
            stage: which part of it.
            ranks: the processes that train together.
            state: what to resume from, or None.
            previous: the stage before, which has ended, or None.
        """
        self._request, self._stage, self._ranks, self._resumed = request, stage, ranks, state
        self._table, self._val_set, self._training_set = request.table, request.val_set, request.training_set
        config = stage.config(request)
        torch.manual_seed(config.seed)
        self._start = stage.start(request, anew=state is not None)
        if state is not None:
            with reporting_damage(state.path):
                self._start = replace(self._start, preprocessing=_preprocessing(state.values["preprocessing"]))
        recipe = stage.recipe(request, self._start)
        self._budget = Budget(config, recipe.steps, recipe.evaluations, ends_early=recipe.ends_early)
        self._steps_wanted = (
            recipe.steps * (stage.number + 1 if stage.stride else 1) if config.minutes is not None else 0
        )
        self._ends_converged = config.steps is None
        self._weights = loss_weights(request.training_set, recipe)
        self.optimisation = optimisation_of(request, stage, recipe, self._start, self._weights, ranks)
        if ranks.share.size > 1:
            torch.manual_seed(config.seed + ranks.share.rank)  # else all processes drop the same features
        self.stopped = False
        # After a fit, the network that is kept may stay the fitted one; the paper's stages differ in their networks.
        self._best: Figures | None = previous._best if previous and not stage.stride else None
        self._validations_since_best = 0
        self._calibration: Calibration | None = None
        self._baseline: Figures | None = previous._baseline if previous else None
        self._spent_before: tuple[int, float, float] = previous._spent if previous else (0, 0.0, 0.0)
        self._comparison: Comparison | None = None
        self._folds = 0
        self._saved = previous is not None
        self._notes: list[str] = [*previous._notes, *previous.optimisation.notes] if previous else []
        self._state_file = StateFile(state_of(request.out_path), config.keep_every if ranks.is_first else None)
        if state is not None:
            self._restore(state)
        position = 0 if state is None else state.position
        self.batches = batches_of(request, stage, recipe, self.optimisation, self._start, position, ranks.share)

    def prepare(self) -> Reports:
        """Score the baseline and cache features.

        A resumed training only caches features.
        """
        base = self._request.base
        # A trunk without classes cannot be a baseline.
        if base is not None and len(base.table) and self._resumed is None and self._stage.number == 0:
            index_map = map_classes(base.table, self._table, self._request.config.class_map)
            minutes = self._request.config.minutes
            seconds = math.inf if minutes is None else minutes * 60 * BASELINE_SHARE
            self._baseline = yield from self._score(base, seconds, index_map)
            if self._baseline is None and self._val_set and not self.stopped:
                self._notes.append(
                    tr("the network in use was not scored first: too many validation images for the time")
                )
        if isinstance(self.batches, FeatureSource):
            yield from self._cache_features(self.batches)
        if self._resumed is None:
            self._budget.begin()

    def finish(self) -> Reports:
        """Finish the stage.

        The last network is validated if needed, the best one is calibrated, and the resume file is deleted.
        """
        if self._steps == 0 and not self._saved:
            raise TrainingError(
                tr("the training was stopped before its first step, and nothing was written")
                if self.stopped
                else tr("no step succeeded: the loss was not a number each time; start from another network")
            )
        if self._best is None or not (self.stopped or self._budget.validated_step == self._steps):
            was_stopped = self.stopped
            yield from self.validate()
            if self.stopped and not was_stopped:
                self.keep_state()
        if not self.stopped and self._stage.is_last and self._ranks.is_first:
            self._calibrate()
            self._state_file.remove()

    def compare_on_folds(self, plan: FoldPlan) -> Reports:
        """Compare the network with the one in use on folds.

        A stop ends it, and then nothing is compared.
        """
        fit, source = self.optimisation, self.batches
        if not isinstance(fit, ScoreFit) or not isinstance(source, PixelSource):
            return
        steps = WithResult(FoldComparer(plan, self._request, self._start, fit, source).run())
        for _ in steps:
            yield from self.report()
            if self.stopped:
                return
        self._comparison, self._folds = steps.result, len(plan.folds)

    def _calibrate(self) -> None:
        """Find the temperature of the network that is kept.

        It is found only if there are enough validation images.
        """
        if len(self._val_set) < MIN_VAL_IMAGES or self._best is None:
            return
        kept = load_checkpoint(self._request.out_path)
        self._calibration = calibrate(kept, self._val_set, self.optimisation.device)
        if self._calibration is not None:
            calibrated = replace(kept, temperature=self._calibration.temperature)
            save_checkpoint(calibrated, self._request.out_path, half=True)

    @property
    def validation_is_due(self) -> bool:
        """Whether the network is to be scored before the next step."""
        return not self.stopped and bool(self._val_set) and self._budget.validation_is_due(self._steps)

    def fraction_of_next_step(self) -> float | None:
        """Return the share of the budget spent, 0..1.

        It is None if no step is to follow. The first process decides for all.
        """
        ours = (float(self._has_next_step()), self._fraction, float(self.stopped))
        answer = self._ranks.run_and_sum(lambda: ours if self._ranks.is_first else (), self.optimisation.device)
        self.stopped = answer[2] > 0
        return answer[1] if answer[0] > 0 else None

    def _has_next_step(self) -> bool:
        """Return whether another step is to be taken.

        The first always is.
        """
        if self.stopped or self.optimisation.given_up or self._is_at_its_best:
            return False
        if self.optimisation.converged and self._ends_converged:
            return False
        return self._steps == 0 or self._fraction < 1

    @property
    def _is_at_its_best(self) -> bool:
        """Whether an early stop is due.

        The last validations were all worse than the best, and the config ends the training then.
        """
        limit = self._request.config.early_stop
        return 0 < limit <= self._validations_since_best

    @property
    def _steps(self) -> int:
        """Optimiser steps done."""
        return self.optimisation.steps

    @property
    def _spent(self) -> tuple[int, float, float]:
        """Steps, wall and CPU seconds so far.

        They are those of this stage and of those before it.
        """
        steps, elapsed, cpu_seconds = self._spent_before
        return steps + self._steps, elapsed + self._budget.elapsed, cpu_seconds + self._budget.cpu_seconds

    @property
    def _fraction(self) -> float:
        """Share of the budget spent, 0..1."""
        return self._budget.fraction(self._steps)

    def outcome(self) -> TrainOutcome:
        """Return the outcome of this stage and of those before it."""
        left_out = self._training_set.left_out
        outcome = TrainOutcome(
            checkpoint=str(self._request.out_path),
            figures=self._best,
            baseline=self._baseline,
            val_ids=tuple(image.image_id for image in self._val_set if image.image_id not in left_out),
            trained_on=len(self._training_set.read),
            steps=self._spent[0],
            cpu_seconds=self._spent[2],
            stopped=self.stopped,
            calibration=self._calibration,
            notes=(
                *self._notes,
                *self.optimisation.notes,
                *(tr("left out: {reason}", reason=why) for why in list(left_out.values())),
            ),
            steps_wanted=0 if self.optimisation.converged else self._steps_wanted,
        )
        if (found := self._comparison) is not None:
            outcome = replace(
                outcome,
                figures=found.new,
                baseline=found.baseline,
                val_ids=found.image_ids,
                folds=self._folds,
                uncertainty=found.uncertainty,
                baseline_knows_all=found.baseline_knows_all,
            )
        if outcome.is_starved and not self.stopped:
            return replace(outcome, notes=(*outcome.notes, starved_sentence(outcome).translated()))
        return outcome

    def close(self) -> None:
        """End the background thread that makes batches."""
        self.batches.close()

    def report(self, figures: Figures | None = None) -> Reports:
        """Yield one report.

        The training stops if the answer is True.
        """
        fraction, stage = self._fraction, self._stage
        steps, elapsed, cpu_seconds = self._spent
        total = self._spent_before[0] + self._budget.total(self._steps, fraction) * (stage.count - stage.number)
        whole = stage.begins + fraction * (stage.ends - stage.begins)
        stop = yield TrainProgress(steps, total, whole, self.optimisation.loss, elapsed, cpu_seconds, figures)
        self.stopped = self.stopped or bool(stop)

    def _cache_features(self, source: FeatureSource) -> Reports:
        """Cache features of the training images.

        Time is left to learn from them. A resumed training caches those of as many images as before.
        """
        enough = self._budget.seconds * CACHE_SHARE
        then = self._resumed.values["filled"] if self._resumed is not None else None
        for _ in source.fill():
            yield from self.report()
            if self.stopped or (source.filled >= then if then else self._budget.elapsed > enough):
                break
        done, wanted = source.filled, len(self._training_set.read)
        if done < wanted and not then and self._stage.is_last:
            self._notes.append(
                tr_n(
                    "learned from {done} of {n} image, for lack of time or memory",
                    "learned from {done} of {n} images, for lack of time or memory",
                    wanted,
                    done=done,
                )
            )

    def keep_state(self) -> None:
        """Write the resume file if it is due.

        It is also written if the training is stopped.
        """
        soon = self._budget.validated_step == self._steps
        if self._steps == 0 or not (self.stopped or self._state_file.is_due(soon=soon)):
            return
        if self._request.config.keep_every is None or not self._ranks.is_first:
            return
        batches, base = self.batches, self._request.base
        values: dict[str, Any] = {
            "bound": self._request.digests,
            "config": asdict(self._request.config),
            "base": str(base.path or "") if base is not None else "",
            "stage": self._stage.number,
            "before": self._spent_before,
            "preprocessing": asdict(self._start.preprocessing),
            "learner": self.optimisation.values(),
            "budget": self._budget.values(),
            "position": batches.position,
            "filled": batches.filled if isinstance(batches, FeatureSource) else 0,
            "best": asdict(self._best) if self._best else None,
            "baseline": asdict(self._baseline) if self._baseline else None,
            "saved": self._saved,
            "left_out": dict(self._training_set.left_out),
            "notes": self._notes,
        }
        if self._request.config.early_stop:
            values["validations_since_best"] = self._validations_since_best
        problem = self._state_file.write(self.optimisation.tensors() | rng_state(self.optimisation.device), values)
        if problem and problem not in self._notes:
            self._notes.append(problem)

    def _restore(self, state: Unfinished) -> None:
        """Restore everything from the resume file.

        Raises:
            TrainingError: if it is damaged, or the best network so far is gone.
        """
        tensors, values = read_tensors(state), state.values
        if values["saved"] and not self._request.out_path.is_file():
            raise TrainingError(
                tr(
                    "{path}: the best network of the unfinished training is gone; start a new training",
                    path=self._request.out_path,
                )
            )
        with reporting_damage(state.path):
            self.optimisation.restore(tensors, values["learner"])
            self._budget.restore(values["budget"])
            self._best = Figures.from_json(values["best"]) if values["best"] else None
            self._baseline = Figures.from_json(values["baseline"]) if values["baseline"] else None
            self._saved = bool(values["saved"])
            self._validations_since_best = int(values.get("validations_since_best", 0))
            steps, elapsed, cpu_seconds = values["before"]
            self._spent_before = int(steps), float(elapsed), float(cpu_seconds)
            self._training_set.left_out.update(values["left_out"])
            self._notes += values["notes"]
            restore_rng_state(tensors, self.optimisation.device)

    def validate(self) -> Reports:
        """Score the average and save it if it is the best.

        Without validation images it is saved unscored.
        """
        if not self._val_set:
            self._save(None)
            return
        figures = yield from self._score(self._snapshot())
        self._budget.validated(self._steps)
        if figures is None:
            return
        self._validations_since_best += 1
        if self._best is None or figures.mean_iou > self._best.mean_iou:
            self._best, self._validations_since_best = figures, 0
            self._save(figures)
        yield from self.report(figures)

    def _score(
        self, checkpoint: Checkpoint, timeout: float = math.inf, index_map: Mapping[int, int] | None = None
    ) -> Generator[TrainProgress, bool | None, Figures | None]:
        """Score a network on the validation images, with a report after each.

        Returns:
            Its figures; None if no image can be read, on a stop, or after more than ``timeout`` wall seconds.
        """
        if not self._val_set:
            return None
        began, was_stopped = time.perf_counter(), self.stopped
        predictor = Predictor(checkpoint, self.optimisation.device)
        left_out = self._training_set.left_out
        scoring = WithResult(evaluate(predictor, self._val_set, self._table, index_map, left_out))
        try:
            for done in scoring:
                self._notes += [note for note in predictor.take_notes() if note not in self._notes]
                taken = time.perf_counter() - began
                self._budget.validation_seconds = taken / done * len(self._val_set)
                yield from self.report()
                if (self.stopped and not was_stopped) or (taken > timeout and done < len(self._val_set)):
                    return None
        except ImageError:  # no image could be read
            return None
        return scoring.result

    def _snapshot(self) -> Checkpoint:
        """Return the average as a checkpoint without a file.

        It is rounded as the file will be.
        """
        average = self.optimisation.average
        divided = bias_without_class_weights(average, self._weights) if self._request.config.divide_weights else {}
        state = {
            key: as_stored(divided.get(key, value), half=True).to(value.dtype, copy=True)
            for key, value in average.state_dict().items()
        }
        return replace(self._start, state=state, trained_on=self._training_set.read)

    def save_unscored(self) -> None:
        """Save the last network if none was saved.

        An unscored network is better than none.
        """
        if not self._saved and self._steps > 0:
            self._save(None)

    def _save(self, figures: Figures | None) -> None:
        """Write the average to the checkpoint file."""
        self._saved = True
        if self._ranks.is_first:
            validation = None if figures is None else figures.as_json(self._table)
            save_checkpoint(replace(self._snapshot(), validation=validation), self._request.out_path, half=True)


def _preprocessing(values: dict[str, Any]) -> Preprocessing:
    """Return the preprocessing that ``asdict`` has turned into JSON."""
    return Preprocessing(**{**values, "mean": tuple(values["mean"]), "std": tuple(values["std"])})
