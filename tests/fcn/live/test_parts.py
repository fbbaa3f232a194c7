"""The parts of Live beside plain computations of the same."""

from __future__ import annotations

import numpy as np
import pytest
import torch
from torch.nn import functional

from fcn_studio.fcn.inference.argmax import DOUBTED
from fcn_studio.fcn.live.class_shares import with_shares
from fcn_studio.fcn.live.features import FeatureMap, Features
from fcn_studio.fcn.live.top_two import top_two


@pytest.mark.parametrize(("strides", "tolerance"), [((1, 1), 1e-5), ((4,), 1e-5), ((32, 16, 4, 2, 1), 0.6)])
def test_scores_of_the_image_are_those_of_its_pixels(strides: tuple[int, ...], tolerance: float) -> None:
    """From one stride to another corners are rounded off; noise has one in each cell."""
    rng = torch.Generator().manual_seed(0)
    maps = tuple(
        FeatureMap(stride, torch.randn(3, 64 // stride, 96 // stride, generator=rng).half()) for stride in strides
    )
    features = Features(maps, (3 * len(maps),), (50, 75), (50, 75))
    weight, bias = torch.randn(2, 3 * len(maps), generator=rng), torch.randn(2, generator=rng)
    of_pixels = features.at(np.arange(50 * 75)) @ weight.T + bias
    error = (features.scores(weight, bias).flatten(1).T - of_pixels).abs()
    assert error.max() < 10 * tolerance
    assert error.mean() < tolerance


@pytest.mark.parametrize("size", [(9, 13), (30, 41)])
def test_the_two_largest_are_those_of_a_plain_sort(size: tuple[int, int]) -> None:
    rng = torch.Generator().manual_seed(1)
    probabilities = (3 * torch.randn(4, 9, 13, generator=rng)).softmax(0)
    wide = functional.interpolate(probabilities[None], size, mode="bilinear", align_corners=False)[0].numpy()
    order = np.argsort(-wide, 0, kind="stable")
    labels, doubt, second = top_two(probabilities.numpy(), np.array([0, 3, 7, 200], np.uint8), size)
    indices = np.array([0, 3, 7, 200], np.uint8)
    assert (labels == indices[order[0]]).all()
    assert np.abs(doubt - 255 * (1 - wide.max(0))).max() < 0.6
    doubted = doubt >= DOUBTED
    assert doubted.any()
    assert (second == np.where(doubted, indices[order[1]], 255)).all()


def test_shares_are_found_and_the_rare_class_gives_way() -> None:
    rng = torch.Generator().manual_seed(2)
    truth = (torch.rand(200, 200, generator=rng) < 0.05).long()
    seen = torch.randn(200, 200, generator=rng) + 2.0 * truth
    probabilities = torch.stack([1 - torch.sigmoid(2 * seen - 2), torch.sigmoid(2 * seen - 2)])  # as if half and half
    corrected = with_shares(probabilities)
    assert torch.allclose(corrected.sum(0), torch.ones(200, 200))
    assert corrected[1].mean() == pytest.approx(0.05, abs=0.02)
    assert (corrected.argmax(0) == truth).float().mean() > (probabilities.argmax(0) == truth).float().mean() + 0.08
