"""Painting in device pixels at any pixel ratio of the screen."""

from __future__ import annotations

from PySide6.QtGui import QPainter


def use_device_pixels(painter: QPainter, dpr: float) -> None:
    """Make the painter use device pixels, aligned at fractional pixel ratios too."""
    if dpr == 1:
        return
    painter.scale(1 / dpr, 1 / dpr)
    placed = painter.deviceTransform()
    painter.translate(round(placed.dx()) - placed.dx(), round(placed.dy()) - placed.dy())
