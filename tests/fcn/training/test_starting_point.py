"""What a training starts from: the bundled trunk, the base, or random weights."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import pytest
import torch

from fcn_studio.core.training import Level, TrainConfig
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.model.architecture import named
from fcn_studio.fcn.training.recipe import recipe_for
from fcn_studio.fcn.training.stages import TrainingRequest, training_stages
from fcn_studio.fcn.training.train import train
from fcn_studio.fcn.training.training_set import TrainingSet, reshaped, starting_point
from fcn_studio.fcn.weights.catalogue import GENERAL, bundled
from fcn_studio.fcn.weights.checkpoint import Checkpoint, load_checkpoint

from .test_train import TABLE, finish, scenes

SCRATCH = TrainConfig(Level.SCRATCH, steps=2, batch_size=2, keep_every=None)


@pytest.fixture(scope="module")
def general() -> Checkpoint:
    return load_checkpoint(bundled()[GENERAL])


def start(config: TrainConfig, folder: Path, base: Checkpoint | None = None) -> Checkpoint:
    return starting_point(config, TABLE, base, TrainingSet.of(scenes(folder, range(2)), TABLE))


@pytest.mark.parametrize("architecture", [None, "efficientnet-lite0-2s", "efficientnet-lite0-8s-light"])
def test_a_new_network_has_the_bundled_trunk(tmp_path: Path, general: Checkpoint, architecture: str | None) -> None:
    config = replace(SCRATCH, architecture=architecture)
    found = start(config, tmp_path)
    assert found.architecture == named(architecture or "efficientnet-lite0-8s")
    assert found.parent == general.sha256
    assert found.licence == general.licence
    assert (found.preprocessing.mean, found.preprocessing.std) == ((127.0,) * 3, (128.0,) * 3)
    for key, value in general.state.items():
        assert not key.startswith("trunk.") or torch.equal(found.state[key], value)
    training_set = TrainingSet.of(scenes(tmp_path, range(2)), TABLE)
    request = TrainingRequest(config, training_set, (), TABLE, None, CPU, tmp_path / "net.st", {})
    [stage] = training_stages(config)
    trained = stage.network(request, found).state_dict()
    assert torch.equal(trained["trunk.stem.conv.weight"], general.state["trunk.stem.conv.weight"])
    assert not stage.recipe(request, found).statistics


@pytest.mark.parametrize(
    ("changes", "title"),
    [
        ({"width": 0.0625}, "FCN-8s, slim VGG-16 x 0.0625"),
        ({"architecture": "slim"}, "FCN-8s, slim VGG-16 x 0.25"),
        ({"architecture": "slim", "width": 0.125}, "FCN-8s, slim VGG-16 x 0.125"),
        ({"architecture": "efficientnet-lite1-8s"}, "FCN-8s, EfficientNet-Lite1"),
    ],
)
def test_another_architecture_starts_from_random_weights(
    tmp_path: Path, changes: dict[str, object], title: str
) -> None:
    found = start(replace(SCRATCH, **changes), tmp_path)  # type: ignore[arg-type]
    assert found.architecture.title == title
    assert found.parent == ""


def test_without_the_bundled_trunk_a_new_network_is_random(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcn_studio.fcn.training.training_set.bundled", dict)
    assert start(SCRATCH, tmp_path).parent == ""


def test_a_trunk_without_classes_takes_its_input_scale_from_the_images(
    tmp_path: Path, general: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    config = TrainConfig(Level.FULL, steps=1)
    assert start(config, tmp_path, general).preprocessing.input_scale == 1.0
    for level in (Level.QUICK, Level.BETTER):
        assert start(TrainConfig(level), tmp_path, general).preprocessing.input_scale == 1.5
    monkeypatch.setattr(TrainingSet, "shapes", [(1536, 2048)])
    assert start(config, tmp_path, general).preprocessing.input_scale == 0.5
    known = replace(start(config, tmp_path, general), sha256="x")
    kept = replace(known, preprocessing=replace(known.preprocessing, input_scale=1.25))
    assert start(config, tmp_path, kept).preprocessing.input_scale == 1.25


def test_the_trunk_is_trained_at_a_low_rate() -> None:
    scratch = recipe_for(Level.SCRATCH, batch_norm=True, foreign=False, images=9, efficientnet=True)
    foreign = recipe_for(Level.FULL, batch_norm=True, foreign=True, images=9, efficientnet=True)
    known = recipe_for(Level.FULL, batch_norm=True, foreign=False, images=9, efficientnet=True)
    assert scratch.late == scratch.early == 4e-4
    assert foreign.late == foreign.early == 1e-4
    assert known.late == 2e-4
    assert not any(recipe.statistics for recipe in (scratch, foreign, known))


def test_another_head_and_other_taps_keep_the_output(general: Checkpoint, tmp_path: Path) -> None:
    torch.manual_seed(0)
    plain = start(SCRATCH, tmp_path)
    for name in ("score_fr", "score_pool4", "score_pool3"):
        plain.state[f"{name}.weight"].normal_(std=0.05)  # type: ignore[attr-defined]
    light = reshaped(plain, named("efficientnet-lite0-8s-light"))
    image = torch.randn(1, 3, 64, 96)
    with torch.inference_mode():
        expected = plain.build()(image)
        assert expected.std() > 0.01
        torch.testing.assert_close(light.build()(image), expected)
        torch.testing.assert_close(reshaped(light, plain.architecture).build()(image), expected)
    finer = reshaped(plain, named("efficientnet-lite0-2s"))
    assert not finer.state["score_pool1.weight"].any()
    assert torch.equal(finer.state["score_pool3.weight"], plain.state["score_pool3.weight"])


def test_a_training_from_scratch_learns_on_the_bundled_trunk(tmp_path: Path, general: Checkpoint) -> None:
    config = replace(SCRATCH, steps=6, crop=(64, 64))
    reports, outcome = finish(
        train(config, scenes(tmp_path, range(2)), [], TABLE, None, CPU, tmp_path / "net.safetensors")
    )
    assert outcome.steps == 6
    assert reports[-1].loss < reports[1].loss
    made = load_checkpoint(tmp_path / "net.safetensors")
    assert made.parent == general.sha256
    key = "trunk.stages.stage7.0.layers.project.weight"
    moved = (made.state[key] - general.state[key]).abs().max()
    assert 0 < float(moved) < 0.05
