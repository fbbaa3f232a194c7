"""What our import formats get from the data sets that others write.

The writers run in an environment of their own, as the readers of `test_clients` do.
"""

from __future__ import annotations

import json
import math
import subprocess
from pathlib import Path

import numpy as np
import pytest

from fcn_studio.core.classes import VOID
from fcn_studio.formats.importers import IMPORTERS
from fcn_studio.formats.importers.base import MaskSource
from tests.clients import writers
from tests.clients.__main__ import python_of
from tests.clients.test_clients import environment
from tests.formats.exporters.hard_maps import WITH_BACKGROUND, export, hard_project
from tests.formats.importers.test_round_trip import index_of

__all__ = ["environment"]


def write(client: str, environment: Path, source: Path, out: Path) -> Path:
    """Return the folder with what a client writes, or skip where it is not installed."""
    out.mkdir()
    command = [str(python_of(environment)), writers.__file__, client, str(source), str(out)]
    done = subprocess.run(command, capture_output=True, text=True, cwd=out, check=False)
    if done.returncode == writers.ABSENT:
        pytest.skip(done.stderr.strip().splitlines()[-1])
    assert done.returncode == 0, done.stdout + done.stderr
    return out


def opened(folder: Path, name: str) -> MaskSource:
    row = next(row for row in IMPORTERS if row.found(folder))
    assert row.name == name
    return row.open(folder)


def test_masks_of_datumaro_are_read_to_the_pixel(environment: Path, tmp_path: Path) -> None:
    truth = hard_project(tmp_path / "project", WITH_BACKGROUND)
    tree = export(tmp_path / "project", tmp_path, "voc", void_row=True)
    out = write("datumaro", environment, tree, tmp_path / "out")
    for written, name in zip(writers.FORMATS, ("coco", "cvat", "masks"), strict=True):
        source = opened(out / written, name)
        found = set()
        for item in source.items:
            key = item.name.rpartition("/")[2]
            codes = source.read(item, truth[key].shape[::-1])
            values = np.array([index_of(c) for c in source.classes] + [VOID, VOID], np.uint8)
            assert np.array_equal(values[codes], truth[key]), f"{written}: {item.name}"
            found.add(key)
        assert found == truth.keys()


def polygons() -> dict[str, list[list[float]]]:
    """Stars and blobs of some hundred pixels, one of them cut by the border of the image."""
    rng = np.random.default_rng(3)
    shapes = {}
    for name, x, y, size in (("a", 320.25, 240.5, 200), ("b", 200.7, 250.1, 150), ("c", 600.0, 100.0, 120)):
        radii = size * rng.uniform(0.7, 1, 24)
        turns = [2 * math.pi * i / len(radii) for i in range(len(radii))]
        shapes[name] = [[x + r * math.cos(t), y + r * math.sin(t)] for r, t in zip(radii, turns, strict=True)]
    return shapes


@pytest.mark.parametrize(("client", "name"), [("pycocotools", "coco"), ("labelme", "labelme")])
def test_polygons_are_filled_as_their_programs_do(client: str, name: str, environment: Path, tmp_path: Path) -> None:
    """Masks are equal. The programs also paint a border that a polygon only touches: half a pixel."""
    (tmp_path / "polygons.json").write_text(json.dumps(polygons()))
    out = write(client, environment, tmp_path / "polygons.json", tmp_path / "out")
    source = opened(out, name)
    assert len(source.items) == 6
    with np.load(out / "truth.npz") as truth:
        for item in source.items:
            kind, _, key = item.name.partition("/")
            drawn, expected = source.read(item, writers.SIZE) == 0, truth[key] != 0
            overlap = np.count_nonzero(drawn & expected) / np.count_nonzero(drawn | expected)
            assert overlap == 1 if kind == "runs" else overlap > 0.99, f"{item.name}: {overlap}"
