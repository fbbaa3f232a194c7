"""Live: scores fitted to strokes, and the open image predicted with them."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import suppress
from pathlib import Path
from typing import TYPE_CHECKING

from fcn_studio.errors import ImageError
from fcn_studio.fcn.weights.catalogue import GENERAL, resolve
from fcn_studio.jobs.protocol import FeaturesJob, JobProgress, LiveJob, LivePrediction, Prepared

if TYPE_CHECKING:
    from fcn_studio.fcn.live.learner import LiveLearner

_MOST_OTHERS = 16


class LiveLearners:
    """The learner of the last base and device, kept between jobs."""

    def __init__(self) -> None:
        self._learner: tuple[tuple[str, int, str], LiveLearner] | None = None

    def learner(self, base: str, device_name: str) -> LiveLearner:
        """Return the learner over a checkpoint.

        Over a checkpoint without a suitable trunk, it is that of `GENERAL`.

        Raises:
            CheckpointError: if the file is no checkpoint of ours.
            DeviceError: if the device is not there.
        """
        from fcn_studio.fcn.device import choose_device
        from fcn_studio.fcn.live.extractor import FeatureExtractor
        from fcn_studio.fcn.live.learner import LiveLearner
        from fcn_studio.fcn.weights.checkpoint import load_checkpoint

        path = Path(base)
        key = (base, path.stat().st_mtime_ns if path.exists() else 0, device_name)
        if self._learner is None or self._learner[0] != key:
            checkpoint = load_checkpoint(path)
            if not checkpoint.architecture.is_efficientnet:
                checkpoint = load_checkpoint(resolve(GENERAL))
            self._learner = (key, LiveLearner(FeatureExtractor(checkpoint, choose_device(device_name))))
        return self._learner[1]


def live(job: LiveJob, learners: LiveLearners) -> Generator[JobProgress, bool | None, LivePrediction]:
    """Fit scores to the human pixels of the job's images, and predict the open one.

    Raises:
        CheckpointError: if the base cannot be loaded.
        DeviceError: if the device is missing.
        ImageError: if the open image cannot be read.
        TrainingError: if there is too little to learn from.
    """
    began = time.perf_counter()
    learner = learners.learner(job.base, job.device)
    others = job.others[:_MOST_OTHERS]
    samples = [learner.sample(job.image, job.table, 400)]
    yield Prepared(1, 1 + len(others))
    for done, other in enumerate(others, start=2):
        with suppress(ImageError):
            samples.append(learner.sample(other, job.table, 60))
        yield Prepared(done, 1 + len(others))
    scores = learner.fit(samples, job.table)
    learned = sum(len(sample.classes) > 0 for sample in samples)
    prediction = learner.predict(job.image, job.table, scores)
    return LivePrediction(prediction, learned, time.perf_counter() - began)


def compute_features(job: FeaturesJob, learners: LiveLearners) -> Generator[JobProgress, bool | None, None]:
    """Compute the features of images.

    Raises:
        CheckpointError: if the base cannot be loaded.
        DeviceError: if the device is missing.
    """
    learner = learners.learner(job.base, job.device)
    for done, image in enumerate(job.images, start=1):
        with suppress(ImageError):
            learner.features(image.image_path, job.levels)
        if (yield Prepared(done, len(job.images))):
            return
