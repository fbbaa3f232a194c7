"""Score a checkpoint on true label maps: what `evaluate` prints and what decides on adoption."""

from __future__ import annotations

from collections.abc import Generator

from fcn_studio.core.metrics import Figures
from fcn_studio.jobs.messages import Evaluated, EvaluateJob, JobProgress
from fcn_studio.jobs.warm import WarmNetwork


def evaluate_network(job: EvaluateJob, warm: WarmNetwork) -> Generator[JobProgress, bool | None, Figures]:
    """Yield `Evaluated` after each image; return the figures in the class indices of the job's table.

    The network's classes are matched by name; where it predicts one that the table lacks, the pixel counts as wrong.
    """
    from fcn_studio.fcn.evaluate import evaluate

    predictor = warm.predictor(job.checkpoint, job.device)
    work = evaluate(predictor, job.snapshot, job.table)
    while True:
        try:
            done = next(work)
        except StopIteration as end:
            figures: Figures = end.value
            return figures
        yield Evaluated(done, len(job.snapshot), predictor.take_notes())
