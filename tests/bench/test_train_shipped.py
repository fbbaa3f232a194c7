"""The script that makes the bundled networks: what it starts from, what it shows, and that it can be resumed."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

from benchmarks import train_shipped
from benchmarks.train_shipped import (
    GENERAL,
    NETWORKS,
    described,
    labelled,
    repeated,
    split,
    trained,
)
from benchmarks.worst_pictures import chosen, judged, sheet
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.training import Level, TrainConfig
from fcn_studio.fcn.inference.predictor import Predictor
from fcn_studio.fcn.weights.checkpoint import load_checkpoint
from fcn_studio.formats.project.runs import state_of
from fcn_studio.formats.voc.masks import write_mask

CONFIG = TrainConfig(Level.FULL, steps=4, batch_size=2, lovasz=0.5, precision="fp32", keep_every=0)
TABLE = ClassTable.from_names(["background", "thing"])


@pytest.fixture(autouse=True)
def one_thread() -> Iterator[None]:
    threads = torch.get_num_threads()
    torch.set_num_threads(1)
    yield
    torch.set_num_threads(threads)


@pytest.fixture(autouse=True)
def small_views(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, shipped in NETWORKS.items():
        monkeypatch.setitem(NETWORKS, name, replace(shipped, crop=(32, 64)))


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
    for part, members in (("train", names[:4]), ("val", names[4:])):
        (root / f"ImageSets/Segmentation/{part}.txt").write_text("\n".join(members))
    return root


@pytest.mark.parametrize("name", NETWORKS)
def test_the_trunk_of_the_general_network_is_trained_and_described(folder: Path, tmp_path: Path, name: str) -> None:
    path, seconds, steps = trained(name, folder, tmp_path, CONFIG, "")
    assert steps == 4
    assert seconds > 0
    figures = described(name, folder, path, "")
    made, general = load_checkpoint(path), load_checkpoint(GENERAL)
    assert made.parent == general.sha256
    assert made.source == NETWORKS[name].source
    assert made.licence
    assert made.temperature != 1
    assert made.validation is not None
    assert made.validation["mean_iou"] == pytest.approx(figures.mean_iou)
    assert made.trained_on == ("a_0.png", "a_1.png", "b_0.png", "b_1.png")
    assert made.preprocessing == replace(general.preprocessing, input_scale=NETWORKS[name].input_scale)
    for key, value in general.state.items():
        if key.startswith("trunk.") and key.endswith(
            (".bias", "expand.weight", "depthwise.weight", "project.weight")
        ):
            assert not torch.equal(value, made.state[key]), key
        if key.startswith("trunk.") and key.endswith(("running_mean", "_bn.weight")):
            assert torch.equal(made.state[key], torch.full_like(value, key.endswith("_bn.weight"))), key
    assert not state_of(path).exists()


def test_an_interrupted_training_continues_bit_by_bit(
    folder: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for part in ("whole", "parts"):
        (tmp_path / part).mkdir()
    whole, _, _ = trained("voc", folder, tmp_path / "whole", CONFIG, "")
    course = train_shipped.train_stage

    def interrupted(trainer: object) -> Iterator[object]:
        for report in course(trainer):  # type: ignore[arg-type]
            if report.step == 3:
                raise KeyboardInterrupt
            yield report

    with monkeypatch.context() as patch:
        patch.setattr(train_shipped, "train_stage", interrupted)
        with pytest.raises(KeyboardInterrupt):
            trained("voc", folder, tmp_path / "parts", CONFIG, "")
    assert state_of(tmp_path / "parts" / "voc.safetensors").exists()
    parts, _, steps = trained("voc", folder, tmp_path / "parts", CONFIG, "")
    assert steps == 4
    one, other = load_checkpoint(whole), load_checkpoint(parts)
    assert all(torch.equal(value, other.state[key]) for key, value in one.state.items())


def test_a_drive_can_be_left_out(folder: Path) -> None:
    assert split(folder, "") == (["a_0", "a_1", "b_0", "b_1"], ["c_0", "c_1"])
    assert split(folder, "b_") == (["a_0", "a_1"], ["b_0", "b_1"])


def test_images_of_rare_classes_are_repeated(folder: Path) -> None:
    table = ClassTable.from_names(["background", "thing", "rare"])
    images = labelled(folder, ["a_0", "a_1", "b_0", "b_1"], table)
    label_map = images[0].label_map().copy()
    label_map[10:30, :20] = 2
    images[0] = train_shipped.pack("a_0", images[0].image_path, label_map)
    assert [image.image_id for image in repeated(images, table, 0.5)] == [
        "a_0",
        "a_0",
        "a_1.png",
        "b_0.png",
        "b_1.png",
    ]
    assert list(repeated(images, table, 0)) == images


def test_the_worst_pictures_come_first(folder: Path, tmp_path: Path) -> None:
    path, _, _ = trained("street", folder, tmp_path, replace(CONFIG, steps=2), "")
    checkpoint = load_checkpoint(path)
    names = [f"{drive}_{number}" for drive in ("a", "b", "c") for number in range(2)]
    pictures = [judged(Predictor(checkpoint), folder, name, checkpoint.table) for name in names]
    assert [picture.name for picture in chosen(pictures, names, 3, 2)] == ["a_0", "b_0", "c_0"]
    assert sheet([picture.row for picture in pictures[:2]]).size == (4 * 168 + 3 * 4, 2 * 120 + 4)
