"""The drawn pictures: reproducible, all classes present, truth where the drawing is."""

from __future__ import annotations

import numpy as np

from fcn_studio.jobs.micrographs import CELL, CLASSES, DEBRIS, DIVIDING, FIELD, micrographs


def test_the_same_seed_draws_the_same_bytes() -> None:
    first, again = list(micrographs(2, seed=5)), list(micrographs(2, seed=5))
    assert all(np.array_equal(a.image_rgb, b.image_rgb) for a, b in zip(first, again, strict=True))
    assert not np.array_equal(first[0].image_rgb, first[1].image_rgb)


def test_every_class_occurs_and_looks_different_from_the_field() -> None:
    pictures = list(micrographs(6, seed=1))
    truth = np.concatenate([p.truth.ravel() for p in pictures])
    grey = np.concatenate([p.image_rgb.mean(2).ravel() for p in pictures])
    assert set(np.unique(truth)) == {c.index for c in CLASSES}
    field = np.median(grey[truth == FIELD])
    assert np.median(grey[truth == DEBRIS]) < field - 20
    assert np.median(grey[truth == CELL]) < field - 10
    assert np.median(grey[truth == DIVIDING]) > field + 10
