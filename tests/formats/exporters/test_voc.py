from __future__ import annotations

import hashlib
import json
from collections.abc import Generator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.sample import Split, Status
from fcn_studio.errors import ProjectError
from fcn_studio.formats.exporters import BY_NAME
from fcn_studio.formats.exporters.base import ExportResult
from fcn_studio.formats.exporters.pairs import flat_ids
from fcn_studio.formats.images.images import read_image
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.class_files import class_file_lines, read_class_file
from tests.data import shared_data
from tests.formats.helpers import SIZE, TABLE, fingerprint, make_image, make_project, painted

VOC = BY_NAME["voc"]


def export(project: ProjectFolder, out: Path) -> ExportResult:
    """Run an export to its end."""

    def run() -> Generator[tuple[int, int], None, None]:
        results.append((yield from VOC.run(project, out, project.samples)))

    results: list[ExportResult] = []
    count = len(project.samples)
    assert list(run()) == [(done, count) for done in range(1, count + 1)]
    return results[0]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A project of an upright JPEG, a turned JPEG, a PNG in a subfolder and one with the flattened name of it."""
    folder = make_project(tmp_path / "project", ["a.jpg", "sub/b.png", "sub__b.jpg"])
    exif = Image.Exif()
    exif[0x0112] = 6
    image = Image.new("RGB", SIZE[::-1])
    image.putpixel((0, 0), (255, 255, 255))
    image.save(folder / "JPEGImages" / "turned.jpg", exif=exif, quality=100, subsampling=0)
    with ProjectFolder.open(folder, writable=True) as project:
        for index, sample in enumerate(project.samples):
            project.annotations.save(sample, painted(index % 3), Status.VERIFIED)
    return folder


def test_torchvision_reads_the_export_with_the_very_indices(folder: Path, tmp_path: Path) -> None:
    from torchvision.datasets import VOCSegmentation

    before = fingerprint(folder)
    project = ProjectFolder.open(folder, writable=False)
    result = export(project, tmp_path / "out")
    assert fingerprint(folder) == before
    assert [p.name for p in (tmp_path / "out").iterdir()] == ["VOCdevkit"]
    assert result.folder == tmp_path / "out" / "VOCdevkit" / "VOC2012"
    manifest = json.loads((result.folder / "manifest.json").read_text())
    source = {row["id"]: project.sample(row["image"]) for row in manifest["images"]}
    assert set(source) == {"a", "sub__b", "sub__b-2", "turned"}
    seen = set()
    for split in (Split.TRAIN, Split.VAL):
        data = VOCSegmentation(tmp_path / "out", year="2012", image_set=split.value)
        assert len(data) == result.counts[split]
        for name, (image, mask) in zip((Path(p).stem for p in data.masks), data, strict=True):
            sample = source[name]
            assert project.splits.of(sample) is split
            assert (np.asarray(mask) == project.annotations.load(sample, SIZE).labels.label_map).all()
            assert np.abs(np.asarray(image).astype(int) - read_image(sample.image_path)).max() <= 8
            seen.add(name)
    assert seen == set(source)
    assert len(VOCSegmentation(tmp_path / "out", year="2012", image_set="trainval")) == 4


def test_upright_jpegs_are_copied_and_the_manifest_tells_all(folder: Path, tmp_path: Path) -> None:
    project = ProjectFolder.open(folder, writable=False)
    tree = export(project, tmp_path / "out").folder
    rows = {row["image"]: row for row in json.loads((tree / "manifest.json").read_text())["images"]}
    assert {name: row["converted"] for name, row in rows.items()} == {
        "a.jpg": False,
        "sub__b.jpg": False,
        "sub/b.png": True,
        "turned.jpg": True,
    }
    for name, row in rows.items():
        written = (tree / "JPEGImages" / f"{row['id']}.jpg").read_bytes()
        original = project.sample(name).image_path.read_bytes()
        assert (written == original) is not row["converted"]
        assert hashlib.sha256(original).hexdigest() == row["image_sha256"]
        mask = (tree / "SegmentationClass" / f"{row['id']}.png").read_bytes()
        assert hashlib.sha256(mask).hexdigest() == row["mask_sha256"]
        assert row["status"] == "verified"
    assert (tree / "class_names.txt").read_text() == "background\ncell\ndebris\n"
    assert (tree / "labelmap.txt").read_text() == "background:0,0,0::\ncell:128,0,0::\ndebris:0,128,0::\n"


def test_an_export_opens_as_a_project_with_the_same_split(folder: Path, tmp_path: Path) -> None:
    project = ProjectFolder.open(folder, writable=False)
    tree = export(project, tmp_path / "out").folder
    rows = json.loads((tree / "manifest.json").read_text())["images"]
    again = ProjectFolder.open(tree, writable=False)
    assert again.config.table == project.config.table
    assert again.counts()[Status.VERIFIED] == 4
    for row in rows:
        sample = again.sample(f"{row['id']}.jpg")
        assert again.splits.of(sample).value == row["split"]
        assert again.splits.of(sample) is project.splits.of(project.sample(row["image"]))


def test_an_export_never_mixes_with_another_nor_with_the_project(folder: Path, tmp_path: Path) -> None:
    project = ProjectFolder.open(folder, writable=False)
    (tmp_path / "empty" / "VOCdevkit").mkdir(parents=True)
    export(project, tmp_path / "empty")
    before = fingerprint(tmp_path / "empty")
    with pytest.raises(ProjectError, match="already and not empty"):
        export(project, tmp_path / "empty")
    assert fingerprint(tmp_path / "empty") == before
    with pytest.raises(ProjectError, match="among the project's images"):
        export(project, folder / "JPEGImages" / "out")
    with pytest.raises(ProjectError, match="no image was chosen"):
        next(VOC.run(project, tmp_path / "out", []))


def test_a_failed_or_cancelled_export_leaves_nothing(folder: Path, tmp_path: Path) -> None:
    project = ProjectFolder.open(folder, writable=False)
    steps = VOC.run(project, tmp_path / "out", project.samples)
    assert next(steps) == (1, 4)
    steps.close()
    assert list((tmp_path / "out").iterdir()) == []
    for image in (folder / "JPEGImages").rglob("*.*"):
        image.write_bytes(b"no image")
    with pytest.raises(ProjectError, match=r"no image could be exported; .*not an image"):
        export(project, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


def test_what_cannot_be_read_is_left_out_of_an_export(folder: Path, tmp_path: Path) -> None:
    project = ProjectFolder.open(folder, writable=False)
    upright = next(s for s in project.samples if s.image_path.suffix == ".jpg" and s.image_path.stem != "turned")
    data = upright.image_path.read_bytes()
    upright.image_path.write_bytes(data[: len(data) - 20])  # its header is sound: a copy would go out cut off
    (folder / "JPEGImages" / "turned.jpg").write_bytes(b"no image")
    result = export(project, tmp_path / "out")
    assert set(result.failed) == {upright.image_id, "turned.jpg"}
    assert "cut off" in result.failed[upright.image_id]
    assert result.images == len(project.samples) - 2
    for kind in ("JPEGImages", "SegmentationClass"):
        assert len(list((result.folder / kind).iterdir())) == len(project.samples) - 2
    assert len(json.loads((result.folder / "manifest.json").read_text())["images"]) == len(project.samples) - 2


def test_ids_are_flattened_without_collisions() -> None:
    ids = ["a/b", "a__b", "A__B", "a__b-2", " x ", "c\nd", "x" * 300, "x" * 299 + "y", 'q:"?'.replace("?", "*")]
    flat = flat_ids(ids)
    assert flat[:4] == ["a__b", "a__b-2", "A__B-3", "a__b-2-2"]
    assert flat[4:6] == ["x", "c_d"]
    assert flat[8] == "q___"
    assert len({name.casefold() for name in flat}) == len(ids)
    assert all(len(f"{name}.jpg".encode()) <= 255 for name in flat)
    assert not any(set(name) & set("/\\\n") for name in flat)


def test_labelmap_names_void_when_asked_and_is_read_the_same(folder: Path, tmp_path: Path) -> None:
    project = ProjectFolder.open(folder, writable=False)
    list(VOC.run(project, tmp_path / "out", project.samples, {"void_row": True}))
    path = tmp_path / "out" / "VOCdevkit" / "VOC2012" / "labelmap.txt"
    assert path.read_text().splitlines() == [
        "background:0,0,0::", "cell:128,0,0::", "debris:0,128,0::", "void:224,224,192::"
    ]  # fmt: skip
    read = read_class_file(path)
    assert read is not None
    assert read.classes == project.config.table.classes


def test_class_files_hold_every_index_in_its_line(tmp_path: Path) -> None:
    table = ClassTable.from_names(["background", "a:b", "old", "dog"])
    rows = [c for c in table if c.index != 1]
    rows[1] = replace(rows[1], retired=True, name="DOG")
    table = replace(table, classes=tuple(rows))
    lines = class_file_lines(table, cvat=False)
    assert lines == ["background", "unused_1", "DOG (retired 2)", "dog"]
    for name, cvat in (("class_names.txt", False), ("labelmap.txt", True)):
        (tmp_path / name).write_text("".join(f"{line}\n" for line in class_file_lines(table, cvat=cvat)))
        read = read_class_file(tmp_path / name)
        assert read is not None
        assert {c.index: c.name for c in read} == {0: "background", 2: "DOG (retired 2)", 3: "dog"}
        (tmp_path / name).unlink()


def test_a_picture_too_wide_for_jpeg_gives_a_sentence(tmp_path: Path) -> None:
    make_image(tmp_path / "project" / "JPEGImages" / "wide.png", size=(65_501, 1))
    project = ProjectFolder.open(tmp_path / "project", writable=False, table=TABLE)
    with pytest.raises(ProjectError, match="65,500 pixels"):
        export(project, tmp_path / "out")
    assert list((tmp_path / "out").iterdir()) == []


@pytest.mark.parametrize("name", ["camvid", "voc_animal", "ccp", "cwfid", "ruralstreet"])
def test_real_trees_open_with_their_lists_and_every_mask_reads(name: str) -> None:
    folder = shared_data(name)
    with ProjectFolder.open(folder, writable=False) as project:
        names = (folder / "class_names.txt").read_text().split("\n")
        assert [c.name for c in project.config.table] == [n.strip() for n in names if n.strip()]
        listed = set((folder / "ImageSets" / "Segmentation" / "val.txt").read_text().split())
        assert {s.mask_id for s in project.samples if project.splits.of(s) is Split.VAL} == listed
        for sample in project.samples[:: max(1, len(project.samples) // 8)]:
            with Image.open(sample.image_path) as image:
                loaded = project.annotations.load(sample, image.size)
            assert loaded.status is Status.VERIFIED
            with Image.open(project.annotations.mask_path(sample)) as mask:
                assert (np.asarray(mask) == loaded.labels.label_map).all()
