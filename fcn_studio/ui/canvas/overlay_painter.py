"""Drawing of the active tool's overlay.

The device pixels that it touches are computed too.
"""

from __future__ import annotations

import math
from collections.abc import Iterator
from dataclasses import dataclass, field
from functools import lru_cache
from itertools import pairwise
from typing import NamedTuple

import numpy as np
from PySide6.QtCore import QLineF, QPointF, QRectF, Qt
from PySide6.QtGui import QColor, QImage, QPainter, QPen, QPolygonF

from fcn_studio.core.classes import ClassTable, Colour
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.raster import BrushShape, Point, arc_edges, capsule
from fcn_studio.core.region import Region
from fcn_studio.tools.base import Overlay, Ring
from fcn_studio.ui.canvas.region_outline import outline_image, outline_rect
from fcn_studio.ui.canvas.view_state import ViewState

ERASER_COLOUR = (255, 255, 255)
"""Colour of the brush ring of an eraser."""

BLOCKED_COLOUR = (128, 128, 128)
"""Colour of the brush ring over a pixel that it may not change."""

_DASH = 6.0
"""Logical pixels of the dashes, and of the gaps between them, of a ring that changes only some pixels."""

STAIRS_FROM = 2.0
"""Scale from which the ring follows the borders of the pixels that the brush paints."""

STAIRS_UP_TO = 512
"""Largest brush in image pixels whose ring follows pixels; larger rings are smooth."""

_BANDED_FROM = 400.0
"""Radius in device pixels above which rings are repainted in bands."""

_KEPT_UP_TO = 1024
"""Largest diameter in device pixels of rings that are cached (4 MB each, at most 8)."""

_MARGIN = 4
"""Logical pixels of lines and their halo beyond the geometry."""

_CLICK = 6.0
"""Radius of a click in logical pixels."""

_HANDLE = 3.5
"""Radius of a corner's handle in logical pixels."""

_CLOSING = 1.6
"""Enlargement of the handle on which a click would close the shape now."""

_PASTED_ALPHA = 150
"""Opacity of labels before they are pasted, 0..255."""

_BAND_ALPHA = 110
"""Opacity of a line's band before it is painted, 0..255."""


@dataclass(slots=True)
class OverlayScene:
    """One overlay with all that decides how it is drawn.

    Attributes:
        overlay: what the tool shows.
        view: the view of the image.
        colour: of the active class.
        dpr: device pixels for one logical pixel.
        table: the classes, for labels to draw.
        rects: device rectangles of all parts of the overlay; a part that looks different has a different rectangle.
    """

    overlay: Overlay
    view: ViewState
    colour: Colour
    dpr: float
    table: ClassTable | None = None
    rects: frozenset[Rect] = field(init=False)
    _outline: tuple[QImage, Rect] | None = field(init=False, default=None, compare=False)

    def __post_init__(self) -> None:
        self.rects = frozenset(self._rects())

    def changed_since(self, old: OverlayScene | None) -> frozenset[Rect]:
        """Return the device rectangles to repaint when this scene replaces another."""
        if old is None:
            return self.rects
        same_look = (old.view, old.colour, old.dpr) == (self.view, self.colour, self.dpr)
        if not same_look or self.overlay.region is not old.overlay.region:  # regions may have the same rectangle
            return self.rects | old.rects
        if old.overlay != self.overlay and (self._is_whole or old._is_whole):
            return self.rects | old.rects
        return self.rects ^ old.rects

    @property
    def _is_whole(self) -> bool:
        """Whether it is repainted as a whole: parts of wide or crossing smooth lines differ at their borders."""
        return self.overlay.width > 0 or not self.overlay.handles or bool(self.overlay.border)

    def _rects(self) -> Iterator[Rect]:
        overlay, margin = self.overlay, math.ceil(_MARGIN * self.dpr)
        if overlay.region is not None:
            yield outline_rect(overlay.region, self.view, self.dpr).intersect(self.view.viewport)
        if overlay.ring is not None:
            # A ring that looks different gets other rectangles too, by a wider margin.
            look = overlay.ring.erasing + 2 * overlay.ring.limited + 4 * overlay.ring.blocked
            rects = self._ring_rects(overlay.ring, margin + look)
            yield from (
                rect for rect in rects if rect.intersect(self.view.viewport)
            )  # most of a large ring is not seen
        for x, y, inside in overlay.clicks:
            # One outside looks different; a wider margin gives it another rectangle too.
            place = self._place((x, y))
            yield _around(place, place).grown(2 * margin + int(inside))
        points = [self._place(p) for p in overlay.points]
        if points and self._is_whole:
            ends = points + [self._place(p) for p in overlay.border]
            ends += [] if overlay.rubber_band is None else [self._place(overlay.rubber_band)]
            corners = [(choose(x for x, _ in ends), choose(y for _, y in ends)) for choose in (min, max)]
            yield _around(*corners).grown(2 * margin + math.ceil(overlay.width / 2 * self.view.scale))
            return
        for start, end in pairwise(points):
            yield _around(start, end).grown(margin)
        if points:
            # The closing corner is larger; a wider margin gives it another rectangle too.
            for index, point in enumerate(points):
                yield _around(point, point).grown(2 * margin + int(index == overlay.closing))
            if overlay.rubber_band is not None:
                yield _around(points[-1], self._place(overlay.rubber_band)).grown(margin)

    def _ring_rects(self, ring: Ring, margin: int) -> Iterator[Rect]:
        x, y = self.view.to_device(ring.x, ring.y)
        radius = ring.size / 2 * self.view.scale
        if radius < _BANDED_FROM:
            yield _around((x - radius, y - radius), (x + radius, y + radius)).grown(margin)
            return
        if _has_stairs(ring.size, self.view.scale):
            margin += math.ceil(self.view.scale)  # their distance from the circle that the bands follow
        above = math.ceil(radius) + 1
        for top, bottom in pairwise(edge - above for edge in arc_edges(2 * above)):
            nearest, farthest = sorted((abs(top), abs(bottom)))
            if top < 0 < bottom:
                nearest = 0
            outer, inner = _half_width(ring.shape, radius, nearest), _half_width(ring.shape, radius, farthest)
            if inner > 2 * margin:
                yield _around((x - outer, y + top), (x - inner, y + bottom)).grown(margin)
                yield _around((x + inner, y + top), (x + outer, y + bottom)).grown(margin)
            else:
                yield _around((x - outer, y + top), (x + outer, y + bottom)).grown(margin)

    def paint(self, painter: QPainter) -> None:
        """Draw the overlay.

        ``painter`` uses device pixels.
        """
        painter.setCompositionMode(QPainter.CompositionMode.CompositionMode_SourceOver)
        if self.overlay.region is not None:
            if self.overlay.labels is not None:
                self._paint_labels(painter, self.overlay.labels, self.overlay.region.rect)
            self._paint_region(painter, self.overlay.region)
        if self.overlay.ring is not None:
            self._paint_ring(painter, self.overlay.ring)
        if self.overlay.points:
            self._use_polygon(painter)
        for x, y, inside in self.overlay.clicks:
            self._paint_click(painter, QPointF(*self._place((x, y))), inside=inside)

    def _paint_click(self, painter: QPainter, place: QPointF, *, inside: bool) -> None:
        """Draw a disc of the class's colour with a plus, or a dark one with a minus."""
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        radius, arm = _CLICK * self.dpr, 0.5 * _CLICK * self.dpr
        colour = self.colour if inside else (40, 40, 40)
        painter.setPen(QPen(_contrast(colour), 1.5 * self.dpr))
        painter.setBrush(QColor(*colour))
        painter.drawEllipse(place, radius, radius)
        painter.drawLine(place - QPointF(arm, 0), place + QPointF(arm, 0))
        if inside:
            painter.drawLine(place - QPointF(0, arm), place + QPointF(0, arm))

    def _paint_labels(self, painter: QPainter, labels: LabelMap, rect: Rect) -> None:
        """Draw labels in the colours of their classes, half transparent."""
        picture = QImage(labels.data, rect.width, rect.height, labels.strides[0], QImage.Format.Format_Indexed8)
        colours = [0] * 256
        for info in () if self.table is None else self.table.classes:
            colours[info.index] = QColor(*info.colour, _PASTED_ALPHA).rgba()
        picture.setColorTable(colours)
        corners = (QPointF(*self._place(corner)) for corner in ((rect.x0, rect.y0), (rect.x1, rect.y1)))
        painter.setRenderHint(QPainter.RenderHint.SmoothPixmapTransform, on=False)
        painter.drawImage(QRectF(*corners), picture)

    def _paint_region(self, painter: QPainter, region: Region) -> None:
        if self._outline is None:
            self._outline = outline_image(region, self.view, self.dpr)
        picture, rect = self._outline
        painter.drawImage(rect.x0, rect.y0, picture)

    def _paint_ring(self, painter: QPainter, ring: Ring) -> None:
        x, y = self.view.to_device(ring.x, ring.y)
        colour = ERASER_COLOUR if ring.erasing else self.colour
        look = _RingLook(ring.size, ring.shape, self.view.scale, BLOCKED_COLOUR if ring.blocked else colour, self.dpr,
                         ring.limited)  # fmt: skip
        if ring.size * self.view.scale <= _KEPT_UP_TO:
            # Rounded to half a device pixel: at 100 % a brush lies on a pixel or between two.
            left, top = math.floor(x * 2) / 2, math.floor(y * 2) / 2
            picture = _ring_picture(look, left % 1, top % 1)
            middle = picture.width() // 2
            painter.drawImage(math.floor(left) - middle, math.floor(top) - middle, picture)
            return
        painter.save()
        painter.translate(x, y)
        _draw_ring(painter, look)
        painter.restore()

    def _use_polygon(self, painter: QPainter) -> None:
        overlay = self.overlay
        corners = QPolygonF([QPointF(*self._place(p)) for p in overlay.points])
        border = QPolygonF([QPointF(*self._place(p)) for p in overlay.border]) if overlay.border else corners
        last = border.at(border.size() - 1)
        end = None if overlay.rubber_band is None else QPointF(*self._place(overlay.rubber_band))
        painter.setRenderHint(QPainter.RenderHint.Antialiasing)
        if overlay.width:
            self._paint_band(painter, corners, end)
        for pen in _pens(self.colour, self.dpr):
            pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)  # the point of a sharp corner would reach out of the margin
            painter.setPen(pen)
            painter.drawPolyline(border)
            if end is not None:
                painter.drawLine(last, end)
        if not overlay.handles:
            return
        half = _HANDLE * self.dpr
        painter.setPen(QPen(_contrast(self.colour), max(1, round(self.dpr))))
        painter.setBrush(QColor(*self.colour))
        for index in range(corners.size()):
            radius = half * (_CLOSING if index == overlay.closing else 1)
            painter.drawEllipse(corners.at(index), radius, radius)

    def _paint_band(self, painter: QPainter, corners: QPolygonF, end: QPointF | None) -> None:
        """Draw what a line of the overlay's width will cover, half transparent."""
        pen = QPen(QColor(*self.colour, _BAND_ALPHA), max(1.0, self.overlay.width * self.view.scale))
        pen.setCapStyle(Qt.PenCapStyle.RoundCap)
        pen.setJoinStyle(Qt.PenJoinStyle.RoundJoin)
        painter.setPen(pen)
        painter.drawPolyline(corners if end is None else QPolygonF([*corners.toList(), end]))

    def _place(self, point: Point) -> Point:
        return self.view.to_device(*point)


def _around(a: Point, b: Point) -> Rect:
    return Rect(
        math.floor(min(a[0], b[0])),
        math.floor(min(a[1], b[1])),
        math.ceil(max(a[0], b[0])) + 1,
        math.ceil(max(a[1], b[1])) + 1,
    )


def _half_width(shape: BrushShape, radius: float, away: float) -> float:
    """Return half the brush's width at a distance from its centre.

    The distance is above or below the centre.
    """
    if shape == "square":
        return radius if away < radius - 2 else 0.0
    return math.sqrt(max(0.0, radius**2 - away**2))


def _contrast(colour: Colour) -> QColor:
    red, green, blue = colour
    light = 0.299 * red + 0.587 * green + 0.114 * blue > 140  # Rec. 601 luma
    return QColor(0, 0, 0) if light else QColor(255, 255, 255)


def _pens(colour: Colour, dpr: float) -> tuple[QPen, QPen]:
    """Return the pens of the halo and of the line.

    The halo contrasts with the colour.
    """
    width = max(1, round(dpr))
    halo, line = QPen(_contrast(colour), 4 * width), QPen(QColor(*colour), 2 * width)
    for pen in (halo, line):
        pen.setJoinStyle(Qt.PenJoinStyle.MiterJoin)
    return halo, line


class _RingLook(NamedTuple):
    """What decides how a ring is drawn.

    Attributes:
        size: diameter in image pixels.
        shape: of the brush.
        scale: device pixels for one image pixel.
        colour: of its line.
        dpr: device pixels for one logical pixel.
        dashed: whether its line has gaps.
    """

    size: int
    shape: BrushShape
    scale: float
    colour: Colour
    dpr: float
    dashed: bool


@lru_cache(maxsize=8)
def _ring_picture(look: _RingLook, right: float, down: float) -> QImage:
    """Return a picture of the ring, offset by ``right`` and ``down``.

    Copying it takes a third of the time of drawing the ring.
    """
    half = math.ceil(look.size * look.scale / 2) + math.ceil(_MARGIN * look.dpr) + 1
    picture = QImage(2 * half, 2 * half, QImage.Format.Format_ARGB32_Premultiplied)
    picture.fill(Qt.GlobalColor.transparent)
    painter = QPainter(picture)
    painter.translate(half + right, half + down)
    _draw_ring(painter, look)
    painter.end()
    return picture


def _draw_ring(painter: QPainter, look: _RingLook) -> None:
    """Draw the brush's outline around the painter's origin."""
    stairs = _has_stairs(look.size, look.scale)
    outline = (_stairs if stairs else _smooth)(look.size, look.shape, look.scale)
    if look.dashed:
        outline = _dashes(outline, _DASH * look.dpr)
    painter.setRenderHint(QPainter.RenderHint.Antialiasing, not stairs)
    for pen in _pens(look.colour, look.dpr):
        painter.setPen(pen)
        # Drawing one closed path, as drawEllipse does, takes seven times as long as single lines.
        painter.drawLines(outline)


def _dashes(lines: list[QLineF], length: float) -> list[QLineF]:
    """Return the parts of joined lines that are dashes of a length, with gaps as long between them."""
    whole = sum(line.length() for line in lines)
    length = whole / (2 * max(3, round(whole / (2 * length))))  # the last gap is as long as the others
    dashes, begun = [], 0.0
    for line in lines:
        ended = begun + line.length()
        for number in range(math.floor(begun / length), math.ceil(ended / length)):
            start, end = max(begun, number * length), min(ended, (number + 1) * length)
            if number % 2 == 0 and start < end:
                share = [(place - begun) / line.length() for place in (start, end)]
                dashes.append(QLineF(line.pointAt(share[0]), line.pointAt(share[1])))
        begun = ended
    return dashes


def _has_stairs(size: int, scale: float) -> bool:
    return size <= STAIRS_UP_TO and scale >= STAIRS_FROM


@lru_cache(maxsize=16)
def _stairs(size: int, shape: BrushShape, scale: float) -> list[QLineF]:
    """Return the border of the pixels of one dab.

    It is in device pixels from the dab's centre.
    """
    dab = capsule((size / 2, size / 2), (size / 2, size / 2), size, shape, (size, size))
    if dab is None:
        return []
    filled = dab.stencil.astype(bool)
    lefts = filled.argmax(axis=1) + dab.rect.x0 - size / 2
    rights = dab.rect.x1 - filled[:, ::-1].argmax(axis=1) - size / 2
    rows = np.arange(dab.rect.y0, dab.rect.y1) - size / 2
    down = [(x, y) for x, row in zip(rights, rows, strict=True) for y in (row, row + 1)]
    up = [(x, y) for x, row in zip(lefts, rows, strict=True) for y in (row, row + 1)]
    return _closed(down + up[::-1], scale)


@lru_cache(maxsize=16)
def _smooth(size: int, shape: BrushShape, scale: float) -> list[QLineF]:
    """Return the smooth outline of the brush.

    It is in device pixels from the brush's centre.
    """
    half = size / 2
    if shape == "square":
        return _closed([(-half, -half), (half, -half), (half, half), (-half, half)], scale)
    # 256 chords of a circle of 1000 device pixels differ from it by less than 0.1 pixels.
    angles = np.linspace(0, 2 * math.pi, max(24, min(256, round(half * scale))), endpoint=False)
    return _closed(list(zip(half * np.cos(angles), half * np.sin(angles), strict=True)), scale)


def _closed(corners: list[Point], scale: float) -> list[QLineF]:
    placed = [QPointF(x * scale, y * scale) for x, y in corners]
    return [QLineF(a, b) for a, b in zip(placed, placed[1:] + placed[:1], strict=True)]
