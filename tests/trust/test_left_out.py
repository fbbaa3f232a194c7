"""A file that cannot be read is told with its reason, and every command goes on without it."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from fcn_studio import cli
from fcn_studio.core.labels import Provenance, made_by_human
from fcn_studio.core.sample import Split, Status
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.masks import write_mask
from tests.formats.helpers import forget_images
from tests.helpers import save_half

pytestmark = pytest.mark.usefixtures("bundled")


@dataclass(frozen=True)
class Broken:
    """A project of verified images, some of which cannot be read.

    Attributes:
        files: their names.
        late: the one whose header is sound: only who decodes it sees that it is cut off.
    """

    folder: Path
    files: frozenset[str]
    late: str


@pytest.fixture
def broken(micrograph_project: Path) -> Broken:
    with ProjectFolder.open(micrograph_project, writable=True) as project:
        for sample in project.samples:
            save_half(project, sample, Provenance.HUMAN, Status.VERIFIED)
        train = [s for s in project.samples if project.splits.of(s) is Split.TRAIN]
    forget_images(micrograph_project)  # else a file that is cut off later is told as one that has changed
    late, never, mask = (s.image_path for s in train[:3])
    late.write_bytes(late.read_bytes()[:5000])
    never.write_bytes(b"<html>")
    mask_path = micrograph_project / "SegmentationClass" / f"{mask.stem}.png"
    mask_path.write_bytes(mask_path.read_bytes()[:50])
    return Broken(micrograph_project, frozenset(p.name for p in (late, never, mask)), late.name)


def run(capsys: pytest.CaptureFixture[str], *words: str) -> dict[str, object]:
    """A command that must succeed; its JSON. What is left out must be on standard error too."""
    assert cli.main([*words, "--json", "-"]) == 0
    out, err = capsys.readouterr()
    result: dict[str, object] = json.loads(out)
    assert isinstance(result["failed"], list)
    for sentence in result["failed"]:
        assert f"left out: {sentence}" in err
    return result


def named(result: dict[str, object]) -> set[str]:
    """The images that a result says were left out, by the names in its sentences."""
    assert isinstance(result["failed"], list)
    return {Path(sentence.partition(":")[0]).name for sentence in result["failed"]}


def test_segment(broken: Broken, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    result = run(capsys, "segment", str(broken.folder), "--out", str(tmp_path / "out"), "--device", "cpu")
    assert result["written"] == 6
    assert len(named(result)) == 2  # masks are not looked at
    assert named(result) < broken.files


def test_export(broken: Broken, capsys: pytest.CaptureFixture[str], tmp_path: Path) -> None:
    words = ["--status", "verified", "--status", "in_progress"]  # a damaged mask is no verified one
    result = run(capsys, "export", str(broken.folder), "--out", str(tmp_path / "out"), *words)
    assert result["images"] == 5
    assert named(result) == broken.files


@pytest.mark.parametrize("level", ["quick", "full", "scratch"])
def test_train(broken: Broken, capsys: pytest.CaptureFixture[str], level: str) -> None:
    words = ["--level", level, "--steps", "3", "--batch-size", "4", "--device", "cpu"]
    words += ["--width", "0.0625"] if level == "scratch" else []
    result = run(capsys, "train", str(broken.folder), *words)
    assert named(result) == broken.files - {broken.late}
    assert isinstance(result["notes"], list)
    assert [note for note in result["notes"] if note.startswith("left out: ") and broken.late in note]
    with ProjectFolder.open(broken.folder, writable=False) as project:
        train = [s for s in project.samples if project.splits.of(s) is Split.TRAIN]
    assert result["trained_on"] == len(train) - 3


def test_train_with_nothing_but_broken_images(broken: Broken, capsys: pytest.CaptureFixture[str]) -> None:
    for path in broken.folder.glob("*.png"):
        data = path.read_bytes()
        path.write_bytes(data[: len(data) // 2])
    assert cli.main(["train", str(broken.folder), "--steps", "1", "--device", "cpu"]) == 2
    assert "no image of the training set can be read any more" in capsys.readouterr().err


def test_evaluate(broken: Broken, capsys: pytest.CaptureFixture[str]) -> None:
    words = ["--network", "street", "--split", "all", "--device", "cpu"]
    result = run(capsys, "evaluate", str(broken.folder), *words)
    assert named(result) == broken.files
    assert result["images"] == 5


def test_an_image_over_the_limit_is_left_out_and_says_how_to_get_it_in(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    Image.fromarray(np.zeros((1000, 1200, 3), np.uint8)).save(folder / "large.png")
    Image.fromarray(np.zeros((40, 50, 3), np.uint8)).save(folder / "small.png")
    (folder / "class_names.txt").write_text("background\ncell\ndebris\nfibre\n")
    write_mask(folder / "SegmentationClass" / "large.png", made_by_human(np.ones((1000, 1200), np.uint8)).label_map)
    write_mask(folder / "SegmentationClass" / "small.png", made_by_human(np.zeros((40, 50), np.uint8)).label_map)
    lists = folder / "ImageSets" / "Segmentation"
    lists.mkdir(parents=True)
    (lists / "train.txt").write_text("large\nsmall\n")
    commands = {
        "segment": ["--out", str(tmp_path / "out"), "--overwrite", "--device", "cpu"],
        "train": ["--steps", "1", "--batch-size", "2", "--device", "cpu", "--out", str(tmp_path / "a.safetensors")],
        "evaluate": ["--network", "street", "--split", "train", "--device", "cpu"],
        "export": [],
    }
    for name, words in commands.items():
        for limit, left_out in (("1000000", 1), ("1200000", 0)):
            more = ["--out", str(tmp_path / f"voc{left_out}")] if name == "export" else []
            result = run(capsys, name, str(folder), *words, *more, "--max-pixels", limit)
            assert isinstance(result["failed"], list)
            assert len(result["failed"]) == left_out, (name, result["failed"])
            if left_out:
                assert "large.png: 1200 x 1000 pixels is over the limit of 1 million" in result["failed"][0]
                assert "about 0.0 GB of memory" in result["failed"][0]
                assert "'Largest image' in the settings, --max-pixels 1200000" in result["failed"][0]


def test_the_limit_of_the_settings_holds_for_the_commands(
    micrograph_project: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]
) -> None:
    monkeypatch.setenv("FCN_STUDIO_CONFIG_DIR", str(tmp_path))
    (tmp_path / "settings.toml").write_text("max_pixels = 1000000\n")
    Image.fromarray(np.zeros((1000, 1200, 3), np.uint8)).save(micrograph_project / "large.png")
    words = ["segment", str(micrograph_project), "--out", str(tmp_path / "out"), "--overwrite", "--device", "cpu"]
    assert named(run(capsys, *words)) == {"large.png"}
    assert named(run(capsys, *words, "--max-pixels", "2000000")) == set()
    assert cli.main([*words, "--max-pixels", "2000000001"]) == 2
    assert "--max-pixels 2000000001 makes no sense" in capsys.readouterr().err
