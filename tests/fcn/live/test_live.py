"""Live through the runner of jobs, over the bundled trunk."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest

from fcn_studio.core.classes import ClassInfo, ClassTable
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.snapshot import LabelledImage, pack
from fcn_studio.core.with_result import result_of
from fcn_studio.errors import TrainingError
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.live.extractor import FeatureExtractor
from fcn_studio.fcn.live.feature_store import FeatureStore
from fcn_studio.fcn.transforms import Image
from fcn_studio.fcn.weights.catalogue import GENERAL, resolve
from fcn_studio.fcn.weights.checkpoint import load_checkpoint
from fcn_studio.formats.images.images import read_image
from fcn_studio.jobs.protocol import FeaturesJob, ImageToSegment, LiveJob, LivePrediction
from fcn_studio.jobs.run import JobRunner

TABLE = ClassTable((ClassInfo(3, "grass", (0, 200, 0)), ClassInfo(9, "brick", (200, 0, 0))), 10)


def picture(path: Path, seed: int) -> tuple[LabelledImage, LabelMap]:
    """A green disc on red, and a stroke in either; the truth beside it."""
    rng = np.random.default_rng(seed)
    truth = np.full((64, 80), 9, np.uint8)
    cv2.circle(truth, (30 + seed, 30), 18, 3, -1)
    image_rgb = np.where(truth[..., None] == 3, (60, 150, 60), (150, 60, 60)) + rng.normal(0, 12, (64, 80, 3))
    cv2.imwrite(str(path), np.clip(image_rgb, 0, 255).astype(np.uint8)[..., ::-1])
    strokes = np.full_like(truth, 255)
    strokes[28:31, 26:34], strokes[4:7, 60:75] = 3, 9
    return pack(path.name, str(path), strokes), truth


@pytest.fixture
def runner() -> JobRunner:
    return JobRunner()


@pytest.fixture
def job(tmp_path: Path) -> LiveJob:
    image, _ = picture(tmp_path / "a.png", 0)
    return LiveJob(str(resolve(GENERAL)), TABLE, image, cache=str(tmp_path / "cache"))


def run(runner: JobRunner, job: LiveJob) -> LivePrediction:
    result = result_of(runner.run(job))
    assert isinstance(result, LivePrediction)
    return result


def test_strokes_segment_the_picture_in_the_projects_indices(runner: JobRunner, job: LiveJob, tmp_path: Path) -> None:
    _, truth = picture(tmp_path / "a.png", 0)
    result = run(runner, job)
    assert (result.images, result.prediction.image_id) == (1, "a.png")
    assert (result.prediction.label_map == truth).mean() > 0.95
    assert len(result.prediction.checkpoint) == 64

    more = replace(job, image=pack("a.png", job.image.image_path, np.where(np.eye(64, 80), truth, 255)))
    warm, cold = run(runner, more).prediction, run(JobRunner(), more).prediction
    assert (warm.label_map == cold.label_map).mean() > 0.99
    assert np.abs(warm.uncertainty.astype(int) - cold.uncertainty).mean() < 4


def test_an_image_without_strokes_is_predicted_from_others(runner: JobRunner, job: LiveJob, tmp_path: Path) -> None:
    blank, truth = picture(tmp_path / "b.png", 12)
    blank = replace(blank, packed=pack("", "", np.full_like(truth, 255)).packed)
    gone = replace(job.image, image_id="gone", image_path=str(tmp_path / "gone.png"))
    result = run(runner, replace(job, image=blank, others=(job.image, gone)))
    assert result.images == 1
    assert (result.prediction.label_map == truth).mean() > 0.9


def test_one_class_is_too_little_and_the_sentence_says_so(runner: JobRunner, job: LiveJob) -> None:
    only = replace(
        job.image, packed=pack("", "", np.where(job.image.label_map() == 3, np.uint8(3), np.uint8(255))).packed
    )
    with pytest.raises(TrainingError, match="two classes"):
        run(runner, replace(job, image=only))


def test_features_on_disk_are_used_bounded_and_computed_again_when_damaged(
    runner: JobRunner, job: LiveJob, tmp_path: Path
) -> None:
    images = tuple(ImageToSegment(name, str(tmp_path / name)) for name in ("a.png", "b.png", "missing.png"))
    picture(tmp_path / "b.png", 5)
    result_of(runner.run(FeaturesJob(job.base, images, cache=job.cache)))
    files = sorted(Path(job.cache).iterdir())
    assert len(files) == 2

    store = FeatureStore(FeatureExtractor(load_checkpoint(job.base), CPU), memory_bytes=1, disk_bytes=1)
    path, levels = job.image.image_path, job.image.levels
    reads: Iterator[Image] = iter([read_image(Path(path)) for _ in range(2)])
    first = store.features(path, levels, job.cache, lambda: pytest.fail("it is on disk"))
    for file in files:
        file.write_bytes(file.read_bytes()[:-100])
    store = FeatureStore(store.extractor, memory_bytes=1, disk_bytes=1)
    again = store.features(path, levels, job.cache, lambda: next(reads))
    assert all((one.values == other.values).all() for one, other in zip(first.maps, again.maps, strict=True))
    assert len(list(Path(job.cache).iterdir())) == 1, "the bound on disk"

    store.features(str(tmp_path / "b.png"), levels, "", lambda: read_image(tmp_path / "b.png"))
    store.features(path, levels, "", lambda: next(reads))
    with pytest.raises(StopIteration):  # memory holds one image, which is the other one by now
        store.features(str(tmp_path / "b.png"), levels, "", lambda: next(reads))
