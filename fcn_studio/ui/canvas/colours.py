"""Lookup tables from layer values to pixels of Qt's ARGB32_Premultiplied."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.classes import VOID, ClassTable, voc_palette
from fcn_studio.core.colours.screen_colours import VOID_COLOUR

Pixels = NDArray[np.uint32]
"""0xAARRGGBB, colours premultiplied by alpha."""

BACKDROP = 0xFF303030
"""Colour around the image: a dark neutral grey."""

PAPER = 118
"""Grey value that the image fades to; L* = 50."""

DISAGREEMENT_COLOUR = (255, 225, 0)
"""Colour of outlines of differences; lighter than any colour of VOC's table."""

CERTAIN, DOUBTFUL = 0.05, 0.6
"""Uncertainties (1 - max softmax) where the heat map begins and where it reaches full strength."""


def premultiplied(colours: NDArray[np.uint8], alpha: NDArray[np.float64]) -> Pixels:
    """Return pixels of RGB ``colours`` (N, 3) with opacities ``alpha`` (N,), 0..1."""
    opacity = np.rint(np.clip(alpha, 0, 1) * 255).astype(np.uint32)
    red, green, blue = ((colours.astype(np.uint32) * opacity[:, None] + 127) // 255).T
    pixels: Pixels = opacity << 24 | red << 16 | green << 8 | blue
    return pixels


def class_pixels(table: ClassTable, hidden: Iterable[int], opacity: float, *, lightness: float = 0.0) -> Pixels:
    """Return the pixel of each label-map value, shape (256,).

    Hidden classes are transparent. Value 255 is painted void here; the caller makes unlabelled pixels, which have
    the same value, transparent. Background is drawn fainter than the classes (opacity squared), because it covers
    most of the image. Values outside the table get VOC's colour, so that they are visible. Colours darker than
    ``lightness`` (0..255, Rec. 601 luma) are mixed with white until they reach it.
    """
    colours = voc_palette()
    for info in table:
        colours[info.index] = info.colour
    colours[VOID] = VOID_COLOUR
    luma = colours @ np.array([0.299, 0.587, 0.114])
    white = np.clip((lightness - luma) / (255 - luma + 1e-9), 0, 1)[:, None]
    colours = np.rint(colours + (255 - colours) * white).astype(np.uint8)
    alpha = np.full(256, opacity)
    if table.background_index is not None:
        alpha[table.background_index] = opacity**2
    alpha[list(hidden)] = 0
    return premultiplied(colours, alpha)


def heat_pixels(opacity: float) -> Pixels:
    """Return the pixel of each uncertainty 0..255, shape (256,).

    Transparent for low uncertainty, then yellow, then red.
    """
    doubt = np.clip((np.arange(256) / 255 - CERTAIN) / (DOUBTFUL - CERTAIN), 0, 1)
    stops = np.array([[255, 235, 60], [255, 140, 0], [225, 0, 60]], np.float64)
    colours = np.stack([np.interp(doubt, [0, 0.5, 1], stops[:, c]) for c in range(3)], axis=1)
    return premultiplied(np.rint(colours).astype(np.uint8), opacity * np.sqrt(doubt))


def disagreement_pixels(opacity: float) -> Pixels:
    """Return the three pixels of the disagreement layer, shape (256,).

    They are for nothing, for an outline's outer line and for its inner line. The inner line is yellow, the outer
    black.
    """
    colours = np.zeros((256, 3), np.uint8)
    colours[2] = DISAGREEMENT_COLOUR
    alpha = np.zeros(256)
    alpha[1:3] = opacity
    return premultiplied(colours, alpha)


def fade_table(opacity: float) -> NDArray[np.uint8]:
    """Return each image value as drawn with ``opacity`` on `PAPER`, uint8 (256,)."""
    values = PAPER + (np.arange(256) - PAPER) * min(1.0, max(0.0, opacity))
    table: NDArray[np.uint8] = np.rint(values).astype(np.uint8)
    return table
