"""R27: a project of every release opens for ever. A release that changes the form of projects adds a frozen one."""

from __future__ import annotations

import shutil
from pathlib import Path

import numpy as np
import pytest
from tomlkit import TOMLDocument

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.sample import Status
from fcn_studio.errors import ProjectError
from fcn_studio.formats.project import migrations
from fcn_studio.formats.project.project_folder import ProjectFolder
from tests.helpers import ROOT, contents

PROJECTS = ROOT / "tests" / "data" / "projects"
SIZE = (32, 24)
BY = "c0" * 32


@pytest.fixture
def old(tmp_path: Path) -> Path:
    """A copy of the project of release 0.1.0."""
    return Path(shutil.copytree(PROJECTS / "0.1.0", tmp_path / "old"))


def truth() -> dict[str, tuple[Labels, Status, str | None]]:
    """What was painted there, image by image."""
    y, x = np.mgrid[:24, :32]
    human = np.full((24, 32), Provenance.HUMAN, np.uint8)
    disc = np.where((x - 12) ** 2 + (y - 10) ** 2 < 40, 1, 0).astype(np.uint8)
    mixed = Labels.unlabelled(24, 32)
    for rows, index, by in [
        (slice(0, 6), 2, Provenance.NETWORK),
        (slice(6, 12), 1, Provenance.HUMAN),
        (slice(12, 15), VOID, Provenance.HUMAN),
        (slice(15, 18), 3, Provenance.UNKNOWN),
    ]:
        mixed.label_map[rows], mixed.provenance[rows] = index, by
    return {
        "part/one.png": (Labels(disc, human), Status.VERIFIED, BY),
        "part/two.png": (mixed, Status.IN_PROGRESS, BY),
        "three.png": (Labels.unlabelled(24, 32), Status.NEW, None),
        "found.png": (Labels(np.where(y < 12, 2, 255).astype(np.uint8), human), Status.VERIFIED, None),
    }


def assert_as_painted(project: ProjectFolder) -> None:
    assert project.config.project_id == "00000000-0000-4000-8000-000000000010"
    assert (project.config.val_percent, project.config.unlabelled) == (33, "background")
    assert [(c.index, c.name, c.colour) for c in project.config.table] == [
        (0, "background", (0, 0, 0)), (1, "cell", (10, 200, 30)), (2, "debris", (0, 128, 0)),
        (3, "Kern", (128, 128, 0)),
    ]  # fmt: skip
    assert {sample.image_id for sample in project.samples} == set(truth())
    for image_id, (labels, status, by) in truth().items():
        sample = project.sample(image_id)
        found = project.annotations.load(sample, SIZE)
        assert project.annotations.status(sample) is found.status is status, image_id
        assert (found.prelabelled_by, found.notices) == (by, ())
        np.testing.assert_array_equal(found.labels.label_map, labels.label_map)
        np.testing.assert_array_equal(found.labels.provenance, labels.provenance)


def test_a_project_of_0_1_0_opens_is_saved_and_opens_again(old: Path) -> None:
    before = contents(old)
    with ProjectFolder.open(old, writable=False) as project:
        assert_as_painted(project)
    assert contents(old) == before
    with ProjectFolder.open(old, writable=True) as project:
        assert_as_painted(project)
        for sample in project.samples:
            found = project.annotations.load(sample, SIZE)
            project.annotations.save(sample, found.labels, found.status, found.prelabelled_by)
        project.save_config(project.config)
    with ProjectFolder.open(old, writable=True) as project:
        assert_as_painted(project)
        labels, _, _ = truth()["part/two.png"]
        project.annotations.save(project.sample("three.png"), labels, Status.IN_PROGRESS)
    text = (old / "fcn-studio.toml").read_text()
    assert "# made by FCN Studio 0.1.0, then never touched" in text
    assert 'owner = "kept"' in text


def later_release(patched: pytest.MonkeyPatch) -> None:
    """A program of a release that has two more formats."""

    def rename(document: TOMLDocument) -> None:
        document["id"] = document.pop("name")

    def drop_kind(document: TOMLDocument) -> None:
        assert document["format"] == 2
        for row in document["class"]:  # type: ignore[union-attr]
            del row["kind"]  # type: ignore[arg-type]

    patched.setattr(migrations, "FORMAT", 3)
    patched.setattr(migrations, "STEPS", {1: rename, 2: drop_kind})


def as_format_1(folder: Path) -> bytes:
    """Make the project file what it might have been in format 1 of that release."""
    file = folder / "fcn-studio.toml"
    text = file.read_text().replace("\nid = ", "\nname = ").replace("retired = ", 'kind = "x"\nretired = ')
    file.write_text(text)
    return file.read_bytes()


def test_an_older_format_is_brought_forward_in_memory_and_kept_at_the_first_write(
    old: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    written = as_format_1(old)
    later_release(monkeypatch)
    file, backup = old / "fcn-studio.toml", old / ".fcn-studio" / "previous" / "fcn-studio.toml.format-1"
    for writable in (False, True):
        with ProjectFolder.open(old, writable=writable) as project:
            assert_as_painted(project)
        assert file.read_bytes() == written
        assert not backup.exists()
    with ProjectFolder.open(old, writable=True) as project:
        found = project.annotations.load(project.sample("three.png"), SIZE)
        project.annotations.save(project.sample("three.png"), found.labels, Status.SKIPPED)
        project.annotations.save(project.sample("three.png"), found.labels, Status.NEW)
    assert backup.read_bytes() == written
    assert "format = 3" in file.read_text()
    assert "kind" not in file.read_text()
    assert 'owner = "kept"' in file.read_text()
    with ProjectFolder.open(old, writable=True) as project:
        assert_as_painted(project)
        for number in range(5):
            project.set_table(project.config.table.added(f"class {number}"))
    assert backup.read_bytes() == written, "the ring does not push it out"


def test_a_file_that_is_no_file_of_its_format_blocks(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    later_release(monkeypatch)
    written = (old / "fcn-studio.toml").read_bytes()  # of format 1, but not of that release's
    with pytest.raises(ProjectError, match=r"fcn-studio\.toml is not a file of format 1"):
        ProjectFolder.open(old, writable=True)
    assert (old / "fcn-studio.toml").read_bytes() == written


def test_without_room_for_the_old_file_it_stays(old: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    written = as_format_1(old)
    later_release(monkeypatch)
    (old / ".fcn-studio" / "previous").write_text("in the way")
    with ProjectFolder.open(old, writable=True) as project:
        with pytest.raises(ProjectError, match="format-1 cannot be written"):
            project.annotations.save(project.sample("three.png"), truth()["part/two.png"][0], Status.IN_PROGRESS)
        assert not (old / "SegmentationClass" / "three.png").exists()
    assert (old / "fcn-studio.toml").read_bytes() == written


def test_a_newer_format_is_refused_and_left_alone(old: Path) -> None:
    file = old / "fcn-studio.toml"
    file.write_text(file.read_text().replace("format = 1", "format = 2"))
    written = contents(old)
    with pytest.raises(ProjectError, match=r"has format 2.*update FCN Studio"):
        ProjectFolder.open(old, writable=True)
    assert contents(old) == written


def test_every_format_has_a_step_and_every_release_a_project() -> None:
    assert sorted(migrations.STEPS) == list(range(1, migrations.FORMAT))
    assert [path.name for path in PROJECTS.iterdir()] == ["0.1.0"]
