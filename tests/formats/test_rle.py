"""Run lengths of COCO, against examples of pycocotools and a plain reference."""

from __future__ import annotations

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from fcn_studio.formats.rle import as_text, decoded, encoded, encoded_part, from_text


@given(arrays(np.bool_, st.tuples(st.integers(1, 9), st.integers(1, 9))))
def test_masks_come_back(mask: np.ndarray) -> None:
    column_major = [bool(v) for column in mask.T for v in column]
    runs = [(value, len(list(run))) for value, run in itertools.groupby(column_major)]
    expected = [0] * bool(column_major[0]) + [length for _, length in runs]
    assert encoded(mask) == expected
    around = np.pad(mask, ((2, 1), (1, 0)))
    assert encoded_part(mask, (1, 2), around.shape[::-1]) == encoded(around)
    assert encoded_part(mask, (0, 0), mask.shape[::-1]) == expected
    assert from_text(as_text(expected)) == expected
    assert np.array_equal(decoded(expected, mask.shape[::-1]), mask)


def test_the_text_is_that_of_pycocotools() -> None:
    # Source: pycocotools 2.0, mask.encode.
    small, large = np.zeros((4, 5), np.uint8), np.zeros((60, 70), np.uint8)
    small[1:3, 2:4] = 1
    large[5:50, 9:60] = 1
    large[20:30, 20:30] = 0
    large[0:3, 0] = 1
    assert as_text(encoded(small)) == "92203"
    text = f"03n`0Z1a_O{'0' * 20}ROK5{'5KK5' * 9}5i{'0' * 59}cb0"
    assert as_text(encoded(large)) == text
    assert np.array_equal(decoded(from_text(text), (70, 60)), large.astype(bool))


@pytest.mark.parametrize(
    ("counts", "size"), [([3], (2, 2)), ([5, -1], (2, 2)), ([2.0, 2], (2, 2)), ([True, 3], (2, 2)), (["4"], (2, 2))]
)
def test_counts_that_are_none_are_refused(counts: list[int], size: tuple[int, int]) -> None:
    with pytest.raises(ValueError, match="run"):
        decoded(counts, size)


@pytest.mark.parametrize("text", ["\x00", "P", "~", "o" * 9, "é"])
def test_texts_that_are_none_are_refused(text: str) -> None:
    with pytest.raises(ValueError, match="compressed"):
        from_text(text)
