"""The figures against torchmetrics' dataset-level Jaccard, with absent classes and void."""

from __future__ import annotations

import json
from dataclasses import asdict, replace

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.metrics import ConfusionMatrix, Figures, Uncertainty, uncertainty


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


def test_what_is_predicted_on_a_class_that_is_not_scored_is_no_error() -> None:
    """As on void: the truth may hold a retired class, of which training sees nothing."""
    truth = np.array([[0, 0, 1, 1, 2, 2, 2]], np.uint8)
    guess = np.array([[0, 1, 1, 1, 0, 0, 1]], np.uint8)
    retired, void = ConfusionMatrix(), ConfusionMatrix()
    retired.add(truth, guess)
    void.add(np.where(truth == 2, 255, truth).astype(np.uint8), guess)
    assert retired.figures([0, 1]) == void.figures([0, 1])
    assert retired.figures([0, 1]).iou == {0: pytest.approx(1 / 2), 1: pytest.approx(2 / 3)}


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
        expected = iou[np.isfinite(iou)].mean()  # a class that is only predicted counts as 0
        assert abs(matrix.figures(range(classes)).mean_iou - expected) < 1e-12


def test_figures_come_back_from_json() -> None:
    matrix = ConfusionMatrix()
    rng = np.random.default_rng(1)
    matrix.add(rng.choice([0, 1, 3, 255], (9, 9)).astype(np.uint8), rng.choice([0, 1, 255], (9, 9)).astype(np.uint8))
    figures = replace(matrix.figures(range(4)), boundary={0: 0.25, 3: 0.5})
    assert Figures.from_json(json.loads(json.dumps(asdict(figures)))) == figures
    assert figures.mean_boundary == 0.375


def test_the_confusion_matrix_adds_up_and_names_the_worst() -> None:
    matrix = ConfusionMatrix()
    truth = np.array([[0, 0, 0, 1, 1, 2, 255]], np.uint8)
    matrix.add(truth, np.array([[0, 1, 1, 1, 255, 2, 0]], np.uint8))
    figures = matrix.figures(range(4))
    assert figures.confusion == {0: {0: 1, 1: 2}, 1: {1: 1, 255: 1}, 2: {2: 1}}
    assert figures.worst_confusions(1) == [(0, 1, 2)]
    details = figures.details_as_json(ClassTable.from_names(["a", "b", "c", "d"]))
    assert details == {"confusion": {"a": {"a": 1, "b": 2}, "b": {"b": 1, "none": 1}, "c": {"c": 1}}}


@given(
    arrays(np.uint8, (2, 6, 7), elements=st.sampled_from([0, 1, 2, 255])),
    arrays(np.uint8, (2, 6, 7), elements=st.integers(0, 3)),
)
@settings(max_examples=40, deadline=None)
def test_mean_iou_is_torchmetrics_jaccard_over_the_set(truths: np.ndarray, guesses: np.ndarray) -> None:
    torch = pytest.importorskip("torch")
    from torchmetrics.classification import MulticlassJaccardIndex

    matrix = ConfusionMatrix()
    oracle = MulticlassJaccardIndex(4, average=None, ignore_index=255)
    for truth, guess in zip(truths, guesses, strict=True):
        matrix.add(truth, guess)
        oracle.update(torch.from_numpy(guess.astype(np.int64)), torch.from_numpy(truth.astype(np.int64)))
    figures = matrix.figures(range(4))
    if not figures.iou:
        assert (truths == 255).all()
        return
    jaccard = oracle.compute().tolist()
    assert figures.iou == {index: pytest.approx(jaccard[index], abs=1e-6) for index in figures.iou}
    assert figures.mean_iou == pytest.approx(np.mean([jaccard[index] for index in figures.iou]), abs=1e-6)
    macro = MulticlassJaccardIndex(4, average="macro", ignore_index=255)
    macro.update(torch.from_numpy(guesses.astype(np.int64)), torch.from_numpy(truths.astype(np.int64)))
    assert figures.mean_iou == pytest.approx(float(macro.compute()), abs=1e-6)


def test_a_class_that_is_only_predicted_counts_as_zero() -> None:
    """As in the authors' score.py, the development kit of PASCAL VOC and torchmetrics."""
    matrix = ConfusionMatrix()
    matrix.add(np.array([[0] * 99 + [0]], np.uint8), np.array([[0] * 99 + [1]], np.uint8))
    figures = matrix.figures(range(3))
    assert figures.mean_iou == pytest.approx((0.99 + 0) / 2)
    assert figures.iou == {0: pytest.approx(0.99), 1: 0}
    assert figures.pixels == {0: 100, 1: 0}
    assert figures.absent == (2,)
    assert figures.mean_accuracy == figures.pixel_accuracy == figures.frequency_weighted_iou == pytest.approx(0.99)


def test_the_uncertainty_of_a_difference_is_that_of_its_mean_over_images() -> None:
    """Images of equal size with one class: IoU of the set is the mean over images, and so is the difference."""
    rng = np.random.default_rng(0)
    truth = np.zeros((10, 10), np.uint8)
    first, second, differences = [], [], []
    for _ in range(6):
        wrong = [int(n) for n in rng.integers(0, 60, 2)]
        pair = []
        for count in wrong:
            prediction = truth.copy()
            prediction.flat[:count] = 255
            pair.append(ConfusionMatrix())
            pair[-1].add(truth, prediction)
        first.append(pair[0])
        second.append(pair[1])
        differences.append((wrong[0] - wrong[1]) / 100)
    found = uncertainty(first, second, [0])
    assert found is not None
    expected = np.std(differences, ddof=1) / np.sqrt(len(differences))
    assert found.mean_iou == pytest.approx(expected)
    assert found.iou == {0: pytest.approx(expected)}
    assert uncertainty(first, first, [0]) == Uncertainty(0.0, {0: 0.0})
    assert uncertainty(first[:1], second[:1], [0]) is None
    assert ConfusionMatrix.total(first).images == 6
