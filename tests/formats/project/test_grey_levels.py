"""Deep grey images of a project have one black and one white, for the screen, the network and the export."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray
from PIL import Image

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.grey_levels import BY_FILE, GreyLevels
from fcn_studio.core.labels import Labels, made_by_human
from fcn_studio.core.sample import Status
from fcn_studio.errors import ProjectFileBroken
from fcn_studio.fcn.inference.evaluate import read_labelled
from fcn_studio.formats.exporters import EXPORTERS
from fcn_studio.formats.images.depth import to_8_bit
from fcn_studio.formats.images.image_loading import whole_image
from fcn_studio.formats.images.images import read_image
from fcn_studio.formats.project.project_folder import PROJECT_FILE, ProjectFolder
from fcn_studio.jobs.batch import segment_job
from fcn_studio.jobs.protocol import ImageToSegment, SegmentJob
from fcn_studio.jobs.segment import _Read
from fcn_studio.jobs.snapshot import collect_now

TABLE = ClassTable.from_names(["background", "cell"])


def series(folder: Path, tops: dict[str, int], kind: type = np.uint16) -> None:
    """Write pictures of one scene that differ in their brightest pixel."""
    scene = np.random.default_rng(1).integers(0, 700, (16, 24)).astype(kind)
    for name, top in tops.items():
        picture = scene.copy()
        picture[0, 0] = top
        Image.fromarray(picture).save(folder / name)


def verify_all(project: ProjectFolder) -> None:
    for sample in project.samples:
        labels: Labels = made_by_human(np.ones((16, 24), np.uint8))
        project.annotations.save(sample, labels, Status.VERIFIED, None)


def scene_of(image_rgb: NDArray[np.uint8]) -> NDArray[np.uint8]:
    return image_rgb[1:]


@pytest.mark.parametrize(("suffix", "kind"), [("png", np.uint16), ("tif", np.uint16), ("tif", np.float32)])
def test_neighbours_of_a_series_are_equally_bright_everywhere(suffix: str, kind: type, tmp_path: Path) -> None:
    folder = tmp_path / "project"
    folder.mkdir()
    series(folder, {f"a.{suffix}": 1000, f"b.{suffix}": 1030, f"c.{suffix}": 900}, kind)
    with ProjectFolder.open(folder, writable=True, table=TABLE) as project:
        levels = project.config.grey_levels
        assert levels == (GreyLevels((0, 2**12 - 1)) if kind is np.uint16 else GreyLevels(None, (4, 1030)))
        shown = [scene_of(read_image(s.image_path, levels=levels)) for s in project.samples]
        assert (shown[0] == shown[1]).all()
        assert (shown[0] == shown[2]).all()
        assert shown[0].max() > 40
        verify_all(project)
        snapshot = collect_now(project)
        learned = [scene_of(read_labelled(item)) for item in (*snapshot.train, *snapshot.val)]
        job = SegmentJob("", tuple(ImageToSegment(s.image_id, s.image_file) for s in project.samples), levels=levels)
        labelled = [scene_of(_Read.of(image, job).image_rgb) for image in job.images]  # type: ignore[arg-type]
        staged = [scene_of(whole_image(s.image_path, levels=levels)) for s in project.samples]
        list(EXPORTERS[0].run(project, tmp_path / "out", project.samples))
        exported = [scene_of(read_image(path)) for path in sorted((tmp_path / "out").rglob("*.jpg"))]
        for pictures in (learned, labelled, staged):
            assert len(pictures) == 3
            assert all((picture == shown[0]).all() for picture in pictures)
        assert all(np.abs(picture.astype(int) - shown[0]).mean() < 3 for picture in exported)


def test_jobs_carry_the_rule_of_their_project(tmp_path: Path) -> None:
    series(tmp_path, {"a.png": 1000, "b.png": 1030})
    with ProjectFolder.open(tmp_path, writable=False, table=TABLE) as project:
        network = type("Network", (), {"path": Path("x")})()
        job = segment_job(network, list(project.samples), "cpu", project)
        assert job.levels == GreyLevels((0, 4095))


def test_the_rule_is_kept_and_holds_for_images_that_come_later(tmp_path: Path) -> None:
    series(tmp_path, {"a.png": 1000, "b.png": 1030})
    with ProjectFolder.open(tmp_path, writable=True, table=TABLE) as project:
        assert not (tmp_path / PROJECT_FILE).exists()
        verify_all(project)
    assert "[images]\ngrey_levels = [0, 4095]\n" in (tmp_path / PROJECT_FILE).read_text()
    series(tmp_path, {"c.png": 60_000})
    with ProjectFolder.open(tmp_path, writable=True) as project:
        assert project.config.grey_levels == GreyLevels((0, 4095))
        project.set_table(project.config.table.added("dog"))
    assert (tmp_path / PROJECT_FILE).read_text().count("grey_levels") == 1
    text = (tmp_path / PROJECT_FILE).read_text()
    (tmp_path / PROJECT_FILE).write_text(text.replace("[0, 4095]", "[100, 65535]"))
    with ProjectFolder.open(tmp_path, writable=False) as project:
        assert project.config.grey_levels == GreyLevels((100, 65535))


def test_a_project_of_before_gets_the_rule_with_its_next_save(tmp_path: Path) -> None:
    Image.fromarray(np.zeros((16, 24, 3), np.uint8)).save(tmp_path / "a.png")
    with ProjectFolder.open(tmp_path, writable=True, table=TABLE) as project:
        project.save_config(project.config)
        before = (tmp_path / PROJECT_FILE).read_bytes()
        verify_all(project)
    assert b"levels" not in before
    with ProjectFolder.open(tmp_path, writable=True) as project:
        assert project.config.grey_levels == BY_FILE
        verify_all(project)
    assert (tmp_path / PROJECT_FILE).read_bytes() == before
    series(tmp_path, {"b.png": 1000})
    with ProjectFolder.open(tmp_path, writable=True) as project:
        assert (tmp_path / PROJECT_FILE).read_bytes() == before
        verify_all(project)
    assert (tmp_path / PROJECT_FILE).read_bytes() == before + b"\n[images]\ngrey_levels = [0, 1023]\n"


@pytest.mark.parametrize(
    "levels", ["5", "[1]", "[1, 1]", "[2, 1]", '["a", 2]', "[true, 2]", "[0, nan]", "[0, 1e999]"]
)
def test_levels_that_make_no_sense_are_told(levels: str, tmp_path: Path) -> None:
    series(tmp_path, {"a.png": 1000})
    with ProjectFolder.open(tmp_path, writable=True, table=TABLE) as project:
        project.save_config(project.config)
    text = (tmp_path / PROJECT_FILE).read_text()
    (tmp_path / PROJECT_FILE).write_text(text.replace("[0, 1023]", levels))
    with pytest.raises(ProjectFileBroken, match="grey_levels"):
        ProjectFolder.open(tmp_path, writable=False)


def test_images_that_cannot_be_read_say_nothing(tmp_path: Path) -> None:
    series(tmp_path, {"b.png": 1000})
    (tmp_path / "a.png").write_bytes((tmp_path / "b.png").read_bytes()[:200])
    (tmp_path / "c.tif").write_bytes(b"II*\0")
    with ProjectFolder.open(tmp_path, writable=False, table=TABLE) as project:
        assert project.config.grey_levels == GreyLevels((0, 1023))


def test_samples_beyond_black_and_white_are_black_and_white() -> None:
    samples = np.array([[-5, 0, 50, 100, 70_000]], np.int32)
    assert to_8_bit(samples, GreyLevels((0, 100))).tolist() == [[0, 0, 127, 255, 255]]
    assert to_8_bit(samples.astype(np.float32), GreyLevels(None, (0, 100))).tolist() == [[0, 0, 127, 255, 255]]
