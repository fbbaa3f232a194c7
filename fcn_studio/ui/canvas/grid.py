"""The grid of image pixels at high zoom."""

from __future__ import annotations

import numpy as np
from PySide6.QtGui import QColor, QPainter

from fcn_studio.core.geometry import Rect
from fcn_studio.ui.canvas.view_state import ViewState

GRID_FROM, GRID_FULL = 10.0, 28.0
"""Logical pixels per image pixel where the grid begins and where it is fully drawn."""

_DARK, _LIGHT = 90, 70
"""Opacities 0..255 of the two lines of a border; one is visible on any colour."""

_FIRST = 0.35
"""Share of these opacities where the grid begins."""


def grid_strength(scale: float) -> float:
    """Return the grid's strength, 0..1, by logical pixels per image pixel."""
    if scale < GRID_FROM:
        return 0.0
    return _FIRST + (1 - _FIRST) * min(1.0, (scale - GRID_FROM) / (GRID_FULL - GRID_FROM))


def paint_grid(painter: QPainter, view: ViewState, rect: Rect, dpr: float) -> None:
    """Draw the borders of image pixels within a device rectangle.

    The rectangle shows the image. The last device pixel of an image pixel is darkened and the first of the next is
    lightened, at every pixel ratio. What is drawn at a place does not depend on the rectangle.
    """
    strength = grid_strength(view.scale / dpr)
    if not rect or strength == 0:
        return
    painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
    for opacity, grey, shift in ((_DARK, 0, -1), (_LIGHT, 255, 0)):
        colour = QColor(grey, grey, grey, round(opacity * strength))
        for x in _borders(view.origin_x, view.scale, rect.x0 - shift, rect.x1 - shift):
            painter.fillRect(x + shift, rect.y0, 1, rect.height, colour)
        for y in _borders(view.origin_y, view.scale, rect.y0 - shift, rect.y1 - shift):
            painter.fillRect(rect.x0, y + shift, rect.width, 1, colour)


def _borders(origin: int, scale: float, start: int, stop: int) -> list[int]:
    """Return the device columns that begin an image column.

    They lie in ``start .. stop``. The same holds for rows.
    """
    # The rule of `Sampling` itself: its inverse can be off by one pixel where the division rounds.
    indices = np.floor((np.arange(start - 1, stop, dtype=np.int64) - origin + 0.5) / scale)
    return [int(place) + start for place in np.flatnonzero(np.diff(indices))]
