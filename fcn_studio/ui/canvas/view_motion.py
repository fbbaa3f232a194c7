"""Smooth movement of the view to a rectangle of the image."""

from __future__ import annotations

from PySide6.QtCore import QEasingCurve, QObject, QVariantAnimation
from PySide6.QtWidgets import QStyle

from fcn_studio.core.geometry import EMPTY, Rect
from fcn_studio.ui.canvas.surface import Surface
from fcn_studio.ui.canvas.view_state import ViewState


class ViewMotion(QObject):
    """Moves the view of a canvas to a rectangle.

    Anything else that moves the view, and every held button, ends the movement. The zoom stays as the user set it
    unless the rectangle does not fit or would be too small to see. Where the system asks for no animations, the view
    moves at once.
    """

    def __init__(self, canvas: Surface) -> None:
        super().__init__(canvas)
        self._canvas = canvas
        self._rect = EMPTY
        self._start = self._end = self._last = ViewState(1, 1, 1, 1)
        self._scale = 0.0  # the zoom that the user set
        self._animation = QVariantAnimation(self, startValue=0.0, endValue=1.0)
        self._animation.setEasingCurve(QEasingCurve.Type.OutCubic)
        self._animation.valueChanged.connect(self._move)

    def go_to(self, rect: Rect) -> ViewState | None:
        """Move the view so that it shows a rectangle in image pixels.

        Returns the view at the end, None without an image.
        """
        view = self._canvas.view
        if view is None:
            return None
        self._animation.stop()
        if view.scale != self._last.scale:
            self._scale = view.scale
        self._rect, self._start, self._last = rect, view, view
        self._end = view.showing(rect, self._scale)
        duration = self._duration()
        if duration == 0:
            self._move(1.0)
        elif self._end != view:
            self._animation.setDuration(duration)
            self._animation.start()
        return self._end

    def _duration(self) -> int:
        """Return milliseconds; 0 where the system wants no animation, or nobody sees it."""
        hint = QStyle.StyleHint.SH_Widget_Animation_Duration
        return self._canvas.style().styleHint(hint, None, self._canvas) if self._canvas.isVisible() else 0

    def _move(self, share: float) -> None:
        view = self._canvas.view
        if view is not None and view.viewport != self._last.viewport and view.scale == self._last.scale:
            self.go_to(self._rect)  # the window got another size
        elif view != self._last or not self._canvas.show_view(self._start.between(self._end, share)):
            self._animation.stop()
        else:
            self._last = self._canvas.view or self._last
