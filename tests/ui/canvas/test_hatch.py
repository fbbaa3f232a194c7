"""Hatching: patterns that differ, that scroll with the image, and that need no colour."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.labels import Provenance
from fcn_studio.ui.canvas.colours import class_pixels
from fcn_studio.ui.canvas.composers import LabelComposer
from fcn_studio.ui.canvas.hatch import PATTERNS, Hatch, drawn_lines, pattern_of
from fcn_studio.ui.canvas.layers import LabelStyle
from fcn_studio.ui.canvas.sampling import Sampling
from fcn_studio.ui.canvas.view_cache import LayerCache
from fcn_studio.ui.canvas.view_state import ViewState

GREY = ClassTable.from_names(["a", "b", "c", "d"])
BETWEEN = np.full(256, 0x20202020, np.uint32)
LINES = np.full(256, 0xC0C0C0C0, np.uint32)


def test_neighbours_in_the_table_differ_in_direction_and_distance() -> None:
    for one, other in pairwise(range(60)):
        direction, dense = divmod(pattern_of(one), 2)
        other_direction, other_dense = divmod(pattern_of(other), 2)
        assert direction != other_direction
        assert dense != other_dense or one % 6 == 5
    assert {pattern_of(index) for index in range(PATTERNS)} == set(range(PATTERNS))


@pytest.mark.parametrize("unit", [1, 2])
def test_all_patterns_look_different_and_leave_most_of_the_image_free(unit: int) -> None:
    drawn = [drawn_lines(pattern, unit) for pattern in range(PATTERNS)]
    for number, lines in enumerate(drawn):
        assert 0.1 < lines.mean() < 0.4
        assert all((lines != other).mean() > 0.1 for other in drawn[:number])


def test_a_pattern_repeats_without_a_seam() -> None:
    """A whole picture of hatching is the same wherever the counting begins."""
    indices = np.arange(200, dtype=np.uint8)[None].repeat(150, 0) // 40
    hatch = Hatch(LINES, 1)
    whole = hatch.on(indices, -31, -17)
    part = hatch.on(np.ascontiguousarray(indices[20:90, 33:170]), -31 + 33, -17 + 20)
    assert np.array_equal(whole[20:90, 33:170], part)


def test_regions_are_hatched_within_a_line_along_their_border() -> None:
    labels = np.full((60, 80), VOID, np.uint8)
    labels[10:50, 10:40] = 1
    labels[10:50, 40:70] = 2
    provenance = np.where(labels == VOID, Provenance.NOBODY, Provenance.HUMAN).astype(np.uint8)
    view = ViewState(80, 60, 80, 60)
    got = LayerCache(LabelComposer(labels, provenance, BETWEEN, hatch=Hatch(LINES))).pixels(Sampling(view))
    assert set(np.unique(got).tolist()) == {0, 0x20202020, 0xC0C0C0C0}
    assert (got[10:50, 10] == LINES[1]).all()
    assert (got[10:50, 39:41] == LINES[1]).all()
    assert not got[:10].any()
    one, two = got[12:48, 12:36], got[12:48, 42:66]
    assert not np.array_equal(one, two)


def test_painted_void_is_hatched_and_unlabelled_is_not() -> None:
    labels = np.full((40, 40), VOID, np.uint8)
    provenance = np.zeros_like(labels)
    provenance[:, :20] = Provenance.HUMAN
    pixels = class_pixels(GREY, (), 0.2)
    composer = LabelComposer(labels, provenance, pixels, hatch=Hatch(class_pixels(GREY, (), 0.8)))
    got = LayerCache(composer).pixels(Sampling(ViewState(40, 40, 40, 40)))
    assert len(np.unique(got[:, :20])) == 2
    assert not got[:, 20:].any()


def test_styles_go_round() -> None:
    assert [LabelStyle.FILL.next, LabelStyle.OUTLINE.next, LabelStyle.HATCH.next] == [
        LabelStyle.OUTLINE, LabelStyle.HATCH, LabelStyle.FILL,
    ]  # fmt: skip


@pytest.mark.parametrize("shape", [(1, 1), (1, 4), (4, 1), (2, 2), (1, 300)])
def test_few_pixels_are_hatched_as_among_many(shape: tuple[int, int]) -> None:
    hatch = Hatch(class_pixels(ClassTable((), 0), frozenset(), 1.0))
    many = hatch.on(np.full((300, 300), 2, np.uint8), 5, 7)
    few = hatch.on(np.full(shape, 2, np.uint8), 5, 7)
    assert np.array_equal(few, many[: shape[0], : shape[1]])
    assert set(np.unique(many)) == {0, 255}
