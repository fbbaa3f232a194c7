"""What the readers of others get from the exports of hard label maps, to the pixel.

The readers run in an environment of their own; ``python -m tests.clients`` makes it and runs these tests.
"""

from __future__ import annotations

import json
import os
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.labels import LabelMap
from tests.clients import readers
from tests.clients.__main__ import python_of
from tests.formats.exporters.hard_maps import WITH_BACKGROUND, WITHOUT_BACKGROUND, export, hard_project

Maps = dict[str, LabelMap]

TABLES = (WITH_BACKGROUND, WITHOUT_BACKGROUND)

READ = (
    ("torchvision", "voc", {}),
    ("datumaro", "voc", {"void_row": True}),
    ("datumaro", "cvat", {}),
    ("pycocotools", "coco", {"background_too": True}),
    ("huggingface", "huggingface", {}),
    ("huggingface_grey", "huggingface", {}),
    ("nnunet", "nnunet", {}),
    ("ultralytics", "ultralytics", {}),
    ("ultralytics_polygons", "yolo", {"background_too": True}),
    ("mmsegmentation", "masks", {}),
    ("mmsegmentation_cv2", "masks", {}),
    ("detectron2", "masks", {}),
    ("supervision", "labelme", {}),
    ("labelme", "labelme", {}),
)
"""Client, the format that it reads, and its options."""


@pytest.fixture(scope="module")
def environment() -> Path:
    """The folder of the environment."""
    folder = os.environ.get("FCN_STUDIO_CLIENTS")
    if not folder:
        pytest.skip("the readers of others have no environment; `python -m tests.clients` makes it")
    return Path(folder)


@pytest.fixture(scope="module")
def projects(environment: Path, tmp_path_factory: pytest.TempPathFactory) -> list[tuple[Path, Maps]]:
    """A project of each table, and its label maps."""
    folders = [tmp_path_factory.mktemp("clients") / "project" for _ in TABLES]
    return [(folder, hard_project(folder, table)) for folder, table in zip(folders, TABLES, strict=True)]


def read(client: str, environment: Path, folder: Path, trees: list[Path]) -> list[Maps]:
    """Return what a client reads from each export, or skip where it is not installed."""
    result = folder / "maps.npz"
    command = [str(python_of(environment)), readers.__file__, client, str(result), *map(str, trees)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=folder, check=False)
    if done.returncode == readers.ABSENT:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout + done.stderr
    found: list[Maps] = [{} for _ in trees]
    with np.load(result) as maps:
        for key in maps:
            number, _, name = key.partition("/")
            found[int(number)][name] = maps[key]
    return found


@pytest.mark.parametrize(
    ("client", "name", "options"), READ, ids=lambda value: value if isinstance(value, str) else ""
)
def test_a_client_reads_every_pixel(
    client: str,
    name: str,
    options: dict[str, bool | str],
    environment: Path,
    projects: list[tuple[Path, Maps]],
    tmp_path: Path,
) -> None:
    trees = []
    for number, ((folder, _maps), table) in enumerate(zip(projects, TABLES, strict=True)):
        needed = {"background": "add"} if name == "nnunet" and table is WITHOUT_BACKGROUND else {}
        trees.append(export(folder, tmp_path / str(number), name, **options, **needed))
    found = read(client, environment, tmp_path, trees)
    for maps, (_folder, truth), table, tree in zip(found, projects, TABLES, trees, strict=True):
        assert maps.keys() == truth.keys()
        for key, label_map in maps.items():
            compare(client, as_indices(client, label_map, tree, table), truth[key], tree / key)


def as_indices(client: str, label_map: LabelMap, tree: Path, table: ClassTable) -> LabelMap:
    """Return a map with nnU-Net's labels as the class indices that dataset.json names."""
    if client != "nnunet":
        return label_map
    indices = {info.name: info.index for info in table} | {"ignore": VOID}
    labels = json.loads((tree / "dataset.json").read_text())["labels"]
    values = np.full(256, 254, np.uint8)
    for name, label in labels.items():
        values[label] = indices.get(name, 254)
    assert labels["background"] == 0
    assert labels["ignore"] == max(labels.values())
    return values[label_map]


def compare(client: str, found: LabelMap, truth: LabelMap, place: Path) -> None:
    """Assert that a reader got every pixel."""
    if client == "supervision":
        compare_polygons(found, truth, place)
    else:
        assert np.array_equal(found, truth), f"{client}: {np.count_nonzero(found != truth)} pixels differ"


def compare_polygons(found: LabelMap, truth: LabelMap, place: Path) -> None:
    """Assert that supervision got the regions without holes, which may grow by a pixel to the right and below.

    It rounds the corners and then paints the border too. Shapes of the type "mask" it leaves out.
    """
    (path,) = place.parent.glob(f"*/{place.name}.json")
    background = "_background_" in (place.parent / "labels.txt").read_text().splitlines()
    polygons = truth != (0 if background else VOID)
    for shape in json.loads(path.read_text())["shapes"]:
        if shape["shape_type"] == "mask":
            (x0, y0), (x1, y1) = np.array(shape["points"], int)
            polygons[y0 : y1 + 1, x0 : x1 + 1] = False
    drawn = found != readers.NONE
    assert drawn[polygons].all()
    before = np.pad(truth, ((1, 0), (1, 0)), constant_values=readers.NONE)
    near = [before[1:, 1:], before[1:, :-1], before[:-1, 1:], before[:-1, :-1]]
    assert (np.stack([found == value for value in near]).any(0) | ~drawn).all()
