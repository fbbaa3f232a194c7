"""Tools of which a person sees only after the gesture what they will do.

An attempt costs its seconds whether what it shows is kept or dropped.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from functools import partial
from math import dist

import cv2
import numpy as np

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import Labels, Mask, Provenance
from fcn_studio.core.raster import Point, polygon
from fcn_studio.core.region import Region
from fcn_studio.core.regions.clean import Cleaning, cleaned
from fcn_studio.core.regions.edge_paths import EdgePaths
from fcn_studio.core.regions.gaps import Parts, from_nearest
from tests.bench.annotator.acts import Mistake, outlines, worth
from tests.bench.annotator.hand import ZOOMED, Hand
from tests.bench.annotator.later_acts import MARGIN, rectangle_time
from tests.bench.annotator.shapes import largest_component, middle
from tests.bench.annotator.times import BUTTON, KEY, POINT, SEGMENT, THINK, click_time, polygon_time

TOLERANCES = (4, 8, 12, 18, 26, 36)
"""Tolerances of the colour wand between which a hand can choose."""

MOST_CLICKS = 4
"""Smart clicks on one object, at most."""

WINDOW = 24 * ZOOMED
"""Half the side of the window in which a polygon looks for edges, as `fcn_studio.tools.polygon` has it."""

OFF = 2.0
"""Pixels by which a border that follows edges may leave the one that is wanted."""

SPECK = 50
"""Pixels of the largest region that is a speck."""

CLEANINGS = ((Cleaning.ISLANDS, SPECK), (Cleaning.SMOOTH, 2))
"""How a person tries to clean all classes."""


@dataclass(frozen=True)
class Shown:
    """What an attempt shows.

    Attributes:
        parts: regions that would be labelled, with the class of each.
        seconds: that it took, without the first thought.
        keep: labels it.
        drop: does without it.
        keep_seconds: of the key or button that keeps it.
    """

    parts: Parts
    seconds: float
    keep: Callable[[Hand], None]
    drop: Callable[[Hand], None]
    keep_seconds: float = KEY


@dataclass(frozen=True)
class Attempt:
    """What may be tried about a mistake.

    Attributes:
        tool: name, as in `Act`.
        index: the class that it paints; 255 for several.
        seconds: that it will take about.
        hoped: pixels that it makes right if all goes well.
        everywhere: whether it concerns more than the mistake.
        perform: makes the gesture.
    """

    tool: str
    index: int
    seconds: float
    hoped: int
    everywhere: bool
    perform: Callable[[Hand], Shown]


def _shown(tool: str, name: str, index: int, region: Region | None, seconds: float, keep: float = KEY) -> Shown:
    parts = [] if region is None else [(region, index)]
    return Shown(parts, seconds, lambda hand: hand.keep(name), lambda hand: hand.drop(name), keep)


def _middle(mistake: Mistake) -> Point:
    row, column, _ = middle(mistake.pixels)
    return column + mistake.rect.x0 + 0.5, row + mistake.rect.y0 + 0.5


def wands(mistake: Mistake) -> Iterator[Attempt]:
    """Yield the colour wand, on connected pixels and on all."""
    document, wanted, index = mistake.document, mistake.wanted, mistake.index
    everywhere = int(np.count_nonzero((wanted == index) & (document.label_map != index)))
    seconds = POINT + BUTTON + SEGMENT + THINK  # a thought while it follows the drag
    for connected, hoped in ((True, int(np.count_nonzero(mistake.pixels))), (False, everywhere)):
        more = 0.0 if connected else click_time()
        perform = partial(_wand, mistake, _middle(mistake), connected, seconds + more)
        yield Attempt("wand", index, seconds + more, hoped, not connected, perform)


def _wand(mistake: Mistake, point: Point, connected: bool, seconds: float, hand: Hand) -> Shown:
    """Drag the wand to the tolerance that looks best."""
    found = []
    for tolerance in TOLERANCES:
        region = hand.wand(point, tolerance, mistake.index, connected=connected)
        if region is not None:
            gain, debt = worth(mistake.document, mistake.wanted, [region], mistake.index)
            found.append((gain - debt, tolerance))
    if not found:
        return _shown("wand", "colour_wand", mistake.index, None, seconds, BUTTON)
    region = hand.wand(point, max(found)[1], mistake.index, connected=connected)
    return _shown("wand", "colour_wand", mistake.index, region, seconds, BUTTON)


def grabcuts(mistake: Mistake) -> Iterator[Attempt]:
    """Yield GrabCut in a rectangle around the mistake."""
    rect = mistake.around(MARGIN)

    def perform(hand: Hand) -> Shown:
        region = hand.grabcut(rect, mistake.index)
        return _shown("grabcut", "grabcut", mistake.index, region, rectangle_time(rect) + THINK)

    if 2 * rect.area < mistake.document.label_map.size:
        hoped = int(np.count_nonzero(mistake.pixels))
        yield Attempt("grabcut", mistake.index, rectangle_time(rect) + THINK, hoped, False, perform)


def smart_clicks(mistake: Mistake) -> Iterator[Attempt]:
    """Yield smart clicks on what should have the class, and beside it."""
    seconds = click_time() + THINK
    hoped = int(np.count_nonzero(mistake.pixels))
    yield Attempt("smart click", mistake.index, 2 * seconds, hoped, False, partial(_smart_clicks, mistake))


def _smart_clicks(mistake: Mistake, hand: Hand) -> Shown:
    """Click until the outlined object is right, or no better than after the click before."""
    document, wanted, index = mistake.document, mistake.wanted, mistake.index
    point, inside, seconds, before = _middle(mistake), True, 0.0, 0
    region = None
    for _ in range(MOST_CLICKS):
        region = hand.smart_click(point, index, inside=inside)
        seconds += click_time() + THINK
        own = np.zeros(wanted.shape, bool)
        if region is not None:
            own[region.rect.slices] = region.stencil != 0
        gain = worth(document, wanted, [region], index)[0] if region is not None else 0
        missing = np.zeros(wanted.shape, bool)
        missing[mistake.rect.slices] = mistake.pixels
        extra = own & (wanted != index) & (wanted != VOID)
        wrong, inside = _larger(missing & ~own, extra)
        if gain < before or np.count_nonzero(wrong) * 10 < np.count_nonzero(mistake.pixels):
            break
        row, column, _ = middle(wrong)
        point, before = (column + 0.5, row + 0.5), gain
    return _shown("smart click", "smart_click", index, region, seconds)


def _larger(missing: Mask, extra: Mask) -> tuple[Mask, bool]:
    """Return the largest connected part of two masks, and whether it is of the first."""
    parts = [largest_component(mask) if mask.any() else mask for mask in (missing, extra)]
    sizes = [int(np.count_nonzero(part)) for part in parts]
    return (parts[0], True) if sizes[0] >= sizes[1] else (parts[1], False)


def snapped_polygons(mistake: Mistake) -> Iterator[Attempt]:
    """Yield a polygon round the mistake whose border follows edges."""
    corners = next(outlines(mistake), None)
    if corners is not None:
        hoped = int(np.count_nonzero(mistake.pixels))
        seconds = polygon_time(3 + len(corners) // 2)
        yield Attempt("snap", mistake.index, seconds, hoped, False, partial(_snapped, mistake, corners))


def _snapped(mistake: Mistake, corners: list[Point], hand: Hand) -> Shown:
    assert hand.image_rgb is not None
    height, width = hand.image_rgb.shape[:2]
    corners = [(min(max(x, 0.0), width - 0.01), min(max(y, 0.0), height - 0.01)) for x, y in corners]
    chosen, at, closed = [corners[0]], 0, [*corners, corners[0]]
    while at < len(corners) - 1:
        paths = EdgePaths(hand.image_rgb, closed[at], WINDOW)
        reach = [n for n in range(at + 1, len(closed)) if dist(closed[at], closed[n]) < WINDOW]
        fitting = [n for n in reach if _apart(paths.to(closed[n]), closed[at : n + 1]) <= OFF]
        at = max(fitting, default=at + 1)
        if at < len(corners) and dist(closed[at], chosen[-1]) > ZOOMED:
            chosen.append(closed[at])
    if len(chosen) < 3:
        return Shown([], polygon_time(len(chosen)), lambda _: None, lambda _: None)
    border = hand.snapped_polygon(chosen, mistake.index)
    region = polygon(border, (width, height))
    return _shown("snap", "polygon", mistake.index, region, polygon_time(len(chosen)))


def _apart(path: Sequence[Point], chain: Sequence[Point]) -> float:
    """Return the largest distance of a corner of either line from the other."""
    return max(_off(path, chain), _off(chain, path))


def _off(path: Sequence[Point], chain: Sequence[Point]) -> float:
    """Return the largest distance of the corners of a path from a chain of straight lines."""
    points = np.asarray(path)[:, None]
    start, end = np.asarray(chain[:-1])[None], np.asarray(chain[1:])[None]
    along = ((points - start) * (end - start)).sum(2) / np.maximum(((end - start) ** 2).sum(2), 1e-9)
    nearest = start + np.clip(along, 0, 1)[..., None] * (end - start)
    return float(np.hypot(*np.moveaxis(points - nearest, 2, 0)).min(1).max())


def gap_fills(mistake: Mistake) -> Iterator[Attempt]:
    """Yield the command that gives unlabelled pixels the nearest class."""
    document = mistake.document
    gaps = (document.provenance == Provenance.NOBODY) & (mistake.wanted != VOID)
    if gaps.any() and not gaps.all():
        perform = partial(_command, mistake, from_nearest, KEY + THINK)
        yield Attempt("fill gaps", VOID, KEY + THINK, int(np.count_nonzero(gaps)), True, perform)


def cleanings(mistake: Mistake) -> Iterator[Attempt]:
    """Yield the dialog that cleans all classes, by the ways of `CLEANINGS`, if there are wrong specks."""
    document, wanted = mistake.document, mistake.wanted
    classes = np.unique(wanted[wanted != VOID]).tolist()
    specks = np.zeros(wanted.shape, bool)
    for index in classes:
        own = (document.label_map == index).view(np.uint8)
        _, numbers, stats, _ = cv2.connectedComponentsWithStats(own, connectivity=8)
        specks |= (stats[:, cv2.CC_STAT_AREA] < SPECK)[numbers] & (numbers > 0)
    hoped = int(np.count_nonzero(specks & (document.label_map != wanted) & (wanted != VOID)))
    seconds = KEY + 4 * click_time() + THINK  # way, number, classes, OK
    for way, n in CLEANINGS if hoped >= SPECK else ():
        find = partial(cleaned, way=way, n=n, classes=classes)
        yield Attempt(f"clean: {way}", VOID, seconds, hoped, True, partial(_command, mistake, find, seconds))


def _command(mistake: Mistake, find: Callable[[Labels], Parts], seconds: float, hand: Hand) -> Shown:
    document = mistake.document
    parts = find(Labels(document.label_map, document.provenance))

    def keep(_: Hand) -> None:
        with document.edit("Fill gaps") as edit:
            for region, value in parts:
                edit.write(region, value)

    return Shown(parts, seconds, keep, lambda _: None)
