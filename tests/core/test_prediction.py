from __future__ import annotations

import numpy as np

from fcn_studio.core.geometry import Rect
from fcn_studio.core.prediction import Prediction, likelihood


def plane(*values: int) -> np.ndarray:
    return np.array([values], np.uint8)


def test_the_second_guess_is_mapped_with_the_label_map() -> None:
    prediction = Prediction("a.png", plane(0, 1, 2, 3), plane(9, 9, 9, 0), "", plane(1, 2, 3, 255))
    assert prediction.mapped({0: 0, 1: 1, 2: 2, 3: 3}) is prediction
    mapped = prediction.mapped({0: 7, 1: 7, 2: 5})
    assert mapped.second_guess is not None
    assert mapped.label_map.tolist() == [[7, 7, 5, 255]]
    # Class 7 twice is no second guess; class 3 and the unknown are none of the project.
    assert mapped.second_guess.tolist() == [[255, 5, 255, 255]]


def test_a_second_guess_alone_is_mapped_too() -> None:
    prediction = Prediction("a.png", plane(0, 0), plane(9, 9), "", plane(1, 2))
    mapped = prediction.mapped({0: 0, 1: 4, 2: 5})
    assert mapped.second_guess is not None
    assert mapped.second_guess.tolist() == [[4, 5]]


def test_a_part_and_the_bytes_count_all_planes() -> None:
    without = Prediction("a.png", plane(0, 1, 2), plane(9, 8, 7), "")
    prediction = Prediction("a.png", plane(0, 1, 2), plane(9, 8, 7), "", plane(1, 2, 3))
    assert (without.nbytes, prediction.nbytes) == (6, 9)
    part = prediction.part(Rect(1, 0, 3, 1))
    assert part.second_guess is not None
    assert (part.label_map.tolist(), part.second_guess.tolist()) == ([[1, 2]], [[2, 3]])
    assert without.part(Rect(1, 0, 3, 1)).second_guess is None


def test_likelihood_is_that_of_first_and_second_guess() -> None:
    rng = np.random.default_rng(0)
    first, second, doubt = (rng.integers(0, top, (5, 7), np.uint8) for top in (3, 3, 256))
    likely = likelihood(Prediction("a", first, doubt, "0" * 64, second), 2, 7)
    expected = np.where(first == 2, 255 - doubt, 0)
    np.testing.assert_array_equal(likely, np.where(second == 2, np.minimum(doubt, 255 - doubt), expected))
