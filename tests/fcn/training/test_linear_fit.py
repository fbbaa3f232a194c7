"""The score layers fitted as a convex problem."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
import torch
from torch.nn import functional

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.snapshot import LabelledImage, pack
from fcn_studio.core.training import Level, TrainConfig, TrainOutcome, TrainProgress
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.model.architecture import Architecture, named
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.model.fcn import FCN
from fcn_studio.fcn.training.batch_sources import Batch
from fcn_studio.fcn.training.crop_sampler import DecodedImages, channel_lut
from fcn_studio.fcn.training.linear_fit import LinearFit, LinearScores
from fcn_studio.fcn.training.score_fit import PixelSource, ScoreFit, scores_of, set_scores
from fcn_studio.fcn.training.train import train
from fcn_studio.fcn.weights.checkpoint import Checkpoint, Preprocessing, load_checkpoint

from .test_train import TABLE, finish, scenes

SHAPES = [(1, 1), (33, 47), (64, 96), (101, 70)]
LINEAR = {
    "efficientnet-4s": named("efficientnet-lite0-4s"),
    "efficientnet-light": named("efficientnet-lite0-8s-light"),
    "slim": Architecture("slim", 0.125, 16, True, "same", 8, (), 0.0),
    "slim-32s": Architecture("slim", 0.125, 16, True, "same", 32, (), 0.0),
    "at-once": Architecture("slim", 0.125, 16, False, "caffe", 8, ((16, 0.01), (8, 0.0001)), 0.0),
    "alexnet": replace(Architecture.alexnet(), width=0.25, fc=16),
}


@pytest.fixture
def base(tiny_network: Path) -> Checkpoint:
    """A network to start from."""
    return load_checkpoint(tiny_network)


def network_of(name: str, classes: int = 3) -> FCN:
    torch.manual_seed(1)
    network = build(LINEAR[name], classes).eval()
    assert isinstance(network, FCN)
    return network


def blobs(count: int = 200, *, classes: int = 3) -> tuple[torch.Tensor, torch.Tensor, torch.Tensor]:
    """Features in clouds, one a class, of very different scales."""
    rng = torch.Generator().manual_seed(3)
    channels = torch.arange(count) % classes
    centres = torch.randn(classes, 5, generator=rng) * 2
    features = (centres[channels] + torch.randn(count, 5, generator=rng)) * torch.tensor([1, 100, 0.01, 1, 5]) + 7
    return features, channels, torch.ones(count)


def fitted(fit: LinearFit, start: LinearScores, steps: int = 20) -> LinearScores:
    scores = start
    for _ in range(steps):
        scores = fit.step(scores)
    return scores


def nothing(classes: int = 3, width: int = 5) -> LinearScores:
    return LinearScores(torch.zeros(classes, width), torch.zeros(classes))


@pytest.mark.parametrize("name", LINEAR)
@pytest.mark.parametrize("shape", SHAPES)
def test_scores_are_linear_in_their_inputs(name: str, shape: tuple[int, int]) -> None:
    assert LINEAR[name].is_linear_in_taps
    network = network_of(name)
    for layer in network.score_layers:
        torch.nn.init.normal_(network.get_submodule(layer).weight)
        torch.nn.init.zeros_(network.get_submodule(layer).bias)
    pixels = torch.arange(0, shape[0] * shape[1], 7)
    with torch.inference_mode():
        features = network.features(torch.randn(1, 3, *shape))
        expected = network.decode(features, *shape)[0].flatten(1).T[pixels]
        inputs = network.score_inputs(features, *shape).at(pixels // shape[1], pixels % shape[1])
        scores = scores_of(network).of(inputs)
    torch.testing.assert_close(scores, expected, rtol=1e-4, atol=1e-4 * float(expected.abs().max() + 1))


@pytest.mark.parametrize("name", ["resnet50", "resnet101", "article"])
def test_other_networks_are_not_taken_to_be_linear(name: str) -> None:
    assert not named(name).is_linear_in_taps
    assert not Architecture.vgg16(upsampling="learned").is_linear_in_taps


@pytest.mark.parametrize("name", ["efficientnet-4s", "slim"])
def test_scores_survive_the_way_into_the_layers_and_back(name: str) -> None:
    network = network_of(name)
    width = scores_of(network).weight.shape[1]
    scores = LinearScores(torch.randn(3, width), torch.randn(3))
    set_scores(network, scores)
    back = scores_of(network)
    assert torch.equal(back.weight, scores.weight)
    assert torch.equal(back.bias, scores.bias)


def test_a_fit_finds_the_one_minimum_from_any_start() -> None:
    features, channels, weights = blobs()
    ends = []
    for seed in (1, 2):
        torch.manual_seed(seed)
        start = LinearScores(torch.randn(3, 5) * 0.1, torch.randn(3))
        fit = LinearFit(features, channels, weights, nothing(), l2=1e-2)
        ends.append(fitted(fit, start).of(features).softmax(1))
        assert fit.converged
    torch.testing.assert_close(ends[0], ends[1], rtol=0, atol=2e-3)
    assert (ends[0].argmax(1) == channels).float().mean() > 0.9


def test_a_fit_is_the_minimum_of_its_loss() -> None:
    """No direction leads down from where it ends: the gradient of loss and penalty is zero."""
    features, channels, weights = blobs()
    weights = weights + channels
    scores = fitted(LinearFit(features, channels, weights, nothing(), l2=1e-2), nothing())
    mean, std = features.mean(0), features.std(0, correction=0)
    weight = (scores.weight * std).requires_grad_()
    bias = (scores.bias + scores.weight @ mean).requires_grad_()
    entropy = functional.cross_entropy((features - mean) / std @ weight.T + bias, channels, reduction="none")
    penalty = weight.square().sum() + bias.square().sum()
    (weights @ entropy / weights.sum() + 0.5e-2 * penalty).backward()  # type: ignore[no-untyped-call]
    assert weight.grad is not None
    assert bias.grad is not None
    assert float(weight.grad.abs().max()) < 1e-3
    assert float(bias.grad.abs().max()) < 1e-3


def test_a_fit_repeats_exactly() -> None:
    features, channels, weights = blobs()
    first, second = (fitted(LinearFit(features, channels, weights, nothing()), nothing(), 3) for _ in range(2))
    assert torch.equal(first.weight, second.weight)
    assert torch.equal(first.bias, second.bias)


def test_a_class_without_pixels_is_never_the_best() -> None:
    features, channels, weights = blobs()
    fit = LinearFit(features, torch.where(channels == 1, 3, channels), weights, nothing(4))
    anywhere = torch.cat([features, 100 * torch.randn(500, 5)])
    best = fitted(fit, nothing(4)).of(anywhere).argmax(1)
    assert set(best.tolist()) == {0, 2, 3}


def test_a_class_without_pixels_stays_if_it_was_known() -> None:
    features, channels, weights = blobs()
    kept = channels != 1
    prior = fitted(LinearFit(features, channels, weights, nothing()), nothing())
    fit = LinearFit(features[kept], channels[kept], weights[kept], prior, l2=1.0)
    best = fitted(fit, prior, 4).of(features).argmax(1)
    assert (best[channels == 1] == 1).float().mean() > 0.5


def test_one_class_alone_is_fitted() -> None:
    features, channels, weights = blobs()
    fit = LinearFit(features, torch.zeros_like(channels), weights, nothing())
    assert (fitted(fit, nothing(), 1).of(features).argmax(1) == 0).all()


def test_the_sample_is_balanced_by_image_and_class(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("fcn_studio.fcn.training.score_fit.PIXELS", 600)
    images = scenes(tmp_path, [1, 2])
    network = network_of("slim", len(TABLE))
    source = PixelSource(DecodedImages(images, channel_lut(TABLE)), network, Preprocessing(), 0, lambda: None, 0)
    assert list(source.fill()) == [1, 2]
    (batch,) = source.batch(CPU)
    assert isinstance(batch.inputs, torch.Tensor)
    assert len(batch.inputs) == len(batch.target)
    most = 600 // (2 * min(len(TABLE), 8))
    lut = channel_lut(TABLE)
    expected = np.zeros(len(TABLE), int)
    for image in images:
        found = np.bincount(lut[image.label_map()].ravel(), minlength=256)[: len(TABLE)]
        expected += np.minimum(found, most)
    np.testing.assert_array_equal(np.bincount(batch.target.numpy(), minlength=len(TABLE)), expected)


def run(
    folder: Path, config: TrainConfig, base: Checkpoint, images: list[LabelledImage], table: ClassTable = TABLE
) -> tuple[list[TrainProgress], TrainOutcome]:
    return finish(train(config, images, [], table, base, CPU, folder / "net.safetensors"))


def test_quick_ends_by_itself_and_changes_the_scores_alone(tmp_path: Path, base: Checkpoint) -> None:
    images = scenes(tmp_path, [1, 2])
    _, outcome = run(tmp_path, TrainConfig(Level.QUICK), base, images)
    assert 1 <= outcome.steps < 12
    assert not outcome.stopped
    assert not outcome.is_starved
    made = load_checkpoint(tmp_path / "net.safetensors")
    scores = ("score_fr", "score_pool4", "score_pool3")
    kept = {key: value for key, value in made.state.items() if not key.startswith(scores)}
    assert all(torch.allclose(value, base.state[key], rtol=1e-2, atol=1e-3) for key, value in kept.items())
    assert made.state["score_fr.weight"].any()


def test_quick_depends_on_the_seed_by_its_sample_alone(
    tmp_path: Path, base: Checkpoint, monkeypatch: pytest.MonkeyPatch
) -> None:
    """With a sample of all pixels the seed changes the order of sums, and nothing else."""
    monkeypatch.setattr("fcn_studio.fcn.training.score_fit.PIXELS", 10**9)
    images = scenes(tmp_path, [1])
    scores = []
    for seed in (1, 2):
        run(tmp_path, TrainConfig(Level.QUICK, seed=seed, steps=3), base, images)
        scores.append(load_checkpoint(tmp_path / "net.safetensors").state["score_fr.weight"])
    torch.testing.assert_close(scores[0], scores[1], rtol=0.05, atol=0.02)


def test_the_general_trunk_is_fitted_at_stride_4(tmp_path: Path) -> None:
    images = scenes(tmp_path, [1])
    labels = [pack(i.image_id, i.image_path, np.where(i.label_map() == VOID, 0, i.label_map())) for i in images]
    general = load_checkpoint(Path(__file__).parents[3] / "resources/networks/general.safetensors")
    _, outcome = run(tmp_path, TrainConfig(Level.QUICK, steps=1), general, labels)
    made = load_checkpoint(tmp_path / "net.safetensors")
    assert made.architecture.stride == 4
    assert made.parent == general.sha256
    assert outcome.steps == 1


def test_features_that_are_no_numbers_end_the_fit() -> None:
    network = network_of("slim")
    fit = ScoreFit(network, np.ones(3), CPU)
    before = scores_of(network)
    width = before.weight.shape[1]
    inputs = torch.full((6, width), torch.nan)
    fit.step(lambda device: [Batch(inputs, torch.arange(6) % 3)], 0.0)
    assert fit.given_up
    assert fit.steps == 0
    assert torch.equal(scores_of(network).weight, before.weight)
    assert any("not a number" in note for note in fit.notes)
