"""Running of jobs.

A workshop turns a job into a generator of news.
"""

from __future__ import annotations

from collections.abc import Generator

from fcn_studio.jobs.evaluate import evaluate_network
from fcn_studio.jobs.fine_tune import fine_tune
from fcn_studio.jobs.install import install
from fcn_studio.jobs.live import LiveLearners, answer_clicks, compute_features, live
from fcn_studio.jobs.predictor_cache import PredictorCache
from fcn_studio.jobs.protocol import (
    ClickJob,
    EvaluateJob,
    FeaturesJob,
    FineTuneJob,
    InstallJob,
    Job,
    JobProgress,
    JobResult,
    LiveJob,
    SegmentJob,
    SuspectsJob,
)
from fcn_studio.jobs.segment import segment
from fcn_studio.jobs.suspects import find_suspects


class JobRunner(PredictorCache):
    """Runs jobs in this process, one network kept warm between them."""

    def __init__(self, threads: int | None = None) -> None:
        super().__init__(threads)
        self._learners = LiveLearners()

    def run(self, job: Job) -> Generator[JobProgress, bool | None, JobResult]:
        """Return the job as a generator of news.

        Sending True asks it to end early and keep what it has.
        """
        match job:
            case SegmentJob():
                return segment(job, self)
            case FineTuneJob():
                return fine_tune(job, self)
            case EvaluateJob():
                return evaluate_network(job, self)
            case InstallJob():
                return install(job)
            case LiveJob():
                return live(job, self._learners)
            case FeaturesJob():
                return compute_features(job, self._learners)
            case ClickJob():
                return answer_clicks(job, self._learners)
            case SuspectsJob():
                return find_suspects(job, self._learners)
