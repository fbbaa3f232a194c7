from __future__ import annotations

import json
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fcn_studio.core.sample import Sample, Status
from fcn_studio.formats.exporters import BY_NAME
from fcn_studio.formats.project.project_folder import ProjectFolder
from tests.formats.helpers import make_project
from tests.helpers import half_painted


@pytest.fixture
def project(tmp_path: Path) -> ProjectFolder:
    """Two images, half labelled; what is left is unlabelled."""
    folder = make_project(tmp_path / "project", ["a.jpg", "sub/b.png"])
    with ProjectFolder.open(folder, writable=True) as opened:
        for index, sample in enumerate(opened.samples):
            opened.annotations.save(sample, half_painted(sample, index), Status.IN_PROGRESS)
    return ProjectFolder.open(folder, writable=False)


def masks_of(project: ProjectFolder, out: Path, **options: bool) -> dict[str, Path]:
    steps = BY_NAME["masks"].run(project, out, project.samples, options)
    for _ in steps:
        pass
    return {path.stem: path for path in out.rglob("masks/*/*.png")}


def labels_of(project: ProjectFolder, sample: Sample) -> np.ndarray:
    with Image.open(sample.image_path) as image:
        return project.annotations.load(sample, image.size, peek=True).labels.label_map


def test_every_reader_sees_the_class_indices(project: ProjectFolder, tmp_path: Path) -> None:
    masks = masks_of(project, tmp_path / "out")
    for sample in project.samples:
        truth, path = labels_of(project, sample), masks[sample.mask_id.replace("/", "__")]
        with Image.open(path) as image:
            assert image.mode == "L"
            for seen in (np.array(image), np.array(image.convert("L")), cv2.imread(str(path), cv2.IMREAD_GRAYSCALE)):
                assert np.array_equal(seen, truth)
    rows = json.loads((tmp_path / "out/masks/manifest.json").read_text())["images"]
    assert {row["id"] for row in rows} == set(masks)
    how_to = (tmp_path / "out/masks/HOW_TO_TRAIN.md").read_text()
    assert all(f"{info.index}: {info.name}" in how_to for info in project.config.table.classes)


def test_unlabelled_pixels_become_background_if_asked(project: ProjectFolder, tmp_path: Path) -> None:
    masks = masks_of(project, tmp_path / "out", as_background=True)
    for sample in project.samples:
        truth = labels_of(project, sample)
        with Image.open(masks[sample.mask_id.replace("/", "__")]) as image:
            assert np.array_equal(np.array(image), np.where(truth == 255, 0, truth))
