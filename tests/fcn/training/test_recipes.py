"""The paper's trainings, what can be chosen of the modern one, and widening from 32s to 8s."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch

from fcn_studio.core.training import Level, RecipeName, TrainConfig
from fcn_studio.errors import CheckpointError, TrainingError
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.training.batch_sources import Batch
from fcn_studio.fcn.training.recipe import paper_recipe, parameter_groups
from fcn_studio.fcn.training.resume import read_unfinished
from fcn_studio.fcn.training.stages import TrainingRequest, training_stages
from fcn_studio.fcn.training.train import train
from fcn_studio.fcn.training.training_set import TrainingSet, at_stride
from fcn_studio.fcn.weights.checkpoint import (
    Checkpoint,
    Preprocessing,
    active_table,
    load_checkpoint,
    save_checkpoint,
)
from fcn_studio.formats.project.runs import state_of

from .test_resume import end
from .test_train import TABLE, finish, scenes

PAPER = TrainConfig(
    Level.SCRATCH, steps=90, width=0.0625, recipe=RecipeName.PAPER, rate=3e4, input_scale=1.0, keep_every=None
)


def checkpoint(stride: int = 32, *, batch_norm: bool = True) -> Checkpoint:
    torch.manual_seed(3)
    architecture = replace(Architecture.slim(0.0625, stride), batch_norm=batch_norm)
    state = build(architecture, 3).state_dict()
    return Checkpoint(architecture, active_table(TABLE), Preprocessing(), state)


def test_a_gained_tap_has_scores_of_zero_and_a_lost_one_is_gone() -> None:
    coarse = checkpoint(32)
    finer = at_stride(at_stride(coarse, 16), 8)
    assert finer.architecture.title.startswith("FCN-8s")
    assert not finer.state["score_pool4.weight"].any()
    assert not finer.state["score_pool3.bias"].any()
    assert torch.equal(finer.state["score_fr.weight"], coarse.state["score_fr.weight"])
    images = torch.randn(1, 3, 128, 160)
    with torch.inference_mode():
        before, after = coarse.build()(images), finer.build()(images)
    # Twice by two and once by eight is nearly once by 32; at the rim they fade otherwise.
    assert float((before - after)[:, :, 48:80, 48:112].abs().max()) < 0.2 * float(before.std())
    again = at_stride(finer, 32)
    assert again.state.keys() == coarse.state.keys()
    assert all(torch.equal(again.state[key], coarse.state[key]) for key in coarse.state)


def test_at_once_scales_taps_that_are_not_normalised() -> None:
    assert at_stride(checkpoint(batch_norm=False), 8, at_once=True).architecture.scales == ((16, 0.01), (8, 0.0001))
    assert at_stride(checkpoint(), 8, at_once=True).architecture.scales == ()


def test_the_papers_rates_are_those_of_the_release_for_a_mean() -> None:
    rates = {
        stride: paper_recipe(stride, at_once=False, batch=1, pixels=187_500, statistics=False)
        for stride in (32, 16, 8)
    }
    assert rates[32].late == pytest.approx(1.875e-5)
    assert rates[16].late == pytest.approx(1.875e-7)
    assert rates[8].late == pytest.approx(1.875e-9)
    many = paper_recipe(8, at_once=True, batch=20, pixels=187_500, statistics=False)
    assert (many.momentum, rates[32].momentum) == (0.9, 0.99)
    assert many.late / (1 - 0.9) == pytest.approx(rates[32].late / (1 - 0.99))
    assert rates[32].rate(0) == rates[32].rate(0.9) == 1
    network = checkpoint().build()
    groups = parameter_groups(network, rates[32])
    by_bias = {(group["weight_decay"], round(group["peak"] / rates[32].late, 6)) for group in groups}  # type: ignore
    assert (5e-4, 1.0) in by_bias
    assert (0.0, 2.0) in by_bias
    assert {decay for decay, factor in by_bias if factor == 2} == {0.0}


def test_the_papers_training_goes_from_32s_to_8s(tmp_path: Path) -> None:
    images, val = scenes(tmp_path, range(3)), scenes(tmp_path, [50])
    reports, outcome = finish(train(PAPER, images, val, TABLE, None, CPU, tmp_path / "net.st"))
    assert outcome.steps == 90
    assert [report.step for report in reports if report.figures is None][-1] == 90
    steps = [report.step for report in reports]
    assert steps == sorted(steps)
    fractions = [report.fraction for report in reports]
    assert fractions == sorted(fractions)
    assert fractions[-1] == 1
    losses = {report.step: report.loss for report in reports if report.step}
    assert losses[1] == pytest.approx(np.log(3), abs=1e-3)  # scores begin at zero
    assert np.mean([losses[step] for step in range(82, 91)]) < 0.9 * losses[1]
    network = load_checkpoint(tmp_path / "net.st")
    assert network.architecture.stride == 8
    assert network.state["score_pool3.weight"].any()


@pytest.mark.parametrize(("level", "parent"), [(Level.SCRATCH, ""), (Level.FULL, "ab" * 32)])
def test_a_later_stage_comes_from_what_the_first_came_from(tmp_path: Path, level: Level, parent: str) -> None:
    """From scratch that is nothing, even if a baseline is given."""
    save_checkpoint(replace(checkpoint(32), parent=parent), tmp_path / "net.st")
    base = replace(checkpoint(8), sha256="cd" * 32)
    config, training_set = (
        replace(PAPER, level=level),
        TrainingSet((), np.zeros(256, np.uint8), np.zeros(3, np.int64)),
    )
    request = TrainingRequest(config, training_set, (), TABLE, base, CPU, tmp_path / "net.st", {})
    assert training_stages(config)[1].start(request, anew=False).parent == parent


@pytest.mark.parametrize(
    ("recipe", "architecture", "strides"),
    [
        (RecipeName.PAPER, None, [32, 16, 8]),
        (RecipeName.PAPER, "vgg16-16s", [32, 16]),
        (RecipeName.PAPER, "alexnet-32s", [32]),
        (RecipeName.PAPER_AT_ONCE, "vgg16-16s", [16]),
        (RecipeName.PAPER_AT_ONCE, None, [8]),
        (RecipeName.MODERN, "vgg16-16s", [None]),
    ],
)
def test_the_papers_stages_end_at_the_stride_that_is_asked_for(
    recipe: RecipeName, architecture: str | None, strides: list[int | None]
) -> None:
    config = replace(PAPER, recipe=recipe, architecture=architecture)
    assert [stage.stride for stage in training_stages(config)] == strides


def test_the_paper_has_no_finer_network_than_8s() -> None:
    with pytest.raises(TrainingError, match="not at FCN-4s"):
        training_stages(replace(PAPER, architecture="efficientnet-lite0-4s"))


def test_another_stride_over_the_trunk_of_a_network(tmp_path: Path) -> None:
    base = replace(checkpoint(32), sha256="ab" * 32)
    base = replace(base, architecture=replace(Architecture.slim(0.0625, 32), fc=64))
    config = TrainConfig(Level.FULL, steps=1, architecture="slim-0.0625", keep_every=None)
    finish(train(config, scenes(tmp_path, [0]), [], TABLE, base, CPU, tmp_path / "net.st"))
    assert load_checkpoint(tmp_path / "net.st").architecture.stride == 8
    with pytest.raises(CheckpointError, match="does not have the trunk of the network"):
        next(
            train(
                replace(config, architecture="alexnet-8s"),
                scenes(tmp_path, [0]),
                [],
                TABLE,
                base,
                CPU,
                tmp_path / "n.st",
            )
        )


def test_stages_can_be_stopped_and_go_on(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    config = replace(PAPER, steps=9, keep_every=60)
    finals = []
    for name in ("whole", "parts"):
        folder = tmp_path / name
        images, val = scenes(folder, range(3)), scenes(folder, [50])
        if name == "parts":
            for resume, until in ((False, 2), (True, 5)):
                work = train(config, images, val, TABLE, None, CPU, folder / "net.st", resume=resume)
                while next(work).step < until:
                    pass
                end(work)
            assert read_unfinished(state_of(folder / "net.st")).stage == 1
        work = train(config, images, val, TABLE, None, CPU, folder / "net.st", resume=name == "parts")
        _, outcome = finish(work)
        finals.append((outcome.steps, outcome.figures, (folder / "net.st").read_bytes()))
    assert finals[0] == finals[1]
    assert not state_of(tmp_path / "parts" / "net.st").exists()


def test_the_paper_has_no_quick_level(tmp_path: Path) -> None:
    config = replace(PAPER, level=Level.QUICK)
    base = checkpoint(8)
    with pytest.raises(TrainingError, match="level full or scratch"):
        next(train(config, scenes(tmp_path, [0]), [], TABLE, base, CPU, tmp_path / "net.st"))


def test_what_is_chosen_is_done(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    seen: list[torch.Size] = []
    honest = Batch.scores

    def looking(self: Batch, network: torch.nn.Module, *, bf16: bool = False) -> torch.Tensor:
        assert isinstance(self.inputs, torch.Tensor)
        seen.append(self.inputs.shape)
        return honest(self, network, bf16=bf16)  # type: ignore[arg-type]

    monkeypatch.setattr(Batch, "scores", looking)
    config = TrainConfig(
        Level.SCRATCH, steps=3, batch_size=2, architecture="slim-0.0625", input_scale=0.5, crop=(48, 64),
        lovasz=0.5, precision="bf16", divide_weights=True, keep_every=None,
    )  # fmt: skip
    _, outcome = finish(train(config, scenes(tmp_path, [0, 1]), [], TABLE, None, CPU, tmp_path / "net.st"))
    assert set(seen) == {torch.Size((2, 3, 48, 64))}
    network = load_checkpoint(tmp_path / "net.st")
    assert network.preprocessing.input_scale == 0.5
    assert network.architecture.width == 0.0625
    assert outcome.steps == 3


def test_mixed_precision_is_near_and_scores_stay_exact() -> None:
    network = checkpoint(8).build()
    batch = Batch(torch.randn(1, 3, 64, 64), torch.zeros(1, 64, 64, dtype=torch.long))
    with torch.inference_mode():
        exact, mixed = batch.scores(network), batch.scores(network, bf16=True)
    assert mixed.dtype == torch.float32
    assert 0 < float((exact - mixed).abs().max()) < 0.1 * float(exact.abs().max())


def test_with_images_enough_the_network_gets_a_temperature(tmp_path: Path) -> None:
    config = TrainConfig(Level.SCRATCH, steps=4, batch_size=2, width=0.0625, keep_every=None)
    val = scenes(tmp_path, [50, 51, 52])
    _, outcome = finish(train(config, scenes(tmp_path, [0, 1]), val, TABLE, None, CPU, tmp_path / "net.st"))
    assert outcome.calibration is not None
    assert load_checkpoint(tmp_path / "net.st").temperature == outcome.calibration.temperature
    assert outcome.calibration.error_after <= outcome.calibration.error_before + 1e-9
