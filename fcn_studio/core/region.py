"""Regions: sets of pixels, as a stencil or as spans in rows."""

from __future__ import annotations

from abc import ABC, abstractmethod
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.geometry import Rect

Columns = NDArray[np.int64]


class Region(ABC):
    """A set of pixels.

    Attributes:
        rect: bounding rectangle in image pixels, inside the image.
    """

    rect: Rect

    @abstractmethod
    def part(self, rect: Rect) -> NDArray[np.uint8]:
        """Return the stencil of a rectangle within ``rect``.

        It is uint8 (height, width), nonzero inside the region.
        """

    @property
    def stencil(self) -> NDArray[np.uint8]:
        """Stencil of ``rect``, nonzero inside the region."""
        return self.part(self.rect)

    def within(self, rect: Rect) -> NDArray[np.uint8]:
        """Return the stencil of any rectangle: uint8 (height, width), nonzero inside the region."""
        shared = self.rect.intersect(rect)
        if shared == rect and rect:
            return self.part(rect)
        stencil = np.zeros((rect.height, rect.width), np.uint8)
        if shared:
            stencil[shared.moved(-rect.x0, -rect.y0).slices] = self.part(shared)
        return stencil

    def sampled(self, rows: Columns, columns: Columns) -> NDArray[np.uint8]:
        """Return the stencil at some rows and columns of ``rect``: uint8 (rows, columns).

        Args:
            rows: image rows, int64, rising; at least one.
            columns: image columns, likewise.
        """
        seen = Rect(int(columns[0]), int(rows[0]), int(columns[-1]) + 1, int(rows[-1]) + 1)
        return self.part(seen)[rows - seen.y0][:, columns - seen.x0]

    def holds(self, pixel_xy: tuple[int, int]) -> bool:
        """Return whether a pixel is in the region."""
        x, y = pixel_xy
        pixel = Rect(x, y, x + 1, y + 1)
        return pixel.intersect(self.rect) == pixel and bool(self.part(pixel)[0, 0])

    @property
    def area(self) -> int:
        """Number of pixels inside."""
        return int(np.count_nonzero(self.stencil))


@dataclass(frozen=True)
class StencilRegion(Region):
    """A region given by a stencil.

    Attributes:
        rect: see `Region`.
        pixels: uint8 of shape (rect.height, rect.width); nonzero is inside.

    Raises:
        ValueError: on construction, if the pixels are not of the rectangle's size or not uint8.
    """

    rect: Rect
    pixels: NDArray[np.uint8]

    def __post_init__(self) -> None:
        if self.pixels.dtype != np.uint8 or self.pixels.shape != (self.rect.height, self.rect.width):
            raise ValueError(f"stencil {self.pixels.dtype} {self.pixels.shape} does not fit {self.rect}")

    def part(self, rect: Rect) -> NDArray[np.uint8]:
        """Return a view of the stencil."""
        if rect == self.rect:
            return self.pixels
        rows = slice(rect.y0 - self.rect.y0, rect.y1 - self.rect.y0)
        return self.pixels[rows, rect.x0 - self.rect.x0 : rect.x1 - self.rect.x0]


@dataclass(frozen=True)
class SpanRegion(Region):
    """A region of spans ``first <= x < after``.

    Each part of a large one is drawn when it is asked for.

    Attributes:
        rect: see `Region`.
        rows: the image row of each span, int64 (N,), rising; spans of one row follow each other and do not overlap.
        first: its first column, int64 (N,), within ``rect``.
        after: the column after its last, int64 (N,).
    """

    rect: Rect
    rows: Columns
    first: Columns
    after: Columns

    def part(self, rect: Rect) -> NDArray[np.uint8]:
        """Draw the stencil of a rectangle."""
        start, end = self.rows.searchsorted((rect.y0, rect.y1))
        first, after = (
            np.minimum(np.maximum(ends[start:end], rect.x0), rect.x1) for ends in (self.first, self.after)
        )
        starts = (self.rows[start:end] - rect.y0) * rect.width
        return drawn(rect.width, rect.height, starts, first - rect.x0, after - rect.x0)


_TURNS = np.tile(np.array((0, 1), np.uint8), 1 << 13)


def drawn(width: int, height: int, starts: Columns, first: Columns, after: Columns) -> NDArray[np.uint8]:
    """Draw spans ``first <= x < after`` as a stencil (height, width).

    It is 1 inside and 0 outside. The spans are in order.

    Row after row it is so many pixels outside, so many inside, and so on: repeating 0 and 1 takes a tenth of the time
    of comparing every pixel, or of writing slices, at all sizes but the smallest.

    Args:
        width: columns of the stencil.
        height: its rows.
        starts: int64 (N,), the index of the first pixel of each span's row.
        first: int64 (N,), the first column of each span.
        after: int64 (N,), the one after its last.
    """
    count = 2 * len(starts) + 1
    edges = np.empty(count + 1, np.int64)
    edges[0], edges[-1] = 0, width * height
    np.add(starts, first, out=edges[1:-1:2])
    np.add(starts, after, out=edges[2:-1:2])
    turns = _TURNS[:count] if count <= len(_TURNS) else np.resize(_TURNS, count)
    return turns.repeat(edges[1:] - edges[:-1]).reshape(height, width)
