"""What the annotator may do about a mistake: for each tool, the acts, their times, and what they would gain."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID
from fcn_studio.core.document import ACCEPT_CLASS, ACCEPT_IMAGE, Document, auto_segment
from fcn_studio.core.geometry import Rect, around
from fcn_studio.core.labels import LabelMap, Mask, Provenance
from fcn_studio.core.prediction import Prediction, predicted_region
from fcn_studio.core.raster import Point, capsule, polygon
from fcn_studio.core.region import Region
from fcn_studio.tools.fill import equal_region
from tests.bench.annotator.hand import Hand
from tests.bench.annotator.shapes import (
    SLACK,
    clicked,
    distance_to,
    drawn,
    largest_component,
    longest_path,
    middle,
    outline,
    simplified,
)
from tests.bench.annotator.times import KEY, click_time, polygon_time, stroke_time

RADII = (2, 4, 8, 16, 32)
"""Radii of the brush in pixels; its diameter is one more than twice that."""

SPILL = 1.0
"""So many pixels a stroke may leave what it should paint."""

FRINGE = 2
"""Pixels beside what was painted in which what is left wrong is a debt."""

_NEIGHBOURS = np.ones((2 * FRINGE + 1, 2 * FRINGE + 1), np.uint8)

NARROW, WIDE = 16, 8
"""A brush is tried if its radius is at least the depth of the mistake by the first, and at most times the second."""


@dataclass(frozen=True)
class Act:
    """One act, which is one step of the history.

    Attributes:
        tool: name of its tool, as in `fcn_studio.tools.TOOLS`, or of its command.
        index: the class it paints; 255 where it paints none.
        size: of the brush; 0 for other tools.
        seconds: of the gesture, without thought and without switching class, tool and size.
        gain: pixels that it makes right, less those that it makes wrong.
        debt: pixels that it makes wrong, or leaves wrong along its border: they are to be corrected later.
        perform: makes the gesture.
    """

    tool: str
    index: int
    size: int
    seconds: float
    gain: int
    debt: int
    perform: Callable[[Hand], None]


@dataclass(frozen=True)
class Mistake:
    """A connected area whose labels should be of one class.

    Attributes:
        document: the image.
        wanted: uint8 (H, W), what the annotator sees; 255 does not count.
        index: the class that it should have.
        pixels: bool, the area within its rectangle.
        rect: around it.
        tolerance: of the stop rule, in pixels.
        tremor: of the hand, see `tests.bench.annotator.hand.Hand`.
    """

    document: Document
    wanted: LabelMap
    index: int
    pixels: Mask
    rect: Rect
    tolerance: int
    tremor: float = 0.0

    def around(self, margin: int) -> Rect:
        """Return the rectangle around it with a margin, inside the image."""
        return self.rect.grown(margin).intersect(Rect(0, 0, self.document.width, self.document.height))

    def within(self, rect: Rect) -> Mask:
        """Return its pixels in a rectangle around it."""
        pixels = np.zeros((rect.height, rect.width), bool)
        pixels[self.rect.moved(-rect.x0, -rect.y0).slices] = self.pixels
        return pixels

    def paintable(self, rect: Rect) -> Mask:
        """Return where painting the class does no harm: pixels that should have it, void, and pixels wrong anyway."""
        wanted, labels = self.wanted[rect.slices], self.document.label_map[rect.slices]
        return (wanted == self.index) | (wanted == VOID) | (labels != wanted)


def worth(document: Document, wanted: LabelMap, regions: list[Region], index: int) -> tuple[int, int]:
    """Return what it is worth to give regions a class: (gain, debt), as in `Act`."""
    frame = Rect(0, 0, document.width, document.height)
    rect = around(region.rect for region in regions).grown(FRINGE).intersect(frame)
    inside = np.zeros((rect.height, rect.width), np.uint8)
    for region in regions:
        inside[region.rect.moved(-rect.x0, -rect.y0).slices] |= region.stencil
    painted = inside != 0
    beside = cv2.dilate(painted.view(np.uint8), _NEIGHBOURS).view(bool) & ~painted
    aim, labels = wanted[rect.slices], document.label_map[rect.slices]
    wrong = (aim == index) & (labels != aim)
    spoilt = int(np.count_nonzero((labels == aim) & (aim != index) & (aim != VOID) & painted))
    return int(np.count_nonzero(wrong & painted)) - spoilt, spoilt + int(np.count_nonzero(wrong & beside))


def strokes(mistake: Mistake) -> Iterator[Act]:
    """Yield a stroke of the brush for each radius that fits: along the middle, within what may be painted."""
    for points, size in lines(mistake):
        yield _stroke(mistake.document, mistake.wanted, mistake.index, points, size, mistake.tremor)


def lines(mistake: Mistake) -> Iterator[tuple[list[Point], int]]:
    """Yield corners and width of a line along the middle of a mistake, for each radius that fits."""
    depth = middle(mistake.pixels)[2]
    radii = [radius for radius in RADII if depth / NARROW <= radius <= WIDE * max(depth, RADII[0])]
    rect = mistake.around(2 * radii[-1] + 2)
    from_border = distance_to(~mistake.paintable(rect))
    from_mistake = distance_to(mistake.within(rect))
    for radius in radii:
        centres = (from_border > radius + 0.5 - SPILL) & (from_mistake <= radius / 2)
        step = max(1, radius // 4)  # a coarser grid for wide brushes
        coarse = centres[::step, ::step]
        if not coarse.any():
            continue
        path = simplified(longest_path(largest_component(np.ascontiguousarray(coarse))), max(1.0, 2 / step))
        yield [(step * x + rect.x0 + 0.5, step * y + rect.y0 + 0.5) for x, y in path], 2 * radius + 1


def dab(document: Document, wanted: LabelMap, index: int, point: Point, radius: int) -> Act:
    """Return a short stroke of the brush."""
    return _stroke(document, wanted, index, [point], 2 * radius + 1)


def _stroke(
    document: Document, wanted: LabelMap, index: int, points: list[Point], size: int, tremor: float = 0.0
) -> Act:
    regions = capsules(document, drawn(points, tremor), size)
    perform = partial(Hand.stroke, path=points, size=size, index=index)
    return Act("brush", index, size, stroke_time(points), *worth(document, wanted, regions, index), perform)


def capsules(document: Document, points: Sequence[Point], size: int) -> list[Region]:
    """Return what a round brush covers along a line."""
    bounds = (document.width, document.height)
    pairs = zip(points, points[1:] or points, strict=False)
    return [region for a, b in pairs if (region := capsule(a, b, size, "round", bounds)) is not None]


def polygons(mistake: Mistake) -> Iterator[Act]:
    """Yield polygons around the whole, and around halves of it."""
    for corners in outlines(mistake):
        found = enclosed(mistake, clicked(corners, mistake.tremor))
        if found is not None:
            perform = partial(Hand.polygon, corners=corners, index=mistake.index)
            yield Act("polygon", mistake.index, 0, polygon_time(len(corners)), *found, perform)


def outlines(mistake: Mistake) -> Iterator[list[Point]]:
    """Yield the corners of shapes around the whole, and around halves of it, which leave out what lies in a hole."""
    rect = mistake.around(SLACK + 4)
    must, may = mistake.within(rect), mistake.paintable(rect)
    rows, columns = np.nonzero(must)
    x, y = int(np.median(columns)), int(np.median(rows))
    for half in (np.s_[:], np.s_[:, :x], np.s_[:, x:], np.s_[:y], np.s_[y:]):
        part = np.zeros_like(must)
        part[half] = must[half]
        if part.any():
            points = outline(largest_component(part), may, 0.75 * mistake.tolerance)
            if points is not None:
                yield [(x + rect.x0, y + rect.y0) for x, y in points]


def enclosed(mistake: Mistake, corners: Sequence[Point]) -> tuple[int, int] | None:
    """Return gain and debt of labelling the inside of a shape, None if it has none."""
    region = polygon(corners, (mistake.document.width, mistake.document.height))
    return None if region is None else worth(mistake.document, mistake.wanted, [region], mistake.index)


def fills(mistake: Mistake) -> Iterator[Act]:
    """Yield the click that gives the region under the middle of the mistake the class that suits it best."""
    row, column, _ = middle(mistake.pixels)
    x, y = column + mistake.rect.x0, row + mistake.rect.y0
    region = equal_region(mistake.document, (x, y), contiguous=True, connectivity=4)
    inside = region.stencil.view(bool)
    wanted, labels = mistake.wanted[region.rect.slices], mistake.document.label_map[region.rect.slices]
    right = int(np.count_nonzero(inside & (labels == wanted) & (wanted != VOID)))
    if 2 * right > np.count_nonzero(inside):  # no class is worth it
        return
    aim = wanted[inside]
    index = int(np.bincount(aim[aim != VOID]).argmax())
    found = int(np.count_nonzero(aim == index)) - right
    spoilt = int(np.count_nonzero(inside & (labels == wanted) & (wanted != index) & (wanted != VOID)))
    yield Act(
        "fill", index, 0, click_time(), found, spoilt, partial(Hand.fill, point=(x + 0.5, y + 0.5), index=index)
    )


def accepts(mistake: Mistake, prediction: Prediction) -> Iterator[Act]:
    """Yield what may be accepted of a prediction: the region under the mistake, a class, the whole image."""
    document, wanted = mistake.document, mistake.wanted
    better = ((prediction.label_map == wanted) & (wanted != VOID)).astype(np.int8)
    better -= ((document.label_map == wanted) & (wanted != VOID)).view(np.int8)
    better *= (document.provenance <= Provenance.NETWORK).view(np.int8)
    row, column, _ = middle(mistake.pixels)
    x, y = column + mistake.rect.x0, row + mistake.rect.y0
    region = predicted_region(prediction, (x, y))
    if region is not None:
        found = _sums(better[region.rect.slices][region.stencil != 0])
        yield Act("accept", VOID, 0, click_time(), *found, partial(Hand.accept, point=(x + 0.5, y + 0.5)))
    found = _sums(better[prediction.label_map == mistake.index])
    yield Act("accept class", mistake.index, 0, KEY, *found, partial(_accept, prediction, mistake.index))
    yield Act("accept image", VOID, 0, KEY, *_sums(better), partial(_accept, prediction, None))


def _sums(better: NDArray[np.int8]) -> tuple[int, int]:
    """Return gain and debt, given +1 for pixels made right and -1 for those made wrong."""
    spoilt = int(np.count_nonzero(better < 0))
    return int(np.count_nonzero(better > 0)) - spoilt, spoilt


def _accept(prediction: Prediction, only_class: int | None, hand: Hand) -> None:
    title = ACCEPT_IMAGE if only_class is None else ACCEPT_CLASS
    auto_segment(hand.document, prediction, title=title, only_class=only_class)
