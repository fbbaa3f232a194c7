"""Live: scores fitted to strokes, and the open image predicted with them."""

from __future__ import annotations

import time
from collections.abc import Generator
from contextlib import suppress
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fcn_studio.errors import ImageError
from fcn_studio.fcn.weights.catalogue import GENERAL, resolve
from fcn_studio.formats.images.images import read_image
from fcn_studio.jobs.protocol import (
    ClickAnswer,
    ClickJob,
    FeaturesJob,
    JobProgress,
    LiveJob,
    LivePrediction,
    Prepared,
)

if TYPE_CHECKING:
    from fcn_studio.fcn.live.learner import LiveLearner

_MOST_OTHERS = 16
_MOST_NEW = 2
"""Other images that a live job draws samples of; the rest of them join in the next jobs."""


class LiveLearners:
    """The learner of the last base and device, kept between jobs."""

    def __init__(self) -> None:
        self._learner: tuple[tuple[str, int, str], LiveLearner] | None = None

    def learner(self, base: str, device_name: str) -> LiveLearner:
        """Return the learner over a checkpoint.

        Over one without an EfficientNet, it is the learner over `GENERAL`.

        Raises:
            CheckpointError: if the file is no checkpoint of ours.
            DeviceError: if the device is not there.
        """
        from fcn_studio.fcn.device import choose_device
        from fcn_studio.fcn.distributed import own_device
        from fcn_studio.fcn.live.extractor import FeatureExtractor
        from fcn_studio.fcn.live.feature_store import FeatureStore
        from fcn_studio.fcn.live.learner import LiveLearner
        from fcn_studio.fcn.weights.checkpoint import load_checkpoint

        path = Path(base)
        key = (base, path.stat().st_mtime_ns if path.exists() else 0, device_name)
        if self._learner is None or self._learner[0] != key:
            self._learner = None
            checkpoint = load_checkpoint(path)
            if not checkpoint.architecture.is_efficientnet:
                checkpoint = load_checkpoint(resolve(GENERAL))
            extractor = FeatureExtractor(checkpoint, own_device(choose_device(device_name)))
            self._learner = (key, LiveLearner(FeatureStore(extractor)))
        return self._learner[1]


def live(job: LiveJob, learners: LiveLearners) -> Generator[JobProgress, bool | None, LivePrediction]:
    """Fit scores to the human pixels of the job's images, and predict the open one.

    Other images that cannot be read are left out.

    Raises:
        CheckpointError: if the base cannot be loaded.
        DeviceError: if the device is missing.
        ImageError: if the open image cannot be read.
        TrainingError: if there is too little to learn from.
    """
    from fcn_studio.fcn.device import half_of_threads
    from fcn_studio.fcn.live.learner import drawn, predict

    began = time.perf_counter()
    learner = learners.learner(job.base, job.device)
    features = learner.features(job.image, job.cache)
    total = 1 + min(len(job.others), _MOST_OTHERS)
    yield Prepared(1, total)
    with half_of_threads():
        samples, new = [drawn(job.image, features, job.table)], 0
    for done, other in enumerate(job.others[:_MOST_OTHERS], start=2):
        known = learner.knows(other, job.table)
        if not known and new == _MOST_NEW:
            continue
        with suppress(ImageError):
            samples.append(learner.sample(other, job.table, job.cache))
            new += not known
        yield Prepared(done, total)
    with half_of_threads():
        scores = learner.fit(features, samples, job.table, job.base_map)
    yield Prepared(total, total)
    with half_of_threads():
        prediction = predict(job.image.image_id, features, scores)
    learned = sum(len(sample.classes) > 0 for sample in samples)
    return LivePrediction(prediction, learned, time.perf_counter() - began)


def compute_features(job: FeaturesJob, learners: LiveLearners) -> Generator[JobProgress, bool | None, None]:
    """Compute the features of images.

    Raises:
        CheckpointError: if the base cannot be loaded.
        DeviceError: if the device is missing.
    """
    store = learners.learner(job.base, job.device).store
    for done, image in enumerate(job.images, start=1):
        read = partial(read_image, Path(image.image_path), levels=job.levels)
        with suppress(ImageError):
            store.features(image.image_path, job.levels, job.cache, read)
        if (yield Prepared(done, len(job.images))):
            return


def answer_clicks(job: ClickJob, learners: LiveLearners) -> Generator[JobProgress, bool | None, ClickAnswer]:
    """Find the pixels that are like those that were clicked.

    Raises:
        CheckpointError: if the base cannot be loaded.
        DeviceError: if the device is missing.
        ImageError: if the image cannot be read.
    """
    from fcn_studio.fcn.live.click_fit import likely_inside

    store = learners.learner(job.base, job.device).store
    read = partial(read_image, Path(job.image.image_path), levels=job.levels)
    features = store.features(job.image.image_path, job.levels, job.cache, read)
    yield Prepared(1, 1)
    return ClickAnswer(likely_inside(features, job.clicks, job.likely))
