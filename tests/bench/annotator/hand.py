"""The annotator's hand: gestures on the program's own tools, without a window."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any, TypeVar

from fcn_studio.core.document import Document
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.raster import Point
from fcn_studio.tools.accept import AcceptRegion
from fcn_studio.tools.base import PointerEvent
from fcn_studio.tools.brush import Brush
from fcn_studio.tools.fill import Fill
from fcn_studio.tools.options import BRUSH_SIZE, Option
from fcn_studio.tools.polygon import Polygon

T = TypeVar("T")

_HELD = frozenset({"left"})


class Hand:
    """The window's side of the tools: a `fcn_studio.tools.base.ToolContext`, with one method for each gesture.

    Args:
        document: the open image.
    """

    grab_radius = 0.5

    def __init__(self, document: Document) -> None:
        self.document = document
        self.prediction: Prediction | None = None
        self.class_index = 0
        self._options: dict[str, Any] = {}
        self._brush, self._polygon, self._fill = Brush(self), Polygon(self), Fill(self)
        self._accept = AcceptRegion(self)

    def option(self, option: Option[T]) -> T:
        """Return the value of an option of a tool."""
        value: T = self._options.get(option.name, option.default)
        return value

    def pick(self, index: int) -> None:
        """Make a class active."""
        self.class_index = index

    def show_active(self) -> None:
        """Do nothing: every class is shown."""

    def stroke(self, path: Sequence[Point], size: int, index: int) -> None:
        """Draw one stroke of the brush."""
        self.pick(index)
        self._options[BRUSH_SIZE.name] = size
        self._brush.press(_at(path[0], "left"))
        for point in path[1:]:
            self._brush.move(PointerEvent(*point, "none", _HELD))
        self._brush.release(_at(path[-1], "left"))

    def polygon(self, corners: Sequence[Point], index: int) -> None:
        """Click the corners of a polygon and close it by Enter."""
        self.pick(index)
        for corner in corners:
            self._polygon.press(_at(corner, "left"))
            self._polygon.release(_at(corner, "left"))
        self._polygon.key("Enter")
        self._polygon.settle()

    def fill(self, point: Point, index: int) -> None:
        """Click with the fill tool."""
        self.pick(index)
        self._fill.press(_at(point, "left"))
        self._fill.release(_at(point, "left"))
        self._fill.settle()

    def accept(self, point: Point) -> None:
        """Click with the tool that accepts a region of the prediction."""
        self._accept.press(_at(point, "left"))
        self._accept.release(_at(point, "left"))
        self._accept.settle()


def _at(point: Point, button: str) -> PointerEvent:
    return PointerEvent(*point, button, _HELD)  # type: ignore[arg-type]
