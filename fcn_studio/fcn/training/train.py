"""Train a network: the whole course, from the settings to the outcome."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from contextlib import nullcontext
from dataclasses import replace
from pathlib import Path

import torch

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.core.training import Level, TrainConfig, TrainOutcome, TrainProgress
from fcn_studio.errors import TrainingError
from fcn_studio.fcn.device import select_device
from fcn_studio.fcn.distributed import Ranks, process_group
from fcn_studio.fcn.training.folds import FoldPlan
from fcn_studio.fcn.training.resume import Unfinished, input_digests, read_unfinished
from fcn_studio.fcn.training.stage_trainer import Reports, StageTrainer
from fcn_studio.fcn.training.stages import TrainingRequest, training_stages
from fcn_studio.fcn.training.training_set import TrainingSet
from fcn_studio.fcn.weights.checkpoint import Checkpoint
from fcn_studio.formats.project.runs import state_of
from fcn_studio.formats.project.training_lock import TrainingLock
from fcn_studio.i18n import tr


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
    folds: FoldPlan | None = None,
) -> Generator[TrainProgress, bool | None, TrainOutcome]:
    """Train a network on trusted pixels.

    The best one is kept in a file. The best network is the one with the highest mean IoU on the validation images.

    Reports come after every step, and while images are validated or prepared; the latter repeat the step and the
    loss of the last report (not a number before the first step). Send True to stop: the generator then ends soon,
    with its outcome. Close the generator to cancel: the best network so far is in the file.

    A resume file is kept beside the network, from time to time and on a stop. On the CPU, with the same number of
    threads and a budget of steps, a resumed training gives exactly what an uninterrupted one gives. The resume file
    is deleted when the budget is spent.

    Args:
        config: level and budget.
        train_set: images to learn from; those without a pixel of an active class are left out.
        val_set: images to score on; may be empty, then the last network is kept.
        table: the project's classes; the network gets its active ones.
        base: the network to start from, of whatever classes, and the baseline. Level scratch does not start from
            it; without it, every level is scratch.
        device: where to train. When its memory runs out the batch is halved, and at last the CPU is used.
        out_path: the checkpoint file, written atomically each time a better network is found.
        resume: continue from the resume file; everything else must be as it was.
        folds: what a fit of the score layers is compared on at its end; it is then not validated before.

    Yields:
        A report; ``figures`` is set in the one after a validation.

    Returns:
        The outcome.

    Raises:
        TrainingError: if there is nothing to learn from, no image of it can be read, no step succeeds, there is
            nothing to resume, or another training writes the file.
        ProjectError: if the folder of the file cannot be written.
    """
    config = replace(config, level=Level.SCRATCH if base is None else config.level)
    digests = input_digests(config, train_set, val_set, table, base.sha256 if base else "")
    select_device(device)
    with process_group(device) as ranks:
        val_set = val_set if ranks.is_first and folds is None else ()
        training_set = TrainingSet.of(train_set, table)
        request = TrainingRequest(config, training_set, val_set, table, base, device, out_path, digests)
        ranks.barrier(device)  # from here on the lock that a process finds is that of this training
        with TrainingLock(out_path) if ranks.is_first else nullcontext():
            state = read_unfinished(state_of(out_path)) if resume else None
            if state is not None:
                state.require_same(digests)
            return (yield from _train_stages(request, ranks, state, folds))


def _train_stages(
    request: TrainingRequest, ranks: Ranks, state: Unfinished | None, folds: FoldPlan | None
) -> Generator[TrainProgress, bool | None, TrainOutcome]:
    """Train stage after stage.

    Each starts from the best network of the one before.
    """
    alone = ranks.share.size == 1
    if request.config.level in (Level.QUICK, Level.BETTER) and not alone:
        raise TrainingError(tr("The levels quick and better run in one process only; they take seconds."))
    trainer: StageTrainer | None = None
    stages = training_stages(request.config, fitted_first=alone and request.is_fitted_first)
    for stage in stages[state.stage if state is not None else 0 :]:
        if trainer is not None:
            ranks.barrier(request.device)  # the best network of the stage before is on disk
        trainer = StageTrainer(request, stage, ranks, state, previous=trainer)
        yield from train_stage(trainer)
        state = None
        if trainer.stopped:
            break
    assert trainer is not None
    if folds is not None and not trainer.stopped:
        yield from trainer.compare_on_folds(folds)
    return trainer.outcome()


def train_stage(trainer: StageTrainer) -> Reports:
    """Train one stage.

    It steps, validates and keeps until the budget is spent or a person stops it.
    """
    try:
        yield from trainer.prepare()
        try:
            while True:
                if trainer.validation_is_due:
                    yield from trainer.validate()
                trainer.keep_state()
                fraction = trainer.fraction_of_next_step()
                if fraction is None:
                    break
                trainer.optimisation.step(trainer.batches.batch, fraction)
                yield from trainer.report()
            yield from trainer.finish()
        finally:
            trainer.save_unscored()
    finally:
        trainer.close()
