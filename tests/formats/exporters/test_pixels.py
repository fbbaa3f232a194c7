"""Every format keeps every pixel, for any table and any labels; the options of images do what they say."""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from fcn_studio.core.classes import ClassTable, voc_palette
from fcn_studio.core.labels import LabelMap, Labels, Provenance
from fcn_studio.core.sample import Status
from fcn_studio.errors import ProjectError
from fcn_studio.formats.exporters import BY_NAME
from fcn_studio.formats.exporters.base import ExportResult
from fcn_studio.formats.exporters.nnunet import labels_of
from fcn_studio.formats.exporters.options import ImageChoices
from fcn_studio.formats.exporters.pairs import shrunk
from fcn_studio.formats.exporters.rough_size import rough_size
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.settings import Value
from tests.formats.exporters.test_all_formats import finished
from tests.formats.helpers import make_image

SIZE = (23, 17)
ODD = ClassTable.from_indices([(2, "cell"), (5, "Ignore, not"), (9, "déjà: vu"), (254, "last")])
ODD = replace(ODD, classes=tuple(replace(info, retired=info.index == 5) for info in ODD))
"""A table without background, with a retired class and free indices."""


def odd_labels(seed: int) -> Labels:
    """Regions with holes, lines of one pixel, single pixels, painted void and unlabelled pixels."""
    random = np.random.default_rng(seed)
    labels = np.full(SIZE[::-1], 2, np.uint8)
    labels[2:9, 3:12] = 9
    labels[4:6, 5:8] = 255
    labels[:, 15] = 254
    labels[12] = 5
    flat = labels.ravel()
    flat[random.choice(flat.size, 60, replace=False)] = random.choice([2, 5, 9, 254, 255], 60)
    provenance = random.choice([Provenance.NETWORK, Provenance.HUMAN], labels.shape).astype(np.uint8)
    provenance[(labels == 255) & (random.random(labels.shape) < 0.5)] = Provenance.NOBODY
    return Labels(labels, provenance)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("odd")
    for name in ("a.jpg", "sub/b.png", "c.png"):
        make_image(folder / name, size=SIZE)
    (folder / "ImageSets" / "Segmentation").mkdir(parents=True)
    (folder / "ImageSets" / "Segmentation" / "test.txt").write_text("c\n")
    with ProjectFolder.open(folder, writable=True, table=ODD) as opened:
        for seed, sample in enumerate(opened.samples):
            opened.annotations.save(sample, odd_labels(seed), Status.VERIFIED)
    return folder


def exported(folder: Path, out: Path, name: str, **options: Value) -> ExportResult:
    project = ProjectFolder.open(folder, writable=False)
    return finished(BY_NAME[name].run(project, out, project.samples, options))[1]


def grey(path: Path) -> LabelMap:
    with Image.open(path) as image:
        assert image.mode == "L"
        return np.array(image)


def palette(path: Path) -> LabelMap:
    with Image.open(path) as image:
        assert image.mode == "P"
        return np.array(image)


def of_nnunet(path: Path) -> LabelMap:
    names = {2: "cell", 5: "Ignore, not", 9: "background", 254: "last", 255: "ignore"}
    labels = json.loads((path.parents[1] / "dataset.json").read_text())["labels"]
    assert sorted(labels.values()) == list(range(len(names)))
    assert (labels["background"], labels["ignore"]) == (0, max(labels.values()))
    back = np.zeros(256, np.uint8)
    for index, name in names.items():
        back[labels[name]] = index
    return back[grey(path)]


def of_camvid(path: Path) -> LabelMap:
    with (path.parents[1] / "class_dict.csv").open(encoding="utf-8") as file:
        rows = {tuple(int(row[c]) for c in "rgb"): row["name"] for row in csv.DictReader(file)}
    names = {info.name: info.index for info in ODD} | {"Void": 255}
    assert {colour: tuple(map(int, voc_palette()[names[name]])) for colour, name in rows.items()} == {
        c: c for c in rows
    }
    with Image.open(path) as image:
        picture = np.array(image).reshape(-1, 3)
    return np.array([names[rows[tuple(map(int, c))]] for c in picture], np.uint8).reshape(SIZE[::-1])


READERS: dict[str, tuple[Callable[[Path], LabelMap], dict[str, Value]]] = {
    "voc": (palette, {}),
    "masks": (grey, {}),
    "ultralytics": (grey, {}),
    "nnunet": (of_nnunet, {"background": "déjà: vu"}),
    "huggingface": (grey, {}),
    "cityscapes": (grey, {}),
    "camvid": (of_camvid, {}),
}


@pytest.mark.parametrize("name", READERS)
def test_every_pixel_comes_back(name: str, folder: Path, tmp_path: Path) -> None:
    read, options = READERS[name]
    result = exported(folder, tmp_path, name, **options)
    project = ProjectFolder.open(folder, writable=False)
    manifest = json.loads((result.folder / "manifest.json").read_text())
    assert [(c["index"], c["retired"]) for c in manifest["classes"]] == [(c.index, c.retired) for c in ODD]
    assert len(manifest["images"]) == result.images == 3
    for row in manifest["images"]:
        assert (row["split"] == "test") == (row["image"] == "c.png")
        truth = project.annotations.load(project.sample(row["image"]), SIZE, peek=True).labels
        assert np.array_equal(read(result.folder / row["mask_file"]), truth.label_map)
        with Image.open(result.folder / row["image_file"]) as image:
            assert image.size == SIZE
        shares = {who: np.mean(truth.provenance == who) for who in Provenance}
        assert all(abs(row["labelled_by"][who.name.lower()] - share) < 1e-5 for who, share in shares.items())


def test_statistics_count_every_pixel(folder: Path, tmp_path: Path) -> None:
    result = exported(folder, tmp_path, "csv")
    with (result.folder / "images.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    for row, seed in zip(rows, range(3), strict=True):
        labels = odd_labels(seed)
        nobody = labels.provenance == Provenance.NOBODY
        assert int(row["unlabelled"]) == nobody.sum()
        assert int(row["void"]) == ((labels.label_map == 255) & ~nobody).sum()
        for info in ODD:
            assert int(row[f"pixels of {info.name}"]) == (labels.label_map == info.index).sum()


def test_images_are_linked_or_left_as_asked(folder: Path, tmp_path: Path) -> None:
    linked = exported(folder, tmp_path / "linked", "masks", images="link").folder
    rows = {row["image"]: row for row in json.loads((linked / "manifest.json").read_text())["images"]}
    assert (linked / rows["a.jpg"]["image_file"]).samefile(folder / "a.jpg")
    assert not (linked / rows["c.png"]["image_file"]).samefile(folder / "c.png")  # it had to become a JPEG
    left = exported(folder, tmp_path / "left", "masks", images="leave").folder
    rows = {row["image"]: row for row in json.loads((left / "manifest.json").read_text())["images"]}
    assert {Path(row["image_file"]) for row in rows.values()} == {folder / name for name in rows}
    assert not list(left.rglob("*.jpg"))


def test_tiles_together_are_the_whole(folder: Path, tmp_path: Path) -> None:
    result = exported(folder, tmp_path, "masks", tile=10, overlap=3)
    rows = json.loads((result.folder / "manifest.json").read_text())["images"]
    assert result.images == 3
    assert {row["id"] for row in rows if row["image"] == "a.jpg"} == {
        f"a_r{row:03}_c{column:03}" for row in range(2) for column in range(3)
    }
    whole = np.zeros(SIZE[::-1], np.uint8)
    for row in rows:
        if row["image"] == "a.jpg":
            x0, y0, x1, y1 = row["tile"]["box"]
            whole[y0:y1, x0:x1] = grey(result.folder / row["mask_file"])
            with Image.open(result.folder / row["image_file"]) as image:
                assert image.size == (x1 - x0, y1 - y0) == (10, 10)
    assert np.array_equal(whole, odd_labels(0).label_map)


@settings(max_examples=40)
@given(st.integers(1, 70), st.integers(1, 70), st.integers(1, 30), st.data())
def test_tiles_cover_a_picture(width: int, height: int, side: int, data: st.DataObject) -> None:
    overlap = data.draw(st.integers(0, side - 1))
    tiles = ImageChoices(tile=side, overlap=overlap).tiles(width, height)
    covered = np.zeros((height, width), bool)
    for (row, column), rect in tiles.items():
        covered[rect.slices] = True
        assert (rect.width, rect.height) == (min(side, width), min(side, height))
        if (before := tiles.get((row, column - 1))) is not None:
            assert before.x0 < rect.x0 <= before.x1 - overlap
    assert covered.all()


def test_the_rough_size_follows_the_choices(folder: Path) -> None:
    project = ProjectFolder.open(folder, writable=False)
    jpeg = [project.sample("a.jpg")]

    def size(suffix: str, **choices: str | int) -> int:
        return rough_size(jpeg, suffix, ImageChoices(**choices), max_pixels=1000)  # type: ignore[arg-type]

    file = (folder / "a.jpg").stat().st_size
    assert file <= size(".jpg") <= file + 50
    assert 0 < size(".jpg", images="link") == size(".jpg", images="leave") < 50
    assert size(".jpg", images="link", tile=8) > size(".jpg", images="link")
    assert size(".png", tile=8, overlap=4) > size(".png") > size(".png", longest_side=12)
    assert size("") == 0
    assert rough_size(jpeg, ".jpg", ImageChoices(), max_pixels=10) == 0


def test_shrinking_invents_no_label() -> None:
    picture = np.zeros((SIZE[1], SIZE[0], 3), np.uint8)
    picture[:, ::2] = 200
    labels = odd_labels(3)
    small, shrunk_labels = shrunk(picture, labels, 7)
    assert small.shape == (5, 7, 3)
    assert small.max() < 200  # averaged
    assert shrunk_labels.shape == (5, 7)
    assert set(np.unique(shrunk_labels.label_map)) <= set(np.unique(labels.label_map))
    assert shrunk(picture, labels, 23)[0] is picture


@pytest.mark.parametrize(
    ("name", "options", "words"),
    [
        ("masks", {"as_background": True}, "no class named background"),
        ("masks", {"images": "leave", "tile": 8}, "cannot be left"),
        ("masks", {"tile": 8, "overlap": 8}, "smaller overlap"),
        ("nnunet", {}, "needs a background"),
        ("nnunet", {"background": "sky"}, "no class 'sky'"),
    ],
)
def test_what_contradicts_itself_is_refused(
    name: str, options: dict[str, Value], words: str, folder: Path, tmp_path: Path
) -> None:
    with pytest.raises(ProjectError, match=words):
        exported(folder, tmp_path / "out", name, **options)
    assert not (tmp_path / "out").exists()


def test_nnunet_adds_a_background_when_asked(folder: Path, tmp_path: Path) -> None:
    tree = exported(folder, tmp_path, "nnunet", background="add").folder
    labels = json.loads((tree / "dataset.json").read_text())["labels"]
    assert labels == {"background": 0, "cell": 1, "Ignore, not": 2, "déjà: vu": 3, "last": 4, "ignore": 5}
    assert not any((grey(path) == 0).any() for path in tree.glob("labels*/*.png"))
    assert [path.name for path in (tree / "imagesTs").iterdir()] == ["c_0000.png"]
    assert [path.name for path in (tree / "labelsTs").iterdir()] == ["c.png"]


def test_nnunet_takes_a_chinese_background() -> None:
    table = ClassTable.from_names(["背景", "道路"])
    assert table.background_index == 0
    assert labels_of(table, "") == {0: 0, 1: 1, 255: 2}


def test_nnunet_has_no_label_for_a_merged_class() -> None:
    merged = ODD.with_class(replace(ODD.classes[1], replaced_by=9))
    assert labels_of(merged, "last") == {254: 0, 2: 1, 9: 2, 255: 3}


def test_ultralytics_names_every_index_and_all_splits(folder: Path, tmp_path: Path) -> None:
    lines = (exported(folder, tmp_path, "ultralytics").folder / "data.yaml").read_text().splitlines()
    assert lines[:3] == [
        "train: images/train",
        "test: images/test",
        "val: images/train  # no image of val was exported",
    ]
    assert "masks_dir: masks" in lines
    assert "nc: 255" in lines
    assert '  9: "déjà: vu"' in lines
    assert '  3: "unused_3"' in lines
