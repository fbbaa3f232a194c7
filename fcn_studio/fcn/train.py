"""Training as a generator of progress: who wants no more of it stops asking, and the best network is on disk."""

from __future__ import annotations

import logging
import math
import time
from collections.abc import Generator, Mapping, Sequence
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
import torch

from fcn_studio.core.class_map import map_classes
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.metrics import Figures
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.core.training import Level, TrainConfig, TrainOutcome, TrainProgress
from fcn_studio.errors import ImageError, TrainingError
from fcn_studio.fcn.architecture import Architecture
from fcn_studio.fcn.data import CropSampler, DecodedImages, channel_lut, channel_pixels
from fcn_studio.fcn.evaluate import evaluate
from fcn_studio.fcn.learner import Learner
from fcn_studio.fcn.predict import Predictor
from fcn_studio.fcn.recipe import (
    augmentation_for,
    batch_size_for,
    class_weights,
    initialise,
    recipe_for,
    working_scale,
)
from fcn_studio.fcn.sources import CropSource, FeatureSource, Source
from fcn_studio.fcn.weights import Checkpoint, Preprocessing, active_table, adapt, as_stored, save_checkpoint

_log = logging.getLogger(__name__)

Reports = Generator[TrainProgress, bool | None, None]
"""Steps that report; sent True, they stop as soon as they can."""

_QUICK_VIEWS = 2
# Shares of a wall-clock budget: at most for scoring the base, for caching features, for the last validation.
_BASELINE_SHARE = 0.25
_CACHE_SHARE = 0.4
_RESERVE_SHARE = 0.3
_VALIDATION_SHARE = 0.1
_MOST_VALIDATIONS = 10
_STATISTICS_IMAGES = 16


def train(
    config: TrainConfig,
    train_set: Sequence[LabelledImage],
    val_set: Sequence[LabelledImage],
    table: ClassTable,
    base: Checkpoint | None,
    device: torch.device,
    out_path: Path,
) -> Generator[TrainProgress, bool | None, TrainOutcome]:
    """Train a network on trusted pixels and keep the best, by validation mean IoU, in a file.

    Reports come after every step, and while images are validated or prepared; those repeat the step and the
    loss of the last one (not a number before the first). To stop, send True: the generator then ends soon, with
    its outcome. To cancel, close it or drop it: what was best so far is in the file.

    Args:
        config: level and budget.
        train_set: images to learn from; those without a pixel of an active class are left out.
        val_set: images to score on; may be empty, then the last network is kept.
        table: the project's classes; the network gets its active ones.
        base: the network to start from, of whatever classes, and the baseline. Scratch does not start from it;
            without one, every level is scratch.
        device: where; memory that runs out halves the batch, and last moves the training to the CPU.
        out_path: the checkpoint file, written atomically each time a better network is found.

    Yields:
        A report; ``figures`` is set in the one after a validation.

    Returns:
        What came out.

    Raises:
        TrainingError: if there is nothing to learn from, no image of it can be read, or no step succeeds.
    """
    training = _Training(config, train_set, val_set, table, base, device, out_path)
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
    ) -> None:
        self._clock, self._cpu_clock = time.perf_counter(), time.process_time()
        self._config, self._table, self._base, self._out_path = config, table, base, out_path
        self._val_set = val_set
        self._level = level = Level.SCRATCH if base is None else config.level
        torch.manual_seed(config.seed)
        self._rng = np.random.default_rng(config.seed)

        lut = channel_lut(table)
        pixels = channel_pixels(train_set, lut)
        usable = [image for image, counts in zip(train_set, pixels, strict=True) if counts.any()]
        channels = len(active_table(table))
        _require_something_to_learn(usable, channels)
        self._usable = tuple(image.image_id for image in usable)
        self._left_out: dict[str, str] = {}
        shapes = [image.shape for image in usable]
        weights = class_weights(pixels.sum(0)[:channels])

        scale = working_scale(shapes) if level is Level.SCRATCH else None
        self._start = self._starting_point(scale, DecodedImages(usable, lut, left_out=self._left_out))
        self._recipe = recipe_for(
            level,
            batch_norm=self._start.architecture.batch_norm,
            foreign=base is not None and 2 * len(map_classes(base.table, table, config.class_map)) < channels,
            images=len(usable),
        )
        network = self._start.build()
        if scale is not None:
            initialise(network)
        self._batch_size = batch_size_for(level, config.batch_size, images=len(usable), device=device)
        self._learner = Learner(network, self._recipe, weights, device, self._batch_size)
        self._source = self._new_source(usable, lut, shapes, weights)

        self._stopped = False
        self._best: Figures | None = None
        self._baseline: Figures | None = None
        self._saved = False
        self._validated_step, self._validation_seconds, self._trained_since = -1, 0.0, 0.0
        self._began = self._elapsed
        self._notes: list[str] = []

    # --- the course -------------------------------------------------------------------------------------

    def run(self) -> Reports:
        """From the baseline to the last validation."""
        if self._base is not None:
            index_map = map_classes(self._base.table, self._table, self._config.class_map)
            self._baseline = yield from self._score(self._base, self._budget * _BASELINE_SHARE, index_map)
            if self._baseline is None and self._val_set and not self._stopped:
                self._notes.append("the base was not scored first: too many validation images for the time")
        if isinstance(self._source, FeatureSource):
            yield from self._fill(self._source)
        self._began = self._trained_since = self._elapsed
        try:
            while self._may_go_on():
                self._learner.step(self._source.batch, self._fraction)
                yield from self._report()
                if not self._stopped and self._validation_is_due():
                    yield from self._validate()
            if self._steps == 0:
                raise TrainingError(
                    "the training was stopped before its first step, and nothing was written"
                    if self._stopped
                    else "no step succeeded: the loss was not a number each time; start from another network"
                )
            if self._best is None or not (self._stopped or self._validated_step == self._steps):
                yield from self._validate()
        finally:
            # Closed or stopped before the first validation: better the last network than none.
            if not self._saved and self._steps > 0:
                self._save(None)

    def _may_go_on(self) -> bool:
        """Whether another step is to be taken; the first always is."""
        if self._stopped or self._learner.given_up:
            return False
        return self._steps == 0 or self._fraction < 1

    @property
    def _steps(self) -> int:
        """Optimiser steps done."""
        return self._learner.steps

    def outcome(self) -> TrainOutcome:
        """What came out."""
        return TrainOutcome(
            checkpoint=str(self._out_path),
            figures=self._best,
            baseline=self._baseline,
            val_ids=tuple(image.image_id for image in self._val_set if image.image_id not in self._left_out),
            trained_on=len(self._trained_on),
            steps=self._steps,
            cpu_seconds=time.process_time() - self._cpu_clock,
            stopped=self._stopped,
            notes=(
                *self._notes,
                *self._learner.notes,
                *(f"left out: {why}" for why in list(self._left_out.values())),
            ),
        )

    @property
    def _trained_on(self) -> tuple[str, ...]:
        """Ids of the images that it learns from: those that could be read."""
        return tuple(image_id for image_id in self._usable if image_id not in self._left_out)

    def close(self) -> None:
        """End the background thread."""
        self._source.close()

    def _report(self, figures: Figures | None = None) -> Reports:
        """Yield one report and heed the answer."""
        fraction = self._fraction
        total = self._config.steps or (self._recipe.steps if self._config.minutes is None else 0)
        if not total:
            total = max(self._steps, round(self._steps / fraction)) if fraction > 0 else self._steps
        stop = yield TrainProgress(
            self._steps,
            total,
            fraction,
            self._learner.loss,
            self._elapsed,
            time.process_time() - self._cpu_clock,
            figures,
        )
        self._stopped = self._stopped or bool(stop)

    def _fill(self, source: FeatureSource) -> Reports:
        """Cache the features; under a wall-clock budget only as many as leave time to learn."""
        enough = self._budget * _CACHE_SHARE
        done = 0
        for number in source.fill():
            done = number
            yield from self._report()
            if self._stopped or self._elapsed > enough:
                break
        if done < len(self._trained_on):
            self._notes.append(f"learned from {done} of {len(self._trained_on)} images, for want of time or memory")

    # --- the budget -------------------------------------------------------------------------------------

    @property
    def _elapsed(self) -> float:
        """Wall seconds since the start."""
        return time.perf_counter() - self._clock

    @property
    def _budget(self) -> float:
        """Wall seconds there are in all; infinite where only steps count."""
        return math.inf if self._config.minutes is None else self._config.minutes * 60

    @property
    def _fraction(self) -> float:
        """Share of the budget spent, 0..1; the last validation has its time reserved."""
        spent = 0.0
        if self._config.minutes is not None:
            reserve = min(self._validation_seconds, self._budget * _RESERVE_SHARE)
            seconds = max(self._budget - reserve - self._began, 1e-3)
            spent = (self._elapsed - self._began) / seconds
        steps = self._config.steps or (self._recipe.steps if self._config.minutes is None else None)
        if steps:
            spent = max(spent, self._steps / steps)
        return min(1.0, max(0.0, spent))

    def _validation_is_due(self) -> bool:
        """By the steps where they bound the run, so that it can be repeated; else by its cost in time."""
        if not self._val_set or self._steps == self._validated_step:
            return False
        if self._config.minutes is None:
            steps = self._config.steps or self._recipe.steps
            every = max(1, steps // self._recipe.evaluations)
            return self._steps % every == 0 and self._steps < steps
        if self._fraction > 1 - 0.5 / _MOST_VALIDATIONS:
            return False  # the last one is near
        pause = self._budget / _MOST_VALIDATIONS
        pause = max(pause, self._validation_seconds * (1 / _VALIDATION_SHARE - 1))
        return self._elapsed - self._trained_since >= pause

    # --- validation and saving --------------------------------------------------------------------------

    def _validate(self) -> Reports:
        """Score the average and keep it if it is the best; without validation images, keep it as it is."""
        self._validated_step = self._steps
        if not self._val_set:
            self._save(None)
            return
        figures = yield from self._score(self._snapshot())
        self._trained_since = self._elapsed
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
        predictor = Predictor(checkpoint, self._learner.device)
        scoring = evaluate(predictor, self._val_set, self._table, index_map, self._left_out)
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
            self._validation_seconds = taken / done * len(self._val_set)
            yield from self._report()
            if (self._stopped and not was_stopped) or (taken > patience and done < len(self._val_set)):
                return None

    def _snapshot(self) -> Checkpoint:
        """The average as a checkpoint without a file, rounded as the file will be: what is scored is what is kept."""
        state = {
            key: as_stored(value, half=True).to(value.dtype, copy=True)
            for key, value in self._learner.average.state_dict().items()
        }
        return replace(self._start, state=state, trained_on=self._trained_on)

    def _save(self, figures: Figures | None) -> None:
        """Write the average to the file."""
        validation = None if figures is None else figures.as_json(self._table)
        save_checkpoint(replace(self._snapshot(), validation=validation), self._out_path, half=True)
        self._saved = True

    # --- what it starts with ----------------------------------------------------------------------------

    def _starting_point(self, scale: float | None, images: DecodedImages) -> Checkpoint:
        """The base for this class table; or, given an input scale, a fresh slim network."""
        if scale is None and self._base is not None:
            return adapt(self._base, self._table, self._config.class_map)
        table = active_table(self._table)
        architecture = Architecture.slim(self._config.width)
        order = self._rng.permutation(len(images)).tolist()
        some = islice(filter(None, map(images.get, order)), _STATISTICS_IMAGES)
        pixels = np.concatenate([image[::4, ::4].reshape(-1, 3) for image, _ in some])
        mean, std = pixels.mean(0).tolist(), np.maximum(pixels.std(0), 1).tolist()
        preprocessing = Preprocessing("rgb", (mean[0], mean[1], mean[2]), (std[0], std[1], std[2]), scale or 1.0)
        return Checkpoint(architecture, table, preprocessing, architecture.build(len(table)).state_dict())

    def _new_source(
        self,
        usable: Sequence[LabelledImage],
        lut: np.ndarray[tuple[int, ...], np.dtype[np.uint8]],
        shapes: Sequence[tuple[int, int]],
        weights: np.ndarray[tuple[int, ...], np.dtype[np.float64]],
    ) -> Source:
        """Cached features where the trunk stays as it is, else augmented crops."""
        pre = self._start.preprocessing
        if self._level is Level.QUICK:
            images = DecodedImages(usable, lut, pre.input_scale, self._left_out)
            network, make_room = self._learner.network.eval(), self._learner.make_room
            return FeatureSource(images, network, pre, _QUICK_VIEWS, self._rng, make_room)
        augmentation = augmentation_for(self._level, shapes, pre.input_scale, self._learner.device)
        images = DecodedImages(usable, lut, augmentation.scale[1], self._left_out)
        sampler = CropSampler(images, augmentation, weights, self._rng)
        return CropSource(sampler, pre, self._batch_size)


def _require_something_to_learn(usable: Sequence[LabelledImage], channels: int) -> None:
    """Refuse a training that could not learn anything, in a sentence."""
    if channels < 2:
        raise TrainingError("training needs at least two classes; add one in the Classes list")
    if not usable:
        raise TrainingError("there are no labelled pixels to learn from; label a few images, or verify some")
