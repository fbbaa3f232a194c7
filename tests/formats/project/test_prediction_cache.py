"""Predictions outlive the program, and count only for the network and the image that they were made of."""

from __future__ import annotations

import os
from collections import deque
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.grey_levels import GreyLevels
from fcn_studio.core.prediction import Prediction
from fcn_studio.errors import ProjectError
from fcn_studio.formats.project import prediction_cache
from fcn_studio.formats.project.prediction_index import PredictionSummary
from fcn_studio.formats.project.project_folder import ProjectFolder

SIZE = (40, 30)
NETWORK = "c0" * 32


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Three images, one of them below a folder."""
    folder = tmp_path / "project"
    (folder / "deep").mkdir(parents=True)
    for number, name in enumerate(("0.png", "1.png", "deep/2.png")):
        picture = np.random.default_rng(number).integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
        Image.fromarray(picture).save(folder / name)
    return folder


def opened(folder: Path, *, writable: bool = True) -> ProjectFolder:
    return ProjectFolder.open(folder, writable=writable, table=ClassTable.from_names(["background", "cell"]))


def predicted(image_id: str, *, seed: int = 0, second: bool = True) -> Prediction:
    """A prediction that compresses badly, so that its size is known."""
    planes = np.random.default_rng(seed).integers(0, 255, (3, SIZE[1], SIZE[0])).astype(np.uint8)
    return Prediction(image_id, planes[0], planes[1], NETWORK, planes[2] if second else None)


def write(project: ProjectFolder, image_id: str, **options: int) -> Prediction:
    prediction = predicted(image_id, **options)
    project.predictions.write(project.sample(image_id), prediction)
    return prediction


def read(project: ProjectFolder, image_id: str, network: str = NETWORK) -> Prediction | None:
    return project.predictions.read(project.sample(image_id), network, SIZE)


def summaries(project: ProjectFolder) -> dict[str, PredictionSummary]:
    deque(project.predictions.load(), 0)
    found = {sample.image_id: project.predictions.summary(sample) for sample in project.samples}
    return {image_id: summary for image_id, summary in found.items() if summary is not None}


def test_without_predictions_no_image_is_looked_at(folder: Path) -> None:
    with opened(folder) as project:
        assert list(project.predictions.load()) == []
        write(project, "1.png")
        assert len(list(project.predictions.load())) == len(project.samples)


@pytest.mark.parametrize("second", [False, True])
def test_a_prediction_is_read_as_it_was_written(folder: Path, second: bool) -> None:
    with opened(folder) as project:
        made = write(project, "deep/2.png", second=second)
        project.predictions.note_differences(project.sample("deep/2.png"), 0.25)
    with opened(folder, writable=False) as project:
        found = read(project, "deep/2.png")
        assert found is not None
        assert np.array_equal(found.label_map, made.label_map)
        assert np.array_equal(found.uncertainty, made.uncertainty)
        assert (found.second_guess is not None) == second
        assert not second or np.array_equal(found.second_guess, made.second_guess)  # type: ignore[arg-type]
        assert summaries(project)["deep/2.png"].differences == 0.25
        with pytest.raises(ProjectError):
            write(project, "0.png")
    assert not (folder / ".fcn-studio" / "predictions" / "0.png").exists()


def test_nothing_is_believed_of_another_network_or_image_or_damaged_file(folder: Path) -> None:
    with opened(folder) as project:
        for image_id in ("0.png", "1.png", "deep/2.png"):
            write(project, image_id)
        assert read(project, "0.png", "d1" * 32) is None
    (folder / "0.png").rename(folder / "x.png")  # of one size: their names change places
    (folder / "1.png").rename(folder / "0.png")
    (folder / "x.png").rename(folder / "1.png")
    file = folder / ".fcn-studio" / "predictions" / "deep" / "2.png"
    data = bytearray(file.read_bytes())
    data[len(data) // 2] ^= 1
    file.write_bytes(data)
    with opened(folder) as project:
        assert [read(project, sample.image_id) for sample in project.samples] == [None, None, None]
        assert set(summaries(project)) == {"deep/2.png"}  # its head is sound, and its image the same
        write(project, "deep/2.png")
        assert read(project, "deep/2.png") is not None
        project.save_config(replace(project.config, grey_levels=GreyLevels(whole=(0.0, 4095.0))))
        assert read(project, "deep/2.png") is None
        project.predictions.forget_summaries()
    with opened(folder) as project:
        assert summaries(project) == {}


def test_a_copy_of_the_folder_keeps_its_predictions(folder: Path) -> None:
    with opened(folder) as project:
        write(project, "0.png")
    os.utime(folder / "0.png", (1, 1))  # another file with the same bytes, as far as its state tells
    with opened(folder) as project:
        assert read(project, "0.png") is not None


def test_the_index_is_made_again_from_the_files(folder: Path) -> None:
    with opened(folder) as project:
        write(project, "0.png")
        before = summaries(project)["0.png"]
    index = folder / ".fcn-studio" / "prediction_index"
    for spoil in (index.unlink, lambda: index.write_text('{"checkpoint": 3}\n')):
        spoil()
        with opened(folder) as project:
            found = summaries(project)["0.png"]
        assert (found.checkpoint, found.written) == (NETWORK, before.written)
        assert found.doubt == pytest.approx(before.doubt, abs=1e-6)


def test_the_oldest_files_make_room(folder: Path) -> None:
    with opened(folder) as project:
        write(project, "0.png")
        one = (folder / ".fcn-studio" / "predictions" / "0.png").stat().st_size
        project.predictions.limit = 2 * one + one // 2
        write(project, "1.png", seed=1)
        write(project, "0.png")  # new again, so that the other is the oldest
        write(project, "deep/2.png", seed=2)
        assert [read(project, sample.image_id) is not None for sample in project.samples] == [True, False, True]
        assert set(summaries(project)) == {"0.png", "1.png", "deep/2.png"}  # the numbers take no room
    with opened(folder) as project:  # what lies there from earlier counts
        project.predictions.limit = one // 2
        write(project, "1.png")
        assert not list((folder / ".fcn-studio" / "predictions").rglob("*.png"))
        assert set(summaries(project)) == {"0.png", "1.png", "deep/2.png"}


def test_a_full_disk_is_told_and_nothing_is_half_written(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(path: Path, data: bytes) -> None:
        raise ProjectError(f"{path} cannot be written: No space left on device")

    with opened(folder) as project:
        write(project, "0.png")
        monkeypatch.setattr(prediction_cache, "write_atomically", full)
        with pytest.raises(ProjectError, match="No space"):
            write(project, "1.png")
        assert read(project, "0.png") is not None
        assert read(project, "1.png") is None
        assert set(summaries(project)) == {"0.png"}
        monkeypatch.undo()
        monkeypatch.setattr(prediction_cache, "RESERVE", 1 << 60)
        with pytest.raises(ProjectError, match="are free on the disk"):
            write(project, "1.png")
        assert read(project, "1.png") is None
