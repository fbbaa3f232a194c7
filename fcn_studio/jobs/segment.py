"""Auto-segment: predict images one by one; a file that cannot be read is reported and skipped."""

from __future__ import annotations

import time
from collections.abc import Generator
from pathlib import Path

from fcn_studio.errors import ImageError
from fcn_studio.formats.images import read_image
from fcn_studio.jobs.messages import ImageFailed, JobProgress, Predicted, SegmentJob
from fcn_studio.jobs.warm import WarmNetwork


def segment(job: SegmentJob, warm: WarmNetwork) -> Generator[JobProgress, bool | None, None]:
    """Yield `Predicted` or `ImageFailed` for each image in turn.

    Raises:
        CheckpointError: if the checkpoint cannot be loaded.
        DeviceError: if the device is missing or out of memory for good.
    """
    predictor = warm.predictor(job.checkpoint, job.device)
    total = len(job.images)
    for done, image in enumerate(job.images, start=1):
        news: JobProgress
        try:
            image_rgb = read_image(Path(image.image_path), max_pixels=job.max_pixels)
        except ImageError as error:
            news = ImageFailed(image.image_id, str(error), done, total)
        else:
            began = time.perf_counter()
            prediction = predictor.predict(image_rgb, image.image_id)
            seconds = time.perf_counter() - began
            news = Predicted(prediction, done, total, predictor.take_notes(), seconds)
        if (yield news):
            return
