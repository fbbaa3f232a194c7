"""Draws the icon of the program as PNGs from its SVG: ``python packaging/draw_icons.py``."""

from __future__ import annotations

from pathlib import Path

from PySide6.QtCore import Qt
from PySide6.QtGui import QImage, QPainter
from PySide6.QtSvg import QSvgRenderer

FOLDER = Path(__file__).resolve().parents[1] / "resources" / "desktop"
SIZES = (48, 128, 256)


def main() -> None:
    """Write one PNG for each size, beside the SVG."""
    renderer = QSvgRenderer(str(FOLDER / "fcn-studio.svg"))
    for size in SIZES:
        image = QImage(size, size, QImage.Format.Format_ARGB32_Premultiplied)
        image.fill(Qt.GlobalColor.transparent)
        painter = QPainter(image)
        renderer.render(painter)
        painter.end()
        image.save(str(FOLDER / f"fcn-studio-{size}.png"))


if __name__ == "__main__":
    main()
