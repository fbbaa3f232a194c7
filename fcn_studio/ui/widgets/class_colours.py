"""The colours of classes on screen, by the user's setting.

All that draws classes asks here, so that canvas, docks, thumbnails and dialogs agree.
"""

from __future__ import annotations

from PySide6.QtCore import Qt

from fcn_studio.core.classes import ClassTable, Colour
from fcn_studio.core.colours import screen_colours
from fcn_studio.core.colours.screen_colours import ScreenColours

_palette = ScreenColours.BRIGHT

_DASHES = (
    Qt.PenStyle.SolidLine,
    Qt.PenStyle.DashLine,
    Qt.PenStyle.DotLine,
    Qt.PenStyle.DashDotLine,
    Qt.PenStyle.DashDotDotLine,
)


def use(palette: str) -> None:
    """Use a value of the setting ``screen_colours`` from now on.

    What is drawn already must be drawn again.
    """
    global _palette
    _palette = ScreenColours(palette)


def on_screen(table: ClassTable) -> ClassTable:
    """Return a class table with the colours of the screen.

    It is for drawing only and must not be saved.
    """
    return screen_colours.on_screen(table, _palette)


def of_index(index: int) -> Colour:
    """Return the colour on screen of a class index whose class nobody knows yet."""
    return screen_colours.colour_of_index(index, _palette)


def dashes_of(index: int) -> Qt.PenStyle:
    """Return the line of a class in plots, which colour alone would not tell from others."""
    return _DASHES[index % len(_DASHES)]


def of_new(table: ClassTable) -> Colour | None:
    """Return the colour that a new class gets in the project file, None for VOC's."""
    return screen_colours.colour_of_new(table, _palette)
