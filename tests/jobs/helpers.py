"""Jobs and networks that need no torch, and jobs on the micrographs."""

from __future__ import annotations

import threading
from collections.abc import Callable, Generator
from pathlib import Path
from typing import Any, cast

import numpy as np

from fcn_studio.core.metrics import Figures
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.training import TrainOutcome
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs.process.supervisor import ProcessSupervisor
from fcn_studio.jobs.protocol import (
    Cancelled,
    Done,
    Failed,
    ImageToSegment,
    Job,
    JobProgress,
    JobResult,
    Predicted,
    Progress,
    Reply,
    SegmentJob,
)
from fcn_studio.jobs.run import JobRunner
from tests.patience import PATIENCE_S

Work = Generator[JobProgress, bool | None, JobResult]


def news(number: int = 1, total: int = 3) -> Predicted:
    """Some news of a job."""
    pixel = np.zeros((1, 1), np.uint8)
    return Predicted(Prediction(f"{number}.png", pixel, pixel, ""), number, total)


class ScriptedRunner(JobRunner):
    """Runs the generator functions that it is given, by the name that a job has in place of its checkpoint."""

    def __init__(self, **scripts: Callable[[], Work]) -> None:
        super().__init__()
        self._scripts = scripts

    def run(self, job: Job) -> Work:
        return self._scripts[cast(SegmentJob, job).checkpoint]()


def job(name: str) -> SegmentJob:
    """A job for the scripted runner."""
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


class Listener:
    """A host in a thread of its own, and all it said."""

    def __init__(
        self, make_supervisor: Callable[[Callable[[Reply], None]], ProcessSupervisor] = ProcessSupervisor
    ) -> None:
        self.replies: list[Reply] = []
        self.pids: list[int | None] = []
        """The host's process when each of them came."""
        self.patience = float(PATIENCE_S)
        self._news = threading.Condition()
        self.supervisor = make_supervisor(self._hear)
        self.thread = threading.Thread(target=self.supervisor.run, daemon=True)
        self.thread.start()

    def _hear(self, reply: Reply) -> None:
        with self._news:
            self.replies.append(reply)
            self.pids.append(self.supervisor.pid)
            self._news.notify_all()

    def wait(self, wanted: Callable[[Reply], bool], patience: float = PATIENCE_S, *, after: int = 0) -> Reply:
        """The first reply of this kind after so many others, now or later."""
        found: list[Reply] = []

        def there() -> bool:
            found[:] = [reply for reply in self.replies[after:] if wanted(reply)]
            return bool(found)

        with self._news:
            waited = self._news.wait_for(there, min(patience, self.patience))
            assert waited, f"waited in vain; heard {self.replies[-5:]}"
        return found[0]

    def end_of(self, job_id: int, patience: float = PATIENCE_S) -> Reply:
        return self.wait(lambda r: isinstance(r, Done | Failed | Cancelled) and r.job_id == job_id, patience)

    def news_of(self, job_id: int) -> Reply:
        return self.wait(lambda r: isinstance(r, Progress) and r.job_id == job_id)

    def close(self) -> None:
        self.supervisor.close()
        self.thread.join(PATIENCE_S)
        assert not self.thread.is_alive()
