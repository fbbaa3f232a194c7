"""Odd, turned and damaged files from real life through the command line: the right pixels or a right sentence."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn_studio import cli
from fcn_studio.formats.images.images import read_image
from tests.helpers import contents
from tests.trust.hard import BAD_MASKS, BROKEN, GOOD_MASKS, NO_INDICES, hard_project

pytestmark = pytest.mark.usefixtures("bundled")


@pytest.fixture(scope="module")
def project(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return hard_project(tmp_path_factory.mktemp("hard") / "project")


def run(out: Path, *words: str) -> dict[str, object]:
    assert cli.main([*words, "--json", str(out / "result.json")]) == 0
    result: dict[str, object] = json.loads((out / "result.json").read_bytes())
    return result


def sentences(result: dict[str, object]) -> dict[str, str]:
    """Stem of the image or mask -> what is said of it."""
    failed = result["failed"]
    assert isinstance(failed, list)
    return {Path(sentence.partition(": ")[0]).stem: sentence for sentence in failed}


def expect(said: dict[str, str], *tables: dict[str, str]) -> None:
    """Each file of the tables, and no other, is said to be what it is."""
    wanted = {Path(name).stem: words for table in tables for name, words in table.items()}
    assert set(said) == set(wanted)
    for stem, words in wanted.items():
        assert words in said[stem], stem


def test_segment(project: Path, tmp_path: Path) -> None:
    before = contents(project)
    result = run(tmp_path, "segment", str(project), "--out", str(tmp_path / "out"), "--device", "cpu")
    assert contents(project) == before
    expect(sentences(result), BROKEN)
    images = [p for p in project.iterdir() if p.is_file() and p.name not in {*BROKEN, "class_names.txt"}]
    assert result["written"] == len(images)
    sizes = set()
    for path in images:
        mask = tmp_path / "out" / f"{path.stem}.png"
        mask = mask if mask.exists() else tmp_path / "out" / f"{path.name}.png"  # of several of one stem
        with Image.open(mask) as labels:
            assert labels.size == read_image(path).shape[1::-1], path.name
            sizes.add(labels.size)
    assert {(1, 1), (4000, 1), (3, 5000)} < sizes


def test_export(project: Path, tmp_path: Path) -> None:
    words = ["--status", "verified", "--out", str(tmp_path / "out")]
    result = run(tmp_path, "export", str(project), *words)
    expect(sentences(result), {name: words for name, words in BAD_MASKS.items() if name not in NO_INDICES})
    turned = sorted(project.glob("*_o?.jpg"))
    assert result["images"] == len(turned) + len(GOOD_MASKS)
    tree = tmp_path / "out" / "VOCdevkit" / "VOC2012"
    for path in turned:
        with (
            Image.open(tree / "JPEGImages" / path.name) as image,
            Image.open(tree / "SegmentationClass" / f"{path.stem}.png") as mask,
        ):
            assert image.getexif().get(0x0112, 1) == 1
            assert image.size == mask.size
            difference = np.abs(np.asarray(image).astype(int) - read_image(path))
            assert difference.mean() < 2, path.name  # encoded anew as a JPEG


def test_export_of_everything(project: Path, tmp_path: Path) -> None:
    words = [word for status in ("new", "in_progress", "verified") for word in ("--status", status)]
    result = run(tmp_path, "export", str(project), *words, "--out", str(tmp_path / "out"))
    expect(sentences(result), BROKEN, BAD_MASKS)


def test_train_and_evaluate(project: Path, tmp_path: Path) -> None:
    out = str(tmp_path / "a.safetensors")
    words = ["--level", "scratch", "--steps", "1", "--batch-size", "2", "--width", "0.0625", "--device", "cpu"]
    before = contents(project)
    result = run(tmp_path, "train", str(project), *words, "--out", out)
    expect(sentences(result), BAD_MASKS)
    assert result["trained_on"] + result["validated_on"] == 7 + len(GOOD_MASKS)  # type: ignore[operator]
    result = run(tmp_path, "evaluate", str(project), "--network", out, "--split", "all", "--device", "cpu")
    expect(sentences(result), BAD_MASKS)
    assert contents(project) == before
