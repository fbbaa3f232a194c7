"""Tools, which turn gestures into edits, and `TOOLS`, their table.

Each is a state machine in a file of its own.

They import ``core`` only; no Qt, no files, and no tool knows another (import-linter holds it).
"""

from __future__ import annotations

from dataclasses import dataclass

from fcn_studio.i18n import tr_noop
from fcn_studio.tools.accept import AcceptRegion
from fcn_studio.tools.base import Tool
from fcn_studio.tools.brush import Brush, Eraser
from fcn_studio.tools.colour_wand import ColourWand
from fcn_studio.tools.fill import Fill
from fcn_studio.tools.grabcut import GrabCut
from fcn_studio.tools.lasso import Lasso
from fcn_studio.tools.line import Line
from fcn_studio.tools.picker import Picker
from fcn_studio.tools.polygon import Polygon
from fcn_studio.tools.rectangle import Rectangle
from fcn_studio.tools.smart_click import SmartClick


@dataclass(frozen=True, slots=True)
class ToolSpec:
    """One row of the table of tools.

    Attributes:
        tool: the class; it declares its options and gestures.
        name: how the program calls it; its action, and its icon in ``resources/icons``, bear that name.
        title: its name for people with ``&`` before the mnemonic, marked for translation.
        help: one sentence for tool tip and key list, marked for translation.
        key: its shortcut.
    """

    tool: type[Tool]
    name: str
    title: str
    help: str
    key: str


TOOLS: tuple[ToolSpec, ...] = (
    ToolSpec(Brush, "brush", tr_noop("&Brush"), tr_noop("Paint with the active class"), "B"),
    ToolSpec(Eraser, "eraser", tr_noop("&Eraser"), tr_noop("Make pixels unlabelled"), "E"),
    ToolSpec(Polygon, "polygon", tr_noop("&Polygon"), tr_noop("Click the corners; Enter closes the polygon"), "P"),
    ToolSpec(Lasso, "lasso", tr_noop("La&sso"), tr_noop("Draw round a shape; it is filled when you let go"), "L"),
    ToolSpec(Rectangle, "rectangle", tr_noop("&Rectangle"), tr_noop("Drag a rectangle, which is filled"), "M"),
    ToolSpec(Line, "line", tr_noop("&Line"), tr_noop("Drag a line, or click its corners; as wide as the brush"), "S"),
    ToolSpec(ColourWand, "colour_wand", tr_noop("Colour &wand"), tr_noop("Label pixels of a similar colour"), "W"),
    ToolSpec(
        SmartClick,
        "smart_click",
        tr_noop("Smart clic&k"),
        tr_noop("Left click what belongs to the active class, right click what does not; Enter labels it"),
        "Q",
    ),
    ToolSpec(
        GrabCut,
        "grabcut",
        tr_noop("GrabC&ut"),
        tr_noop("Drag a rectangle round an object, which is then found by its colours"),
        "K",
    ),
    ToolSpec(Fill, "fill", tr_noop("&Fill"), tr_noop("Fill a region of one class"), "G"),
    ToolSpec(
        AcceptRegion,
        "accept",
        tr_noop("Accept &region"),
        tr_noop("Accept a region of the prediction by a click"),
        "Y",
    ),
    ToolSpec(Picker, "picker", tr_noop("Pick &class"), tr_noop("Take the class under the cursor"), "I"),
)
"""Every tool, in the order of menu and tool bar; the first is active at first."""
