from __future__ import annotations

import hashlib
import importlib
import os
import sys
import threading
import unicodedata
from pathlib import Path
from typing import BinaryIO

import numpy as np
import pytest

from fcn_studio.core.classes import VOID, ClassTable, voc_table
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Split, Status
from fcn_studio.errors import (
    ClassTableNeeded,
    MaskError,
    MaskNeedsDecision,
    MaskNotRead,
    ProjectError,
    ProjectLocked,
    YearsFound,
)
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.project.records import Record, read_record
from fcn_studio.formats.voc import masks
from fcn_studio.formats.voc.masks import read_mask, write_mask
from tests.formats.helpers import SIZE, TABLE, filled, fingerprint, make_image, make_project, painted

SHA = "c0" * 32


def ids(project: ProjectFolder) -> list[str]:
    return [sample.image_id for sample in project.samples]


def prediction(image_id: str, index: int = 1) -> Prediction:
    return Prediction(image_id, filled(index), filled(0), SHA)


# Opening


def test_images_are_found_in_subfolders_and_sorted_as_people_count(tmp_path: Path) -> None:
    for name in ["b/10.jpg", "b/9.JPG", "b/.hidden.jpg", ".dot/1.jpg", "SegmentationClass/m.png", "ImageSets/x.png"]:
        make_image(tmp_path / name)
    make_image(tmp_path / "img2.png")
    make_image(tmp_path / "img10.png")
    (tmp_path / "notes.txt").touch()
    (tmp_path / "b" / "loop").symlink_to(tmp_path)
    with ProjectFolder.open(tmp_path, writable=False, table=TABLE) as project:
        assert ids(project) == ["b/9.JPG", "b/10.jpg", "img2.png", "img10.png"]
        assert project.image_root == tmp_path
        assert project.sample("img2.png").mask_id == "img2"


def test_in_a_voc_tree_only_jpegimages_counts(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    make_image(tmp_path / "stray.jpg")
    with ProjectFolder.open(tmp_path, writable=False) as project:
        assert ids(project) == ["a.jpg"]
        assert project.image_root == tmp_path / "JPEGImages"


def test_a_devkit_offers_its_years(tmp_path: Path) -> None:
    for year in ("VOC2007", "VOC2012"):
        make_project(tmp_path / "VOCdevkit" / year, ["a.jpg"])
    for folder in (tmp_path, tmp_path / "VOCdevkit"):
        with pytest.raises(YearsFound, match="VOC2007") as caught:
            ProjectFolder.open(folder, writable=True)
        assert [year.name for year in caught.value.years] == ["VOC2007", "VOC2012"]
    ProjectFolder.open(caught.value.years[0], writable=False).close()


def test_what_is_no_folder_gives_a_sentence(tmp_path: Path) -> None:
    with pytest.raises(ProjectError, match="is not a folder"):
        ProjectFolder.open(tmp_path / "none", writable=True)


def test_scanning_20000_images_opens_none_of_them(tmp_path: Path) -> None:
    # Empty files: reading one would raise.
    for part in range(20):
        folder = tmp_path / f"part{part}"
        folder.mkdir()
        for number in range(1000):
            (folder / f"{number}.jpg").touch()
    with ProjectFolder.open(tmp_path, writable=False, table=TABLE) as project:
        assert len(project.samples) == 20_000
        assert project.samples[2].image_id == "part0/2.jpg"
        assert project.counts()[Status.NEW] == 20_000


def test_opening_to_read_and_closing_a_writer_leave_no_trace(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg", "b.jpg"], {"a": 1})
    before = fingerprint(tmp_path)
    with ProjectFolder.open(tmp_path, writable=False) as project:
        sample = project.sample("a.jpg")
        project.annotations.load(sample, SIZE)
        project.counts()
        for write in (
            lambda: project.annotations.save(sample, painted(1), Status.IN_PROGRESS),
            lambda: project.set_table(TABLE.added("x")),
            lambda: project.accept_prediction(project.sample("b.jpg"), prediction("b.jpg"), allow_prelabelled=False),
        ):
            with pytest.raises(ProjectError, match="read only"):
                write()
    assert fingerprint(tmp_path) == before
    with ProjectFolder.open(tmp_path, writable=True) as project:
        project.annotations.save(project.sample("b.jpg"), Labels.unlabelled(6, 8), Status.NEW)
    assert set(fingerprint(tmp_path)) == set(before)


def test_one_writer_and_any_number_of_readers(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    with ProjectFolder.open(tmp_path, writable=True):
        with pytest.raises(ProjectLocked):
            ProjectFolder.open(tmp_path, writable=True)
        ProjectFolder.open(tmp_path, writable=False).close()
    ProjectFolder.open(tmp_path, writable=True).close()


def test_a_failed_opening_gives_the_lock_back(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    (tmp_path / "fcn-studio.toml").write_text("format = ")
    with pytest.raises(ProjectError, match="broken at line 1"):
        ProjectFolder.open(tmp_path, writable=True)
    assert not (tmp_path / ".fcn-studio").exists()
    assert (tmp_path / "fcn-studio.toml").read_text() == "format = "


# The class table of a folder without project file


@pytest.mark.parametrize(
    ("file", "text", "names"),
    [
        ("class_names.txt", "Sky\nPole\n\n", {0: "Sky", 1: "Pole"}),
        ("labels.txt", "__ignore__\n_background_\ncat\n", {0: "_background_", 1: "cat"}),
        ("labelmap.txt", "# label:color_rgb:parts:actions\nbg:0,0,0::\ndog:1,2,3::\n", {0: "bg", 1: "dog"}),
        ("labelmap.txt", "bg:0,0,0::\nunused_1:0,0,9::\ndog:::\nvoid:224,224,192::\n", {0: "bg", 2: "dog"}),
    ],
)
def test_class_files_name_the_classes(tmp_path: Path, file: str, text: str, names: dict[int, str]) -> None:
    make_project(tmp_path, ["a.jpg"], {"a": 1}, table=None)
    (tmp_path / file).write_text(text)
    with ProjectFolder.open(tmp_path, writable=False) as project:
        assert {c.index: c.name for c in project.config.table} == names


def test_colours_of_a_labelmap_are_taken(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"], table=None)
    (tmp_path / "labelmap.txt").write_text("bg:0,0,0::\ndog:1,2,3::\n")
    with ProjectFolder.open(tmp_path, writable=False) as project:
        assert project.config.table.classes[1].colour == (1, 2, 3)


@pytest.mark.parametrize("text", ["a\nA\n", "a:300,0,0::\n"])
def test_a_class_file_that_makes_no_sense_is_named(tmp_path: Path, text: str) -> None:
    make_project(tmp_path, ["a.jpg"], table=None)
    (tmp_path / "labels.txt").write_text(text)
    with pytest.raises(ProjectError, match=r"labels\.txt"):
        ProjectFolder.open(tmp_path, writable=True)


def test_masks_without_names_are_vocs_if_they_fit_else_it_asks(tmp_path: Path) -> None:
    make_project(tmp_path, ["2007_000032.jpg"], {"2007_000032": 20}, table=None)
    with ProjectFolder.open(tmp_path, writable=False) as project:
        assert project.config.table == voc_table()
    write_mask(tmp_path / "SegmentationClass" / "2007_000032.png", filled(21))
    with pytest.raises(ClassTableNeeded, match=r"class_names\.txt"):
        ProjectFolder.open(tmp_path, writable=True)
    answer = ClassTable.from_names(f"c{i}" for i in range(22))
    with ProjectFolder.open(tmp_path, writable=False, table=answer) as project:
        assert project.config.table == answer


def test_a_folder_without_masks_takes_the_default_table(tmp_path: Path) -> None:
    make_image(tmp_path / "a.jpg")
    with ProjectFolder.open(tmp_path, writable=False, default_table=TABLE) as project:
        assert project.config.table == TABLE
    with ProjectFolder.open(tmp_path, writable=False) as project:
        assert [c.name for c in project.config.table] == ["background"]


def test_settings_are_kept_once_written(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    with ProjectFolder.open(tmp_path, writable=True) as project:
        first_id = project.config.project_id
        project.set_table(TABLE.added("new"))
    with ProjectFolder.open(tmp_path, writable=False, table=voc_table()) as project:
        assert project.config.table == TABLE.added("new")
        assert project.config.project_id == first_id
        assert not project.first_opening


def test_a_project_that_was_never_saved_keeps_its_id(tmp_path: Path) -> None:
    make_image(tmp_path / "a" / "a.jpg")
    make_image(tmp_path / "b" / "a.jpg")
    found = [ProjectFolder.open(tmp_path / n, writable=False).config.project_id for n in "aab"]
    assert found[0] == found[1] != found[2]


# Ids, collisions, splits


def test_two_images_of_one_stem_have_two_masks(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg", "A.png", "a.jpg.png", "b.jpg"])
    with ProjectFolder.open(tmp_path, writable=True) as project:
        masks = {s.image_id: s.mask_id for s in project.samples}
        assert masks == {"a.jpg": "a.jpg", "A.png": "A.png", "a.jpg.png": "a.jpg.png", "b.jpg": "b"}
        for index, sample in enumerate(project.samples):
            project.annotations.save(sample, painted(index % 3), Status.IN_PROGRESS)
        for index, sample in enumerate(project.samples):
            assert (project.annotations.load(sample, SIZE).labels.label_map == painted(index % 3).label_map).all()


def test_an_older_mask_of_a_stem_asks_whose_it_is(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg", "a.png"], {"a": 1})
    with ProjectFolder.open(tmp_path, writable=True) as project:
        for sample in project.samples:
            with pytest.raises(MaskNeedsDecision, match=r"a\.png.*whose it is"):
                project.annotations.load(sample, SIZE)
            with pytest.raises(MaskNeedsDecision):
                project.accept_prediction(sample, prediction(sample.image_id), allow_prelabelled=True)
    (tmp_path / "SegmentationClass" / "a.png").rename(tmp_path / "SegmentationClass" / "a.jpg.png")
    with ProjectFolder.open(tmp_path, writable=False) as project:
        assert project.annotations.load(project.sample("a.jpg"), SIZE).status is Status.VERIFIED
        assert project.annotations.load(project.sample("a.png"), SIZE).status is Status.NEW


def test_decomposed_names_are_the_same_image_and_mask(tmp_path: Path) -> None:
    composed, decomposed = (unicodedata.normalize(form, "é") for form in ("NFC", "NFD"))
    make_project(tmp_path, [f"{decomposed}.jpg"], {decomposed: 2})
    with ProjectFolder.open(tmp_path, writable=True) as project:
        (sample,) = project.samples
        assert sample.image_id == f"{composed}.jpg"
        assert (project.annotations.load(sample, SIZE).labels.label_map == 2).all()
        project.annotations.save(sample, painted(1), Status.IN_PROGRESS)
    assert len(list((tmp_path / "SegmentationClass").iterdir())) == 1
    make_image(tmp_path / "JPEGImages" / f"{composed}.jpg")
    with ProjectFolder.open(tmp_path, writable=False) as project:
        assert len(project.samples) == 1
        assert "another spelling" in project.opening.findings[0].sentence


def test_lists_rule_and_the_rest_is_for_training_until_it_is_assigned(tmp_path: Path) -> None:
    names = [f"{i}.jpg" for i in range(60)]
    make_project(tmp_path, ["sub/x.jpg", "y.jpg", "z.jpg", *names])
    lists = tmp_path / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("sub/x\nz\n")
    (lists / "val.txt").write_text("y\r\n z \n\n")
    (lists / "trainval.txt").write_text("0\n1\n")
    before = fingerprint(lists)
    with ProjectFolder.open(tmp_path, writable=True) as project:
        split = {s.image_id: project.splits.of(s) for s in project.samples}
        project.annotations.save(project.samples[0], painted(1), Status.VERIFIED)
        assert project.config.val_percent == 20
    assert (split["sub/x.jpg"], split["y.jpg"], split["z.jpg"]) == (Split.TRAIN, Split.VAL, Split.VAL)
    assert all(split[name] is Split.TRAIN for name in names)
    assert fingerprint(lists) == before


# Masks found at first opening, and later


def test_masks_found_at_first_opening_are_human_and_verified_for_ever(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg", "b.jpg", "c.jpg"], {"a": VOID, "b": 1})
    with ProjectFolder.open(tmp_path, writable=True) as project:
        assert project.first_opening
        assert any("2 masks were found here" in notice for notice in map(str, project.opening.findings))
        assert [project.annotations.status(s) for s in project.samples] == [
            Status.VERIFIED,
            Status.VERIFIED,
            Status.NEW,
        ]
        project.annotations.save(project.sample("c.jpg"), painted(2), Status.IN_PROGRESS)
    with ProjectFolder.open(tmp_path, writable=False) as project:
        assert not project.first_opening
        assert project.counts()[Status.VERIFIED] == 2
        loaded = project.annotations.load(project.sample("a.jpg"), SIZE)
        assert loaded.status is Status.VERIFIED
        assert (loaded.labels.provenance == Provenance.HUMAN).all()


def test_a_mask_that_comes_later_is_of_unknown_origin(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg", "b.jpg"])
    with ProjectFolder.open(tmp_path, writable=True) as project:
        project.save_config(project.config)
    stranger = filled(2)
    stranger[0] = VOID
    write_mask(tmp_path / "SegmentationClass" / "b.png", stranger)
    with ProjectFolder.open(tmp_path, writable=True) as project:
        sample = project.sample("b.jpg")
        assert project.annotations.status(sample) is Status.IN_PROGRESS
        loaded = project.annotations.load(sample, SIZE)
        assert loaded.status is Status.IN_PROGRESS
        assert (loaded.labels.provenance[0] == Provenance.NOBODY).all()
        assert (loaded.labels.provenance[1:] == Provenance.UNKNOWN).all()
        assert "nobody knows who labelled" in loaded.notices[0]
        assert not project.accept_prediction(sample, prediction("b.jpg"), allow_prelabelled=True)


def test_labels_come_back_as_saved(tmp_path: Path) -> None:
    make_project(tmp_path, ["sub/a.jpg"])
    labels = painted(1)
    labels.label_map[4], labels.provenance[4] = 2, Provenance.NETWORK
    labels.provenance[5] = Provenance.HUMAN  # painted void
    with ProjectFolder.open(tmp_path, writable=True) as project:
        sample = project.samples[0]
        digest = project.annotations.save(sample, labels, Status.IN_PROGRESS, SHA)
        assert project.annotations.status(sample) is Status.IN_PROGRESS
    for _ in range(2):  # the second time by the index
        with ProjectFolder.open(tmp_path, writable=True) as project:
            assert project.annotations.status(sample) is Status.IN_PROGRESS
    loaded = ProjectFolder.open(tmp_path, writable=False).annotations.load(sample, SIZE)
    assert (loaded.labels.label_map == labels.label_map).all()
    assert (loaded.labels.provenance == labels.provenance).all()
    assert (loaded.status, loaded.prelabelled_by, loaded.mask_sha256) == (Status.IN_PROGRESS, SHA, digest)
    assert loaded.notices == ()


def saved(folder: Path) -> Path:
    """A project with one verified image; returns its mask."""
    make_project(folder, ["a.jpg"])
    with ProjectFolder.open(folder, writable=True) as project:
        project.annotations.save(project.samples[0], painted(1), Status.VERIFIED)
        return project.annotations.mask_path(project.samples[0])


def test_a_mask_changed_by_another_program_is_of_unknown_origin_and_kept(tmp_path: Path) -> None:
    mask = saved(tmp_path)
    write_mask(mask, filled(2))
    foreign = mask.read_bytes()
    with ProjectFolder.open(tmp_path, writable=True) as project:
        sample = project.samples[0]
        assert project.annotations.status(sample) is Status.IN_PROGRESS
        loaded = project.annotations.load(sample, SIZE)
        assert (loaded.labels.provenance == Provenance.UNKNOWN).all()
        project.annotations.save(sample, painted(1), Status.VERIFIED)
        assert project.annotations.status(sample) is Status.VERIFIED
        project.annotations.save(sample, painted(2), Status.VERIFIED)
    originals = list((tmp_path / ".fcn-studio" / "originals").rglob("*.png"))
    assert [p.read_bytes() for p in originals] == [foreign]


@pytest.mark.parametrize("damage", [b"", b"junk", None])
def test_a_lost_or_damaged_record_makes_pixels_unknown(tmp_path: Path, damage: bytes | None) -> None:
    saved(tmp_path)
    record = tmp_path / ".fcn-studio" / "provenance" / "a.png"
    if damage is None:
        record.unlink()
    else:
        record.write_bytes(damage)
    with ProjectFolder.open(tmp_path, writable=False) as project:
        loaded = project.annotations.load(project.samples[0], SIZE)
        assert loaded.status is project.annotations.status(project.samples[0]) is Status.IN_PROGRESS
        assert (loaded.labels.provenance[:3] == Provenance.UNKNOWN).all()


def test_a_deleted_mask_makes_the_image_new(tmp_path: Path) -> None:
    saved(tmp_path).unlink()
    with ProjectFolder.open(tmp_path, writable=False) as project:
        assert project.annotations.status(project.samples[0]) is Status.NEW
        loaded = project.annotations.load(project.samples[0], SIZE)
        assert loaded.status is Status.NEW
        assert not loaded.labels.provenance.any()


def test_a_damaged_mask_blocks_and_stays(tmp_path: Path) -> None:
    mask = saved(tmp_path)
    mask.write_bytes(mask.read_bytes()[:-30])
    before = fingerprint(tmp_path)
    with (
        ProjectFolder.open(tmp_path, writable=False) as project,
        pytest.raises(MaskError, match=r"a\.png: the mask is damaged"),
    ):
        project.annotations.load(project.samples[0], SIZE)
    assert fingerprint(tmp_path) == before


@pytest.mark.parametrize("short", ["decode_mask", "read_grey"])
def test_too_little_memory_is_no_damage(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, short: str) -> None:
    """No earlier version is offered for a sound mask, and the origin of its pixels is not forgotten."""
    saved(tmp_path)
    honest = masks._verify

    def none_left(file: BinaryIO) -> None:
        if sys._getframe(1).f_code.co_name == short:
            raise MemoryError
        honest(file)

    monkeypatch.setattr(masks, "_verify", none_left)
    with (
        ProjectFolder.open(tmp_path, writable=False) as project,
        pytest.raises(MaskNotRead, match="there is not enough memory to read it; close other programs"),
    ):
        project.annotations.load(project.samples[0], SIZE)


def test_the_original_of_a_foreign_mask_is_kept_once(tmp_path: Path) -> None:
    make_project(tmp_path, ["s/a.jpg"], {"s/a": 1})
    mask = tmp_path / "SegmentationClass" / "s" / "a.png"
    foreign = mask.read_bytes()
    with ProjectFolder.open(tmp_path, writable=True) as project:
        for index in (0, 2):
            project.annotations.save(project.samples[0], painted(index), Status.IN_PROGRESS)
    originals = tmp_path / ".fcn-studio" / "originals"
    assert {p.relative_to(originals).as_posix(): p.read_bytes() for p in originals.rglob("*.png")} == {
        "s/a.png": foreign
    }


def test_a_crash_between_mask_and_record_only_makes_pixels_unknown(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    make_project(tmp_path, ["a.jpg", "b.jpg"], {"a": 1})
    with ProjectFolder.open(tmp_path, writable=True) as project:
        project.annotations.load(project.sample("a.jpg"), SIZE)
        for sample, before_crash in zip(project.samples, (1, 0), strict=True):
            with monkeypatch.context() as patched:
                crash_at(patched, "fcn_studio.formats.project.annotations.write_record", before_crash)
                with pytest.raises(KeyboardInterrupt):
                    project.annotations.save(sample, painted(2, by=Provenance.NETWORK), Status.PRELABELLED)
    with ProjectFolder.open(tmp_path, writable=False) as project:
        for sample in project.samples:
            loaded = project.annotations.load(sample, SIZE)
            assert loaded.status is project.annotations.status(sample) is Status.IN_PROGRESS
            assert (loaded.labels.provenance[:3] == Provenance.UNKNOWN).all()


@pytest.mark.parametrize("call", ["write_record", "write_atomically"])
def test_a_crash_before_an_adopted_mask_is_overwritten_leaves_it_finished(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, call: str
) -> None:
    make_project(tmp_path, ["a.jpg"], {"a": 1})
    mask = (tmp_path / "SegmentationClass" / "a.png").read_bytes()
    with ProjectFolder.open(tmp_path, writable=True) as project, monkeypatch.context() as patched:
        project.save_config(project.config)
        # The original is written before both, the record of what it was before the mask.
        crash_at(patched, f"fcn_studio.formats.project.annotations.{call}", 1 if call == "write_atomically" else 0)
        with pytest.raises(KeyboardInterrupt):
            project.annotations.save(project.samples[0], painted(2), Status.IN_PROGRESS)
    assert (tmp_path / ".fcn-studio" / "originals" / "a.png").read_bytes() == mask
    with ProjectFolder.open(tmp_path, writable=False) as project:
        loaded = project.annotations.load(project.samples[0], SIZE)
        assert loaded.status is project.annotations.status(project.samples[0]) is Status.VERIFIED
        assert (loaded.labels.provenance == Provenance.HUMAN).all()
        assert (loaded.labels.label_map == 1).all()


def test_what_is_overwritten_first_had_a_record_of_its_own(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    make_project(tmp_path, ["a.jpg"], {"a": 1})
    digest = hashlib.sha256((tmp_path / "SegmentationClass" / "a.png").read_bytes()).hexdigest()
    with ProjectFolder.open(tmp_path, writable=True) as project, monkeypatch.context() as patched:
        crash_at(patched, "fcn_studio.formats.project.annotations.write_record", 1)
        with pytest.raises(KeyboardInterrupt):
            project.annotations.save(project.samples[0], painted(2), Status.IN_PROGRESS)
    record = read_record(tmp_path / ".fcn-studio" / "provenance" / "a.png")
    assert record == Record(Status.VERIFIED, digest)


def crash_at(patched: pytest.MonkeyPatch, name: str, calls: int) -> None:
    """Let a function die at its call after so many."""
    module, _, function = name.rpartition(".")
    real, done = getattr(importlib.import_module(module), function), []

    def crash(*arguments: object) -> object:
        if len(done) == calls:
            raise KeyboardInterrupt
        done.append(arguments)
        return real(*arguments)

    patched.setattr(name, crash)


def _crash(*_: object) -> None:
    raise KeyboardInterrupt


@pytest.mark.parametrize(
    "failing", ["adopted_masks", "fcn-studio.toml", "originals/a.png", "provenance/a.png", "SegmentationClass/a.png"]
)
def test_a_full_disk_at_any_write_leaves_the_old_files(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, failing: str
) -> None:
    make_project(tmp_path, ["a.jpg"], {"a": 1})
    mask = tmp_path / "SegmentationClass" / "a.png"
    old, replace = mask.read_bytes(), os.replace

    def full(source: object, target: object) -> None:
        if str(target).endswith(failing):
            raise OSError(28, "No space left on device")
        replace(source, target)  # type: ignore[arg-type]

    with ProjectFolder.open(tmp_path, writable=True) as project:
        sample = project.samples[0]
        with monkeypatch.context() as patched:
            patched.setattr(os, "replace", full)
            with pytest.raises(ProjectError, match="No space left"):
                project.annotations.save(sample, painted(2), Status.IN_PROGRESS)
        assert mask.read_bytes() == old
        assert not list(tmp_path.rglob("*.tmp"))
        assert project.annotations.load(sample, SIZE).labels.label_map.any()
        project.annotations.save(sample, painted(2), Status.IN_PROGRESS)
        assert (project.annotations.load(sample, SIZE).labels.provenance == painted(2).provenance).all()


def test_skipping_writes_only_a_record_and_unskipping_undoes_it(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    nothing = Labels.unlabelled(6, 8)
    with ProjectFolder.open(tmp_path, writable=True) as project:
        sample = project.samples[0]
        assert project.annotations.save(sample, nothing, Status.NEW) is None
        assert not (tmp_path / "fcn-studio.toml").exists()
        assert project.annotations.save(sample, nothing, Status.SKIPPED) is None
        assert not (tmp_path / "SegmentationClass").exists()
    with ProjectFolder.open(tmp_path, writable=True) as project:
        assert project.annotations.status(sample) is Status.SKIPPED
        assert not project.accept_prediction(sample, prediction("a.jpg"), allow_prelabelled=True)
        assert project.annotations.load(sample, SIZE).status is Status.SKIPPED
        project.annotations.save(sample, nothing, Status.NEW)
    with ProjectFolder.open(tmp_path, writable=False) as project:
        assert project.annotations.status(sample) is Status.NEW


def test_loading_while_another_thread_saves_sees_old_or_new_labels_of_a_known_origin(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    with ProjectFolder.open(tmp_path, writable=True) as project:
        sample = project.samples[0]
        project.annotations.save(sample, painted(0), Status.IN_PROGRESS)

        def save() -> None:
            for number in range(60):
                project.annotations.save(sample, painted(number % 3), Status.IN_PROGRESS)

        writer = threading.Thread(target=save)
        writer.start()
        while writer.is_alive():
            labels = project.annotations.load(sample, SIZE).labels
            assert (labels.provenance == painted(0).provenance).all()
            assert len(np.unique(labels.label_map[:3])) == 1
        writer.join()


# Predictions


def test_a_batch_writes_new_images_and_prelabelled_ones_on_demand(tmp_path: Path) -> None:
    make_project(tmp_path, [f"{name}.jpg" for name in "abcd"], {"d": 1})
    with ProjectFolder.open(tmp_path, writable=True) as project:
        a, b, c, d = project.samples
        project.annotations.save(b, painted(2), Status.IN_PROGRESS)
        project.annotations.save(c, painted(2), Status.SKIPPED)
        mask = {s: project.annotations.mask_path(s).read_bytes() for s in (b, c, d)}
        written = [
            project.accept_prediction(s, prediction(s.image_id), allow_prelabelled=False) for s in (a, b, c, d)
        ]
        assert written == [True, False, False, False]
        assert not project.accept_prediction(a, prediction("a.jpg", 2), allow_prelabelled=False)
        assert project.accept_prediction(a, prediction("a.jpg", 2), allow_prelabelled=True)
        assert all(project.annotations.mask_path(s).read_bytes() == mask[s] for s in mask)
        loaded = project.annotations.load(a, SIZE)
        assert (loaded.labels.label_map == 2).all()
        assert (loaded.labels.provenance == Provenance.NETWORK).all()
        assert (loaded.status, loaded.prelabelled_by) == (Status.PRELABELLED, SHA)
        assert project.counts() == {
            Status.NEW: 0,
            Status.PRELABELLED: 1,
            Status.IN_PROGRESS: 1,
            Status.VERIFIED: 1,
            Status.SKIPPED: 1,
        }
        with pytest.raises(ValueError, match=r"b\.jpg"):
            project.accept_prediction(a, prediction("b.jpg"), allow_prelabelled=True)


def test_one_human_pixel_keeps_a_batch_away_and_an_empty_prediction_writes_nothing(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg", "b.jpg"])
    with ProjectFolder.open(tmp_path, writable=True) as project:
        a, b = project.samples
        labels = painted(1, by=Provenance.NETWORK)
        labels.provenance[0, 0] = Provenance.HUMAN
        project.annotations.save(a, labels, Status.PRELABELLED, SHA)
        before = fingerprint(tmp_path)
        assert not project.accept_prediction(a, prediction("a.jpg"), allow_prelabelled=True)
        assert not project.accept_prediction(b, prediction("b.jpg", VOID), allow_prelabelled=True)
        assert fingerprint(tmp_path) == before


# Networks


def test_runs_are_numbered_and_the_network_in_use_goes_back_step_by_step(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"])
    with ProjectFolder.open(tmp_path, writable=True) as project:
        assert project.runs.current() is None
        runs = [project.runs.new_dir() for _ in range(3)]
        assert [run.name for run in runs] == ["0001", "0002", "0003"]
        project.runs.set_current("street", "aa", compared=True)
        project.runs.set_current(runs[0] / "best.safetensors", "bb", compared=False)
        current = project.runs.set_current(Path("/elsewhere/net.safetensors"), "cc", compared=True)
        assert current.path(project.folder) == Path("/elsewhere/net.safetensors")
    with ProjectFolder.open(tmp_path, writable=True) as project:
        assert project.runs.current() == current
        back = project.runs.go_back()
        assert back is not None
        assert (back.checkpoint, back.sha256, back.compared) == (
            ".fcn-studio/runs/0001/best.safetensors",
            "bb",
            False,
        )
        assert back.path(project.folder) == runs[0] / "best.safetensors"
        street = project.runs.go_back()
        assert street is not None
        assert street.path(project.folder) is None
        assert project.runs.go_back() is None
        assert project.runs.current() is None
        (tmp_path / ".fcn-studio" / "runs" / "current.json").write_text("[")
        with pytest.raises(ProjectError, match=r"current\.json is broken"):
            project.runs.current()


# Real data


def test_image_files_are_never_written(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg", "b.png"], {"a": 1})
    before = fingerprint(tmp_path / "JPEGImages")
    with ProjectFolder.open(tmp_path, writable=True) as project:
        for sample in project.samples:
            loaded = project.annotations.load(sample, SIZE)
            project.annotations.save(sample, loaded.labels, Status.VERIFIED)
            project.accept_prediction(sample, prediction(sample.image_id), allow_prelabelled=True)
    assert fingerprint(tmp_path / "JPEGImages") == before


def test_names_of_255_bytes_and_odd_letters_work(tmp_path: Path) -> None:
    names = [f"{'x' * 251}.jpg", "a b #%'.png", "日本/é.jpg"]
    make_project(tmp_path, names)
    with ProjectFolder.open(tmp_path, writable=True) as project:
        for sample in project.samples:
            project.annotations.save(sample, painted(1), Status.VERIFIED)
    with ProjectFolder.open(tmp_path, writable=False) as project:
        assert project.counts()[Status.VERIFIED] == 3
        for sample in project.samples:
            mask = read_mask(project.annotations.mask_path(sample), SIZE, TABLE).label_map
            assert (mask == np.where(painted(1).provenance, 1, VOID)).all()


def test_a_mask_that_cannot_be_opened_does_not_cost_the_other_statuses(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg", "b.jpg"])
    with ProjectFolder.open(tmp_path, writable=True) as project:
        project.annotations.save(project.sample("a.jpg"), painted(1), Status.VERIFIED)
    mask = tmp_path / "SegmentationClass" / "a.png"
    mask.unlink()
    mask.mkdir()  # root may read any file, but no folder as a file
    with ProjectFolder.open(tmp_path, writable=True) as project:
        assert (project.counts()[Status.IN_PROGRESS], project.counts()[Status.NEW]) == (1, 1)
        with pytest.raises(MaskError, match="cannot be opened"):
            project.annotations.load(project.sample("a.jpg"), SIZE)
        assert not project.accept_prediction(project.sample("a.jpg"), prediction("a.jpg"), allow_prelabelled=True)


@pytest.mark.skipif(sys.platform != "linux", reason="elsewhere every file name is text")
def test_names_that_are_not_utf8_are_names_like_others(tmp_path: Path) -> None:
    folder = tmp_path / os.fsdecode(b"caf\xe9")
    make_image(folder / os.fsdecode(b"pr\xe9.png"))
    with ProjectFolder.open(folder, writable=True, table=TABLE) as project:
        project.annotations.save(project.samples[0], painted(1), Status.IN_PROGRESS)
    with ProjectFolder.open(folder, writable=True) as project:
        loaded = project.annotations.load(project.samples[0], SIZE)
    assert loaded.status is Status.IN_PROGRESS
    np.testing.assert_array_equal(loaded.labels.label_map, painted(1).label_map)


# What a journal of strokes relies on


def test_the_sha256_of_a_mask_is_known_before_anything_is_written(tmp_path: Path) -> None:
    make_project(tmp_path, ["a.jpg"], {"a": 1})
    before = fingerprint(tmp_path)
    with ProjectFolder.open(tmp_path, writable=True) as project:
        encoded = project.annotations.encode(project.samples[0], painted(2), Status.IN_PROGRESS)
        assert encoded is not None
        now = fingerprint(tmp_path)
        assert {name: now[name] for name in now if ".fcn-studio" not in name} == before
        assert {name for name in now if ".fcn-studio" in name} == {".fcn-studio", ".fcn-studio/lock"}
        project.annotations.write(encoded)
        mask = project.annotations.mask_path(project.samples[0]).read_bytes()
    assert encoded.sha256 == hashlib.sha256(mask).hexdigest()


def test_a_record_fits_a_mask_that_is_known_to_be_ours_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    mask, announced = saved(tmp_path), []
    old = hashlib.sha256(mask.read_bytes()).hexdigest()
    with ProjectFolder.open(tmp_path, writable=True) as project, monkeypatch.context() as patched:
        patched.setattr("fcn_studio.formats.project.annotations.write_record", _crash)
        encoded = project.annotations.encode(project.samples[0], painted(2), Status.IN_PROGRESS)
        assert encoded is not None
        announced.append(encoded.sha256)
        with pytest.raises(KeyboardInterrupt):
            project.annotations.write(encoded)
    with ProjectFolder.open(tmp_path, writable=False) as project:
        (sample,) = project.samples
        for too_few in [(), (old,), tuple(announced)]:
            loaded = project.annotations.load(sample, SIZE, known_masks=too_few)
            assert (loaded.labels.provenance[:3] == Provenance.UNKNOWN).all()
            assert loaded.status is Status.IN_PROGRESS
        loaded = project.annotations.load(sample, SIZE, known_masks={old, *announced})
        assert (loaded.labels.label_map[:3] == 2).all()
        assert (loaded.labels.provenance == painted(1).provenance).all()
        assert (loaded.status, loaded.mask_sha256, loaded.notices) == (Status.VERIFIED, announced[0], ())
