"""The part of the canvas that shows a document.

It has layers, zoom and pan.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Iterable, Sequence
from typing import cast

from PySide6.QtCore import QPoint, QPointF, QRect, Qt, QTimer, Signal
from PySide6.QtGui import QColor, QPainter, QPaintEvent, QRegion, QResizeEvent
from PySide6.QtWidgets import QWidget

from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect, join_neighbours, merge_rects
from fcn_studio.core.image_pyramid import ImagePyramid
from fcn_studio.ui.canvas.blit import blit
from fcn_studio.ui.canvas.colours import BACKDROP
from fcn_studio.ui.canvas.device_pixels import use_device_pixels
from fcn_studio.ui.canvas.grid import paint_grid
from fcn_studio.ui.canvas.layer_stack import LayerStack
from fcn_studio.ui.canvas.sampling import Sampling
from fcn_studio.ui.canvas.view_state import ViewState
from fcn_studio.ui.canvas.zoom_frame import ZoomFrame
from fcn_studio.ui.runtime.guard import guarded

ZOOM_STEP = 1.25
"""Factor of one step of `zoom_in` and of one notch of the wheel."""

REFINE_MS = 40
"""Milliseconds from the last zoom step until the layers are drawn exactly."""

_WORTH_A_CALL = 20_000
"""Pixels that can be copied in the time that one more rectangle takes."""

_TEXT_COLOUR = QColor(190, 190, 190)


class Surface(QWidget):
    """Widget that shows a document, or a text without one.

    All drawing is in device pixels. Each layer has a buffer of the viewport's size (`LayerStack`), and painting
    copies the exposed rectangles of these buffers only.

    Signals:
        zoom_changed: the zoom, in device pixels for one image pixel.
        view_changed: zoom, position or size of the viewport changed.

    Attributes:
        layers: what is drawn and how. `LayerStack.changed` repaints the widget.
        keep_view: whether the next image, if of the same size, keeps zoom and position.
    """

    zoom_changed = Signal(float)
    view_changed = Signal()

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setAttribute(Qt.WidgetAttribute.WA_NoSystemBackground)
        self.setMinimumSize(160, 120)
        self.keep_view = False
        self._document: Document | None = None
        self.layers = LayerStack()
        self.layers.changed.connect(self._repaint)
        self._view: ViewState | None = None
        self._sampling: Sampling | None = None
        self._dpr = self.devicePixelRatioF()
        self._fitted = True
        self._place = QPoint()
        self._empty_text = ""
        self._disconnect: Callable[[], None] = lambda: None
        self._zoom_frame: ZoomFrame | None = None
        self._refining = QTimer(self, singleShot=True, interval=REFINE_MS)
        self._refining.timeout.connect(self.refine)

    # --- what is shown

    @property
    def document(self) -> Document | None:
        """Document that is shown."""
        return self._document

    def set_document(self, document: Document | None, picture: ImagePyramid | None = None) -> None:
        """Show another document, fitted to the viewport.

        With ``keep_view``, an image of the same size keeps zoom and position.

        Args:
            document: None shows the empty text.
            picture: the picture that the document annotates, of its size; it may arrive in stages. None shows
                the backdrop.
        """
        self._disconnect()
        self._document = document
        self.layers.set_document(document, picture)
        old, self._view, self._sampling = self._view, None, None
        self._disconnect = lambda: None
        if document is not None:
            self._disconnect = document.changed.connect(self._on_labels_changed)
            size = document.width, document.height
            if self.keep_view and old is not None and (old.image_width, old.image_height) == size:
                self._set_view(old.resize(*self._device_size()))
            else:
                self.fit()
        self.layers.changed.emit()

    def set_empty_text(self, text: str) -> None:
        """Set the text that is shown without a document."""
        self._empty_text = text
        self.update()

    # --- view

    @property
    def zoom(self) -> float:
        """Device pixels for one image pixel, 1 without a document."""
        return self._view.scale if self._view else 1.0

    @property
    def view(self) -> ViewState | None:
        """View of the image, None without a document."""
        return self._view

    def fit(self) -> None:
        """Show the whole image, also after the window is resized.

        While a button is held, nothing changes.
        """
        if self._document is not None and not self._button_held:
            width, height = self._device_size()
            self._set_view(ViewState(self._document.width, self._document.height, width, height).fit())
            self._fitted = True

    def one_to_one(self) -> None:
        """Show each image pixel as one device pixel."""
        self._move_view(lambda view: view.one_to_one())

    def zoom_in(self) -> None:
        """Zoom in by one step around the middle."""
        self._zoom_about_middle(ZOOM_STEP)

    def zoom_out(self) -> None:
        """Zoom out by one step around the middle."""
        self._zoom_about_middle(1 / ZOOM_STEP)

    def zoom_at(self, position: QPointF, factor: float) -> None:
        """Zoom by a factor around a position of the widget.

        The position is in logical pixels.
        """
        at = position.x() * self._dpr, position.y() * self._dpr
        self._move_view(lambda view: view.zoom_at(at, factor))

    def pan(self, dx: float, dy: float) -> None:
        """Move the image by logical pixels, rounded to whole device pixels."""
        if self._view is not None:
            self._fitted = False
            self._set_view(self._view.pan(round(dx * self._dpr), round(dy * self._dpr)))

    def centre_on(self, x: float, y: float) -> None:
        """Move a point of the image to the middle.

        It is moved as far as possible.
        """

        def moved(view: ViewState) -> ViewState:
            left, top = view.to_device(x, y)
            return view.pan(round(view.width / 2 - left), round(view.height / 2 - top))

        self._move_view(moved)

    def show_view(self, view: ViewState) -> bool:
        """Show another view of the document.

        Returns False, and changes nothing, while a button is held or without a document.
        """
        self._move_view(lambda _: view)
        return self._view == view

    def to_image(self, position: QPointF) -> tuple[float, float]:
        """Return image coordinates (x, y) of a position in the widget.

        They are those of the centre of the device pixel at this position.
        """
        if self._view is None:
            return -1.0, -1.0
        return self._view.to_image(position.x() * self._dpr + 0.5, position.y() * self._dpr + 0.5)

    def _zoom_about_middle(self, factor: float) -> None:
        self._move_view(lambda view: view.zoom_at((view.width / 2, view.height / 2), factor))

    @property
    def _button_held(self) -> bool:
        """Whether a gesture with a held button holds the view.

        Subclasses override it.
        """
        return False

    def _move_view(self, move: Callable[[ViewState], ViewState]) -> None:
        if self._view is not None and not self._button_held:
            self._fitted = False
            self._set_view(move(self._view))

    def refine(self) -> None:
        """Draw the layers exactly at the next paint, even during a zoom."""
        if self._zoom_frame is not None:
            self._repaint()

    def _repaint(self) -> None:
        """Draw everything again, and exactly."""
        self._zoom_frame = None
        self._refining.stop()
        self.update()

    def _set_view(self, view: ViewState) -> None:
        old, self._view = self._view, view
        if view == old:
            return
        if old is not None and old.viewport == view.viewport and old.scale != view.scale:
            if self._zoom_frame is None and self._sampling is not None:  # scale what was painted last
                self._zoom_frame = ZoomFrame.of(old, self.layers.drawn(self._sampling))
            self._refining.start()
            self.update()
        else:
            self._repaint()
        self._sampling = None
        if old is None or old.scale != view.scale:
            self.zoom_changed.emit(view.scale)
        self.view_changed.emit()

    def _device_size(self) -> tuple[int, int]:
        return math.ceil(self.width() * self._dpr), math.ceil(self.height() * self._dpr)

    def _sync_viewport(self) -> None:
        """Follow the widget's size and the pixel ratio of its screen."""
        old, self._dpr = self._dpr, self.devicePixelRatioF()
        before = self._place
        self._note_place()
        self.layers.set_line_width(max(1, round(self._dpr)))
        if self._view is None:
            return
        if (self._view.width, self._view.height) == self._device_size():
            if old != self._dpr:  # as many device pixels, but lines have another width
                self.view_changed.emit()
        elif self._button_held:  # each image pixel stays where it is in the window, or a stroke would get a step
            moved = before - self._place
            dx, dy = round(moved.x() * self._dpr), round(moved.y() * self._dpr)
            self._set_view(self._view.in_place(*self._device_size(), dx, dy))
        elif self._fitted:
            self.fit()
        else:
            self._set_view(self._view.resize(*self._device_size()))

    def _note_place(self) -> None:
        """Note where the widget is in its window.

        Qt tells of no move of its parents.
        """
        self._place = self.mapTo(self.window(), QPoint())

    def _current_sampling(self, view: ViewState) -> Sampling:
        if self._sampling is None:
            self._sampling = Sampling(view)
        return self._sampling

    # --- painting

    def _on_labels_changed(self, *rects: Rect) -> None:
        self.refine()
        reach = self.layers.labels_changed(*rects)
        if self._view is not None:
            sampling = self._current_sampling(self._view)
            self.update_device(*(sampling.device_rect(rect, reach) for rect in rects))

    def update_device(self, *rects: Rect) -> None:
        """Schedule a repaint of rectangles in device pixels."""
        dpr = self._dpr
        for rect in merge_rects(rects, _WORTH_A_CALL):
            if rect:
                x0, y0 = math.floor(rect.x0 / dpr), math.floor(rect.y0 / dpr)
                self.update(x0, y0, math.ceil(rect.x1 / dpr) - x0, math.ceil(rect.y1 / dpr) - y0)

    def _device(self, rect: QRect, bounds: Rect) -> Rect:
        """Return the device pixels that a rectangle of logical pixels touches."""
        dpr, left, top = self._dpr, rect.x(), rect.y()
        x1, y1 = math.ceil((left + rect.width()) * dpr), math.ceil((top + rect.height()) * dpr)
        return Rect(math.floor(left * dpr), math.floor(top * dpr), x1, y1).intersect(bounds)

    @guarded
    def resizeEvent(self, event: QResizeEvent) -> None:
        self._sync_viewport()

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        if self.devicePixelRatioF() != self._dpr:  # moved to another screen
            self._sync_viewport()
        painter = QPainter(self)
        try:
            if self._view is None:
                self._paint_empty(painter)
            else:
                use_device_pixels(painter, self._dpr)
                if self._zoom_frame is not None:
                    self._zoom_frame.paint(painter, self._view)
                    inside = self._current_sampling(self._view).inside
                    paint_grid(painter, self._view, inside, self._dpr)
                else:
                    self._paint_layers(painter, self._view, event.region())
                if self.layers.divider is not None and not self.layers.peeking:
                    self.layers.divider.paint(painter, self._view.viewport, self._dpr)
                self.paint_overlay(painter)
        finally:
            painter.end()

    def paint_overlay(self, painter: QPainter) -> None:
        """Paint above the layers, in device pixels.

        Subclasses override it.
        """

    def _paint_layers(self, painter: QPainter, view: ViewState, region: QRegion) -> None:
        sampling = self._current_sampling(view)
        layers = list(self.layers.drawn(sampling))
        for rect in self._exposed(region, sampling.viewport):  # in turn, since they may overlap
            blit(painter, layers, rect)
            paint_grid(painter, view, rect.intersect(sampling.inside), self._dpr)

    def _exposed(self, region: QRegion, viewport: Rect) -> Sequence[Rect]:
        """Return the device pixels to paint as few rectangles.

        Each rectangle costs calls.
        """
        whole = self._device(region.boundingRect(), viewport)
        if whole.area <= _WORTH_A_CALL or region.rectCount() == 1:
            return [whole]
        rects = [self._device(rect, viewport) for rect in cast(Iterable[QRect], region)]
        # Qt cuts a region at each edge of its parts into bands, some of a single row.
        return join_neighbours(merge_rects(rects, _WORTH_A_CALL), _WORTH_A_CALL)

    def _paint_empty(self, painter: QPainter) -> None:
        painter.fillRect(self.rect(), QColor.fromRgba(BACKDROP))
        painter.setPen(_TEXT_COLOUR)
        font = self.font()
        font.setPointSizeF(font.pointSizeF() * 1.3 if font.pointSizeF() > 0 else 12)
        painter.setFont(font)
        flags = Qt.AlignmentFlag.AlignCenter | Qt.TextFlag.TextWordWrap
        painter.drawText(self.rect().adjusted(24, 24, -24, -24), int(flags), self._empty_text)
