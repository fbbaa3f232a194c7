"""The Lovász loss against a naive one, and temperatures against what they are for."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import torch

from fcn_studio.core.classes import VOID
from fcn_studio.fcn.device import CPU
from fcn_studio.fcn.model.architecture import Architecture
from fcn_studio.fcn.model.build import build
from fcn_studio.fcn.training.calibrate import (
    bias_without_class_weights,
    calibrate,
    calibration_error,
    fitted_temperature,
)
from fcn_studio.fcn.training.losses import lovasz_softmax
from fcn_studio.fcn.weights.checkpoint import Checkpoint, Preprocessing, active_table

from .test_train import TABLE, scenes


def jaccard_loss(is_class: list[bool], wrong: set[int]) -> float:
    """One minus intersection over union of a class if exactly these pixels are wrong."""
    inside = {i for i, member in enumerate(is_class) if member}
    return len(wrong) / len(inside | wrong) if inside | wrong else 0.0


def naive(scores: torch.Tensor, target: torch.Tensor) -> float:
    """The Lovász extension as it is defined: errors in falling order, times what each adds to the loss of the set."""
    pixels = [(scores[n, :, y, x].softmax(0).tolist(), int(target[n, y, x])) for n, y, x in np.ndindex(target.shape)]
    pixels = [(p, truth) for p, truth in pixels if truth != VOID]
    losses = []
    for channel in sorted({truth for _, truth in pixels}):
        is_class = [truth == channel for _, truth in pixels]
        errors = [1 - p[channel] if member else p[channel] for (p, _), member in zip(pixels, is_class, strict=True)]
        wrong: set[int] = set()
        total = 0.0
        for i in sorted(range(len(errors)), key=lambda i: -errors[i]):
            before = jaccard_loss(is_class, wrong)
            wrong.add(i)
            total += errors[i] * (jaccard_loss(is_class, wrong) - before)
        losses.append(total)
    return sum(losses) / len(losses)


def test_the_lovasz_loss_is_what_it_is_defined_as() -> None:
    torch.manual_seed(0)
    for case in range(8):
        scores = 2 * torch.randn(2, 4, 3, 5)
        target = torch.randint(0, 3, (2, 3, 5))  # the last class never occurs
        target[torch.rand(target.shape) < 0.2] = VOID
        assert float(lovasz_softmax(scores, target)) == pytest.approx(naive(scores, target), abs=1e-5), case


def test_the_lovasz_loss_is_zero_for_a_sure_truth_and_where_nothing_is_labelled() -> None:
    target = torch.randint(0, 3, (1, 6, 7))
    sure = 60.0 * torch.nn.functional.one_hot(target, 3).permute(0, 3, 1, 2)
    assert float(lovasz_softmax(sure, target)) < 1e-6
    scores = torch.randn(1, 3, 6, 7, requires_grad=True)
    lovasz_softmax(scores, torch.full((1, 6, 7), VOID)).backward()
    assert scores.grad is not None
    assert not scores.grad.any()
    lovasz_softmax(scores, target).backward()
    assert bool(torch.isfinite(scores.grad).all())
    assert bool(scores.grad.any())


@pytest.mark.parametrize("temperature", [0.4, 1.0, 3.0])
def test_the_temperature_is_found(temperature: float) -> None:
    torch.manual_seed(1)
    honest = 2 * torch.randn(40_000, 5)
    truth = torch.multinomial(honest.softmax(1), 1)[:, 0]
    found = fitted_temperature(honest * temperature, truth)
    assert found == pytest.approx(temperature, rel=0.03)
    assert calibration_error(honest * temperature / found, truth) < 0.01
    if temperature != 1:
        assert calibration_error(honest * temperature, truth) > 0.05


def test_a_temperature_has_limits() -> None:
    scores = torch.eye(3).repeat(10, 1)
    assert fitted_temperature(scores, scores.argmax(1)) == pytest.approx(0.2)
    assert fitted_temperature(-scores, scores.argmax(1)) == pytest.approx(10)


def test_the_calibration_error_of_a_hand_counted_case() -> None:
    sure = torch.log(torch.tensor([[0.9, 0.1], [0.9, 0.1], [0.6, 0.4], [0.4, 0.6]]))
    truth = torch.tensor([0, 1, 0, 1])
    # Bin of 0.9: half is right; bin of 0.6: all is right.
    assert calibration_error(sure, truth) == pytest.approx((2 * 0.4 + 2 * 0.4) / 4, abs=1e-6)


def test_class_weights_are_taken_out_of_the_scores() -> None:
    network = build(Architecture.slim(0.0625), 3).eval()
    weights = np.array([0.5, 1.0, 3.0])
    images = torch.randn(1, 3, 64, 64)
    with torch.inference_mode():
        before = network(images)
        network.load_state_dict(bias_without_class_weights(network, weights), strict=False)
        change = (before - network(images))[0, :, 20:40, 20:40]
    for channel, weight in enumerate(weights):
        assert change[channel].mean() == pytest.approx(np.log(weight), abs=1e-4)
        assert change[channel].std() < 1e-4


def test_a_checkpoint_is_calibrated_on_held_out_pictures(tmp_path: Path) -> None:
    torch.manual_seed(0)
    architecture = Architecture.slim(0.0625)
    network = build(architecture, 3)
    checkpoint = Checkpoint(architecture, active_table(TABLE), Preprocessing(), network.state_dict())
    snapshot = scenes(tmp_path, [1, 2, 3])
    found = calibrate(checkpoint, snapshot, CPU)
    assert found is not None
    assert found.error_after <= found.error_before
    assert 0.2 <= found.temperature <= 10
    Path(snapshot[0].image_path).unlink()
    assert calibrate(checkpoint, snapshot, CPU) is not None
    assert calibrate(checkpoint, snapshot[:1], CPU) is None
