"""The level better, and the fit that comes before a level."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fcn_studio.core.training import Level, TrainConfig
from fcn_studio.errors import TrainingError
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.model.architecture import named
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.model.efficientnet import EfficientNetTrunk
from fcn_studio.fcn.model.fcn import FCN
from fcn_studio.fcn.training.budget import Budget
from fcn_studio.fcn.training.stages import TrainingRequest, training_stages
from fcn_studio.fcn.training.train import train
from fcn_studio.fcn.training.training_set import TrainingSet, starting_point
from fcn_studio.fcn.weights.catalogue import GENERAL, bundled
from fcn_studio.fcn.weights.checkpoint import Checkpoint, load_checkpoint

from .test_train import TABLE, finish, scenes


@pytest.fixture(scope="module")
def general() -> Checkpoint:
    return load_checkpoint(bundled()[GENERAL])


def test_better_trains_a_light_head_after_the_fit(
    tmp_path: Path, general: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("fcn_studio.fcn.training.tap_source.CACHED_CROPS", 3)
    images = scenes(tmp_path, [1, 2])
    config = TrainConfig(Level.BETTER, steps=3, crop=(64, 64))
    reports, outcome = finish(train(config, images, [], TABLE, general, CPU, tmp_path / "net.safetensors"))
    made = load_checkpoint(tmp_path / "net.safetensors")
    assert made.architecture == named("efficientnet-lite0-4s-light")
    assert made.parent == general.sha256
    assert reports[-1].step == outcome.steps > 3
    assert [r.fraction for r in reports] == sorted(r.fraction for r in reports)
    assert made.state["score_pool4.weight"][:, :112].any()  # fitted
    assert made.state["score_pool4.weight"][:, 112:].any()  # trained: of the head, whose scores begin at zero
    moved = {key for key, value in general.state.items() if not torch.equal(made.state[key], value)}
    assert {key.split(".")[2] for key in moved if key.startswith("trunk.")} == {"stage6", "stage7"}


def test_the_coarsest_map_follows_from_the_one_before() -> None:
    network = build(named("efficientnet-lite0-4s"), 3).eval()
    assert isinstance(network, FCN)
    assert isinstance(network.trunk, EfficientNetTrunk)
    with torch.inference_mode():
        taps = network.trunk(torch.randn(1, 3, 40, 64))
        again = network.trunk.with_coarsest({stride: tap for stride, tap in taps.items() if stride < 32})
    assert again.keys() == taps.keys()
    assert torch.equal(again[32], taps[32])


def test_only_an_efficientnet_has_a_light_head(tmp_path: Path, tiny_network: Path) -> None:
    training_set = TrainingSet.of(scenes(tmp_path, [1]), TABLE)
    with pytest.raises(TrainingError, match="choose quick or full"):
        starting_point(TrainConfig(Level.BETTER), TABLE, load_checkpoint(tiny_network), training_set)


def test_full_begins_with_a_fit_where_the_trunk_knows_few_classes(tmp_path: Path, general: Checkpoint) -> None:
    images = scenes(tmp_path, [1])
    training_set = TrainingSet.of(images, TABLE)
    config = TrainConfig(Level.FULL, minutes=4.0, steps=None)
    request = TrainingRequest(config, training_set, (), TABLE, general, CPU, tmp_path / "net.safetensors", {})
    assert request.is_fitted_first
    assert not replace(request, base=replace(general, table=TABLE)).is_fitted_first
    fit, full = training_stages(config, fitted_first=True)
    assert (fit.level, full.level) == (Level.QUICK, Level.FULL)
    assert [stage.config(request).minutes for stage in (fit, full)] == [1.0, 3.0]
    assert np.isclose(fit.ends, full.begins)


def test_a_budget_may_end_after_its_usual_steps_before_the_time() -> None:
    config = TrainConfig(minutes=60.0)
    assert Budget(config, 10, 2, ends_early=True).fraction(10) == 1.0
    assert Budget(config, 10, 2).fraction(10) < 0.1
