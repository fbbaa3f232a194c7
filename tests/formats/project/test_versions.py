from __future__ import annotations

import contextlib
import errno
import os
from pathlib import Path

import numpy as np
import pytest

from fcn_studio.core.labels import Provenance
from fcn_studio.core.sample import Status
from fcn_studio.errors import MaskDamaged, ProjectError, ProjectFileBroken, ProjectLocked
from fcn_studio.formats.project import versions
from fcn_studio.formats.project.project_folder import ProjectFolder, restore_project_file
from tests.formats.helpers import SIZE, TABLE, make_project, painted

SHA = "c0" * 32


def open_and_paint(folder: Path, index: int, status: Status = Status.IN_PROGRESS, *, image: str = "a.jpg") -> None:
    """A sitting: the image is opened, and saved twice."""
    with ProjectFolder.open(folder, writable=True) as project:
        sample = project.sample(image)
        project.annotations.load(sample, SIZE)
        project.annotations.save(sample, painted((index + 1) % 3), Status.IN_PROGRESS, SHA)
        project.annotations.save(sample, painted(index), status, SHA)


def earlier(folder: Path, image: str = "a.jpg") -> list[tuple[int, Status]]:
    """Class index and status of each earlier version, newest first."""
    with ProjectFolder.open(folder, writable=False) as project:
        found = project.annotations.earlier(project.sample(image), SIZE)
        return [(int(version.found.labels.label_map[0, 0]), version.found.status) for version in found]


def files(folder: Path) -> list[str]:
    """The files of earlier versions."""
    place = folder / ".fcn-studio" / "previous" / "masks"
    return sorted(path.relative_to(place).as_posix() for path in place.rglob("*") if path.is_file())


def test_what_an_image_was_when_it_was_opened_is_kept_once_a_sitting(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    open_and_paint(tmp_path, 0)
    assert earlier(tmp_path) == []
    open_and_paint(tmp_path, 1, Status.VERIFIED)
    assert earlier(tmp_path) == [(0, Status.IN_PROGRESS)]
    open_and_paint(tmp_path, 2)
    assert earlier(tmp_path) == [(1, Status.VERIFIED), (0, Status.IN_PROGRESS)]


def test_the_oldest_of_three_goes_first(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    for index in (0, 1, 2, 0, 1):
        open_and_paint(tmp_path, index)
    assert [index for index, _ in earlier(tmp_path)] == [0, 2, 1]
    assert files(tmp_path) == [f"a/.{number}{suffix}" for number in (2, 3, 4) for suffix in (".png", ".record.png")]


def test_a_version_comes_back_with_everything(tmp_path: Path) -> None:
    make_project(tmp_path, ["s/a.jpg"])
    labels = painted(1)
    labels.label_map[4], labels.provenance[4] = 2, Provenance.NETWORK
    labels.provenance[5] = Provenance.HUMAN
    with ProjectFolder.open(tmp_path, writable=True) as project:
        (sample,) = project.samples
        digest = project.annotations.save(sample, labels, Status.SKIPPED, SHA)
        written = project.annotations.mask_path(sample).stat().st_mtime
    open_and_paint(tmp_path, 0, image="s/a.jpg")
    with ProjectFolder.open(tmp_path, writable=False) as project:
        (version,) = project.annotations.earlier(sample, SIZE)
    assert version.saved_at == written
    np.testing.assert_array_equal(version.found.labels.label_map, labels.label_map)
    np.testing.assert_array_equal(version.found.labels.provenance, labels.provenance)
    assert (version.found.status, version.found.prelabelled_by, version.found.mask_sha256) == (
        Status.SKIPPED, SHA, digest,
    )  # fmt: skip


def test_a_mask_found_at_first_opening_is_a_finished_version(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"], {"a": 2})
    open_and_paint(tmp_path, 1)
    with ProjectFolder.open(tmp_path, writable=False) as project:
        (version,) = project.annotations.earlier(project.samples[0], SIZE)
    assert version.found.status is Status.VERIFIED
    assert (version.found.labels.provenance == Provenance.HUMAN).all()


def test_a_version_whose_record_does_not_fit_is_of_unknown_origin(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    for index in (0, 1):
        open_and_paint(tmp_path, index)
    record = tmp_path / ".fcn-studio" / "previous" / "masks" / "a" / ".1.record.png"
    record.write_bytes(record.read_bytes()[:-20])
    with ProjectFolder.open(tmp_path, writable=False) as project:
        (version,) = project.annotations.earlier(project.samples[0], SIZE)
    assert version.found.status is Status.IN_PROGRESS
    assert (version.found.labels.provenance[:3] == Provenance.UNKNOWN).all()


def test_status_alone_and_the_same_again_make_no_version(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    open_and_paint(tmp_path, 0)
    for status in (Status.SKIPPED, Status.IN_PROGRESS, Status.VERIFIED):
        with ProjectFolder.open(tmp_path, writable=True) as project:
            loaded = project.annotations.load(project.samples[0], SIZE)
            project.annotations.save(project.samples[0], loaded.labels, status, SHA)
    assert earlier(tmp_path) == []
    with ProjectFolder.open(tmp_path, writable=True) as project:
        (sample,) = project.samples
        before = project.annotations.load(sample, SIZE)
        project.annotations.save(sample, painted(1), Status.IN_PROGRESS, SHA)
        project.annotations.save(sample, before.labels, before.status, SHA)
        project.annotations.load(sample, SIZE)
        project.annotations.save(sample, painted(2), Status.IN_PROGRESS, SHA)
    assert earlier(tmp_path) == [(0, Status.VERIFIED)]


def test_folders_and_images_of_one_name_do_not_meet(tmp_path: Path) -> None:
    names = ["a.jpg", "a/1.jpg", "a/1.record.jpg", f"{'x' * 251}.jpg"]
    make_project(tmp_path, names)
    for index in (0, 1, 2):
        for name in names:
            open_and_paint(tmp_path, index, image=name)
    for name in names:
        assert [index for index, _ in earlier(tmp_path, name)] == [1, 0]


def refuse(_source: object, _target: object) -> None:
    raise OSError(errno.EPERM, "Operation not permitted")


def test_where_links_are_impossible_versions_are_copies(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "link", refuse)
    make_project(tmp_path, ["a.jpg"])
    for index in (0, 1, 2):
        open_and_paint(tmp_path, index)
    assert [index for index, _ in earlier(tmp_path)] == [1, 0]
    assert not list(tmp_path.rglob("*.tmp"))


def test_a_version_that_cannot_be_kept_stops_no_save_and_comes_later(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(tmp_path, ["a.jpg"])
    open_and_paint(tmp_path, 0)
    replace = os.replace

    def full(source: object, target: object) -> None:
        if "previous" in str(target):
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)  # type: ignore[arg-type]

    with ProjectFolder.open(tmp_path, writable=True) as project:
        (sample,) = project.samples
        project.annotations.load(sample, SIZE)
        with monkeypatch.context() as patched:
            patched.setattr(os, "link", refuse)
            patched.setattr(os, "replace", full)
            project.annotations.save(sample, painted(1), Status.IN_PROGRESS)
            assert project.annotations.earlier(sample, SIZE) == ()
            assert (project.annotations.load(sample, SIZE).labels.label_map[:3] == 1).all()
        project.annotations.save(sample, painted(2), Status.IN_PROGRESS)
    assert earlier(tmp_path) == [(1, Status.IN_PROGRESS), (0, Status.IN_PROGRESS)]


def test_a_version_gives_its_room_to_the_mask(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """A disk with room for one more mask, where nothing can be linked: the user's newest work gets it."""
    make_project(tmp_path, ["a.jpg"])
    open_and_paint(tmp_path, 0)
    replace, kept = os.replace, tmp_path / ".fcn-studio" / "previous" / "masks" / "a" / ".1.png"

    def full(source: object, target: object) -> None:
        if str(target).endswith("SegmentationClass/a.png") and kept.exists():
            raise OSError(errno.ENOSPC, "No space left on device")
        replace(source, target)  # type: ignore[arg-type]

    with ProjectFolder.open(tmp_path, writable=True) as project:
        project.annotations.load(project.samples[0], SIZE)
        with monkeypatch.context() as patched:
            patched.setattr(os, "link", refuse)
            patched.setattr(os, "replace", full)
            project.annotations.save(project.samples[0], painted(1), Status.IN_PROGRESS)
    assert earlier(tmp_path) == [(0, Status.IN_PROGRESS)]


@pytest.mark.parametrize("links", [True, False])
@pytest.mark.parametrize("torn", [False, True])
def test_a_crash_anywhere_leaves_the_mask_and_whole_versions(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, links: bool, torn: bool
) -> None:
    """The save dies at each of its calls to the file system. With a ring that moves the mask, the test notices."""
    points = 0
    while True:
        folder = tmp_path / str(points)
        make_project(folder, ["a.jpg"])
        for index in (0, 1, 2, 0):
            open_and_paint(folder, index)
        with ProjectFolder.open(folder, writable=True) as project, monkeypatch.context() as patched:
            project.annotations.load(project.samples[0], SIZE)
            died = _die_at(patched, points, links=links)
            if torn:
                patched.setattr(versions, "_link_or_copy", lambda source, target: os.rename(source, target))
            with contextlib.suppress(KeyboardInterrupt):
                project.annotations.save(project.samples[0], painted(1), Status.IN_PROGRESS)
        missing = not (folder / "SegmentationClass" / "a.png").exists()
        if missing or not died:
            break
        with ProjectFolder.open(folder, writable=True) as project:
            (sample,) = project.samples
            assert project.annotations.load(sample, SIZE).labels.label_map[0, 0] in (0, 1)
            found = project.annotations.earlier(sample, SIZE)
            assert 3 <= len(found) <= 4
            assert all((v.found.labels.provenance == painted(1).provenance).all() for v in found)
            kept = [int(v.found.labels.label_map[0, 0]) for v in found]
            assert kept[-3:] in ([2, 1, 0], [0, 2, 1])
            project.annotations.save(sample, painted(2), Status.IN_PROGRESS)
        assert len(earlier(folder)) == 3
        points += 1
    assert missing is torn
    assert torn or points >= 8


def _die_at(patched: pytest.MonkeyPatch, point: int, *, links: bool) -> list[str]:
    """Raise KeyboardInterrupt at a call that changes the disk; the list says whether it came to that."""
    calls: list[str] = []
    died: list[str] = []
    for name in ("link", "replace", "rename", "unlink", "fsync", "utime"):
        real = getattr(os, name)

        def call(*arguments: object, name: str = name, real: object = real, **options: object) -> object:
            if died:
                raise KeyboardInterrupt  # a dead process cleans nothing up
            calls.append(name)
            if len(calls) > point:
                died.append(name)
                raise KeyboardInterrupt
            if name == "link" and not links:
                raise OSError(errno.EPERM, "Operation not permitted")
            return real(*arguments, **options)  # type: ignore[operator]

        patched.setattr(os, name, call)
    return died


# Restoring


def test_a_damaged_mask_is_restored_and_kept(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    open_and_paint(tmp_path, 1, Status.VERIFIED)
    open_and_paint(tmp_path, 2)
    mask = tmp_path / "SegmentationClass" / "a.png"
    damaged = mask.read_bytes()[:-40]
    mask.write_bytes(damaged)
    with ProjectFolder.open(tmp_path, writable=True) as project:
        (sample,) = project.samples
        with pytest.raises(MaskDamaged, match="damaged") as caught:
            project.annotations.load(sample, SIZE)
        assert caught.value.image_id == sample.image_id
        (version,) = project.annotations.earlier(sample, SIZE)
        project.annotations.restore(sample, version)
        loaded = project.annotations.load(sample, SIZE)
        assert project.annotations.status(sample) is Status.VERIFIED
    assert (loaded.status, loaded.prelabelled_by, loaded.notices) == (Status.VERIFIED, SHA, ())
    np.testing.assert_array_equal(loaded.labels.label_map, painted(1).label_map)
    np.testing.assert_array_equal(loaded.labels.provenance, painted(1).provenance)
    originals = list((tmp_path / ".fcn-studio" / "originals").rglob("*.png"))
    assert [path.read_bytes() for path in originals] == [damaged]
    assert earlier(tmp_path) == [(1, Status.VERIFIED)], "the damaged mask is no version"


def test_a_mask_that_fits_its_record_but_not_its_project_is_kept_too(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    for index in (0, 2):
        open_and_paint(tmp_path, index)
    file = tmp_path / "fcn-studio.toml"
    rows = file.read_text().replace("next_index = 3", "next_index = 2").split("[[class]]")
    file.write_text("[[class]]".join(rows[:-1]))
    with ProjectFolder.open(tmp_path, writable=True) as project:
        (sample,) = project.samples
        strange = project.annotations.mask_path(sample).read_bytes()
        with pytest.raises(MaskDamaged, match="value 2 at x=0, y=0"):
            project.annotations.load(sample, SIZE)
        (version,) = project.annotations.earlier(sample, SIZE)
        project.annotations.restore(sample, version)
        assert project.annotations.load(sample, SIZE).labels.label_map[0, 0] == 0
    originals = (tmp_path / ".fcn-studio" / "originals").rglob("*.png")
    assert [path.read_bytes() for path in originals] == [strange]


def test_versions_that_are_damaged_are_not_offered(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    for index in (0, 1, 2):
        open_and_paint(tmp_path, index)
    (tmp_path / ".fcn-studio" / "previous" / "masks" / "a" / ".2.png").write_bytes(b"\x89PNG")
    assert earlier(tmp_path) == [(0, Status.IN_PROGRESS)]


# The project file


def project_files(folder: Path) -> list[str]:
    """The kept project files, oldest first."""
    return [path.name for path in sorted((folder / ".fcn-studio" / "previous").glob("fcn-studio.toml*"))]


def test_the_project_file_is_kept_as_it_is_and_as_it_was(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    contents = []
    table = TABLE
    with ProjectFolder.open(tmp_path, writable=True) as project:
        for number in range(6):
            project.set_table(table := table.added(f"class {number}"))
            project.set_table(table)
            contents.append((tmp_path / "fcn-studio.toml").read_bytes())
    assert project_files(tmp_path) == [f"fcn-studio.toml.{number}" for number in (3, 4, 5, 6)]
    previous = tmp_path / ".fcn-studio" / "previous"
    assert [(previous / name).read_bytes() for name in project_files(tmp_path)] == contents[-4:]


def test_what_is_edited_by_hand_is_kept_before_the_next_work(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    open_and_paint(tmp_path, 0)
    file = tmp_path / "fcn-studio.toml"
    file.write_text(file.read_text().replace("val_percent = 20", "val_percent = 40 # mine"))
    edited = file.read_bytes()
    open_and_paint(tmp_path, 1)
    file.write_text("format = 1\nid = ")
    broken = file.read_bytes()
    with pytest.raises(ProjectFileBroken, match=r"broken at line 2.*fcn-studio\.toml\.2 in its place") as caught:
        ProjectFolder.open(tmp_path, writable=True)
    assert caught.value.earlier == tmp_path / ".fcn-studio" / "previous" / "fcn-studio.toml.2"
    assert file.read_bytes() == broken
    restore_project_file(tmp_path)
    assert file.read_bytes() == edited
    assert (tmp_path / "fcn-studio.toml.broken-1").read_bytes() == broken
    with ProjectFolder.open(tmp_path, writable=True) as project:
        assert project.config.val_percent == 40
        with pytest.raises(ProjectLocked):
            restore_project_file(tmp_path)


def test_only_a_copy_that_makes_sense_is_put_back(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    open_and_paint(tmp_path, 0)
    (tmp_path / "fcn-studio.toml").write_text("format = 1")
    (tmp_path / ".fcn-studio" / "previous" / "fcn-studio.toml.7").write_text("format = 1")
    restore_project_file(tmp_path)
    assert earlier(tmp_path) == []
    for path in [tmp_path / "fcn-studio.toml", *(tmp_path / ".fcn-studio" / "previous").glob("fcn*")]:
        path.write_text("[")
    with pytest.raises(ProjectError, match="no earlier copy"):
        restore_project_file(tmp_path)
    with pytest.raises(ProjectFileBroken, match="broken") as caught:
        ProjectFolder.open(tmp_path, writable=True)
    assert caught.value.earlier is None
    assert (tmp_path / "fcn-studio.toml").read_text() == "["


def test_a_copy_that_cannot_be_kept_stops_no_save(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    (tmp_path / ".fcn-studio").mkdir()
    (tmp_path / ".fcn-studio" / "previous").write_text("in the way")
    for index in (0, 1):
        open_and_paint(tmp_path, index)
    with ProjectFolder.open(tmp_path, writable=False) as project:
        assert (project.annotations.load(project.samples[0], SIZE).labels.label_map[:3] == 1).all()
