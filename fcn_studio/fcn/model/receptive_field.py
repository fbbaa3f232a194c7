"""The geometry of feature maps in the image.

Each feature map has a `Grid`, which convolutions and transposed convolutions change. A crop is the distance between
two grids. For VGG-16 with 100 pixels of padding, the crops computed here equal those of the original prototxt files:
19 for FCN-32s; 5 and 27 for FCN-16s; 5, 9 and 31 for FCN-8s.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from fractions import Fraction


@dataclass(frozen=True, slots=True)
class Grid:
    """Geometry of a feature map in input pixels, exact.

    Cell ``i`` is centred at ``stride * i + offset``, the same along both axes, with pixel centres at integers.

    Attributes:
        stride: distance of neighbouring cells.
        offset: centre of cell 0.
        reach: distance from a cell's centre, along an axis, of the farthest input pixel that it sees.
    """

    stride: Fraction = Fraction(1)
    offset: Fraction = Fraction(0)
    reach: Fraction = Fraction(0)

    @property
    def field(self) -> Fraction:
        """Side of the square of input pixels that a cell sees."""
        return 2 * self.reach + 1

    def conv(self, kernel: int, stride: int = 1, padding: int | Fraction = 0, dilation: int = 1) -> Grid:
        """Return the grid behind a convolution or a pooling.

        Of uneven padding, pass the mean of both sides.
        """
        half = Fraction(dilation * (kernel - 1), 2)
        return Grid(
            self.stride * stride,
            self.offset + self.stride * (half - padding),
            self.reach + self.stride * half,
        )

    def deconv(self, kernel: int, stride: int, padding: int = 0) -> Grid:
        """Return the grid behind a transposed convolution."""
        fine = self.stride / stride
        half = Fraction(kernel - 1, 2)
        return Grid(fine, self.offset - fine * (half - padding), self.reach + fine * half)

    def seeing(self, other: Grid) -> Grid:
        """Return the grid of the sum of two maps.

        Its cells see what either sees.
        """
        return replace(self, reach=max(self.reach, other.reach))

    def index_of(self, other: Grid) -> int:
        """Return the index in this grid of another grid's cell 0.

        It may be negative. It says how far to crop this map to start there.

        Raises:
            ValueError: if the cells of the two grids do not fall on each other.
        """
        index = (other.offset - self.offset) / self.stride
        if self.stride != other.stride or index.denominator != 1:
            raise ValueError(f"cells of {self} and {other} do not fall on each other")
        return int(index)


IMAGE = Grid()
"""The grid of the input image itself."""
