"""Documents, regions and rules for the tests of what changes them."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
from hypothesis import strategies as st

from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect
from fcn_studio.core.history import History
from fcn_studio.core.labels import Labels
from fcn_studio.core.region import Region, StencilRegion
from fcn_studio.core.rules import PaintRules, Predicted
from fcn_studio.core.sample import Status

CLASSES = (0, 1, 2, 255)

seeds = st.integers(0, 2**32 - 1)
_some = st.frozensets(st.sampled_from(CLASSES), max_size=3)
rules = st.one_of(
    st.builds(PaintRules, _some, _some),
    st.builds(PaintRules, _some, _some, st.just(True)),
    st.builds(PaintRules, _some, _some, st.just(False), st.sampled_from(CLASSES)),
    st.builds(PaintRules, _some, _some, only_predicted=st.sampled_from(CLASSES).map(Predicted)),
    st.builds(PaintRules, _some, only_over=st.sampled_from([None, 1])),
)
"""Without what belongs to an image; `on_image` adds it."""


def on_image(rules: PaintRules, seed: int, height: int, width: int) -> PaintRules:
    """The rules with a prediction of an image, and every other time with a selection in it."""
    predicted = rules.only_predicted
    if predicted is not None and seed % 4:
        predicted = replace(predicted, label_map=random_labels(seed + 1, height, width).label_map)
    selection = random_region(seed + 2, height, width) if seed % 2 else None
    return replace(rules, only_predicted=predicted, selection=selection)


def random_labels(seed: int, height: int, width: int) -> Labels:
    """Blocks of every meaning that a pixel can have: unlabelled, and each class and void by each author."""
    rng = np.random.default_rng(seed)
    coarse = -(-height // 7), -(-width // 7)
    label_map = rng.choice(np.array(CLASSES, np.uint8), coarse).repeat(7, 0).repeat(7, 1)[:height, :width].copy()
    provenance = rng.integers(0, 4, (height, width), np.uint8)
    label_map[provenance == 0] = 255
    return Labels(label_map, provenance)


def random_region(seed: int, height: int, width: int) -> Region:
    """A rectangle somewhere inside, speckled or filled."""
    rng = np.random.default_rng(seed)
    x0, y0 = int(rng.integers(width)), int(rng.integers(height))
    rect = Rect(x0, y0, int(rng.integers(x0, width)) + 1, int(rng.integers(y0, height)) + 1)
    speckles = rng.integers(0, 2, (rect.height, rect.width), np.uint8) * 255
    return StencilRegion(rect, speckles if rng.random() < 0.5 else np.ones_like(speckles))


def document_of(labels: Labels, status: Status = Status.NEW, history: History | None = None) -> Document:
    return Document("a.png", labels, status, history=history)


def inside(region: Region, shape: tuple[int, int]) -> np.ndarray:
    whole = np.zeros(shape, np.bool_)
    whole[region.rect.slices] = region.stencil != 0
    return whole
