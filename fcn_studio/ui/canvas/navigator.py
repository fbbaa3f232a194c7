"""The navigator.

It is a small overview of the image in a corner of the canvas. A frame marks the visible part; a click or drag moves
it.
"""

from __future__ import annotations

from collections.abc import Callable

from PySide6.QtCore import QEvent, QPoint, QPointF, QRect, Qt, QTimer
from PySide6.QtGui import (
    QColor,
    QEnterEvent,
    QHideEvent,
    QImage,
    QMouseEvent,
    QPainter,
    QPaintEvent,
    QShowEvent,
    QTabletEvent,
)
from PySide6.QtWidgets import QApplication, QWidget

from fcn_studio.core.document import Document
from fcn_studio.i18n import tr
from fcn_studio.ui.canvas.canvas import Canvas
from fcn_studio.ui.canvas.colours import BACKDROP
from fcn_studio.ui.canvas.device_pixels import use_device_pixels
from fcn_studio.ui.canvas.view_state import ViewState
from fcn_studio.ui.runtime.guard import guarded
from fcn_studio.ui.widgets.named import named

WIDEST, HIGHEST, SMALLEST = 208, 160, 24
"""Logical pixels of its largest width, largest height and smallest side."""

MARGIN = 12
"""Logical pixels to the edges of the canvas."""

IDLE_MS = 200
"""Milliseconds from the last change of the labels until it is drawn again."""

_DIMMED, _FRAME, _HALO, _EDGE = (
    QColor(0, 0, 0, 120),
    QColor(255, 255, 255),
    QColor(0, 0, 0, 160),
    QColor(140, 140, 140),
)


class Navigator(QWidget):
    """Overview in a corner of a canvas.

    While it is hidden it does not follow the document and costs nothing.
    """

    def __init__(self, canvas: Canvas) -> None:
        super().__init__(canvas)
        named(self, tr("Navigator"), tr("Click or drag to go there (N hides this)"))
        self.setAttribute(Qt.WidgetAttribute.WA_OpaquePaintEvent)
        self.setCursor(Qt.CursorShape.PointingHandCursor)
        self._canvas = canvas
        self._wanted = False
        self._document: Document | None = None
        self._disconnect: Callable[[], None] = lambda: None
        self._picture = QImage()
        self._idle = QTimer(self, singleShot=True, interval=IDLE_MS)
        self._idle.timeout.connect(self._compose)
        canvas.layers.changed.connect(self._follow)
        canvas.view_changed.connect(self._follow_view)
        self.hide()

    def set_wanted(self, on: bool) -> None:
        """Show the navigator whenever there is an image, or never."""
        self._wanted = on
        self._follow()

    # --- what it shows

    def _follow(self) -> None:
        """Follow the layers.

        The picture is composed when nothing changes for a while.
        """
        document = self._canvas.document
        self.setVisible(self._wanted and document is not None)
        if not self.isVisible() or document is None:
            return
        if document is not self._document:
            self._disconnect()
            self._document, self._disconnect = document, document.changed.connect(lambda *_: self._idle.start())
            self._picture = QImage()
            self._place(document)
        self._idle.start()

    def _follow_view(self) -> None:
        if self.isVisible() and self._document is not None:
            self._place(self._document)
            self.update()

    def _place(self, document: Document) -> None:
        scale = min(WIDEST / document.width, HIGHEST / document.height)
        width, height = (max(SMALLEST, round(side * scale)) for side in (document.width, document.height))
        corner = QPoint(self._canvas.width() - MARGIN - width, self._canvas.height() - MARGIN - height)
        self.setGeometry(QRect(corner, corner + QPoint(width - 1, height - 1)))

    def _view(self, document: Document) -> ViewState:
        """Return the view of the whole image in this widget."""
        dpr = self.devicePixelRatioF()
        width, height = round(self.width() * dpr), round(self.height() * dpr)
        scale = min(width / document.width, height / document.height)
        left, top = round((width - document.width * scale) / 2), round((height - document.height * scale) / 2)
        return ViewState(document.width, document.height, width, height, scale, left, top)

    def _compose(self) -> None:
        """Compose image and labels once for many paints."""
        if self._document is None or not self.isVisible():
            return
        view = self._view(self._document)
        self._picture = self._canvas.layers.overview(view)
        self.update()

    @guarded
    def paintEvent(self, event: QPaintEvent) -> None:
        painter = QPainter(self)
        try:
            if self._document is not None:
                use_device_pixels(painter, self.devicePixelRatioF())
                self._paint(painter, self._view(self._document))
        finally:
            painter.end()

    def _paint(self, painter: QPainter, view: ViewState) -> None:
        whole, unit = QRect(0, 0, view.width, view.height), max(1, round(self.devicePixelRatioF()))
        if self._picture.size() == whole.size():
            painter.drawImage(QPoint(), self._picture)
        else:
            painter.fillRect(whole, QColor.fromRgba(BACKDROP))
        frame = self._frame(view).intersected(whole)
        for side in (
            QRect(0, 0, view.width, frame.top()),
            QRect(0, frame.top(), frame.left(), frame.height()),
            QRect(frame.right() + 1, frame.top(), view.width - frame.right() - 1, frame.height()),
            QRect(0, frame.bottom() + 1, view.width, view.height - frame.bottom() - 1),
        ):
            painter.fillRect(side, _DIMMED)
        _outline(painter, frame.adjusted(-unit, -unit, unit, unit), unit, _HALO)
        _outline(painter, frame, unit, _FRAME)
        _outline(painter, whole, unit, _EDGE)

    def _frame(self, view: ViewState) -> QRect:
        """Return the image's visible part in device pixels of this widget.

        It has a least size so that it stays visible.
        """
        shown = self._canvas.view
        if shown is None:
            return QRect()
        left, top = view.to_device(*shown.to_image(0, 0))
        right, bottom = view.to_device(*shown.to_image(shown.width, shown.height))
        least = round(6 * self.devicePixelRatioF())
        width, height = max(least, round(right) - round(left)), max(least, round(bottom) - round(top))
        return QRect(round((left + right - width) / 2), round((top + bottom - height) / 2), width, height)

    @guarded
    def showEvent(self, event: QShowEvent) -> None:
        self._follow()

    @guarded
    def hideEvent(self, event: QHideEvent) -> None:
        self._disconnect()
        self._disconnect, self._document, self._picture = lambda: None, None, QImage()
        self._idle.stop()

    # --- the hand on it

    def _go(self, position: QPointF) -> None:
        if self._document is not None:
            dpr = self.devicePixelRatioF()
            self._canvas.centre_on(*self._view(self._document).to_image(position.x() * dpr, position.y() * dpr))

    @guarded
    def enterEvent(self, event: QEnterEvent) -> None:
        QApplication.sendEvent(self._canvas, QEvent(QEvent.Type.Leave))  # Qt sends none to a parent

    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        self._go(event.position())

    @guarded
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._go(event.position())

    @guarded
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._go(event.position())

    @guarded
    def tabletEvent(self, event: QTabletEvent) -> None:
        event.accept()  # else the canvas paints beneath
        if event.buttons() != Qt.MouseButton.NoButton:
            self._go(event.position())


def _outline(painter: QPainter, rect: QRect, width: int, colour: QColor) -> None:
    """Draw the inner border of a rectangle in whole device pixels."""
    painter.fillRect(rect.left(), rect.top(), rect.width(), width, colour)
    painter.fillRect(rect.left(), rect.bottom() + 1 - width, rect.width(), width, colour)
    painter.fillRect(rect.left(), rect.top() + width, width, rect.height() - 2 * width, colour)
    painter.fillRect(rect.right() + 1 - width, rect.top() + width, width, rect.height() - 2 * width, colour)
