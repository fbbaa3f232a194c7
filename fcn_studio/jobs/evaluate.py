"""Scoring of a checkpoint on true label maps.

`evaluate` prints the figures, and they decide on adoption.
"""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from fcn_studio.core.class_map import map_classes
from fcn_studio.core.metrics import Figures
from fcn_studio.core.with_result import WithResult
from fcn_studio.jobs.predictor_cache import PredictorCache
from fcn_studio.jobs.protocol import Evaluated, EvaluateJob, ImageFailed, JobProgress

if TYPE_CHECKING:
    from fcn_studio.fcn.distributed import Ranks


def evaluate_network(
    job: EvaluateJob, predictors: PredictorCache, ranks: Ranks | None = None
) -> Generator[JobProgress, bool | None, Figures]:
    """Yield `Evaluated` or `ImageFailed` for each image, and return figures.

    The figures are in the classes of the job's table. The network's classes are matched as the job says, else by
    name; where it predicts one that means nothing in the table, the pixel counts as wrong.

    With ``ranks`` the images are this process's share of the set, and the figures are of the whole set.

    Raises:
        ImageError: if not one image can be read.
    """
    from fcn_studio.fcn.distributed import ALONE
    from fcn_studio.fcn.inference.evaluate import evaluate

    predictor = predictors.predictor(job.checkpoint, job.device)
    left_out: dict[str, str] = {}
    index_map = map_classes(predictor.checkpoint.table, job.table, job.class_map)
    ranks = ranks or ALONE
    steps = WithResult(
        evaluate(predictor, job.snapshot, job.table, index_map, left_out, boundary=job.boundary, ranks=ranks)
    )
    for done in steps:
        image_id = job.snapshot[done - 1].image_id
        if image_id in left_out:
            yield ImageFailed(image_id, left_out[image_id], done, len(job.snapshot))
        else:
            yield Evaluated(done, len(job.snapshot), predictor.take_notes())
    return steps.result
