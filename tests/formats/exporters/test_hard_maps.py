"""Exports of hard label maps, read by plain decoders, give them back."""

from __future__ import annotations

import base64
import io
import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image, ImageDraw

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.raster import polygon
from fcn_studio.errors import ProjectError
from fcn_studio.formats.rle import decoded, from_text
from tests.formats.exporters.hard_maps import HEIGHT, WIDTH, WITH_BACKGROUND, WITHOUT_BACKGROUND, export, hard_project

Maps = dict[str, LabelMap]


@pytest.fixture(scope="module", params=[WITH_BACKGROUND, WITHOUT_BACKGROUND], ids=["background", "no background"])
def project(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> tuple[Path, ClassTable, Maps]:
    folder = tmp_path_factory.mktemp("hard") / "project"
    return folder, request.param, hard_project(folder, request.param)


def same(found: Maps, truth: Maps) -> bool:
    return found.keys() == truth.keys() and all(np.array_equal(found[name], truth[name]) for name in truth)


def empty(value: int) -> LabelMap:
    return np.full((HEIGHT, WIDTH), value, np.uint8)


@pytest.mark.parametrize("per_region", [True, False])
def test_coco(project: tuple[Path, ClassTable, Maps], tmp_path: Path, per_region: bool) -> None:
    folder, table, truth = project
    tree = export(folder, tmp_path, "coco", per_region=per_region, background_too=True)
    found, names = Maps(), {info.index + 1: info.name for info in table}
    for path in (tree / "annotations").iterdir():
        content = json.loads(path.read_text())
        assert {row["id"]: row["name"] for row in content["categories"]} == names
        images = {row["id"]: Path(row["file_name"]).stem for row in content["images"]}
        assert len({row["id"] for row in content["annotations"]}) == len(content["annotations"])
        found |= {name: empty(VOID) for name in images.values()}
        for row in content["annotations"]:
            height, width = row["segmentation"]["size"]
            mask = decoded(from_text(row["segmentation"]["counts"]), (width, height))
            ys, xs = np.nonzero(mask)
            assert row["bbox"] == [xs.min(), ys.min(), np.ptp(xs) + 1, np.ptp(ys) + 1]
            assert row["area"] == mask.sum()
            label_map = found[images[row["image_id"]]]
            assert (label_map[mask] == VOID).all()
            label_map[mask] = row["category_id"] - 1
        if not per_region:
            assert len(content["annotations"]) == 3 * len(images)
    assert same(found, truth)


def test_labelme(project: tuple[Path, ClassTable, Maps], tmp_path: Path) -> None:
    """As labelme draws shapes."""
    folder, table, truth = project
    tree = export(folder, tmp_path, "labelme")
    rows = (tree / "labels.txt").read_text().splitlines()
    assert rows[0] == "__ignore__"
    assert rows[2:] == [info.name for info in table][1:]
    values = {name: index - 1 for index, name in enumerate(rows)} | {"__ignore__": VOID}
    background = table.background_index is not None
    assert (rows[1] == "_background_") is background
    found = {}
    for path in tree.glob("*/*.json"):
        content = json.loads(path.read_text())
        assert (path.parent / content["imagePath"]).is_file()
        assert (content["imageWidth"], content["imageHeight"]) == (WIDTH, HEIGHT)
        label_map = empty(0 if background else VOID)
        for shape in content["shapes"]:
            image = Image.new("1", (WIDTH, HEIGHT))
            if shape["shape_type"] == "polygon":
                ImageDraw.Draw(image).polygon([tuple(p) for p in shape["points"]], outline=1, fill=1)
            else:
                with Image.open(io.BytesIO(base64.b64decode(shape["mask"]))) as mask:
                    image.paste(Image.fromarray(np.array(mask) > 0), tuple(int(v) for v in shape["points"][0]))
            label_map[np.array(image)] = values[shape["label"]]
        found[path.stem] = label_map
    assert same(found, truth)


def test_cvat(project: tuple[Path, ClassTable, Maps], tmp_path: Path) -> None:
    folder, table, truth = project
    tree = export(folder, tmp_path, "cvat")
    rows = [line.split(":") for line in (tree / "labelmap.txt").read_text().splitlines()]
    assert [row[0] for row in rows] == [*(info.name for info in table), "void"]
    values = {tuple(map(int, row[1].split(","))): index for index, row in enumerate(rows)}
    found = {}
    for name in (tree / "ImageSets/Segmentation/default.txt").read_text().splitlines():
        with Image.open(tree / "SegmentationClass" / f"{name}.png") as image:
            assert image.mode == "RGB"
            indices = [values[colour] for colour in image.get_flattened_data()]
        label_map = np.array(indices, np.uint8).reshape(HEIGHT, WIDTH)
        found[name] = np.where(label_map == len(table), np.uint8(VOID), label_map)
        assert (tree / "JPEGImages" / f"{name}.jpg").is_file()
    assert same(found, truth)


@pytest.mark.parametrize("name", ["left: right", "void"])
def test_cvat_refuses_names_that_it_would_misread(tmp_path: Path, name: str) -> None:
    hard_project(tmp_path / "project", ClassTable.from_names(["background", name, "cell"]))
    with pytest.raises(ProjectError, match=f"named '{name}'"):
        export(tmp_path / "project", tmp_path / "out", "cvat")
    assert not list((tmp_path / "out").rglob("*"))


def test_yolo(project: tuple[Path, ClassTable, Maps], tmp_path: Path) -> None:
    folder, table, truth = project
    tree = export(folder, tmp_path, "yolo", background_too=True)
    found = {}
    for path in tree.glob("labels/*/*.txt"):
        assert (tree / "images" / path.parent.name / f"{path.stem}.jpg").is_file()
        label_map = empty(VOID)
        for line in path.read_text().splitlines():
            index, *corners = line.split()
            points = np.array(corners, float).reshape(-1, 2) * (WIDTH, HEIGHT)
            region = polygon([(x, y) for x, y in points.tolist()], (WIDTH, HEIGHT))
            assert region is not None
            label_map[region.rect.slices][region.stencil != 0] = int(index)
        found[path.stem] = label_map
    assert found.keys() == truth.keys()
    for name in truth:
        for index in range(3):
            both, either = (
                op(found[name] == index, truth[name] == index).sum() for op in (np.logical_and, np.logical_or)
            )
            assert both / either > 0.99
    assert "names:\n" + "".join(f'  {c.index}: "{c.name}"\n' for c in table) in (tree / "data.yaml").read_text()


@pytest.mark.parametrize("name", ["coco", "yolo"])
def test_background_has_no_annotation_unless_asked(
    project: tuple[Path, ClassTable, Maps], tmp_path: Path, name: str
) -> None:
    folder, table, _truth = project
    tree = export(folder, tmp_path, name)
    assert "trainings take it for background" in (tree / "HOW_TO_TRAIN.md").read_text(encoding="utf-8")
    if name == "coco":
        files = [json.loads(path.read_text()) for path in (tree / "annotations").iterdir()]
        found = {row["category_id"] - 1 for content in files for row in content["annotations"]}
    else:
        found = {
            int(line.split()[0]) for path in tree.glob("labels/*/*.txt") for line in path.read_text().splitlines()
        }
    assert found == ({1, 2} if table.background_index is not None else {0, 1, 2})


def test_an_export_of_an_export_has_the_same_bytes(project: tuple[Path, ClassTable, Maps], tmp_path: Path) -> None:
    folder, _table, truth = project
    first = export(folder, tmp_path / "first", "voc")
    second = export(first, tmp_path / "second", "voc")
    names = [path.relative_to(first) for path in first.rglob("*") if path.suffix in (".jpg", ".png", ".txt")]
    assert {path.stem for path in names} >= truth.keys()
    for name in names:
        assert (first / name).read_bytes() == (second / name).read_bytes(), name
