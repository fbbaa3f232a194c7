"""Names of classes on the canvas: in the regions that have room for one, and at the resting pointer."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from functools import lru_cache
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QRectF, Qt, QTimer
from PySide6.QtGui import QColor, QFont, QFontMetricsF, QImage, QPainter
from PySide6.QtWidgets import QToolTip

from fcn_studio.core.classes import Colour
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import Provenance
from fcn_studio.core.regions.inner_points import InnerPoint, inner_points
from fcn_studio.ui.canvas.layers import Layer
from fcn_studio.ui.canvas.view_state import ViewState

if TYPE_CHECKING:
    from fcn_studio.core.document import Document
    from fcn_studio.core.event import Event
    from fcn_studio.ui.canvas.surface import Surface

LATER_MS = 250
"""Milliseconds from the last change of the labels until regions are looked for again."""

_LONGEST_NAME = 40
"""Characters of a name that are shown."""

_PAPER, _INK = QColor(24, 24, 24, 210), QColor(255, 255, 255)
_SWATCH, _MARGIN = 8, 4
"""Logical pixels of the square in the class's colour, and around the parts."""


class ClassNames(QObject):
    """Shows names of classes over the image while the user wants them.

    Regions are looked for when nothing has changed for a moment, never during a stroke. While names are hidden,
    nothing is computed.

    Args:
        canvas: shows the document.
        hovered: emits the image pixel under the pointer, or None.
    """

    def __init__(self, canvas: Surface, hovered: Event[tuple[int, int] | None]) -> None:
        super().__init__(canvas)
        self._canvas, self._hover = canvas, hovered
        self._shown = False
        self._watched: Document | None = None
        self._points: list[InnerPoint] = []
        self._under: int | None = None
        self._placed: tuple[ViewState, float, list[tuple[QImage, Rect]]] | None = None
        self._later = QTimer(self, singleShot=True, interval=LATER_MS)
        self._later.timeout.connect(self._look)
        self._unwatch: list[Callable[[], None]] = []
        canvas.layers.changed.connect(self._changed)

    def set_shown(self, shown: bool) -> None:
        """Show or hide the names."""
        if shown != self._shown:
            self._shown = shown
            self._changed()

    def _changed(self) -> None:
        """Follow the document and how it is drawn."""
        self._placed = None
        document = self._canvas.document if self._shown else None
        if document is self._watched:
            return
        for unwatch in self._unwatch:
            unwatch()
        self._unwatch = []
        self._watched = document
        self._show_under(None)
        if document is not None:
            self._unwatch = [
                document.committed.connect(self._later.start),
                self._hover.connect(self._hovered),
            ]
        self._look()

    def _look(self) -> None:
        """Find the regions that have room for a name."""
        document = self._watched
        self._points = [] if document is None else inner_points(document.label_map, document.provenance)
        self._placed = None
        self._canvas.update()

    # --- painting ---------------------------------------------------------------------------------------------

    def paint(self, painter: QPainter, view: ViewState, dpr: float) -> None:
        """Draw the names; ``painter`` uses device pixels."""
        layers = self._canvas.layers
        if not self._points or layers.peeking or not layers.styles[Layer.LABELS].visible:
            return
        if self._placed is None or self._placed[:2] != (view, dpr):
            self._placed = view, dpr, list(self._with_room(view, dpr))
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
        for picture, rect in self._placed[2]:
            painter.drawImage(rect.x0, rect.y0, picture)

    def _with_room(self, view: ViewState, dpr: float) -> Iterator[tuple[QImage, Rect]]:
        """Yield the pictures of names and their device pixels.

        Regions that are too small on screen have none, and no name covers another.
        """
        taken: list[Rect] = []
        font = self._canvas.font().toString()
        for point in self._points:
            info = self._canvas.layers.table.get(point.class_index)
            if info is None or point.class_index in self._canvas.layers.hidden:
                continue
            picture = _picture(info.name, info.colour, font, dpr)
            if 2 * point.radius * view.scale < picture.height():
                break  # the rest are smaller
            x, y = view.to_device(point.x + 0.5, point.y + 0.5)
            left, top = round(x - picture.width() / 2), round(y - picture.height() / 2)
            rect = Rect(left, top, left + picture.width(), top + picture.height())
            if rect.intersect(view.viewport) and not any(rect.intersect(other) for other in taken):
                taken.append(rect)
                yield picture, rect

    # --- the pointer ------------------------------------------------------------------------------------------

    def _hovered(self, pixel: tuple[int, int] | None) -> None:
        document, under = self._watched, None
        if pixel is not None and document is not None:
            x, y = pixel
            if document.provenance[y, x] != Provenance.NOBODY:
                under = int(document.label_map[y, x])
        if under != self._under:
            self._show_under(under)

    def _show_under(self, under: int | None) -> None:
        """Set the name that Qt shows when the pointer rests."""
        self._under = under
        self._canvas.setToolTip("" if under is None else _plain(self._canvas.layers.table.name_of(under)))
        if QToolTip.isVisible():
            QToolTip.hideText()  # it names what was under the pointer before


def _plain(name: str) -> str:
    """Return a name as rich text that shows its characters as they are."""
    from html import escape  # start-up

    return f"<qt>{escape(name)}</qt>"


@lru_cache(maxsize=512)
def _picture(name: str, colour: Colour, font: str, dpr: float) -> QImage:
    """Return a name on dark paper beside a square of its colour, in device pixels."""
    text, face = name if len(name) <= _LONGEST_NAME else name[: _LONGEST_NAME - 1] + "…", QFont()
    face.fromString(font)
    metrics = QFontMetricsF(face)
    width = metrics.horizontalAdvance(text) + _SWATCH + 3 * _MARGIN
    height = max(metrics.height(), _SWATCH) + _MARGIN
    picture = QImage(round(width * dpr), round(height * dpr), QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.scale(dpr, dpr)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing)
    painter.setPen(Qt.PenStyle.NoPen)
    painter.setBrush(_PAPER)
    painter.drawRoundedRect(QRectF(0, 0, width, height), _MARGIN, _MARGIN)
    painter.setBrush(QColor(*colour))
    painter.drawRect(QRectF(_MARGIN, (height - _SWATCH) / 2, _SWATCH, _SWATCH))
    painter.setPen(_INK)
    painter.setFont(face)
    left = _SWATCH + 2 * _MARGIN
    painter.drawText(QRectF(left, 0, width - left, height), Qt.AlignmentFlag.AlignVCenter, text)
    painter.end()
    return picture
