"""Search for regions of verified images whose labels are probably wrong.

Each image is judged by scores that are fitted to the images of the other folds, over the features of a trunk that has
learned from none of them.
"""

from __future__ import annotations

from collections.abc import Generator, Mapping
from contextlib import suppress
from typing import TYPE_CHECKING

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.labels import made_by_human
from fcn_studio.core.review.suspects import Suspects, suspects
from fcn_studio.core.sample import by_hash, folds_of
from fcn_studio.core.snapshot import LabelledImage
from fcn_studio.errors import ImageError, TrainingError
from fcn_studio.fcn.weights.catalogue import GENERAL, resolve
from fcn_studio.i18n import tr
from fcn_studio.jobs.live import LiveLearners
from fcn_studio.jobs.protocol import ImageFailed, JobProgress, Judged, Prepared, SuspectsJob
from fcn_studio.jobs.snapshot import Snapshot

if TYPE_CHECKING:
    from fcn_studio.fcn.live.features import Features
    from fcn_studio.fcn.live.learner import LiveLearner, LiveScores, Sample

FOLDS = 3
"""Most folds: each image is judged by two thirds of the others."""

_PIXELS, _FEWEST, _MOST = 20_000, 40, 1_500
"""Pixels that are learned from in all, and bounds of those of one image."""

_IMAGES = 400
"""Most images that are learned from."""


def suspects_job(snapshot: Snapshot, table: ClassTable, device: str, cache: str = "") -> SuspectsJob:
    """Return the job that judges the verified images of a snapshot.

    Raises:
        TrainingError: if there are fewer than two verified images.
        CheckpointError: if the bundled trunk is missing.
    """
    images = tuple(i for i in (*snapshot.train, *snapshot.val) if i.image_id in snapshot.classes)
    if len(images) < 2:
        raise TrainingError(
            tr("Label errors are found by comparing verified images; verify at least two images first.")
        )
    folds = folds_of({image.image_id: snapshot.classes[image.image_id] for image in images}, FOLDS)
    return SuspectsJob(str(resolve(GENERAL)), table, images, folds, device, cache)


def find_suspects(job: SuspectsJob, learners: LiveLearners) -> Generator[JobProgress, bool | None, None]:
    """Yield `Judged` or `ImageFailed` for each image, after `Prepared` for each that is learned from.

    Raises:
        CheckpointError: if the base cannot be loaded.
        DeviceError: if the device is missing.
    """
    learner = learners.learner(job.base, job.device)
    samples: dict[str, Sample] = {}
    yield from draw_samples(job, learner, samples)
    yield from judge_images(job, learner, samples)


def judge_images(
    job: SuspectsJob, learner: LiveLearner, samples: Mapping[str, Sample], own: slice = slice(None)
) -> Generator[JobProgress, bool | None, None]:
    """Yield `Judged` or `ImageFailed` for each image that this process takes.

    Args:
        job: all images and their folds.
        learner: over the job's base.
        samples: the pixels of all images that are learned from, by image id.
        own: the part of each fold that it takes.
    """
    images, done = {image.image_id: image for image in job.images}, 0
    learned = [(image_id, samples[image_id]) for image_id in by_hash(images) if image_id in samples]
    for fold in job.folds:
        apart = [sample for image_id, sample in learned if image_id not in fold]
        scores: LiveScores | None = None
        for image_id in fold[own]:
            done += 1
            try:
                features = learner.features(images[image_id], job.cache)
            except ImageError as error:
                yield ImageFailed(image_id, str(error), done, len(images))
                continue
            if scores is None and apart:
                scores = learner.fit_apart(apart, features.groups, job.table)
            judged = Suspects(image_id) if scores is None else _judged(images[image_id], features, scores)
            yield Judged(judged, done, len(images))


def _judged(image: LabelledImage, features: Features, scores: LiveScores) -> Suspects:
    """Return what the labels of an image are to scores that have not learned from it."""
    from fcn_studio.fcn.live.learner import predict_and_judge

    label_map = image.label_map()
    prediction, likely = predict_and_judge(image.image_id, features, scores, label_map)
    return suspects(prediction, likely, made_by_human(label_map))


def draw_samples(
    job: SuspectsJob, learner: LiveLearner, samples: dict[str, Sample], own: slice = slice(None)
) -> Generator[JobProgress, bool | None, None]:
    """Draw the pixels to learn from, by image id, of the part of the images that this process takes.

    Images that cannot be read are left out.
    """
    from fcn_studio.fcn.live.learner import drawn

    images = {image.image_id: image for image in job.images}
    chosen = by_hash(images)[:_IMAGES]
    most = min(max(_PIXELS // len(chosen), _FEWEST), _MOST)
    chosen = chosen[own]
    for done, image_id in enumerate(chosen, start=1):
        with suppress(ImageError):
            sample = drawn(images[image_id], learner.features(images[image_id], job.cache), job.table, most)
            if len(sample.classes):
                samples[image_id] = sample
        yield Prepared(done, len(chosen))
