"""Tiles of an annotation, the units of undo and journal."""

from __future__ import annotations

import zlib
from collections.abc import Mapping

import cv2
import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.geometry import Rect

TILE = 256
"""Edge of a tile in pixels."""

Tile = tuple[int, int]
"""(tile row, tile column)."""

Packed = int | bytes | NDArray[np.uint8]
"""One tile of one array: its only value, compressed, or the array itself until it is."""

Contents = Mapping[Tile, tuple[Packed, Packed]]
"""Tile -> what its label map and its provenance hold."""


def tile_rect(tile: Tile, width: int, height: int) -> Rect:
    """Return the rectangle of a tile.

    Tiles at the right and lower edge may be smaller.
    """
    row, column = tile
    x, y = column * TILE, row * TILE
    return Rect(x, y, min(x + TILE, width), min(y + TILE, height))


def tile_slices(tile: Tile) -> tuple[slice, slice]:
    """Return the index of a tile in an array of the image.

    At the right and lower edge the array is cut.
    """
    row, column = tile
    return slice(row * TILE, row * TILE + TILE), slice(column * TILE, column * TILE + TILE)


def only_value(pixels: NDArray[np.uint8]) -> int | None:
    """Return the only value of a tile, None if there are several."""
    if pixels[0, 0] != pixels[-1, -1]:
        return None
    lowest, highest, _, _ = cv2.minMaxLoc(pixels)
    return int(lowest) if lowest == highest else None


def collapsed(pixels: NDArray[np.uint8]) -> int | NDArray[np.uint8]:
    """Return a tile, or its only value.

    Nobody else may write the tile.
    """
    value = only_value(pixels)
    return pixels if value is None else value


def collapsed_copy(pixels: NDArray[np.uint8]) -> int | NDArray[np.uint8]:
    """Return a copy of a tile, or its only value.

    Most tiles of a large image have one value.
    """
    value = only_value(pixels)
    return pixels.copy() if value is None else value


def pack(part: Packed) -> int | bytes:
    """Compress a tile to its value or a zlib stream."""
    if not isinstance(part, np.ndarray):
        return part
    value = int(part.flat[0])
    return value if bool((part == value).all()) else zlib.compress(part.tobytes(), 1)


def unpacked(part: bytes | NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the pixels of a tile, row by row: uint8 (N,)."""
    return (
        np.frombuffer(zlib.decompress(part, bufsize=TILE * TILE), np.uint8)
        if isinstance(part, bytes)
        else part.ravel()
    )
