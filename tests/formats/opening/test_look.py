"""What is found when a folder is opened, told once and never guessed."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn_studio.core.sample import Status
from fcn_studio.errors import ClassTableNeeded, MaskError
from fcn_studio.formats.opening.look import tree_around
from fcn_studio.formats.opening.told import is_news
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.masks import encode_mask, write_mask

SIZE = (40, 30)


def photo(path: Path, *, seed: int = 0) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    pixels = np.random.default_rng(seed).integers(0, 256, (SIZE[1], SIZE[0], 3)).astype(np.uint8)
    Image.fromarray(pixels).save(path)


def mask(path: Path, *values: int) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    label_map = np.zeros((SIZE[1], SIZE[0]), np.uint8)
    for row, value in enumerate(values):
        label_map[row] = value
    if path.suffix == ".png":
        write_mask(path, label_map)
    else:
        Image.fromarray(label_map).save(path)


def found_in(folder: Path) -> dict[str, tuple[int, tuple[str, ...], str]]:
    with ProjectFolder.open(folder, writable=False) as project:
        return {found.kind: (found.count, found.first, found.source) for found in project.opening.findings}


def images_of(folder: Path) -> list[str]:
    with ProjectFolder.open(folder, writable=False) as project:
        return [sample.image_id for sample in project.samples]


@pytest.mark.parametrize(
    ("image", "its_mask", "source"),
    [
        ("images/{}.jpg", "masks/{}.png", "masks"),
        ("images/train/{}.png", "Labels/train/{}_mask.png", "Labels"),
        ("{}.jpg", "{}_mask.png", ""),
        ("train/{}.png", "trainannot/{}.png", "trainannot"),
        ("{}.jpg", "gt/{}.tif", "gt"),
    ],
)
def test_masks_among_images_are_no_photographs_and_can_be_imported(
    tmp_path: Path, image: str, its_mask: str, source: str
) -> None:
    for number in range(3):
        photo(tmp_path / image.format(f"a{number}"), seed=number)
        mask(tmp_path / its_mask.format(f"a{number}"), 1, 2)
    assert images_of(tmp_path) == [image.format(f"a{number}") for number in range(3)]
    names = tuple(its_mask.format(f"a{number}") for number in range(3))
    assert found_in(tmp_path) == {"masks_to_import": (3, names, str(tmp_path / source))}


def test_photographs_are_never_taken_for_masks(tmp_path: Path) -> None:
    names = ["images/a.png", "masks/a.png", "labels/other.png", "b.png", "b_mask.png", "gt/c.jpg", "c.jpg"]
    for number, name in enumerate(names):
        photo(tmp_path / name, seed=number)
    mask(tmp_path / "annotations" / "nobody.png", 1)
    mask(tmp_path / "b_mark.png", 1)
    assert sorted(images_of(tmp_path)) == sorted([*names, "annotations/nobody.png", "b_mark.png"])


def test_an_image_with_an_annotation_stays(tmp_path: Path) -> None:
    for name in ("a", "b"):
        photo(tmp_path / "images" / f"{name}.jpg")
        mask(tmp_path / "masks" / f"{name}.png", 1)
        photo(tmp_path / "Thumbs" / f"{name}.png")
    photo(tmp_path / "@eaDir" / "a.jpg" / "thumb.jpg")
    with ProjectFolder.open(tmp_path, writable=True) as project:
        assert [sample.image_id for sample in project.samples] == ["images/a.jpg", "images/b.jpg"]
        project.save_config(project.config)
    for place in ("masks/a", "Thumbs/b"):  # as an earlier version, for which they were photographs
        mask(tmp_path / "SegmentationClass" / f"{place}.png", 1)
    assert {"masks/a.png", "Thumbs/b.png", "images/a.jpg"} < set(images_of(tmp_path))
    assert "masks/b.png" not in images_of(tmp_path)


def test_masks_beside_the_folder_and_imported_ones(tmp_path: Path) -> None:
    for name in ("a", "b"):
        photo(tmp_path / "images" / f"{name}.jpg")
        mask(tmp_path / "masks" / f"{name}.png", 1)
    names, source = ("a.png", "b.png"), str(tmp_path / "masks")
    assert found_in(tmp_path / "images") == {"masks_to_import": (2, names, source)}
    for name in ("a", "b"):
        mask(tmp_path / "SegmentationClass" / "images" / f"{name}.png", 1)
    (tmp_path / "class_names.txt").write_text("background\ncell\n")
    assert found_in(tmp_path) == {"masks_found": (2, (), "")}


def test_everything_that_does_not_match_is_named(tmp_path: Path) -> None:
    for name in ("a", "b", "c"):
        photo(tmp_path / "JPEGImages" / f"{name}.jpg")
    (tmp_path / "JPEGImages" / "IMG_1.HEIC").write_bytes(b"ftypheic")
    (tmp_path / "class_names.txt").write_text("background\ncell\n")
    masks, lists = tmp_path / "SegmentationClass", tmp_path / "ImageSets" / "Segmentation"
    for name in ("a.png", "b_mask.png", "b.tif"):
        mask(masks / name, 1)
    Image.new("RGB", SIZE).save(masks / "c.png")
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("a.jpg\nb.jpg 1\nmissing99\n")
    assert found_in(tmp_path) == {
        "unread_kinds": (1, ("IMG_1.HEIC",), ""),
        "masks_without_image": (1, ("b_mask.png",), str(masks)),
        "masks_of_other_kinds": (1, ("b.tif",), str(masks)),
        "names_without_image": (1, ("missing99",), ""),
        "masks_found": (1, (), ""),
        "unreadable_masks": (1, ("SegmentationClass/c.png",), str(masks)),
    }
    mask(masks / "a.png", 1, 7)
    assert found_in(tmp_path)["unknown_values"] == (1, (), str(masks))
    mask(masks / "a.png", 1)
    with ProjectFolder.open(tmp_path, writable=True) as project:
        assert project.counts()[Status.VERIFIED] == 1, "a mask that cannot be read is not finished"
        report = project.opening
        assert (report.images, report.masks, report.lists) == (3, 2, {"train.txt": 2})
        assert report.summary == "Found 3 images, 2 masks, 1 list, with 6 notes."
        assert is_news(project)
        assert not is_news(project), "nothing is told twice"
        project.save_config(project.config)
    (lists / "train.txt").write_text("a.jpg\nb.jpg 1\n")
    with ProjectFolder.open(tmp_path, writable=False) as project:
        assert not is_news(project), "there is less to tell"
    (lists / "val.txt").write_text("c\nelse\n")
    with ProjectFolder.open(tmp_path, writable=False) as project:
        assert is_news(project)


def test_a_mask_with_damaged_pixels_is_not_verified_once_it_was_read(tmp_path: Path) -> None:
    photo(tmp_path / "a.png")
    (tmp_path / "class_names.txt").write_text("background\ncell\n")
    data = bytearray(encode_mask(np.ones((SIZE[1], SIZE[0]), np.uint8)))
    data[-20] ^= 1
    (tmp_path / "SegmentationClass").mkdir()
    (tmp_path / "SegmentationClass" / "a.png").write_bytes(data)
    with ProjectFolder.open(tmp_path, writable=False) as project:
        with pytest.raises(MaskError):
            project.annotations.load(project.samples[0], SIZE)
        assert project.annotations.status(project.samples[0]) is Status.IN_PROGRESS


def test_a_part_of_a_tree_offers_the_tree(tmp_path: Path) -> None:
    photo(tmp_path / "JPEGImages" / "sub" / "a.jpg")
    mask(tmp_path / "SegmentationClass" / "sub" / "a.png", 1)
    for part in ("JPEGImages", "JPEGImages/sub", "SegmentationClass"):
        assert tree_around(tmp_path / part) == tmp_path
    assert found_in(tmp_path / "JPEGImages").keys() == {"inside_tree"}
    assert tree_around(tmp_path) is tree_around(tmp_path.parent) is None


def test_masks_of_few_classes_without_names_are_not_taken_for_vocs(tmp_path: Path) -> None:
    for name, values in (("2007_000032", (1, 2)), ("x", (2, 3)), ("VOC2012", (1, 15))):
        folder = tmp_path / name
        photo(folder / f"{name}.jpg")
        mask(folder / "SegmentationClass" / f"{name}.png", *values)
    with pytest.raises(ClassTableNeeded):
        ProjectFolder.open(tmp_path / "x", writable=False)
    for name in ("2007_000032", "VOC2012"):
        with ProjectFolder.open(tmp_path / name, writable=False) as project:
            assert project.config.table.name_of(15) == "person"
