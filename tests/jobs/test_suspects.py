"""Label errors planted in a small drawn project, found through the runner of jobs over the bundled trunk."""

from __future__ import annotations

from pathlib import Path

import cv2
import numpy as np
import pytest

from fcn_studio.core.classes import ClassInfo, ClassTable
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.review.hotspots import Reason
from fcn_studio.core.review.suspects import Suspects, ranked
from fcn_studio.core.snapshot import pack
from fcn_studio.errors import TrainingError
from fcn_studio.jobs import suspects as suspects_module
from fcn_studio.jobs.protocol import ImageFailed, Judged
from fcn_studio.jobs.run import JobRunner
from fcn_studio.jobs.snapshot import Snapshot
from fcn_studio.jobs.suspects import suspects_job

GRASS, BRICK = 3, 9
TABLE = ClassTable((ClassInfo(GRASS, "grass", (0, 200, 0)), ClassInfo(BRICK, "brick", (200, 0, 0))), 10)
IMAGES, PLANTED = 9, (1, 3, 4)


def drawn(path: Path, seed: int) -> LabelMap:
    """Draw two green discs on red, and return their label map."""
    rng = np.random.default_rng(seed)
    truth = np.full((64, 96), BRICK, np.uint8)
    for x in (24 + seed, 66 + seed):
        cv2.circle(truth, (x, 30), 15, GRASS, -1)
    image_rgb = np.where(truth[..., None] == GRASS, (60, 150, 60), (150, 60, 60)) + rng.normal(0, 12, (64, 96, 3))
    cv2.imwrite(str(path), np.clip(image_rgb, 0, 255).astype(np.uint8)[..., ::-1])
    return truth


def judged(runner: JobRunner, folder: Path, planted: tuple[int, ...]) -> dict[str, Suspects]:
    """Judge a project in which the right disc of some images has the wrong label."""
    images = []
    for number in range(IMAGES):
        path = folder / f"{number}.png"
        label_map = drawn(path, number)
        if number in planted:
            label_map[:, 45:] = BRICK
        images.append(pack(path.name, str(path), label_map))
    gone = pack("gone.png", str(folder / "gone.png"), label_map)
    classes = {image.image_id: frozenset((GRASS, BRICK)) for image in (*images, gone)}
    news = list(runner.run(suspects_job(Snapshot(tuple(images), (gone,), (), classes), TABLE, "cpu")))
    assert [n.image_id for n in news if isinstance(n, ImageFailed)] == ["gone.png"]
    return {n.suspects.image_id: n.suspects for n in news if isinstance(n, Judged)}


def test_regions_with_wrong_labels_come_first_and_clean_ones_not_at_all(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspects_module, "_PIXELS", 1000)
    runner = JobRunner()
    found = judged(runner, tmp_path, PLANTED)
    regions = ranked(found.values())
    assert {image_id for image_id, _ in regions} == {f"{number}.png" for number in PLANTED}
    assert len(regions) == len(PLANTED)
    for image_id, region in regions:
        assert (region.reason, region.own, region.class_index) == (Reason.SUSPECT, BRICK, GRASS)
        left = max(45, 51 + int(image_id[0]))  # of the disc, where its label is wrong
        assert np.allclose(region.rect, (left, 15, 82 + int(image_id[0]), 46), atol=5)
    by_score = sorted(found, key=lambda image_id: found[image_id].score)
    assert set(by_score[: len(PLANTED)]) == {image_id for image_id, _ in regions}

    assert not ranked(judged(runner, tmp_path, ()).values())


def test_one_verified_image_is_too_little_and_the_sentence_says_so(tmp_path: Path) -> None:
    image = pack("a.png", str(tmp_path / "a.png"), drawn(tmp_path / "a.png", 0))
    with pytest.raises(TrainingError, match="verify at least two images"):
        suspects_job(Snapshot((image,), (), (), {"a.png": frozenset((GRASS, BRICK))}), TABLE, "cpu")
