"""Options of tools, from which the options bar makes its controls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, Generic, Literal, TypeVar

from fcn_studio.core.raster import BrushShape
from fcn_studio.i18n import tr_noop

T = TypeVar("T")

Purpose = Literal["label", "select", "add", "remove"]
"""What a region that was drawn is for."""


@dataclass(frozen=True)
class Option(Generic[T]):
    """One option of one or several tools.

    Tools that share an option share its value.

    Attributes:
        name: how the program calls it; unique.
        title: its name for people, marked for translation.
        tip: one sentence for the tool tip, marked for translation.
        default: the value at first.
        for_pen: offered only once a pen was used.
    """

    name: str
    title: str
    tip: str
    default: T
    for_pen: bool = False

    def clipped(self, value: T) -> T:
        """Return the nearest value within the range."""
        return value

    def stepped(self, value: T, steps: int) -> T:
        """Return the value that is so many steps further, or the last one."""
        return value


@dataclass(frozen=True)
class Size(Option[int]):
    """A whole number, from 1.

    Attributes:
        maximum: the largest.
        unit: what is counted, marked for translation, or "".
    """

    maximum: int = 2000
    unit: str = tr_noop("px")

    def clipped(self, value: int) -> int:
        """Return the nearest size from 1 to the maximum."""
        return max(1, min(self.maximum, value))

    def stepped(self, value: int, steps: int) -> int:
        """Return the size that is so much larger, or the largest or smallest one."""
        return self.clipped(value + steps)


@dataclass(frozen=True)
class Toggle(Option[bool]):
    """On or off."""


@dataclass(frozen=True)
class Choice(Option[T]):
    """One of several values.

    Attributes:
        choices: (value, what it is called, marked for translation, icon or "") of each. With icons they are buttons,
            else a list.
    """

    choices: tuple[tuple[T, str, str], ...] = ()

    def stepped(self, value: T, steps: int) -> T:
        """Return the choice that is so many places further, or the last or first one."""
        values = [choice for choice, _title, _icon in self.choices]
        return values[max(0, min(len(values) - 1, values.index(value) + steps))]


BRUSH_SIZE = Size(
    "brush_size", tr_noop("Brush size"), tr_noop("Brush size in image pixels (Shift+wheel)"), default=24
)
BRUSH_SHAPE: Choice[BrushShape] = Choice(
    "brush_shape",
    tr_noop("Brush shape"),
    tr_noop("Shape of the brush"),
    default="round",
    choices=(("round", tr_noop("Round brush"), "round"), ("square", tr_noop("Square brush"), "square")),
)
PEN_PRESSURE = Toggle(
    "pen_pressure",
    tr_noop("Pen pressure"),
    tr_noop("Press the pen harder for a larger brush"),
    default=False,
    for_pen=True,
)

EDGES: Choice[int] = Choice(
    "edges",
    tr_noop("Edges"),
    tr_noop("Whether the brush stops at the edges of the picture that it runs along (Alt+wheel)"),
    default=0,
    choices=(
        (0, tr_noop("Paint over edges"), ""),
        (30, tr_noop("Stop at strong edges"), ""),
        (12, tr_noop("Stop at all edges"), ""),
    ),
)
"""The contrast of the edges at which a brush stops, in Lab's 0..255; 0 for none."""

CONTIGUOUS = Toggle(
    "contiguous",
    tr_noop("Connected only"),
    tr_noop("Take only the region under the cursor, not all such pixels of the image"),
    default=True,
)

PURPOSE: Choice[Purpose] = Choice(
    "purpose",
    tr_noop("Label or select"),
    tr_noop("Whether the shape is labelled or selected; Ctrl+drag selects it too"),
    default="label",
    choices=(
        ("label", tr_noop("Label"), ""),
        ("select", tr_noop("Select"), ""),
        ("add", tr_noop("Add to the selection"), ""),
        ("remove", tr_noop("Remove from the selection"), ""),
    ),
)

AnyOption = Option[Any]
"""An option of any type, as the options bar goes through them."""
