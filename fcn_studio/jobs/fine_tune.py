"""Fine-tuning on the snapshot of trusted pixels.

The best network is kept, and compared with the network in use.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

from fcn_studio.core.training import Level, TrainOutcome
from fcn_studio.errors import ImageError, TrainingError
from fcn_studio.i18n import tr
from fcn_studio.jobs.evaluate import evaluate_network
from fcn_studio.jobs.predictor_cache import PredictorCache
from fcn_studio.jobs.protocol import EvaluateJob, FineTuneJob, JobProgress


def fine_tune(job: FineTuneJob, predictors: PredictorCache) -> Generator[JobProgress, bool | None, TrainOutcome]:
    """Yield progress of a fine-tune and return its outcome.

    The progress is `TrainProgress` and, while scoring, `Evaluated`. Send True to end the training early with its best
    network.

    Raises:
        TrainingError: if there is nothing to train on, or it cannot go on.
        CheckpointError: if the base checkpoint cannot be loaded.
    """
    from fcn_studio.fcn.device import choose_device, describe_device
    from fcn_studio.fcn.distributed import own_device
    from fcn_studio.fcn.training.folds import FoldPlan
    from fcn_studio.fcn.training.train import train
    from fcn_studio.fcn.weights.checkpoint import load_checkpoint

    if not job.train:
        raise TrainingError(tr("No image has trusted pixels yet: label or verify a few images, then fine-tune."))
    device = own_device(choose_device(job.device))
    predictors.device_words = describe_device(device)
    # Training scores the network it is given as the baseline; from scratch it is given one for that alone.
    scratch = job.config.level is Level.SCRATCH
    given, class_map = (job.baseline, job.baseline_map) if scratch else (job.base, job.base_map)
    base = load_checkpoint(given) if given else None
    config = replace(job.config, class_map=class_map)
    folds = None
    if job.folds:
        in_use = load_checkpoint(job.baseline) if job.baseline else None
        folds = FoldPlan(job.folds, job.val, in_use, job.baseline_map)
    outcome = yield from train(
        config, job.train, job.val, job.table, base, device, Path(job.out), resume=job.resume, folds=folds
    )
    if folds is not None:
        return outcome
    if not job.baseline or not job.val:
        return replace(outcome, baseline=None)
    if job.baseline == given and outcome.baseline is not None:
        return outcome
    # The network in use is another than the base, or the training had no time to score it: the verdict needs it.
    baseline = EvaluateJob(job.baseline, job.table, job.val, job.device, job.baseline_map)
    try:
        return replace(outcome, baseline=(yield from evaluate_network(baseline, predictors)))
    except ImageError:  # no validation image can be read any more, which the notes say
        return replace(outcome, baseline=None)
