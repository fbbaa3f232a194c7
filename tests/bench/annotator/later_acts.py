"""Acts of the tools that came after brush, polygon and fill, where the person foresees what they will do."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import numpy as np

from fcn_studio.core.classes import VOID
from fcn_studio.core.geometry import Rect
from fcn_studio.core.prediction import Prediction, predicted_region
from fcn_studio.core.region import StencilRegion
from tests.bench.annotator.acts import Act, Mistake, capsules, enclosed, lines, outlines, worth
from tests.bench.annotator.hand import Hand
from tests.bench.annotator.shapes import clicked, drawn, middle
from tests.bench.annotator.times import BUTTON, KEY, click_time, polygon_time, stroke_time

MARGIN = 3
"""Pixels between a rectangle and what it is dragged round."""


def straight_lines(mistake: Mistake) -> Iterator[Act]:
    """Yield a line for each width that fits: its corners are clicked, so it does not wander."""
    for points, size in lines(mistake):
        if len(points) > 1:
            regions = capsules(mistake.document, clicked(points, mistake.tremor), size)
            found = worth(mistake.document, mistake.wanted, regions, mistake.index)
            seconds = stroke_time(points) + BUTTON if len(points) == 2 else polygon_time(len(points))
            perform = partial(Hand.line, corners=points, size=size, index=mistake.index)
            yield Act("line", mistake.index, size, seconds, *found, perform)


def lassos(mistake: Mistake) -> Iterator[Act]:
    """Yield the shapes that a polygon would have, drawn by free hand."""
    for corners in outlines(mistake):
        path = [*corners, corners[0]]
        found = enclosed(mistake, drawn(path, mistake.tremor))
        if found is not None:
            perform = partial(Hand.lasso, path=corners, index=mistake.index)
            yield Act("lasso", mistake.index, 0, stroke_time(path) + BUTTON, *found, perform)


def rectangles(mistake: Mistake) -> Iterator[Act]:
    """Yield the rectangle around a mistake, and a square in its middle."""
    row, column, depth = middle(mistake.pixels)
    x, y, half = column + mistake.rect.x0, row + mistake.rect.y0, int(depth / 1.5)
    for rect in (mistake.rect, Rect(x - half, y - half, x + half + 1, y + half + 1)):
        rect = rect.intersect(Rect(0, 0, mistake.document.width, mistake.document.height))
        if rect.width < 2 or rect.height < 2:
            continue
        region = StencilRegion(rect, np.ones((rect.height, rect.width), np.uint8))
        found = worth(mistake.document, mistake.wanted, [region], mistake.index)
        perform = partial(Hand.rectangle, rect=rect, index=mistake.index)
        yield Act("rectangle", mistake.index, 0, rectangle_time(rect), *found, perform)


def rectangle_time(rect: Rect) -> float:
    """Return the seconds of dragging out a rectangle."""
    return stroke_time([(rect.x0, rect.y0), (rect.x1, rect.y1)]) + BUTTON


def relabels(mistake: Mistake, prediction: Prediction) -> Iterator[Act]:
    """Yield the click that gives the region of the prediction under a mistake its class."""
    row, column, _ = middle(mistake.pixels)
    x, y = column + mistake.rect.x0, row + mistake.rect.y0
    region = predicted_region(prediction, (x, y))
    if region is None:
        return
    inside, document = region.stencil.view(bool), mistake.document
    wanted, labels = mistake.wanted[region.rect.slices], document.label_map[region.rect.slices]
    wrong = inside & (labels != wanted) & (wanted != VOID)
    if not wrong.any():
        return
    index = int(np.bincount(wanted[wrong]).argmax())
    found = worth(document, mistake.wanted, [region], index)
    perform = partial(Hand.fill, point=(x + 0.5, y + 0.5), index=index, predicted=True)
    yield Act("relabel", index, 0, click_time() + KEY, *found, perform)
