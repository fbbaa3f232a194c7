"""The annotator's hand: gestures on the program's own tools, without a window."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from typing import Any, TypeVar

from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.raster import Point
from fcn_studio.core.region import Region
from fcn_studio.core.regions.clicks import Clicks
from fcn_studio.tools import TOOLS
from fcn_studio.tools.base import PointerEvent, Tool
from fcn_studio.tools.colour_wand import TOLERANCE
from fcn_studio.tools.options import BRUSH_SIZE, CONTIGUOUS, Option
from fcn_studio.tools.polygon import SNAP_TO_EDGES
from tests.bench.annotator.shapes import clicked, drawn

T = TypeVar("T")

Answers = Callable[[Clicks, int], LabelMap]
"""From clicks and the class index to likelihoods, as `fcn_studio.tools.base.ToolContext.ask_network` has them."""

_HELD = frozenset({"left"})

EXACT, ZOOMED = 0.5, 8 / 3
"""`Hand.grab_radius` where corners may lie close together, and that of eight screen pixels at three times."""


class Hand:
    """The window's side of the tools: a `fcn_studio.tools.base.ToolContext`, with one method for each gesture.

    Args:
        document: the open image.
        image_rgb: its pixels; None where no tool looks at them.
        answers: what the network makes of clicks; None if there is no network.
        tremor: standard deviation in pixels by which drawn lines wander; clicked corners are half as far off.
    """

    def __init__(
        self,
        document: Document,
        image_rgb: ImageRgb | None = None,
        answers: Answers | None = None,
        tremor: float = 0.0,
    ) -> None:
        self.document, self.image_rgb, self.tremor = document, image_rgb, tremor
        self.prediction: Prediction | None = None
        self.class_index = 0
        self.grab_radius = EXACT
        self._answers = answers
        self._drawn = 0
        self._options: dict[str, Any] = {}
        self._tools: dict[str, Tool] = {spec.name: spec.tool(self) for spec in TOOLS}

    def option(self, option: Option[T]) -> T:
        """Return the value of an option of a tool."""
        value: T = self._options.get(option.name, option.default)
        return value

    def set_option(self, option: Option[T], value: T) -> None:
        """Do nothing: each gesture begins with the options that it sets."""

    def ask_network(self, clicks: Clicks) -> Future[LabelMap | None] | None:
        """Ask the network at once; None without a network."""
        if self._answers is None:
            return None
        answer: Future[LabelMap | None] = Future()
        answer.set_result(self._answers(clicks, self.class_index))
        return answer

    def set_class(self, index: int) -> None:
        """Make a class active."""
        self.class_index = index

    def show_active(self) -> None:
        """Do nothing: every class is shown."""

    def stroke(self, path: Sequence[Point], size: int, index: int) -> None:
        """Draw one stroke of the brush."""
        self._options[BRUSH_SIZE.name] = size
        self._drag("brush", self._line(path), index)

    def polygon(self, corners: Sequence[Point], index: int) -> None:
        """Click the corners of a polygon and close it by Enter."""
        self._corners("polygon", corners, index)

    def line(self, corners: Sequence[Point], size: int, index: int) -> None:
        """Click the corners of a line and end it by Enter."""
        self._options[BRUSH_SIZE.name] = size
        self._corners("line", corners, index)

    def lasso(self, path: Sequence[Point], index: int) -> None:
        """Draw round a shape."""
        self._drag("lasso", self._line([*path, path[0]]), index)

    def rectangle(self, rect: Rect, index: int) -> None:
        """Drag out a rectangle."""
        self._drag("rectangle", _diagonal(rect), index)

    def fill(self, point: Point, index: int, *, predicted: bool = False) -> None:
        """Click with the fill tool; with Ctrl for a region of the prediction."""
        self._click("fill", point, index, ctrl=predicted)

    def accept(self, point: Point) -> None:
        """Click with the tool that accepts a region of the prediction."""
        self._click("accept", point, self.class_index)

    # --- gestures with a preview

    def snapped_polygon(self, corners: Sequence[Point], index: int) -> list[Point]:
        """Click the corners of a polygon whose border snaps to edges; return the border that is shown."""
        self._options[SNAP_TO_EDGES.name], self.grab_radius = True, ZOOMED
        tool = self._begin("polygon", index)
        self._click_all(tool, corners)
        tool.move(PointerEvent(*corners[0]))
        return list(tool.overlay().border)

    def wand(self, point: Point, tolerance: int, index: int, *, connected: bool) -> Region | None:
        """Press with the colour wand, or drag it on to another tolerance; return what it outlines."""
        tool = self._tools["colour_wand"]
        self._options[CONTIGUOUS.name], self.grab_radius = connected, ZOOMED
        if not tool.busy:
            self._begin("colour_wand", index).press(_at(point))
        levels = tolerance - TOLERANCE.default
        tool.move(PointerEvent(point[0] + levels * self.grab_radius / 3.0, point[1], "none", _HELD))
        return tool.overlay().region

    def grabcut(self, rect: Rect, index: int) -> Region | None:
        """Drag a rectangle round an object; return what GrabCut outlines."""
        self._drag("grabcut", _diagonal(rect), index, settles=False)
        return self._previewed("grabcut")

    def smart_click(self, point: Point, index: int, *, inside: bool) -> Region | None:
        """Click on an object, or beside it; return what is outlined."""
        tool = self._tools["smart_click"] if self._tools["smart_click"].busy else self._begin("smart_click", index)
        tool.press(PointerEvent(*point, "left" if inside else "right", _HELD))
        return self._previewed("smart_click")

    def keep(self, name: str) -> None:
        """Label what a tool shows."""
        self._tools[name].settle()
        self._rest()

    def drop(self, name: str) -> None:
        """Drop what a tool shows."""
        self._tools[name].cancel()
        self._rest()

    # --- of one tool

    def _begin(self, name: str, index: int) -> Tool:
        self.set_class(index)
        return self._tools[name]

    def _drag(self, name: str, path: Sequence[Point], index: int, *, settles: bool = True) -> None:
        tool = self._begin(name, index)
        tool.press(_at(path[0]))
        for point in path[1:]:
            tool.move(PointerEvent(*point, "none", _HELD))
        tool.release(_at(path[-1]))
        if settles:
            tool.settle()

    def _click(self, name: str, point: Point, index: int, *, ctrl: bool = False) -> None:
        tool = self._begin(name, index)
        event = _at(point)._replace(ctrl=ctrl)
        tool.press(event)
        tool.release(event)
        tool.settle()

    def _corners(self, name: str, corners: Sequence[Point], index: int) -> None:
        tool = self._begin(name, index)
        self._click_all(tool, corners)
        tool.key("Enter")
        tool.settle()

    def _click_all(self, tool: Tool, corners: Sequence[Point]) -> None:
        self._drawn += 1
        for corner in clicked(corners, self.tremor, self._drawn):
            tool.press(_at(corner))
            tool.release(_at(corner))

    def _previewed(self, name: str) -> Region | None:
        tool = self._tools[name]
        while (seconds := tool.work()) is not None:
            time.sleep(seconds)
        return tool.overlay().region

    def _line(self, path: Sequence[Point]) -> list[Point]:
        self._drawn += 1
        return drawn(path, self.tremor, self._drawn)

    def _rest(self) -> None:
        self.grab_radius = EXACT
        self._options.pop(SNAP_TO_EDGES.name, None)
        self._options.pop(CONTIGUOUS.name, None)


def _diagonal(rect: Rect) -> list[Point]:
    """Return the middles of the first and last pixel of a rectangle."""
    return [(rect.x0 + 0.5, rect.y0 + 0.5), (rect.x1 - 0.5, rect.y1 - 0.5)]


def _at(point: Point) -> PointerEvent:
    return PointerEvent(*point, "left", _HELD)
