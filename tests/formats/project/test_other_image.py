"""A mask is believed only of the image file that was labelled: images may be renumbered under their masks."""

from __future__ import annotations

import json
import os
import shutil
from pathlib import Path

import numpy as np
import pytest
from PIL import ExifTags, Image, PngImagePlugin

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.labels import Provenance, made_by_human
from fcn_studio.core.sample import Status
from fcn_studio.core.with_result import result_of
from fcn_studio.formats.exporters import EXPORTERS
from fcn_studio.formats.images.picture_digest import bytes_sha256, picture_sha256
from fcn_studio.formats.project import image_digests
from fcn_studio.formats.project.loaded import LoadedLabels
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs.snapshot import collect_now
from tests.formats.helpers import forget_images

TABLE = ClassTable.from_names(["background", "cell"])
SIZE = (24, 16)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project of four images of one size, all verified."""
    folder = tmp_path / "project"
    folder.mkdir()
    for number in range(4):
        picture = np.random.default_rng(number).integers(0, 255, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
        Image.fromarray(picture).save(folder / f"{number}.png")
    with ProjectFolder.open(folder, writable=True, table=TABLE) as project:
        for sample in project.samples:
            label(project, sample.image_id)
    return folder


def label(project: ProjectFolder, image_id: str, status: Status = Status.VERIFIED) -> None:
    labels = made_by_human(np.ones((SIZE[1], SIZE[0]), np.uint8))
    project.annotations.save(project.sample(image_id), labels, status)


def loaded(project: ProjectFolder, image_id: str, *, ahead: bool = False) -> LoadedLabels:
    sample = project.sample(image_id)
    if ahead:
        project.annotations.read_ahead(sample, SIZE)
    return project.annotations.load(sample, SIZE)


def swap(folder: Path) -> None:
    """Renumber the first two images."""
    (folder / "0.png").rename(folder / "x.png")
    (folder / "1.png").rename(folder / "0.png")
    (folder / "x.png").rename(folder / "1.png")


@pytest.mark.parametrize("ahead", [False, True])
def test_renumbered_images_are_told_and_their_pixels_are_of_unknown_origin(folder: Path, ahead: bool) -> None:
    swap(folder)
    with ProjectFolder.open(folder, writable=True) as project:
        for image_id in ("0.png", "1.png"):
            found = loaded(project, image_id, ahead=ahead)
            assert found.status is Status.IN_PROGRESS
            assert (found.labels.provenance == Provenance.UNKNOWN).all()
            assert (found.labels.label_map == 1).all()
            (notice,) = found.notices
            assert "the image file has changed since it was labelled" in notice
        assert loaded(project, "2.png", ahead=ahead).status is Status.VERIFIED
        assert loaded(project, "2.png").notices == ()
    with ProjectFolder.open(folder, writable=True) as project:  # before anybody has opened them again
        assert [project.annotations.status(s) for s in project.samples[:3]] == [
            Status.IN_PROGRESS, Status.IN_PROGRESS, Status.VERIFIED
        ]  # fmt: skip
    swap(folder)
    with ProjectFolder.open(folder, writable=True) as project:
        found = loaded(project, "0.png", ahead=ahead)
        assert (found.status, found.notices) == (Status.VERIFIED, ())
        assert (found.labels.provenance == Provenance.HUMAN).all()
    with ProjectFolder.open(folder, writable=True) as project:
        assert project.annotations.status(project.sample("0.png")) is Status.VERIFIED


def test_nothing_is_learned_or_exported_from_another_image(folder: Path, tmp_path: Path) -> None:
    swap(folder)
    with ProjectFolder.open(folder, writable=False) as project:
        snapshot = collect_now(project)
        assert {item.image_id for item in (*snapshot.train, *snapshot.val)} == {"2.png", "3.png"}
        assert len(snapshot.problems) == 2  # they are told
    with ProjectFolder.open(folder, writable=False) as project:
        result = result_of(EXPORTERS[0].run(project, tmp_path / "out", project.samples))
        assert set(result.failed) == {"0.png", "1.png"}


def test_verifying_makes_the_labels_those_of_the_new_image(folder: Path) -> None:
    swap(folder)
    with ProjectFolder.open(folder, writable=True) as project:
        loaded(project, "0.png")
        label(project, "0.png")
    with ProjectFolder.open(folder, writable=True) as project:
        assert loaded(project, "0.png").status is Status.VERIFIED


def test_a_skipped_image_that_is_another_now_is_new(folder: Path) -> None:
    Image.new("RGB", SIZE).save(folder / "4.png")
    with ProjectFolder.open(folder, writable=True) as project:
        blank = loaded(project, "4.png").labels
        project.annotations.save(project.sample("4.png"), blank, Status.SKIPPED)
    Image.new("RGB", SIZE, "red").save(folder / "4.png")
    with ProjectFolder.open(folder, writable=True) as project:
        found = loaded(project, "4.png")
        assert found.status is Status.NEW
        assert len(found.notices) == 1


@pytest.mark.parametrize("suffix", ["png", "jpg"])
def test_other_metadata_are_no_other_picture(tmp_path: Path, suffix: str) -> None:
    path, exif = tmp_path / f"a.{suffix}", Image.Exif()
    picture = Image.fromarray(np.random.default_rng(1).integers(0, 255, (16, 24, 3)).astype(np.uint8))
    picture.save(path)
    with ProjectFolder.open(tmp_path, writable=True, table=TABLE) as project:
        label(project, path.name)
    sha256 = picture_sha256(path)
    exif[ExifTags.Base.ImageDescription] = "a cell"
    text = PngImagePlugin.PngInfo()
    text.add_text("Comment", "a cell")
    picture.save(path, exif=exif, dpi=(300, 300), icc_profile=b"a profile", pnginfo=text, comment="a cell")
    assert picture_sha256(path) == sha256 != bytes_sha256(path)
    with ProjectFolder.open(tmp_path, writable=True) as project:
        assert loaded(project, path.name).status is Status.VERIFIED
    exif[ExifTags.Base.Orientation] = 3
    picture.save(path, exif=exif)
    with ProjectFolder.open(tmp_path, writable=True) as project:
        assert loaded(project, path.name).status is Status.IN_PROGRESS


def test_records_of_before_have_the_bytes_of_the_file(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with monkeypatch.context() as before, ProjectFolder.open(folder, writable=True) as project:
        before.setattr(image_digests, "picture_sha256", bytes_sha256)
        os.utime(folder / "0.png", (1, 1))
        loaded(project, "0.png")
        label(project, "0.png")
    os.utime(folder / "0.png", (2, 2))
    with ProjectFolder.open(folder, writable=True) as project:
        assert loaded(project, "0.png").status is Status.VERIFIED


def test_records_of_before_are_not_doubted(folder: Path) -> None:
    forget_images(folder)
    swap(folder)
    with ProjectFolder.open(folder, writable=False) as project:
        found = loaded(project, "0.png")
        assert (found.status, found.notices) == (Status.VERIFIED, ())


@pytest.mark.parametrize("image", [5, {}, {"sha256": 5, "state": [1, 2, 3, 4]}, {"sha256": "ab", "state": [1]}, None])
def test_an_origin_that_makes_no_sense_is_none(folder: Path, image: object) -> None:
    record = folder / ".fcn-studio" / "provenance" / "0.png"
    with Image.open(record) as picture:
        fields = json.loads(picture.text["fcn_studio"])  # type: ignore[attr-defined]
        chunk = PngImagePlugin.PngInfo()
        chunk.add_text("fcn_studio", json.dumps({**fields, "image": image}))
        picture.save(record, pnginfo=chunk)
    with ProjectFolder.open(folder, writable=False) as project:
        assert loaded(project, "0.png").status is Status.VERIFIED


@pytest.fixture
def read(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The images that are read for their sha256."""
    names: list[str] = []
    real = image_digests.picture_sha256
    monkeypatch.setattr(image_digests, "picture_sha256", lambda path: names.append(path.name) or real(path))
    return names


def test_a_copied_project_is_not_doubted_and_a_file_is_read_once(
    folder: Path, tmp_path: Path, read: list[str]
) -> None:
    with ProjectFolder.open(folder, writable=True) as project:
        loaded(project, "0.png")
        label(project, "0.png")
    assert read == []  # its state is as the record says
    shutil.copytree(folder, tmp_path / "copy")
    with ProjectFolder.open(tmp_path / "copy", writable=True) as project:
        for _ in range(3):
            assert loaded(project, "0.png").status is Status.VERIFIED
            label(project, "0.png")
    assert read == ["0.png"]
    os.utime(folder / "0.png", (1, 1))
    with ProjectFolder.open(folder, writable=True) as project:
        assert loaded(project, "0.png").status is Status.VERIFIED


def test_an_image_that_is_replaced_while_it_is_open_does_not_get_the_labels(folder: Path) -> None:
    with ProjectFolder.open(folder, writable=True) as project:
        loaded(project, "0.png")
        swap(folder)
        label(project, "0.png")
    with ProjectFolder.open(folder, writable=True) as project:
        assert loaded(project, "0.png").status is Status.IN_PROGRESS
        assert loaded(project, "0.png").other_image


def test_an_image_that_cannot_be_read_costs_no_save_and_makes_no_doubt(folder: Path) -> None:
    with ProjectFolder.open(folder, writable=True) as project:
        (folder / "0.png").unlink()
        assert loaded(project, "0.png").status is Status.VERIFIED
        label(project, "0.png")
    Image.new("RGB", SIZE).save(folder / "0.png")
    with ProjectFolder.open(folder, writable=True) as project:
        assert loaded(project, "0.png").status is Status.VERIFIED
