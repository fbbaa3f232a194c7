"""The parts of Live beside plain computations of the same."""

from __future__ import annotations

from types import SimpleNamespace
from typing import cast

import numpy as np
import pytest
import torch
from torch.nn import functional

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.snapshot import pack
from fcn_studio.fcn.inference.argmax import DOUBTED
from fcn_studio.fcn.live import learner
from fcn_studio.fcn.live.class_shares import with_shares
from fcn_studio.fcn.live.feature_store import FeatureStore
from fcn_studio.fcn.live.features import FeatureMap, Features
from fcn_studio.fcn.live.learner import LiveLearner, drawn, predict
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
    torch.testing.assert_close(with_shares(probabilities, power=0), probabilities)
    half = with_shares(probabilities, power=0.5)
    assert corrected[1].mean() + 0.02 < half[1].mean() < probabilities[1].mean() - 0.02


def test_a_class_that_the_base_does_not_know_leaves_it_the_others(monkeypatch: pytest.MonkeyPatch) -> None:
    """Three features: what the picture is, and the base's scores of sky (upper half) and road (lower half)."""
    known, table = ClassTable.from_names(["sky", "road"]), ClassTable.from_names(["sky", "road", "lamp"])
    picture, upper = torch.zeros(24, 24), torch.zeros(24, 24)
    picture[3:9, 3:9], upper[:12] = 3, 1
    values = torch.stack([picture, 6 * upper, 6 * (1 - upper)]) + 0.05 * torch.randn(3, 24, 24)
    features = Features((FeatureMap(1, values.half()),), (1, 0, 2), (24, 24), (24, 24))
    store = SimpleNamespace(extractor=SimpleNamespace(checkpoint=SimpleNamespace(table=known)))
    painted = np.full((24, 24), 255, np.uint8)
    painted[4:8, 4:8] = 2
    sample = drawn(pack("a", "a.png", painted), features, table)
    monkeypatch.setattr(learner, "_TRUST", 0.05)  # three features have less to tell classes apart than five hundred
    scores = LiveLearner(cast(FeatureStore, store)).fit(features, [sample], table, {})
    found = predict("a", features, scores).label_map
    assert (found[3:9, 3:9] == 2).all()
    assert (found[13:] == 1).all()
    monkeypatch.setattr(learner, "_known_to_base", lambda *_: [])
    scores = LiveLearner(cast(FeatureStore, store)).fit(features, [sample], table, {})
    assert (predict("a", features, scores).label_map == 2).all(), "the control"
