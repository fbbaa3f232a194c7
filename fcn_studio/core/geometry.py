"""Integer rectangles in image pixels.

Points and rectangles are (x, y), arrays are [row, column].
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from functools import reduce
from typing import NamedTuple


class Rect(NamedTuple):
    """Half-open rectangle.

    Its columns are ``x0 <= x < x1`` and its rows ``y0 <= y < y1``.
    """

    x0: int
    y0: int
    x1: int
    y1: int

    @property
    def width(self) -> int:
        """Number of columns, 0 if empty."""
        return self.x1 - self.x0 if self.x0 < self.x1 else 0

    @property
    def height(self) -> int:
        """Number of rows, 0 if empty."""
        return self.y1 - self.y0 if self.y0 < self.y1 else 0

    @property
    def area(self) -> int:
        """Number of pixels."""
        x0, y0, x1, y1 = self
        return (x1 - x0) * (y1 - y0) if x0 < x1 and y0 < y1 else 0

    def __bool__(self) -> bool:
        return self.x0 < self.x1 and self.y0 < self.y1

    @property
    def slices(self) -> tuple[slice, slice]:
        """Index of the rectangle in an array: ``array[rect.slices]``."""
        return slice(self.y0, self.y1), slice(self.x0, self.x1)

    def intersect(self, other: Rect) -> Rect:
        """Return the common part, an empty (falsy) rectangle if there is none."""
        # Comparisons, for a stroke asks dozens of times an event and a call of min or max takes three times as long.
        left, top, right, bottom = self
        x0, y0, x1, y1 = other
        return Rect(
            x0 if x0 > left else left, y0 if y0 > top else top,
            x1 if x1 < right else right, y1 if y1 < bottom else bottom,
        )  # fmt: skip

    def union(self, other: Rect) -> Rect:
        """Return the smallest rectangle around both.

        An empty one adds nothing.
        """
        if not self:
            return other
        if not other:
            return self
        left, top, right, bottom = self
        x0, y0, x1, y1 = other
        return Rect(
            x0 if x0 < left else left, y0 if y0 < top else top,
            x1 if x1 > right else right, y1 if y1 > bottom else bottom,
        )  # fmt: skip

    def grown(self, margin: int) -> Rect:
        """Return the rectangle with a margin on each side."""
        return Rect(self.x0 - margin, self.y0 - margin, self.x1 + margin, self.y1 + margin)

    def moved(self, dx: int, dy: int) -> Rect:
        """Return the rectangle moved by columns and rows."""
        return Rect(self.x0 + dx, self.y0 + dy, self.x1 + dx, self.y1 + dy)

    def bands(self, height: int) -> Iterator[Rect]:
        """Yield the parts of the rectangle in bands of ``height`` rows.

        The bands are those of a grid, from the top.
        """
        if not self:
            return
        for row in range(self.y0 // height, (self.y1 - 1) // height + 1):
            yield Rect(self.x0, max(self.y0, row * height), self.x1, min(self.y1, (row + 1) * height))

    def tiles(self, size: int) -> Iterator[tuple[int, int]]:
        """Yield (tile row, tile column) of every tile that it touches.

        The tiles are those of a grid of ``size`` pixels.
        """
        if not self:
            return
        for row in range(self.y0 // size, (self.y1 - 1) // size + 1):
            for column in range(self.x0 // size, (self.x1 - 1) // size + 1):
                yield row, column


EMPTY = Rect(0, 0, 0, 0)


def around(rects: Iterable[Rect]) -> Rect:
    """Return the smallest rectangle around all of them."""
    return reduce(Rect.union, rects, EMPTY)


def merge_rects(rects: Sequence[Rect], worth: int) -> Sequence[Rect]:
    """Return the rectangles, or one around them if that is cheaper.

    Args:
        rects: which are to be worked on.
        worth: so many pixels take the time that one more rectangle does.
    """
    if len(rects) < 2:
        return rects
    whole = around(rects)
    more = whole.area - sum(rect.area for rect in rects)
    return rects if more > worth * (len(rects) - 1) else [whole]


def join_neighbours(rects: Iterable[Rect], worth: int) -> list[Rect]:
    """Return the rectangles, each joined with the one before where that is cheaper.

    Args:
        rects: which are to be worked on, neighbours one after another.
        worth: so many pixels take the time that one more rectangle does.
    """
    joined: list[Rect] = []
    for rect in rects:
        if joined and (both := joined[-1].union(rect)).area - joined[-1].area - rect.area <= worth:
            joined[-1] = both
        else:
            joined.append(rect)
    return joined
