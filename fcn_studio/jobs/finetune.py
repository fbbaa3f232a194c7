"""Fine-tune: train on the snapshot of trusted pixels, keep the best, score it beside the network in use."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path
from typing import TYPE_CHECKING

from fcn_studio.core.metrics import Figures
from fcn_studio.core.training import TrainOutcome
from fcn_studio.errors import TrainingError
from fcn_studio.jobs.evaluate import evaluate_network
from fcn_studio.jobs.messages import EvaluateJob, FineTuneJob, JobProgress

if TYPE_CHECKING:
    from fcn_studio.jobs.run import Workshop


def fine_tune(job: FineTuneJob, workshop: Workshop) -> Generator[JobProgress, bool, TrainOutcome]:
    """Yield `TrainProgress` and, while scoring, `Evaluated`; return the outcome.

    Sending True ends the training at the step just done; the best network so far is scored and returned.

    Raises:
        TrainingError: if there is nothing to train on, or it cannot go on.
        CheckpointError: if the base checkpoint cannot be loaded.
    """
    from fcn_studio.fcn.device import choose_device, describe_device
    from fcn_studio.fcn.train import train
    from fcn_studio.fcn.weights import load_checkpoint

    if not job.train:
        raise TrainingError("No image has trusted pixels yet: label or verify a few images, then fine-tune.")
    started = time.process_time()
    device = choose_device(job.device)
    workshop.device_words = describe_device(device)
    work = train(
        job.config,
        train_set=job.train,
        val_set=job.val,
        table=job.table,
        base=load_checkpoint(Path(job.base)) if job.base else None,
        device=device,
        out=Path(job.out),
    )
    steps, stopped, notes = 0, False, ()
    while True:
        try:
            progress = next(work)
        except StopIteration as end:
            notes = end.value.notes
            break
        steps = progress.step
        if (yield progress):
            stopped = True
            work.close()
            break
    if not Path(job.out).is_file():
        raise TrainingError("The training was stopped before its first checkpoint; the network in use is unchanged.")
    figures = yield from _score(job, job.out, workshop)
    baseline = None
    if job.baseline:
        baseline = yield from _score(job, job.baseline, workshop)
    return TrainOutcome(
        checkpoint=job.out,
        figures=figures,
        baseline=baseline,
        val_ids=tuple(item.image_id for item in job.val),
        trained_on=len(job.train),
        steps=steps,
        cpu_seconds=time.process_time() - started,
        stopped=stopped,
        notes=tuple(notes),
    )


def _score(job: FineTuneJob, checkpoint: str, workshop: Workshop) -> Generator[JobProgress, bool, Figures | None]:
    if not job.val:
        return None
    return (yield from evaluate_network(EvaluateJob(checkpoint, job.table, job.val, job.device), workshop))
