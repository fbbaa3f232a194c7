"""Auto-segment, prediction of images in turn.

A file that cannot be read is reported and skipped.
"""

from __future__ import annotations

import time
from collections.abc import Generator, Iterator, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from numpy.typing import NDArray

from fcn_studio.errors import ImageError
from fcn_studio.formats.images.images import read_image
from fcn_studio.jobs.predictor_cache import PredictorCache
from fcn_studio.jobs.protocol import ImageFailed, ImageToSegment, JobProgress, Predicted, SegmentJob

if TYPE_CHECKING:
    from fcn_studio.fcn.inference.predictor import Predictor

Image = NDArray[np.uint8]


def segment(job: SegmentJob, predictors: PredictorCache) -> Generator[JobProgress, bool | None, None]:
    """Yield `Predicted` or `ImageFailed` for each image in turn.

    Raises:
        CheckpointError: if the checkpoint cannot be loaded.
        DeviceError: if the device is missing or out of memory for good.
    """
    predictor = predictors.predictor(job.checkpoint, job.device)
    total, done = len(job.images), 0
    for group in _groups(job, predictor):
        for news in _labelled(group, predictor):
            done += 1
            if (yield replace(news, done=done, total=total)):
                return


def _groups(job: SegmentJob, predictor: Predictor) -> Iterator[list[_Read]]:
    """Yield the images in turn, in groups.

    Neighbours of one size are together if the predictor takes more than one.
    """
    group: list[_Read] = []
    for image in job.images:
        read = _Read.of(image, job)
        if group and not (read.fits(group[0]) and len(group) < predictor.batch_size(group[0].size)):
            yield group
            group = []
        group.append(read)
        if read.image_rgb is None or predictor.batch_size(read.size) == 1:
            yield group
            group = []
    if group:
        yield group


def _labelled(group: Sequence[_Read], predictor: Predictor) -> Iterator[Predicted | ImageFailed]:
    """News of a group, not yet counted."""
    images = [read.image_rgb for read in group if read.image_rgb is not None]
    if not images:
        yield from (ImageFailed(read.image_id, read.sentence, 0, 0) for read in group)
        return
    began = time.perf_counter()
    predictions = predictor.predict_many(images, [read.image_id for read in group])
    seconds = (time.perf_counter() - began) / len(images)
    for prediction in predictions:
        yield Predicted(prediction, 0, 0, predictor.take_notes(), seconds)


@dataclass(frozen=True)
class _Read:
    """Image of the job as read, or a sentence without it.

    The sentence says why the image was not read.
    """

    image_id: str
    image_rgb: Image | None
    sentence: str = ""

    @classmethod
    def of(cls, image: ImageToSegment, job: SegmentJob) -> _Read:
        try:
            path = Path(image.image_path)
            return cls(image.image_id, read_image(path, max_pixels=job.max_pixels, levels=job.levels))
        except ImageError as error:
            return cls(image.image_id, None, str(error))

    @property
    def size(self) -> tuple[int, int]:
        """(height, width), (0, 0) if it was not read."""
        return (0, 0) if self.image_rgb is None else self.image_rgb.shape[:2]

    def fits(self, other: _Read) -> bool:
        """Whether the two can be labelled together."""
        return self.image_rgb is not None and self.size == other.size
