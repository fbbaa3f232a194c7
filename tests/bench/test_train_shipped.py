"""The script that makes the shipped networks: what it leaves out of the loss, and that it goes on where it was."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks.train_shipped import RECIPES, Data, StageTrainer, at_every_second_pixel
from benchmarks.worst_pictures import chosen, judged, sheet
from fcn_studio.fcn.inference.predictor import Predictor
from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.weights.checkpoint import load_checkpoint
from fcn_studio.formats.voc.masks import write_mask

SMALL = replace(RECIPES["street"], width=0.0625, crop=(32, 48), batch=2)


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Six pictures of two classes, two of them for validation."""
    root = tmp_path / "drives"
    for part in ("JPEGImages", "SegmentationClass", "ImageSets/Segmentation"):
        (root / part).mkdir(parents=True)
    rng = np.random.default_rng(0)
    names = [f"{drive}_{number}" for drive in ("a", "b", "c") for number in range(2)]
    for name in names:
        label_map = np.zeros((40, 56), np.uint8)
        label_map[:, rng.integers(10, 40) :] = 1
        label_map[:2] = 255
        noise = rng.integers(0, 90, (40, 56, 3), np.uint8)
        Image.fromarray(noise + 120 * (label_map == 1)[:, :, None].astype(np.uint8)).save(
            root / f"JPEGImages/{name}.png"
        )
        write_mask(root / f"SegmentationClass/{name}.png", label_map)
    (root / "class_names.txt").write_text("background\nthing\n")
    for split, part in (("train", names[:4]), ("val", names[4:])):
        (root / f"ImageSets/Segmentation/{split}.txt").write_text("\n".join(part))
    return root


def training(folder: Path, work: Path, steps: int, decay: int, start: Path | None = None) -> StageTrainer:
    work.mkdir(exist_ok=True)
    return StageTrainer("street", Data(folder, SMALL, ""), work, SMALL, steps, decay, start)


@pytest.mark.parametrize("size", [(64, 96), (63, 95), (33, 2), (1, 1)])
def test_every_second_pixel_is_that_of_the_whole(size: tuple[int, int]) -> None:
    network = build(Architecture.slim(0.0625), 3).eval()
    with torch.inference_mode():
        scores = network.score_map(network.features(torch.randn(2, 3, *size)), *size)
        torch.testing.assert_close(at_every_second_pixel(scores), scores.whole()[:, :, ::2, ::2])


def test_what_was_ended_goes_on_bit_by_bit(folder: Path, tmp_path: Path) -> None:
    training(folder, tmp_path / "whole", 4, 2).run()
    training(folder, tmp_path / "parts", 2, 1).run()
    training(folder, tmp_path / "parts", 4, 2).run()
    one, other = (load_checkpoint(tmp_path / work / "street.safetensors") for work in ("whole", "parts"))
    assert one.state.keys() == other.state.keys()
    assert all(torch.equal(one.state[key], other.state[key]) for key in one.state)
    assert one.temperature == other.temperature != 1
    assert one.licence
    assert one.validation
    assert len((tmp_path / "whole" / "log.csv").read_text().splitlines()) == 3


def test_a_start_gives_its_trunk(folder: Path, tmp_path: Path) -> None:
    training(folder, tmp_path / "first", 2, 0).run()
    path = tmp_path / "first" / "street.safetensors"
    fresh, started = training(folder, tmp_path / "next", 1, 1), training(folder, tmp_path / "next", 1, 1, path)
    stored = load_checkpoint(path).state
    for key, value in started.network.state_dict().items():
        expected = stored[key] if key.startswith("trunk.") else fresh.network.state_dict()[key]
        assert torch.equal(value, expected.to(value.dtype)), key


def test_a_drive_can_be_left_out(folder: Path) -> None:
    data = Data(folder, SMALL, "b_")
    assert (data.names, data.val) == (["a_0", "a_1"], ["b_0", "b_1"])


def test_the_worst_pictures_come_first(folder: Path, tmp_path: Path) -> None:
    training(folder, tmp_path / "work", 2, 1).run()
    checkpoint = load_checkpoint(tmp_path / "work" / "street.safetensors")
    names = [f"{drive}_{number}" for drive in ("a", "b", "c") for number in range(2)]
    pictures = [judged(Predictor(checkpoint), folder, name, checkpoint.table) for name in names]
    assert [picture.name for picture in chosen(pictures, names, 3, 2)] == ["a_0", "b_0", "c_0"]
    assert sheet([picture.row for picture in pictures[:2]]).size == (4 * 168 + 3 * 4, 2 * 120 + 4)
