"""The figures against torchmetrics' dataset-level Jaccard, with absent classes and void."""

from __future__ import annotations

import numpy as np
import pytest

from fcn_studio.core.metrics import ConfusionMatrix


def test_figures_of_a_hand_counted_case() -> None:
    matrix = ConfusionMatrix()
    truth = np.array([[0, 0, 1, 255]], np.uint8)
    guess = np.array([[0, 1, 1, 0]], np.uint8)
    matrix.add(truth, guess)
    figures = matrix.figures(range(3))
    assert figures.pixel_accuracy == pytest.approx(2 / 3)
    assert figures.mean_accuracy == pytest.approx((0.5 + 1) / 2)
    assert figures.iou == {0: pytest.approx(0.5), 1: pytest.approx(0.5)}
    assert figures.frequency_weighted_iou == pytest.approx(0.5)
    assert figures.absent == (2,)
    assert figures.images == 1


def test_predicting_void_on_a_true_class_is_an_error() -> None:
    matrix = ConfusionMatrix()
    matrix.add(np.array([[1, 1]], np.uint8), np.array([[1, 255]], np.uint8))
    assert matrix.figures(range(2)).iou == {1: pytest.approx(0.5)}


def test_nothing_scored_gives_zero_not_nan() -> None:
    matrix = ConfusionMatrix()
    matrix.add(np.full((2, 2), 255, np.uint8), np.zeros((2, 2), np.uint8))
    assert matrix.figures(range(3)).mean_iou == 0.0


def test_figures_equal_torchmetrics_on_random_cases() -> None:
    torch = pytest.importorskip("torch")
    from torchmetrics.classification import MulticlassConfusionMatrix

    rng = np.random.default_rng(0)
    for _ in range(50):
        classes = int(rng.integers(2, 8))
        matrix = ConfusionMatrix()
        oracle = MulticlassConfusionMatrix(classes, ignore_index=255)
        for _ in range(3):
            truth = rng.choice([*range(classes - 1), 255], size=(9, 11)).astype(np.uint8)
            guess = rng.integers(0, classes, size=(9, 11)).astype(np.uint8)
            matrix.add(truth, guess)
            oracle.update(torch.from_numpy(guess.astype(np.int64)), torch.from_numpy(truth.astype(np.int64)))
        counts = oracle.compute().double().numpy()
        true = counts.sum(1)
        with np.errstate(invalid="ignore", divide="ignore"):
            iou = np.diag(counts) / (true + counts.sum(0) - np.diag(counts))
        expected = iou[true > 0].mean()
        assert abs(matrix.figures(range(classes)).mean_iou - expected) < 1e-12
