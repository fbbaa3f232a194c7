"""Label errors planted in a small drawn project, found through the runner of jobs over the bundled trunk."""

from __future__ import annotations

from collections.abc import Mapping
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
IMAGES = 10
PLANTED = {"1.png": slice(45, 96), "4.png": slice(0, 45), "6.png": slice(45, 96)}
"""Columns of a disc whose label is wrong, in some images."""


def drawn(path: Path, seed: int) -> LabelMap:
    """Draw two green discs on red, and return their label map."""
    rng = np.random.default_rng(seed)
    truth = np.full((64, 96), BRICK, np.uint8)
    for x in (24 + seed, 66 + seed):
        cv2.circle(truth, (x, 30), 15, GRASS, -1)
    image_rgb = np.where(truth[..., None] == GRASS, (60, 150, 60), (150, 60, 60)) + rng.normal(0, 12, (64, 96, 3))
    cv2.imwrite(str(path), np.clip(image_rgb, 0, 255).astype(np.uint8)[..., ::-1])
    return truth


def judged(runner: JobRunner, folder: Path, planted: Mapping[str, slice]) -> dict[str, Suspects]:
    """Judge a project in which discs of some images have the wrong label."""
    images = []
    for number in range(IMAGES):
        path = folder / f"{number}.png"
        label_map = drawn(path, number)
        if path.name in planted:
            label_map[:, planted[path.name]] = BRICK
        images.append(pack(path.name, str(path), label_map))
    gone = pack("gone.png", str(folder / "gone.png"), label_map)
    classes = {image.image_id: frozenset((GRASS, BRICK)) for image in (*images, gone)}
    news = list(runner.run(suspects_job(Snapshot(tuple(images), (gone,), (), classes), TABLE, "cpu")))
    assert [n.image_id for n in news if isinstance(n, ImageFailed)] == ["gone.png"]
    return {n.suspects.image_id: n.suspects for n in news if isinstance(n, Judged)}


def test_images_with_wrong_labels_come_first_and_a_clean_project_has_no_suspects(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(suspects_module, "_PIXELS", 4000)
    runner = JobRunner()
    found = judged(runner, tmp_path, PLANTED)
    assert set(sorted(found, key=lambda image_id: found[image_id].score)[: len(PLANTED)]) == set(PLANTED)
    regions = ranked(found.values())
    assert len(regions) <= len(PLANTED) + 2
    of_planted = [(image_id, region) for image_id, region in regions if image_id in PLANTED]
    assert len(of_planted) == len(PLANTED)
    for image_id, region in of_planted:
        assert (region.reason, region.own, region.class_index) == (Reason.SUSPECT, BRICK, GRASS)
        middle = (24 if PLANTED[image_id].start == 0 else 66) + int(image_id[0])
        assert np.allclose(region.rect, (middle - 15, 15, middle + 16, 46), atol=6)

    assert not ranked(judged(runner, tmp_path, {}).values())


def test_one_verified_image_is_too_little_and_the_sentence_says_so(tmp_path: Path) -> None:
    image = pack("a.png", str(tmp_path / "a.png"), drawn(tmp_path / "a.png", 0))
    with pytest.raises(TrainingError, match="verify at least two images"):
        suspects_job(Snapshot((image,), (), (), {"a.png": frozenset((GRASS, BRICK))}), TABLE, "cpu")
