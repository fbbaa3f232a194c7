"""Boundary scores against pixels counted one by one."""

from __future__ import annotations

import math

import numpy as np
import pytest

from fcn_studio.core.boundary import BoundaryMatches


def slow_edges(label_map: np.ndarray, index: int) -> set[tuple[int, int]]:
    height, width = label_map.shape
    found = set()
    for y, x in np.ndindex(height, width):
        near = [(y + 1, x), (y - 1, x), (y, x + 1), (y, x - 1)]
        others = [int(label_map[v, u]) for v, u in near if 0 <= v < height and 0 <= u < width]
        if label_map[y, x] == index and any(other not in (index, 255) for other in others):
            found.add((y, x))
    return found


def slow_score(pairs: list[tuple[np.ndarray, np.ndarray]], index: int, distance: float) -> float | None:
    def met(some: set[tuple[int, int]], others: set[tuple[int, int]]) -> int:
        return sum(any(math.dist(a, b) <= distance for b in others) for a in some)

    true = true_met = guessed = guessed_met = 0
    for truth, guess in pairs:
        masked = np.where(truth == 255, 255, guess)
        a, b = slow_edges(truth, index), slow_edges(masked, index)
        true, true_met = true + len(a), true_met + met(a, b)
        guessed, guessed_met = guessed + len(b), guessed_met + met(b, a)
    if not true:
        return None
    recall, precision = true_met / true, guessed_met / guessed if guessed else 0
    return 2 * precision * recall / (precision + recall) if precision + recall else 0


@pytest.mark.parametrize("seed", range(8))
def test_scores_are_those_counted_one_by_one(seed: int) -> None:
    rng = np.random.default_rng(seed)
    matches, pairs = BoundaryMatches(), []
    for _ in range(2):
        small = rng.choice([0, 1, 2, 255], (3, 4), p=[0.4, 0.3, 0.15, 0.15])
        truth = small.repeat(5, 0).repeat(6, 1).astype(np.uint8)
        guess = np.roll(truth, rng.integers(-3, 4, 2), (0, 1))
        guess[rng.random(guess.shape) < 0.02] = 1
        matches.add(truth, guess)
        pairs.append((truth, guess))
    scores = matches.scores(range(4))
    for index in range(4):
        expected = slow_score(pairs, index, 2)
        assert scores.get(index) == (None if expected is None else pytest.approx(expected))


def test_two_pixels_away_is_met_and_three_is_not() -> None:
    truth = np.zeros((20, 30), np.uint8)
    truth[:, 15:] = 1
    for shift, expected in ((0, 1.0), (2, 1.0), (5, 0.0)):
        matches = BoundaryMatches()
        guess = np.broadcast_to(np.arange(30) >= 15 + shift, truth.shape).astype(np.uint8)
        matches.add(truth, guess)
        assert matches.scores([0, 1]) == {0: expected, 1: expected}
    with pytest.raises(ValueError, match="prediction"):
        BoundaryMatches().add(truth, truth[1:])
