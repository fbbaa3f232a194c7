"""What the lines of a list of images may look like."""

from __future__ import annotations

from pathlib import Path

import pytest

from fcn_studio.core.sample import Sample, Split, mask_ids
from fcn_studio.formats.voc.lists import ImageNames, read_image_list, read_splits

IDS = ["a.jpg", "sub/b 1.png", "c.png", "c.jpg", "Ü.tif", "x/d.jpg", "y/d.jpg", "e.v2.jpg"]
SAMPLES = [Sample(i, f"/{i}", mask) for i, mask in mask_ids(IDS).items()]


@pytest.mark.parametrize(
    ("line", "image_id"),
    [
        ("a", "a.jpg"),
        ("A.JPG", "a.jpg"),
        ("a.png", "a.jpg"),
        ("JPEGImages/a.jpg SegmentationClass/a.png", "a.jpg"),
        ("/home/anyone/data/a.jpg,/home/anyone/masks/a.png", "a.jpg"),
        (".\\JPEGImages\\a.jpg", "a.jpg"),
        ('"a.jpg"', "a.jpg"),
        ("a -1", "a.jpg"),
        ("a   0", "a.jpg"),
        ("sub/b 1", "sub/b 1.png"),
        ("b 1.png 1", "sub/b 1.png"),
        ("ü", "Ü.tif"),
        ("U\u0308", "Ü.tif"),
        ("e.v2", "e.v2.jpg"),
        ("c.png", "c.png"),
        ("c", None),
        ("d", None),
        ("x/d", "x/d.jpg"),
        ("z", None),
    ],
)
def test_a_line_names_an_image(line: str, image_id: str | None) -> None:
    found = ImageNames(SAMPLES).find(line)
    assert (found and found.image_id) == image_id


def test_a_list_may_have_any_encoding_and_says_what_is_no_image(tmp_path: Path) -> None:
    path = tmp_path / "list.txt"
    for encoding, end in (("utf-8-sig", "\r\n"), ("utf-16", "\n"), ("latin-1", "\r")):
        path.write_bytes(end.join(["# Änderung", "", "a", " a.jpg 1", "missing99", "ü.tif"]).encode(encoding))
        found = read_image_list(path, ImageNames(SAMPLES))
        assert [sample.image_id for sample in found.images] == ["a.jpg", "Ü.tif"]
        assert found.unknown == ("missing99",)


def test_the_test_list_comes_first_and_validation_before_training(tmp_path: Path) -> None:
    folder = tmp_path / "ImageSets" / "Segmentation"
    folder.mkdir(parents=True)
    for name, text in {"Train.txt": "a\nc.png\nc.jpg", "val.TXT": "c.png\nc.jpg", "test.txt": "c.jpg\nq"}.items():
        (folder / name).write_text(text)
    found = read_splits(tmp_path, SAMPLES)
    assert found.splits == {"a.jpg": Split.TRAIN, "c.png": Split.VAL, "c.jpg": Split.TEST}
    assert found.lists["test.txt"].unknown == ("q",)
