"""Faults planted in a small drawn data set, found by the check, and fixed."""

from __future__ import annotations

import json
import shutil
from collections import Counter
from dataclasses import replace
from pathlib import Path

import cv2
import numpy as np
import pytest
from PIL import Image

from fcn_studio.cli import main
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.sample import Status
from fcn_studio.formats.checks.options import FIXABLE, OPTIONS, default_limits
from fcn_studio.formats.checks.registry import BY_NAME, CHECKS
from fcn_studio.formats.images.images import image_size
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.masks import write_mask

NAMES = ("background", "grass", "car", "sky", "road")
WIDTH, HEIGHT = 96, 72
IMAGES = 24


def drawn(seed: int) -> tuple[np.ndarray, LabelMap]:
    """A picture of sky, grass, road and a car, and its label map."""
    rng = np.random.default_rng(seed)
    label_map = np.full((HEIGHT, WIDTH), 3, np.uint8)
    label_map[int(rng.integers(20, 40)) :] = 1
    label_map[int(rng.integers(44, 56)) :, int(rng.integers(0, 30)) :] = 4
    x, y = int(rng.integers(20, 70)), int(rng.integers(30, 50))
    cv2.circle(label_map, (x, y), 11, 2, -1)
    cv2.circle(label_map, (x, y), 5, 0, -1)
    colours = rng.integers(30, 220, (256, 3))
    return np.clip(colours[label_map] + rng.normal(0, 6, (HEIGHT, WIDTH, 3)), 0, 255).astype(np.uint8), label_map


@pytest.fixture(scope="module")
def clean_folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A VOC tree without faults, with splits and a void border around each car."""
    folder = tmp_path_factory.mktemp("clean")
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (folder / part).mkdir(parents=True)
    (folder / "class_names.txt").write_text("\n".join(NAMES))
    ids = [f"a{seed:02}" for seed in range(IMAGES)]
    for seed, mask_id in enumerate(ids):
        picture, label_map = drawn(seed)
        Image.fromarray(picture).save(folder / "JPEGImages" / f"{mask_id}.jpg", quality=92)
        write_mask(folder / "SegmentationClass" / f"{mask_id}.png", label_map)
    for split, part in (("train", ids[:16]), ("val", ids[16:20]), ("test", ids[20:])):
        (folder / f"ImageSets/Segmentation/{split}.txt").write_text("\n".join(part))
    return folder


@pytest.fixture
def folder(clean_folder: Path, tmp_path: Path) -> Path:
    """A copy of the clean folder, to plant faults in."""
    return Path(shutil.copytree(clean_folder, tmp_path / "set"))


def checked(folder: Path, *more: str) -> tuple[int, dict[str, object], list[tuple[str, ...]]]:
    """Run the command; return its exit code, its JSON, and (check, image ids...) of each fault."""
    report = folder.parent / "report.json"
    code = main(["check", str(folder), "--json", str(report), *more])
    result = json.loads(report.read_text())
    return code, result, sorted((fault["check"], *fault["images"]) for fault in result["faults"])


def mask_of(folder: Path, mask_id: str) -> LabelMap:
    return np.array(Image.open(folder / "SegmentationClass" / f"{mask_id}.png"))


def plant_in_labels(folder: Path) -> list[tuple[str, ...]]:
    """Plant faults in label maps."""
    masks = folder / "SegmentationClass"
    faults = {name: drawn(seed)[1] for seed, name in enumerate([f"a{i:02}" for i in range(7)])}
    faults["a00"][2:4, 50:53] = 2  # an island of six pixels in the sky
    faults["a01"][60:62, 90:92] = 255  # a pinhole of void in the road
    faults["a02"][:] = 255
    faults["a03"][:] = 3
    faults["a04"][60:65, 40:45] = 77
    faults["a05"] = np.where(np.arange(WIDTH) < 48, np.uint8(3), np.uint8(4)) + np.zeros((HEIGHT, 1), np.uint8)
    faults["a05"][:, 48] = 1  # a sliver of grass between sky and road
    faults["a06"] = cv2.GaussianBlur(faults["a06"], (5, 5), 0)
    for mask_id, label_map in faults.items():
        write_mask(masks / f"{mask_id}.png", label_map)
    return [
        ("islands", "a00.jpg"), ("pinholes", "a01.jpg"), ("one_value", "a02.jpg"), ("one_value", "a03.jpg"),
        ("unknown_index", "a04.jpg"), ("slivers", "a05.jpg"), ("blended", "a06.jpg"),
    ]  # fmt: skip


def plant_in_files(folder: Path) -> list[tuple[str, ...]]:
    """Plant faults in files of images and masks."""
    images, masks = folder / "JPEGImages", folder / "SegmentationClass"
    write_mask(masks / "a07.png", mask_of(folder, "a07")[::2, ::2])
    exif = Image.Exif()
    exif[0x0112] = 3
    with Image.open(images / "a08.jpg") as picture:
        picture.save(images / "a08.jpg", exif=exif)  # shown upside down; its mask is not
    grey = Image.open(masks / "a09.png").convert("L")
    grey.save(masks / "a09.png")
    Image.open(masks / "a10.png").convert("RGB").save(masks / "a10.png")
    other = Image.open(masks / "a11.png")
    other.putpalette(bytes(range(256)) * 3)
    other.save(masks / "a11.png")
    (masks / "a12.png").write_bytes((masks / "a12.png").read_bytes()[:120])
    (images / "a13.jpg").write_bytes((images / "a13.jpg").read_bytes()[:600])
    Image.open(masks / "a14.png").convert("RGB").save(masks / "a14.jpg")
    (masks / "a14.png").unlink()
    return [
        ("size", "a07.jpg"), ("orientation", "a08.jpg"), ("misread_palette", "a09.jpg"), ("encoding", "a10.jpg"),
        ("palette", "a11.jpg"), ("mask_unreadable", "a12.jpg"), ("image_unreadable", "a13.jpg"),
        ("blended", "a14.jpg"),
    ]  # fmt: skip


def plant_in_folder(folder: Path) -> list[tuple[str, ...]]:
    """Plant faults that concern several images, or none."""
    images, masks, lists = (folder / name for name in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"))
    with Image.open(images / "a15.jpg") as picture:  # of train, again in val
        picture.resize((WIDTH // 2, HEIGHT // 2), Image.Resampling.BOX).save(images / "b00.jpg", quality=60)
    write_mask(masks / "b00.png", mask_of(folder, "a15")[::2, ::2])
    shutil.copy(images / "a20.jpg", images / "b01.jpg")  # of test, again in test
    again = mask_of(folder, "a20")
    again[again == 2] = 4
    write_mask(masks / "b01.png", again)
    write_mask(masks / "nobody.png", again)
    for split, names in (("val", "b00\ngone"), ("test", "b01")):
        with (lists / f"{split}.txt").open("a") as file:
            file.write(f"\n{names}")
    (folder / "class_names.txt").write_text("\n".join((*NAMES, "boat")))
    return [
        ("leakage", "a15.jpg", "b00.jpg"), ("duplicates", "a20.jpg", "b01.jpg"), ("orphan_masks",),
        ("unknown_names",), ("unused_classes",),
    ]  # fmt: skip


def test_each_planted_fault_is_found_and_nothing_else(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    planted = [*plant_in_labels(folder), *plant_in_files(folder), *plant_in_folder(folder)]
    before = {path: path.read_bytes() for path in folder.rglob("*.*")}
    code, result, found = checked(folder)
    assert found == sorted(planted)
    assert (code, result["clean"]) == (3, False)
    assert result["counts"] == Counter(name for name, *_ in planted)
    boxes = {fault["check"]: fault["box"] for fault in result["faults"] if fault["box"]}  # type: ignore[attr-defined]
    assert boxes == {
        "islands": [50, 2, 53, 4], "pinholes": [90, 60, 92, 62], "unknown_index": [40, 60, 45, 65],
        "slivers": [48, 0, 49, HEIGHT],
    }  # fmt: skip
    assert "a00.jpg: 6 pixels of car in the midst of sky. At x=50, y=2." in capsys.readouterr().out
    assert {path: path.read_bytes() for path in folder.rglob("*.*")} == before
    unplanted = {"orphan_records", "changed_image", "retired_class"}
    assert {check.name for check in CHECKS} == {name for name, *_ in planted} | unplanted


def test_a_clean_folder_has_no_fault(clean_folder: Path) -> None:
    code, result, found = checked(clean_folder)
    assert (code, found, result["images"], result["masks"]) == (0, [], IMAGES, IMAGES)


def test_safe_fixes_are_saved_as_versions_and_leave_every_other_pixel(folder: Path) -> None:
    plant_in_labels(folder)
    dirty = mask_of(folder, "a00")
    code, result, found = checked(folder, "--fix", "islands,pinholes")
    assert (code, result["fixed"]) == (3, ["a00.jpg", "a01.jpg"])  # the other faults are still there
    assert not {"islands", "pinholes"} & {name for name, *_ in found}
    for seed, mask_id in enumerate(("a00", "a01")):
        assert (mask_of(folder, mask_id) == drawn(seed)[1]).all()
    with ProjectFolder.open(folder, writable=False) as project:
        sample = project.sample("a00.jpg")
        assert project.annotations.status(sample) is Status.VERIFIED
        (earlier,) = project.annotations.earlier(sample, (WIDTH, HEIGHT))
        assert (earlier.found.labels.label_map == dirty).all()
    assert main(["check", str(folder), "--fix", "slivers"]) == 2


def test_retired_classes_changed_images_and_records_of_no_image_are_found(folder: Path) -> None:
    with ProjectFolder.open(folder, writable=True) as project:
        for image_id in ("a00.jpg", "a01.jpg", "a02.jpg"):
            sample = project.sample(image_id)
            loaded = project.annotations.load(sample, image_size(sample.image_path))
            project.annotations.save(sample, loaded.labels, Status.VERIFIED)
        table = project.config.table
        rows = tuple(replace(row, retired=row.index == 0) for row in table)
        project.set_table(ClassTable(rows, table.next_index))
    (folder / "JPEGImages/a01.jpg").unlink()
    shutil.copy(folder / "JPEGImages/a03.jpg", folder / "JPEGImages/a02.jpg")  # under its labels
    _, _, found = checked(folder)
    retired = [("retired_class", f"a{i:02}.jpg") for i in range(IMAGES) if i != 1]
    assert [fault for fault in found if fault[0] == "retired_class"] == retired
    others = {name for name, *_ in found}
    assert others == {
        "retired_class",
        "changed_image",
        "orphan_masks",
        "orphan_records",
        "unknown_names",
        "duplicates",
    }


def test_table_of_checks_and_options() -> None:
    assert list(BY_NAME) == [check.name for check in CHECKS]
    assert tuple(name for name, check in BY_NAME.items() if getattr(check, "regions", None)) == FIXABLE
    assert default_limits() == {option.key: option.accepted(option.default) for option in OPTIONS}
