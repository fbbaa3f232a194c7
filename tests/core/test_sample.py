"""Assignment of images to training, validation and folds."""

from __future__ import annotations

import numpy as np
import pytest

from fcn_studio.core.sample import Split, assign, folds_of


def images(count: int, seed: int = 0) -> dict[str, frozenset[int]]:
    """Images with classes of very different rarity."""
    rng = np.random.default_rng(seed)
    chances = {0: 1.0, 1: 0.6, 2: 0.25, 3: 0.1}
    return {f"{i}.png": frozenset(c for c, chance in chances.items() if rng.random() < chance) for i in range(count)}


def val_of(splits: dict[str, Split]) -> set[str]:
    return {image_id for image_id, split in splits.items() if split is Split.VAL}


@pytest.mark.parametrize("seed", range(5))
def test_one_in_five_is_for_validation_and_none_ever_moves(seed: int) -> None:
    everything = images(41, seed)
    rng = np.random.default_rng(seed)
    assigned: dict[str, Split] = {}
    there: list[str] = []
    while len(there) < len(everything):
        there += list(everything)[len(there) : len(there) + int(rng.integers(1, 7))]
        added = assign({i: everything[i] for i in there}, assigned, 20)
        assert not added.keys() & assigned.keys()
        assigned |= added
        assert assigned.keys() == set(there)
        assert len(val_of(assigned)) == len(there) // 5


def test_each_class_that_can_be_in_both_splits_is() -> None:
    for seed in range(20):
        everything = images(30, seed)
        val = val_of(assign(everything, {}, 20))
        for index in range(4):
            holding = {i for i, classes in everything.items() if index in classes}
            assert not holding or holding - val, "a class has no training image left"
            assert len(holding) < 2 or holding & val, "a class with several images is not validated on"


def test_the_assignment_depends_on_no_order_and_on_no_image_that_is_gone() -> None:
    everything = images(23)
    backwards = dict(reversed(everything.items()))
    assert assign(everything, {}, 20) == assign(backwards, {}, 20)
    assert assign(everything, {f"gone {i}.png": Split.VAL for i in range(9)}, 20) == assign(everything, {}, 20)
    assert not val_of(assign(everything, {}, 0))
    assert val_of(assign(everything, {}, 100)) == set(everything)


@pytest.mark.parametrize(("count", "sizes"), [(5, [1, 1, 1, 2]), (2, [1, 1]), (0, []), (11, [2, 3, 3, 3])])
def test_folds_are_equal_hold_each_image_once_and_deal_out_rare_classes(count: int, sizes: list[int]) -> None:
    folds = folds_of(images(count), 4)
    assert sorted(map(len, folds)) == sizes
    assert sorted(i for fold in folds for i in fold) == sorted(images(count))
    rare = {f"rare {i}.png": frozenset({0, 9}) for i in range(4)}
    dealt = folds_of({**{f"{i}.png": frozenset({0}) for i in range(8)}, **rare}, 4)
    assert [len(rare.keys() & set(fold)) for fold in dealt] == [1, 1, 1, 1]
