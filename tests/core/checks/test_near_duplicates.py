"""Near-duplicates among pictures."""

from __future__ import annotations

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.checks.near_duplicates import groups_of, near_duplicates, signature_of


def _picture(seed: int) -> NDArray[np.uint8]:
    blocks = np.random.default_rng(seed).integers(0, 220, (6, 9, 3), np.uint8)
    return np.asarray(cv2.resize(blocks, (180, 120), interpolation=cv2.INTER_CUBIC), np.uint8)


def test_a_picture_is_found_again_compressed_scaled_or_brighter_and_no_other_is() -> None:
    first = _picture(0)
    data = cv2.imencode(".jpg", first, [cv2.IMWRITE_JPEG_QUALITY, 40])[1]
    again = [
        np.asarray(cv2.imdecode(data, cv2.IMREAD_COLOR), np.uint8),
        np.asarray(cv2.resize(first, (70, 50), interpolation=cv2.INTER_AREA), np.uint8),
        np.clip(first.astype(int) + 25, 0, 255).astype(np.uint8),
    ]
    others = [_picture(seed) for seed in range(1, 40)]
    pairs = list(near_duplicates([signature_of(picture) for picture in (*others, first, *again)]))
    same = range(len(others), len(others) + 4)
    assert sorted(pairs) == [(i, j) for i in same for j in same if i < j]
    assert groups_of(pairs, len(others) + 4)[-4:] == [len(others)] * 4


def test_plain_pictures_are_the_same_only_if_they_are_equal() -> None:
    plain = [signature_of(np.full((20, 30, 3), grey, np.uint8)) for grey in (7, 7, 9)]
    assert list(near_duplicates(plain)) == [(0, 1)]


def test_groups_join_pairs_that_share_an_image() -> None:
    assert groups_of([(3, 4), (0, 3), (1, 2)], 6) == [0, 1, 1, 0, 0, 5]
