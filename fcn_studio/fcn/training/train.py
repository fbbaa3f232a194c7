"""Yield progress of a training; close the generator to stop early with the best network on disk."""

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
from fcn_studio.fcn.training.distributed import Ranks, joined, share_of_environment
from fcn_studio.fcn.training.resume import Unfinished, bound_to, read_unfinished
from fcn_studio.fcn.training.stage_trainer import StageTrainer
from fcn_studio.fcn.training.stages import Order, stages
from fcn_studio.fcn.training.training_set import TrainingSet
from fcn_studio.fcn.weights.checkpoint import Checkpoint
from fcn_studio.formats.project.runs import state_of
from fcn_studio.formats.project.training_lock import TrainingLock


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
        TrainingError: if there is nothing to learn from, no image of it can be read, no step succeeds, there is
            nothing to go on from, or another training writes the file.
        ProjectError: if the folder of the file cannot be written.
    """
    config = replace(config, level=Level.SCRATCH if base is None else config.level)
    bound = bound_to(config, train_set, val_set, table, base.sha256 if base else "")
    ranks = joined(share_of_environment(), device)
    val_set = val_set if ranks.is_first else ()
    try:
        order = Order(config, TrainingSet.of(train_set, table), val_set, table, base, device, out_path, bound)
        ranks.together(lambda: (), device)  # none takes the first one's lock for that of another training any more
        with TrainingLock(out_path) if ranks.is_first else nullcontext():
            state = read_unfinished(state_of(out_path)) if resume else None
            if state is not None:
                state.require_same(bound)
            return (yield from _all_stages(order, ranks, state))
    except BaseException:
        ranks.fail(device)
        raise
    finally:
        ranks.leave()


def _all_stages(
    order: Order, ranks: Ranks, state: Unfinished | None
) -> Generator[TrainProgress, bool | None, TrainOutcome]:
    """The stages one after the other, each from the best network of the one before."""
    if order.config.level is Level.QUICK and ranks.share.size > 1:
        raise TrainingError("the quick level is for one process; it takes seconds")
    before: StageTrainer | None = None
    for stage in stages(order.config)[state.stage if state is not None else 0 :]:
        if before is not None:
            ranks.together(lambda: (), order.device)  # its best network is written
        training = StageTrainer(order, stage, ranks, state, before)
        try:
            yield from training.run()
        finally:
            training.close()
        before, state = training, None
        if training.outcome().stopped:
            break
    assert before is not None
    return before.outcome()
