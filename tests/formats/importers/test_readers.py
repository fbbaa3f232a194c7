"""Each import format reads a small data set as its own program means it."""

from __future__ import annotations

import base64
import io
import json
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn_studio.core.sample import Split
from fcn_studio.errors import FcnStudioError, MaskError, ProjectError, UsageError
from fcn_studio.formats.importers import BY_NAME, IMPORTERS
from fcn_studio.formats.importers.base import MaskSource
from fcn_studio.formats.rle import as_text, encoded
from fcn_studio.jobs.import_masks.examine import format_of

SIZE = (8, 6)
MAP = """
    ........
    .aaaaaa.
    .abbbba.
    .ab  ba.
    .aaaaaa.
    ........"""
"""The image of every example: ``a`` around ``b`` around a hole of nobody's, and ``.`` background or nobody's."""

ROWS = [row.strip().ljust(8) for row in MAP.strip("\n").splitlines()]
A, B = (np.array([[value == letter for value in row] for row in ROWS]) for letter in "ab")
INDICES = np.select([A, B], [1, 2], 0).astype(np.uint8)


def ring(x0: float, y0: float, x1: float, y1: float) -> list[float]:
    return [x0, y0, x1, y0, x1, y1, x0, y1]


OUTER, INNER, HOLE = ring(1, 1, 7, 5), ring(2, 2, 6, 4), ring(3, 3, 5, 4)


def pairs(numbers: list[float]) -> list[list[float]]:
    return [list(pair) for pair in zip(numbers[::2], numbers[1::2], strict=True)]


def picture(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("RGB", SIZE).save(path)


def grey(path: Path, values: np.ndarray) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(values).save(path)


def write_json(path: Path, value: object) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    path.write_text(json.dumps(value))


def png(mask: np.ndarray) -> str:
    buffer = io.BytesIO()
    Image.fromarray(mask).save(buffer, "PNG")
    return base64.b64encode(buffer.getvalue()).decode()


def coco(folder: Path) -> Path:
    """The small object stands first and has a hole, the large one is a crowd in run lengths."""
    picture(folder / "images" / "x.jpg")
    runs = {"size": [6, 8], "counts": as_text(encoded(A | B | (INDICES == 0) & np.pad(np.ones((4, 6), bool), 1)))}
    data = {
        "images": [{"id": 7, "file_name": "x.jpg", "width": 8, "height": 6}],
        "annotations": [
            {"id": 1, "image_id": 7, "category_id": 90, "segmentation": [INNER, HOLE], "bbox": [2, 2, 4, 2]},
            {"id": 2, "image_id": 7, "category_id": 3, "segmentation": runs, "iscrowd": 1, "area": 24},
            {"id": 3, "image_id": 7, "category_id": 3, "segmentation": [], "bbox": [0, 0, 1, 1]},
        ],
        "categories": [{"id": 90, "name": "b"}, {"id": 3, "name": "a"}],
    }  # fmt: skip
    write_json(folder / "annotations" / "instances_val2017.json", data)
    return folder


def labelme(folder: Path) -> Path:
    picture(folder / "x.jpg")
    shapes = [
        {"label": "a", "points": [[1, 1], [7, 5]], "shape_type": "rectangle"},
        {"label": "b", "points": pairs(INNER)},
        {"label": "__ignore__", "points": [[3, 3], [4, 3]], "shape_type": "mask", "mask": png(np.ones((1, 2), bool))},
    ]
    write_json(folder / "x.json", {"version": "5.4.1", "shapes": shapes, "imageHeight": 6, "imageWidth": 8})
    return folder


def yolo(folder: Path) -> Path:
    picture(folder / "images" / "val" / "x.jpg")
    (folder / "labels" / "val").mkdir(parents=True)
    keyhole = [*ring(2, 2, 6, 4), 2, 2, 3, 3, 3, 4, 5, 4, 5, 3, 3, 3]
    lines = [(0, OUTER), (1, keyhole)]
    text = [f"{c} {' '.join(f'{n / SIZE[i % 2]:.6f}' for i, n in enumerate(points))}\n" for c, points in lines]
    (folder / "labels" / "val" / "x.txt").write_text("".join(text))
    (folder / "data.yaml").write_text("path: .  # here\nnames:\n  0: a\n  1: 'b'\nnc: 2\n")
    return folder


def cvat(folder: Path) -> Path:
    picture(folder / "x.jpg")
    top = ";".join(f"{x},{y}" for x, y in pairs(INNER))
    xml = f"""<?xml version="1.0" encoding="utf-8"?>
    <annotations><version>1.1</version><meta><task><labels>
      <label><name>b</name><color>#0000ff</color></label><label><name>a</name><color></color></label>
    </labels></task></meta>
    <image id="0" name="x.jpg" subset="Validation" width="8" height="6">
      <polygon label="b" points="{top}" z_order="1"/>
      <points label="a" points="1,1" z_order="0"/>
      <box label="a" xtl="1" ytl="1" xbr="7" ybr="5" z_order="0"/>
      <mask label="a" rle="0, 2" left="3" top="3" width="2" height="1" z_order="3"/>
    </image></annotations>"""
    (folder / "annotations.xml").write_text(xml)
    return folder


def cityscapes(folder: Path) -> Path:
    name = "val/ulm/ulm_000000_000019"
    picture(folder / "leftImg8bit" / f"{name}_leftImg8bit.png")
    grey(folder / "gtFine" / f"{name}_gtFine_labelIds.png", np.array([0, 26, 24], np.uint8)[INDICES])
    grey(folder / "gtFine" / f"{name}_gtFine_instanceIds.png", INDICES)
    return folder


def nnunet(folder: Path) -> Path:
    picture(folder / "imagesTr" / "x_0000.png")
    grey(folder / "labelsTr" / "x.png", INDICES)
    labels = {"background": 0, "a": 1, "ignore": 2}
    write_json(folder / "dataset.json", {"channel_names": {"0": "R"}, "labels": labels, "file_ending": ".png"})
    return folder


def huggingface(folder: Path) -> Path:
    picture(folder / "validation" / "images" / "x.jpg")
    grey(folder / "validation" / "masks" / "x.png", INDICES)
    row = {"file_name": "images/x.jpg", "label_file_name": "masks/x.png"}
    (folder / "validation" / "metadata.jsonl").write_text(json.dumps(row) + "\n")
    write_json(folder / "id2label.json", {"0": "background", "1": "a", "2": "b"})
    return folder


def masks(folder: Path) -> Path:
    picture(folder / "images" / "x.jpg")
    grey(folder / "masks" / "x.png", INDICES)
    return folder


OVER_A = [row.replace(" ", "a") for row in ROWS]
EXAMPLES: dict[str, tuple[Callable[[Path], Path], list[str], Split | None]] = {
    "coco": (coco, OVER_A, Split.VAL),
    "labelme": (labelme, [row.replace(" ", "v") for row in ROWS], None),
    "yolo": (yolo, OVER_A, Split.VAL),
    "cvat": (cvat, OVER_A, Split.VAL),
    "cityscapes": (cityscapes, [row.translate(str.maketrans(".ab ", "ucpu")) for row in ROWS], Split.VAL),
    "nnunet": (nnunet, [row.translate(str.maketrans(".ab ", "bavb")) for row in ROWS], None),
    "huggingface": (huggingface, [row.translate(str.maketrans(".ab ", "babb")) for row in ROWS], Split.VAL),
    "masks": (masks, [row.translate(str.maketrans(".ab ", "0120")) for row in ROWS], None),
}
"""Row -> what makes a folder of it, the first letters that its pixels stand for, and the split."""

LETTERS = {"unlabeled": "u", "car": "c", "person": "p", "background": "b", "void": "v"}


def drawn(source: MaskSource, size: tuple[int, int] | None) -> list[str]:
    """Return the annotation of the only image as rows of letters: ``.`` unlabelled, ``v`` void."""
    (item,) = source.items
    found = source.read(item, size)
    names = [c.name or c.value for c in source.classes]
    letters = [LETTERS.get(name, name) for name in names]
    return ["".join((*letters, "v", ".")[value] for value in row) for row in found]


@pytest.mark.parametrize("row", IMPORTERS, ids=lambda row: row.name)
def test_a_small_data_set_is_read(row, tmp_path: Path) -> None:
    make, expected, split = EXAMPLES[row.name]
    folder = make(tmp_path)
    assert next(other for other in IMPORTERS if other.found(folder)) == row
    source = row.open(folder)
    assert drawn(source, SIZE) == expected
    (item,) = source.items
    assert item.split is split
    assert item.image is not None
    assert item.image.is_file()
    if row.name != "yolo":  # whose files know no size
        with pytest.raises(MaskError, match="8 x 6"):
            source.read(item, (6, 8))


def test_notices_tell_what_was_left_out(tmp_path: Path) -> None:
    assert BY_NAME["coco"].open(coco(tmp_path / "coco")).notices == (
        "1 annotation has a box and no outline, and is left out",
        "1 crowd region is painted as its class",
        "1 annotation has several polygons; one that lies in another is a hole",
    )
    (tmp_path / "cvat").mkdir()
    assert BY_NAME["cvat"].open(cvat(tmp_path / "cvat")).notices == (
        "1 shape of the kind 'points' has no area, and is left out",
    )


def test_a_list_of_all_images_adds_no_second_annotation(tmp_path: Path) -> None:
    """As datumaro writes: ``instances_train.json``, ``instances_trainval.json`` and so on."""
    (tmp_path / "cvat").mkdir()
    for make, name in ((coco, COCO_FILE), (cvat, "annotations.xml")):
        folder = make(tmp_path / make.__name__)
        val = (folder / name).with_stem("instances_val")
        (folder / name).rename(val)
        val.with_stem("instances_trainval").write_bytes(val.read_bytes())
        source = BY_NAME[make.__name__].open(folder)
        assert source.notices[0].startswith("1 image is there twice") or make is coco
        assert [(item.name, item.split) for item in source.items] == [("x", Split.VAL)]


def test_cityscapes_without_masks_draws_polygons(tmp_path: Path) -> None:
    objects = [{"label": "cargroup", "polygon": pairs(OUTER)}, {"label": "b", "polygon": pairs(INNER)}]
    path = tmp_path / "gtFine" / "train" / "ulm" / "ulm_0_1_gtFine_polygons.json"
    write_json(path, {"imgHeight": 6, "imgWidth": 8, "objects": objects})
    source = BY_NAME["cityscapes"].open(tmp_path)
    assert drawn(source, None) == [row.replace(" ", "b").replace("a", "c") for row in ROWS]
    assert source.items[0].name == "train/ulm/ulm_0_1_leftImg8bit"


COCO_FILE = "annotations/instances_val2017.json"
SPOILED: list[tuple[Callable[[Path], Path], str, str, str, str]] = [
    (coco, COCO_FILE, '"counts": "', '"counts": "o', "damaged: .*; correct it"),
    (coco, COCO_FILE, "2, 2, 6, 2", "2, 2, 1e999, 2", "not a number"),
    (coco, COCO_FILE, "2, 2, 6, 2", "2, 2, NaN, 2", "NaN is no number; export it again"),
    (coco, COCO_FILE, '"category_id": 90', '"category_id": 91', "91 is missing; export it again"),
    (coco, COCO_FILE, '"image_id": 7, "category_id": 90', '"image_id": 7, "segments_info": []', "as instances"),
    (coco, COCO_FILE, "[2, 2, 6", "[2, 6", "odd number"),
    (coco, COCO_FILE, '"images": [', '"images": [3, ', "damaged or of another kind"),
    (coco, COCO_FILE, '"size": [6, 8]', '"size": [8, 6]', "for 6 x 8 pixels"),
    (labelme, "x.json", '"mask": "', '"mask": "AA', "is no PNG"),
    (labelme, "x.json", '"rectangle"', '"point"', "kind 'point' has no area"),
    (labelme, "x.json", '"label": "a"', '"label": 3', "no text"),
    (yolo, "labels/val/x.txt", "1 0.25", "1 0.25 0.5", "odd number"),
    (yolo, "labels/val/x.txt", "1 0.25", "1 0 0 0 0\n1 0.25", "is a box"),
    (yolo, "labels/val/x.txt", "1 0.25", "1 nan 0.5 0.25", "not a number"),
    (
        cvat,
        "annotations.xml",
        "<annotations>",
        "<!DOCTYPE x [<!ENTITY a 'b'>]><annotations>",
        "no annotations.xml|nei",
    ),
    (cvat, "annotations.xml", "</annotations>", "", "damaged or of another kind"),
    (cvat, "annotations.xml", "0, 2", "1, 2", "do not fill"),
    (cvat, "annotations.xml", 'xtl="1"', 'xtl="inf"', "not a number"),
    (nnunet, "dataset.json", '"file_ending": ".png"', '"file_ending": ".nii.gz"', "volumes"),
    (nnunet, "dataset.json", '"a": 1', '"a": [1, 2]', "overlapping"),
    (huggingface, "validation/metadata.jsonl", "masks/x.png", "../../x.png", "no row"),
    (huggingface, "id2label.json", '"0"', '"zero"', "id2label.json is damaged"),
]


@pytest.mark.parametrize(
    ("make", "name", "old", "new", "words"), SPOILED, ids=lambda value: getattr(value, "__name__", None)
)
def test_malformed_files_give_a_sentence(make, name: str, old: str, new: str, words: str, tmp_path: Path) -> None:
    folder = make(tmp_path)
    text = (folder / name).read_text()
    assert old in text
    (folder / name).write_text(text.replace(old, new, 1))
    with pytest.raises(FcnStudioError, match=words) as caught:
        drawn(BY_NAME[make.__name__].open(folder), SIZE)
    assert str(tmp_path) in str(caught.value)


@pytest.mark.parametrize("first", ["shapes", "fillColor", "imageData", "imagePath"])
def test_files_of_labelme_3_have_no_kinds_and_any_order(first: str, tmp_path: Path) -> None:
    content = {first: None, "version": "3.16.7", "lineColor": [0, 255, 0, 128], "imagePath": "x.jpg"}
    shape = {"label": "a", "line_color": None, "fill_color": None, "points": pairs(OUTER)}
    write_json(tmp_path / "x.json", {**content, "imageData": "A" * 5000, "shapes": [shape]})
    assert BY_NAME["labelme"].found(tmp_path)
    assert drawn(BY_NAME["labelme"].open(tmp_path), SIZE) == [row.replace(" ", "a").replace("b", "a") for row in ROWS]


def test_hugging_face_metadata_is_told_from_other_files(tmp_path: Path) -> None:
    row, folder = BY_NAME["huggingface"], huggingface(tmp_path)
    (folder / "validation" / "metadata.jsonl").unlink()
    table = folder / "validation" / "metadata.csv"
    table.write_text("id,weather\n1,sunny\n")
    assert not row.found(folder)
    table.write_text("file_name,mask_file_name\nimages/x.jpg,masks/x.png\nimages/y.jpg,masks/y.png\n")
    assert row.found(folder)
    source = row.open(folder)
    assert [item.name for item in source.items] == ["validation/images/x"]
    assert source.notices == ("1 row of the metadata names no mask that is there, and is left out",)
    table.rename(folder / "0000.parquet")
    assert row.found(folder)
    with pytest.raises(ProjectError, match="Parquet files, which are not read; write its images"):
        row.open(folder)


def test_an_archive_is_to_be_unpacked(tmp_path: Path) -> None:
    (tmp_path / "task.zip").write_bytes(b"PK\3\4")
    with pytest.raises(UsageError, match=r"task.zip' is an archive; unpack it"):
        format_of(tmp_path / "task.zip", None)


def test_boxes_alone_are_refused(tmp_path: Path) -> None:
    yolo(tmp_path)
    (tmp_path / "labels" / "val" / "x.txt").write_text("0 0.5 0.5 0.2 0.2\n")
    with pytest.raises(ProjectError, match="has boxes only"):
        BY_NAME["yolo"].open(tmp_path)
