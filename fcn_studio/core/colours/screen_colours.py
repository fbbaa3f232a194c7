"""The colours that classes have on screen, chosen so that they can be told apart.

Files keep VOC's palette. A class whose colour somebody chose keeps it. All other classes get colours from a fixed
sequence by their index, so that a new class changes the colour of no other one.
"""

from __future__ import annotations

from collections import deque
from collections.abc import Iterable
from dataclasses import replace
from enum import StrEnum
from functools import cache, lru_cache

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import ClassInfo, ClassTable, Colour, is_background, voc_colour

VOID_COLOUR: Colour = (205, 205, 205)
"""Colour of painted void: a light grey that no class gets."""

NEAR = 0.04
"""Distance in OKLab below which two colours look alike over a photograph."""

_PHOTOGRAPHS = (40, 128)
"""Grey values of a dark photograph and of one of middle lightness."""

_OPACITY = 0.4
"""Opacity over these photographs: that of labels when the program is new."""

_AVOIDED: tuple[Colour, ...] = (
    (0, 0, 0), (118, 118, 118), (255, 255, 255), VOID_COLOUR,
    (115, 82, 68), (194, 150, 130), (98, 122, 157), (87, 108, 67),
)  # fmt: skip
"""Greys, and the colours of skin, sky and foliage: what photographs have most of.

Source: the first four patches of the ColorChecker chart in sRGB.
"""

_RECENT = 6
"""Neighbours in the table: this many colours before one in the sequence must be especially far from it."""

_RECENT_WEIGHT = 0.6
"""Factor of the distance to these neighbours."""

_LEVELS = np.rint(np.linspace(0, 255, 13))
"""Values of red, green and blue from which the sequences choose."""

Spaces = NDArray[np.float64]
"""Colours in OKLab as each kind of eye sees them over each photograph: (..., ways, 3)."""


class ScreenColours(StrEnum):
    """Values of the setting ``screen_colours``."""

    FILE = "file"
    BRIGHT = "bright"
    COLOUR_BLIND = "colour_blind"


_NORMAL = np.eye(3)
_PROTANOPIA = np.array(
    [[0.152286, 1.052583, -0.204868], [0.114503, 0.786281, 0.099216], [-0.003882, -0.048116, 1.051998]]
)
_DEUTERANOPIA = np.array(
    [[0.367322, 0.860646, -0.227968], [0.280085, 0.672501, 0.047413], [-0.011820, 0.042940, 0.968881]]
)
_EYES = {ScreenColours.BRIGHT: (_NORMAL,), ScreenColours.COLOUR_BLIND: (_NORMAL, _PROTANOPIA, _DEUTERANOPIA)}
"""Matrices on linear RGB that show what each kind of eye sees.

Source: Machado, Oliveira and Fernandes, "A physiologically-based model for simulation of color vision deficiency",
IEEE TVCG 15(6), 2009; severity 1.0.
"""

_RANGES = {ScreenColours.BRIGHT: (0.55, 0.92, 0.10, 0.26), ScreenColours.COLOUR_BLIND: (0.4, 0.95, 0.04, 0.3)}
"""Least and greatest lightness, least and greatest chroma in OKLab.

Eyes that see fewer hues need more lightnesses.
"""

_FIRST = {ScreenColours.BRIGHT: (0, 128, 191), ScreenColours.COLOUR_BLIND: (0, 170, 191)}
"""Colour of the first class, which often is what surrounds all others. Soil, plants and skin are hardly ever blue.

Of all blues, these leave the first eleven colours farthest apart.
"""

_TO_LMS = np.array(
    [
        [0.4122214708, 0.5363325363, 0.0514459929],
        [0.2119034982, 0.6806995451, 0.1073969566],
        [0.0883024619, 0.2817188376, 0.6299787005],
    ]
)
_TO_LAB = np.array(
    [
        [0.2104542553, 0.7936177850, -0.0040720468],
        [1.9779984951, -2.4285922050, 0.4505937099],
        [0.0259040371, 0.7827717662, -0.8086757660],
    ]
)


def oklab(linear: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return linear RGB (..., 3), 0..1, in OKLab.

    Source: Björn Ottosson, "A perceptual color space for image processing", 2020.
    """
    return np.asarray(np.cbrt(linear @ _TO_LMS.T) @ _TO_LAB.T)


def seen(colours: Iterable[Colour], palette: ScreenColours) -> Spaces:
    """Return how colours (N, 3) of classes are seen over photographs, as (N, ways, 3)."""
    values = np.asarray(list(colours), np.float64).reshape(-1, 3)
    ways = []
    for grey in _PHOTOGRAPHS:
        linear = _linear(_OPACITY * values + (1 - _OPACITY) * grey)
        ways += [oklab(np.clip(linear @ eye.T, 0, 1)) for eye in _EYES[palette]]
    return np.stack(ways, axis=1)


def distances(colours: Spaces, colour: Spaces) -> NDArray[np.float64]:
    """Return the distance of each colour to another: the least of all ways."""
    return np.asarray(np.sqrt(((colours - colour) ** 2).sum(axis=-1)).min(axis=-1))


@lru_cache(maxsize=8)
def on_screen(table: ClassTable, palette: ScreenColours) -> ClassTable:
    """Return a class table with the colours that it has on screen.

    The background keeps its colour. It is for drawing only: files keep the colours of ``table``.
    """
    if palette is ScreenColours.FILE:
        return table
    free = [info for info in table if not _keeps(info)]
    own = [info.colour for info in table.active if _keeps(info)]
    sequence = _sequence(palette, 1 + max((info.index for info in free), default=-1))
    given = {info.index: sequence[info.index] for info in free}
    clash = [index for index, colour in given.items() if _is_near(colour, own, palette)]
    taken = own + [colour for index, colour in given.items() if index not in clash]
    for index in clash:
        given[index] = farthest(taken, palette)
        taken.append(given[index])
    return replace(table, classes=tuple(replace(c, colour=given.get(c.index, c.colour)) for c in table))


def colour_of_index(index: int, palette: ScreenColours) -> Colour:
    """Return the colour on screen of a class index that has no class."""
    return voc_colour(index) if palette is ScreenColours.FILE else _sequence(palette, index + 1)[index]


def colour_of_new(table: ClassTable, palette: ScreenColours) -> Colour | None:
    """Return the colour that a new class gets in the project file.

    None is VOC's, which `on_screen` replaces by a colour that is far from all in use. Where VOC's is shown, a class
    gets another colour if VOC's is near to one in use.
    """
    used = [info.colour for info in table.active]
    near = palette is ScreenColours.FILE and _is_near(voc_colour(table.next_index), used, ScreenColours.BRIGHT)
    return farthest(used, ScreenColours.BRIGHT) if near else None


def chosen_colour(info: ClassInfo) -> Colour | None:
    """Return the colour that a person or a class file chose for a class, None if nobody did.

    All others have VOC's colour; class 0 may have the one that stands for VOC's black.
    """
    automatic = [voc_colour(info.index)]
    if info.index == 0:
        automatic.append(ClassTable.from_names(["class"]).classes[0].colour)
    return None if info.colour in automatic else info.colour


def farthest(taken: Iterable[Colour], palette: ScreenColours) -> Colour:
    """Return the colour that is farthest from all those that are taken."""
    colours, spaces = _candidates(palette)
    least = np.min([distances(spaces, other) for other in seen([*taken, *_AVOIDED], palette)], axis=0)
    return colours[int(least.argmax())]


def _keeps(info: ClassInfo) -> bool:
    return chosen_colour(info) is not None or (info.index == 0 and is_background(info.name))


def _is_near(colour: Colour, others: list[Colour], palette: ScreenColours) -> bool:
    return bool(others) and bool(distances(seen(others, palette), seen([colour], palette)[0]).min() < NEAR)


@cache
def _candidates(palette: ScreenColours) -> tuple[list[Colour], Spaces]:
    """Return the colours of a palette, and how they are seen."""
    darkest, lightest, dullest, strongest = _RANGES[palette]
    grid = np.stack(np.meshgrid(_LEVELS, _LEVELS, _LEVELS, indexing="ij"), axis=-1).reshape(-1, 3)
    lightness, red_green, blue_yellow = oklab(_linear(grid)).T
    chroma = np.hypot(red_green, blue_yellow)
    fits = (lightness >= darkest) & (lightness <= lightest) & (chroma >= dullest) & (chroma <= strongest)
    colours = [(int(r), int(g), int(b)) for r, g, b in grid[fits]]
    return colours, seen(colours, palette)


def _linear(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Return sRGB values 0..255 as linear light 0..1. Source: IEC 61966-2-1."""
    values = values / 255
    return np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)


@cache
def _sequence(palette: ScreenColours, count: int) -> list[Colour]:
    """Return the first colours of a palette's sequence.

    Each is the one that is farthest from all before it, and farther still from the last ones.

    Source: Glasbey, van der Heijden, Toh and Gray, "Colour displays for categorical images", Color Research and
    Application 32(4), 2007.
    """
    colours, spaces = _candidates(palette)
    least = np.min([distances(spaces, other) for other in seen(_AVOIDED, palette)], axis=0)
    recent: deque[NDArray[np.float64]] = deque(maxlen=_RECENT)
    result = []
    chosen = colours.index(_FIRST[palette])
    for _ in range(count):
        result.append(colours[chosen])
        recent.append(distances(spaces, spaces[chosen]))
        least = np.minimum(least, recent[-1])
        score = np.min([least, *(_RECENT_WEIGHT * apart for apart in recent)], axis=0)
        chosen = int(score.argmax())
    return result
