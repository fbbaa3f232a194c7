"""Tools driven by scripts of events, seen as ASCII art.

``.`` is unlabelled, a digit a class painted by a human, ``v`` painted void, ``a`` to ``j`` classes 0 to 9 said by
the network.
"""

from __future__ import annotations

from concurrent.futures import Future
from dataclasses import dataclass, field, replace
from textwrap import dedent
from typing import TypeVar

from fcn_studio.core.document import Document
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import LabelMap, Labels
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.raster import BrushShape, Connectivity
from fcn_studio.core.region import Region
from fcn_studio.core.regions.clicks import Clicks
from fcn_studio.core.sample import Status
from fcn_studio.tools.base import Button, PointerEvent, Tool
from fcn_studio.tools.options import Option, Purpose

T = TypeVar("T")


@dataclass
class Window:
    """The window's side of a tool: a `fcn_studio.tools.base.ToolContext`."""

    document: Document | None
    prediction: Prediction | None = None
    image_rgb: ImageRgb | None = None
    class_index: int = 1
    brush_size: float = 1
    brush_shape: BrushShape = "round"
    edges: int = 0
    contiguous: bool = True
    connectivity: Connectivity = 4
    grab_radius: float = 0.8
    picked: list[int] = field(default_factory=list)
    answer: Future[LabelMap | None] | None = None  # of the network
    asked: list[Clicks] = field(default_factory=list)
    purpose: Purpose = "label"
    selection: Region | None = None
    went_back: int = 0

    def option(self, option: Option[T]) -> T:
        value: T = getattr(self, option.name, option.default)
        return value

    def set_option(self, option: Option[T], value: T) -> None:
        setattr(self, option.name, value)

    def ask_network(self, clicks: Clicks) -> Future[LabelMap | None] | None:
        self.asked.append(clicks)
        return self.answer

    def set_class(self, index: int) -> None:
        self.picked.append(index)

    def show_active(self) -> None: ...

    def select(self, region: Region | None) -> None:
        self.selection = region
        if self.document is not None:
            self.document.rules = replace(self.document.rules, selection=region)

    def go_back(self) -> None:
        self.went_back += 1


def document_from(art: str, status: Status = Status.NEW) -> Document:
    rows = dedent(art).split()
    labels = Labels.unlabelled(len(rows), len(rows[0]))
    for y, row in enumerate(rows):
        for x, sign in enumerate(row):
            if sign.isdigit():
                labels.label_map[y, x], labels.provenance[y, x] = int(sign), 2
            elif sign == "v":
                labels.provenance[y, x] = 2
            elif sign != ".":
                labels.label_map[y, x], labels.provenance[y, x] = ord(sign) - ord("a"), 1
    return Document("a.png", labels, status)


def art_of(document: Document) -> str:
    def sign(value: int, provenance: int) -> str:
        if provenance == 0:
            assert value == 255
            return "."
        if value == 255:
            return "v"
        return str(value) if provenance == 2 else chr(ord("a") + value)

    rows = zip(document.label_map.tolist(), document.provenance.tolist(), strict=True)
    return "\n".join("".join(map(sign, *row)) for row in rows)


def same(document: Document, art: str) -> None:
    assert art_of(document) == "\n".join(dedent(art).split())


def at(x: float, y: float, button: Button = "left", **more: object) -> PointerEvent:
    """An event in the middle of pixel (x, y)."""
    return PointerEvent(x + 0.5, y + 0.5, button, **more)  # type: ignore[arg-type]


def drag(
    tool: Tool, *path: tuple[float, float], button: Button = "left", release: bool = True, **more: object
) -> None:
    """Press at the first point, move over the others, let go at the last."""
    held = frozenset({button})
    tool.press(at(*path[0], button, buttons=held, **more))
    for point in path[1:]:
        tool.move(at(*point, "none", buttons=held, **more))
    if release:
        tool.release(at(*path[-1], button, **more))


def click(tool: Tool, x: float, y: float, button: Button = "left", **more: object) -> None:
    drag(tool, (x, y), button=button, **more)
