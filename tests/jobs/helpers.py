"""Jobs and networks that need no torch, and jobs on the micrographs."""

from __future__ import annotations

from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, cast

import numpy as np

from fcn_studio.core.metrics import Figures
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.training import TrainOutcome
from fcn_studio.formats.project_folder import ProjectFolder
from fcn_studio.jobs.messages import ImageToSegment, Job, JobProgress, JobResult, Predicted, SegmentJob
from fcn_studio.jobs.run import Workshop

Work = Generator[JobProgress, bool | None, JobResult]


def news(number: int = 1, total: int = 3) -> Predicted:
    """Some news of a job."""
    pixel = np.zeros((1, 1), np.uint8)
    return Predicted(Prediction(f"{number}.png", pixel, pixel, ""), number, total)


class ScriptedWorkshop(Workshop):
    """Runs the generator functions that it is given, by the name that a job has in place of its checkpoint."""

    def __init__(self, **scripts: Callable[[], Work]) -> None:
        super().__init__()
        self._scripts = scripts

    def run(self, job: Job) -> Work:
        return self._scripts[cast(SegmentJob, job).checkpoint]()


def job(name: str) -> SegmentJob:
    """A job for the scripted workshop."""
    return SegmentJob(name, ())


def segment_all(project: Path, network: Path, repeat: int = 1) -> SegmentJob:
    """The job that segments every image of a folder, ``repeat`` times."""
    with ProjectFolder.open(project, writable=False) as folder:
        images = tuple(ImageToSegment(s.image_id, str(s.image_path)) for s in folder.samples)
    return SegmentJob(str(network), images * repeat, "cpu")


def figures(mean_iou: float, images: int = 3, **iou: float) -> Figures:
    """Figures with the given class IoUs (``c1=0.5``), each of 1,000 pixels."""
    by_class = {int(name[1:]): value for name, value in iou.items()}
    return Figures(mean_iou, mean_iou, mean_iou, mean_iou, by_class, dict.fromkeys(by_class, 1000), (), images)


def outcome(checkpoint: Path | str, **changes: Any) -> TrainOutcome:
    """What a training left; better than the baseline on three images unless ``changes`` say otherwise."""
    fields: dict[str, Any] = {
        "figures": figures(0.6, c1=0.6),
        "baseline": figures(0.5, c1=0.5),
        "val_ids": ("a", "b", "c"),
        "trained_on": 2,
        "steps": 10,
        "cpu_seconds": 1.0,
    }
    return TrainOutcome(checkpoint=str(checkpoint), **{**fields, **changes})
