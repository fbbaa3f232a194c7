"""The canvas with the gestures of mouse, pen and wheel.

They are for the active tool or the view.
"""

from __future__ import annotations

import math
from collections.abc import Callable
from enum import Enum, auto
from typing import Protocol

from PySide6.QtCore import QEvent, QPointF, Qt, Signal
from PySide6.QtGui import (
    QEnterEvent,
    QFocusEvent,
    QHideEvent,
    QKeyEvent,
    QMouseEvent,
    QPainter,
    QSinglePointEvent,
    QTabletEvent,
    QWheelEvent,
)
from PySide6.QtWidgets import QWidget

from fcn_studio.core.classes import VOID, Colour, voc_colour
from fcn_studio.core.colours.screen_colours import VOID_COLOUR
from fcn_studio.core.document import Document
from fcn_studio.core.event import Event
from fcn_studio.core.image_pyramid import ImagePyramid
from fcn_studio.core.labels import Provenance
from fcn_studio.core.raster import Point
from fcn_studio.core.region import Region
from fcn_studio.tools.base import Button, PointerEvent, Tool
from fcn_studio.tools.options import BRUSH_SIZE
from fcn_studio.ui.canvas.class_names import ClassNames
from fcn_studio.ui.canvas.overlay_painter import OverlayScene
from fcn_studio.ui.canvas.parent_event_filter import ParentEventFilter
from fcn_studio.ui.canvas.pointer import is_eraser, pointer_event, tool_key
from fcn_studio.ui.canvas.region_outline import RegionOutline
from fcn_studio.ui.canvas.surface import ZOOM_STEP, Surface
from fcn_studio.ui.canvas.tool_work import ToolWork
from fcn_studio.ui.canvas.wheel import Wheel, WheelAction, notches
from fcn_studio.ui.runtime.guard import guarded

BRUSH_STEP = 1.2
"""Factor of the brush size for one notch."""

BRUSH_DRAG = 1.01
"""Factor of the brush size for one logical pixel of Alt+right-drag."""


class Drag(Enum):
    """Effect of the held button."""

    NONE = auto()
    TOOL = auto()
    PAN = auto()
    BRUSH_SIZE = auto()
    DIVIDER = auto()


class KeyTaker(Protocol):
    """Takes keys of the canvas before the tool and before shortcuts."""

    def wants(self, event: QKeyEvent) -> bool:
        """Return whether the key is its own now."""

    def press(self, event: QKeyEvent) -> None:
        """Do what the key does."""


class Canvas(Surface):
    """Widget that shows a document and passes gestures to the active tool.

    Ctrl+wheel zooms at the pointer, the wheel scrolls, Shift+wheel resizes the brush (or scrolls sideways with
    another tool), Alt+wheel changes how brush and polygon follow edges, middle-drag or Space+drag pans, Alt+click
    picks a class, Alt+right-drag resizes the brush. All other gestures go to the tool. Of the keyboard, the canvas
    takes Space, and for the tool Enter, Backspace and Escape; digits and letters are for actions.

    Signals:
        class_pick: the class index (255 for void) under an Alt+click.
        brush_resize: factor by which the brush is to be enlarged.
        accepted: Enter was pressed, the tool did not use it, and the pointer is over this image pixel (x, y).
        pen_used: a pen came near or was turned; whether its eraser end is used.

    Attributes:
        hovered: emits the image pixel (x, y) under the pointer, or None. A signal of Qt would take ten times as
            long, and this one comes with each move.
        wheel: effect of the wheel.
        pen_pressure: whether tools get the pressure of a pen.
        class_names: shows the names of regions.
        key_taker: takes keys first, unless a tool's gesture is half done; None for nobody.
    """

    class_pick = Signal(int)
    brush_resize = Signal(float)
    accepted = Signal(int, int)
    pen_used = Signal(bool)

    def __init__(self, parent: QWidget | None = None) -> None:
        super().__init__(parent)
        self.setMouseTracking(True)
        self.setTabletTracking(True)
        self.setFocusPolicy(Qt.FocusPolicy.StrongFocus)
        self.pen_pressure = False
        self.key_taker: KeyTaker | None = None
        self._outlined: RegionOutline | None = None
        self._selection: RegionOutline | None = None
        self._pen_erases: bool | None = None
        self.wheel = Wheel()
        self.hovered = Event[tuple[int, int] | None]()
        self._tool: Tool | None = None
        self._disconnect_tool: Callable[[], None] = lambda: None
        self._scene: OverlayScene | None = None
        self._drag = Drag.NONE
        self._newest: PointerEvent | None = None  # the last event of the tool's gesture
        self._begun_with: Button = "none"  # the button that began it
        self._space_held = False
        self._on_grip = False
        self._pointer: QPointF | None = None
        self._hovered: tuple[int, int] | None = None
        self.layers.changed.connect(self.refresh_overlay)
        self.view_changed.connect(self._on_view_changed)
        self.tool_work = ToolWork(self)
        self.tool_work.changed.connect(self._update_cursor)
        self.class_names = ClassNames(self, self.hovered)
        self._parent_filter = ParentEventFilter(self, self._pinch, self._wants)
        self._parent_filter.follow()

    def set_tool(self, tool: Tool | None) -> None:
        """Pass gestures to this tool from now on.

        A half-done gesture of the old tool ends as if the button were released.
        """
        self._end_drag()
        self._disconnect_tool()
        self._disconnect_tool = lambda: None
        if self._tool is not None and self._tool is not tool:
            self._tool.leave()
        self._tool = tool
        self.tool_work.follow(tool)
        if tool is not None:
            self._disconnect_tool = tool.overlay_changed.connect(self.refresh_overlay)
        self.refresh_overlay()
        self._update_cursor()
        self._hover_again()

    def set_document(self, document: Document | None, picture: ImagePyramid | None = None) -> None:
        """See `Surface.set_document`."""
        self._end_drag()
        super().set_document(document, picture)
        self._update_cursor()
        self._hover_again()

    # --- the tool's overlay

    def refresh_overlay(self) -> None:
        """Draw the tool's overlay again.

        Must also be called when the active class or the brush changed.
        """
        scene = None
        if self._tool is not None and self.view is not None:
            scene = OverlayScene(
                self._tool.overlay(), self.view, self._colour_of(self._tool), self._dpr, self.layers.table
            )
        old, self._scene = self._scene, scene
        if scene is not None:
            self.update_device(*scene.changed_since(old))
        elif old is not None:
            self.update_device(*old.rects)

    def paint_overlay(self, painter: QPainter) -> None:
        """See `Surface.paint_overlay`."""
        if self.view is not None:
            self.class_names.paint(painter, self.view, self._dpr)
        for outline in (self._selection, self._outlined):
            if outline is not None and self.view is not None:
                outline.paint(painter, self.view, self._dpr)
        if self._scene is not None:
            self._scene.paint(painter)

    def set_outlined(self, region: Region | None) -> None:
        """Outline a region of the image, or none."""
        self._update_outlines(self._outlined)
        self._outlined = None if region is None else RegionOutline(region)
        self._update_outlines(self._outlined)

    def set_selection(self, region: Region | None) -> None:
        """Outline the selection by a dashed line, or nothing."""
        old = self._selection
        if region is not (None if old is None else old.region):
            self._selection = None if region is None else RegionOutline(region, dashed=True)
            self._update_outlines(old, self._selection)

    def _update_outlines(self, *outlines: RegionOutline | None) -> None:
        for outline in outlines:
            if outline is not None and self.view is not None:
                self.update_device(outline.rect(self.view, self._dpr))

    @property
    def _uses_brush_size(self) -> bool:
        return self._tool is not None and BRUSH_SIZE in self._tool.options

    def _colour_of(self, tool: Tool) -> Colour:
        index = tool.context.class_index
        info = self.layers.table.get(index)
        if info is not None:
            return info.colour
        return VOID_COLOUR if index == VOID else voc_colour(index)

    # --- the pointer

    @property
    def _button_held(self) -> bool:
        return self._drag != Drag.NONE

    def _press(self, event: QSinglePointEvent, *, clicks: int = 1) -> None:
        if self._drag != Drag.NONE:
            if self._drag == Drag.TOOL:
                self._to_tool("press", self._told(event))
            return
        button, alt = event.button(), bool(event.modifiers() & Qt.KeyboardModifier.AltModifier)
        left, right = button == Qt.MouseButton.LeftButton, button == Qt.MouseButton.RightButton
        self._pointer = event.position()
        self._note_place()
        if left and self._over_grip(event.position()):
            self._drag = Drag.DIVIDER
        elif button == Qt.MouseButton.MiddleButton or (left and self._space_held):
            self._drag = Drag.PAN
        elif alt and right and self._uses_brush_size:
            self._drag = Drag.BRUSH_SIZE
        elif alt and left:
            self._pick(event.position())
        elif (left or right) and self._tool is not None and self.document is not None:
            self._drag = Drag.TOOL
            self._to_tool("double_click" if clicks == 2 else "press", self._told(event, clicks=clicks))
        self._update_cursor()

    def _move(self, event: QSinglePointEvent) -> None:
        old, self._pointer = self._pointer, event.position()
        told = self._told(event)
        if self._drag != Drag.NONE and not told.buttons:
            self._end_drag()  # another widget got the release
        if self._drag in (Drag.NONE, Drag.TOOL):
            if not self._rests_on_grip():
                self._to_tool("move", told)
                self._report_hover(told.point_xy)
            return
        moved = QPointF() if old is None else self._pointer - old
        if self._drag == Drag.PAN:
            self.pan(moved.x(), moved.y())
        elif self._drag == Drag.BRUSH_SIZE and moved.x():
            self.brush_resize.emit(BRUSH_DRAG ** moved.x())
        elif self._drag == Drag.DIVIDER:
            self._move_divider(self._pointer.x() * self._dpr)

    def _release(self, event: QSinglePointEvent) -> None:
        told = self._told(event)
        if self._drag == Drag.TOOL:
            self._to_tool("release", told)
        if not told.buttons:
            self._drag, self._newest = Drag.NONE, None
            self._update_cursor()
            self._hover_again()

    def _told(self, event: QSinglePointEvent, *, clicks: int = 1) -> PointerEvent:
        return pointer_event(event, self.to_image(event.position()), clicks=clicks, feel=self.pen_pressure)

    def _to_tool(self, gesture: str, told: PointerEvent) -> None:
        if self._tool is None or self.document is None:
            return
        if self._drag == Drag.TOOL:
            if self._newest is None:
                self._begun_with = told.button
            self._newest = told
        getattr(self._tool, gesture)(told)

    def _move_divider(self, x: float) -> None:
        """Move the divider to a device column and repaint what that changes."""
        old = self.layers.divider
        if old is not None and self.view is not None:
            self.layers.divider = moved = old.moved_to(x, self.view.width)
            self.update_device(*moved.changed_since(old, self.view.viewport, self._dpr))

    def _over_grip(self, position: QPointF) -> bool:
        """Return whether a position is on the grip of the divider."""
        divider = self.layers.divider
        if divider is None or self.view is None:
            return False
        grip, x, y = divider.grip(self.view.width, self._dpr), position.x() * self._dpr, position.y() * self._dpr
        return grip.x0 <= x < grip.x1 and grip.y0 <= y < grip.y1

    def _rests_on_grip(self) -> bool:
        """Return whether the pointer is on the grip.

        It is then not for the tool.
        """
        on = self._drag == Drag.NONE and self._pointer is not None and self._over_grip(self._pointer)
        if on != self._on_grip:
            self._on_grip = on
            if on and self._tool is not None:
                self._tool.leave()
            self._update_cursor()
        return on

    def _end_drag(self) -> None:
        """End a half-done gesture as a release would.

        A stroke is committed.
        """
        newest, self._newest, drag, self._drag = self._newest, None, self._drag, Drag.NONE
        if drag == Drag.TOOL and newest is not None and self._tool is not None:
            self._tool.release(newest._replace(button=self._begun_with, buttons=frozenset()))
        self._update_cursor()

    def _pick(self, position: QPointF) -> None:
        pixel = self._pixel_at(self.to_image(position))
        if pixel is not None and self.document is not None:
            x, y = pixel
            if self.document.provenance[y, x] != Provenance.NOBODY:
                self.class_pick.emit(int(self.document.label_map[y, x]))

    def _pixel_at(self, point_xy: Point) -> tuple[int, int] | None:
        document, (x, y) = self._document, point_xy
        inside = document is not None and 0 <= x < document.width and 0 <= y < document.height
        return (math.floor(x), math.floor(y)) if inside else None

    def _report_hover(self, point_xy: Point | None) -> None:
        pixel = None if point_xy is None else self._pixel_at(point_xy)
        if pixel != self._hovered:
            self._hovered = pixel
            self.hovered.emit(pixel)

    def _hover_again(self) -> None:
        """Tell the tool where the pointer is.

        The image below the pointer has changed.
        """
        point_xy = None if self._pointer is None else self.to_image(self._pointer)
        resting = self._drag == Drag.NONE and point_xy is not None and not self._rests_on_grip()
        if resting and point_xy is not None and self._tool is not None and self.document:
            self._tool.move(PointerEvent(*point_xy))
        self._report_hover(point_xy)

    def _on_view_changed(self) -> None:
        self.refresh_overlay()
        self._hover_again()

    def _update_cursor(self) -> None:
        if self._drag == Drag.PAN:
            self.setCursor(Qt.CursorShape.ClosedHandCursor)
        elif self._drag == Drag.DIVIDER or self._on_grip:
            self.setCursor(Qt.CursorShape.SplitHCursor)
        elif self._space_held:
            self.setCursor(Qt.CursorShape.OpenHandCursor)
        elif self.tool_work.working:
            self.setCursor(Qt.CursorShape.BusyCursor)
        elif self._tool is not None and self.document is not None:
            self.setCursor(Qt.CursorShape.CrossCursor)
        else:
            self.unsetCursor()

    # --- Qt's virtuals

    @guarded
    def mousePressEvent(self, event: QMouseEvent) -> None:
        if self._pen_erases:
            self._turn_pen(erases=False)  # the pen was put away
        self._press(event)

    @guarded
    def mouseDoubleClickEvent(self, event: QMouseEvent) -> None:
        self._press(event, clicks=2)

    @guarded
    def mouseMoveEvent(self, event: QMouseEvent) -> None:
        self._move(event)

    @guarded
    def mouseReleaseEvent(self, event: QMouseEvent) -> None:
        self._release(event)

    @guarded
    def tabletEvent(self, event: QTabletEvent) -> None:
        event.accept()  # else Qt makes mouse events of it
        self._turn_pen(erases=is_eraser(event))
        if event.type() == QEvent.Type.TabletPress:
            self.setFocus(Qt.FocusReason.MouseFocusReason)
            self._press(event)
        elif event.type() == QEvent.Type.TabletMove:
            self._move(event)
        elif event.type() == QEvent.Type.TabletRelease:
            self._release(event)

    def _turn_pen(self, *, erases: bool) -> None:
        if erases != self._pen_erases and self._drag == Drag.NONE:
            self._pen_erases = erases
            self.pen_used.emit(erases)

    @guarded
    def wheelEvent(self, event: QWheelEvent) -> None:
        event.accept()
        if self._drag != Drag.NONE:
            return  # the view does not move during a stroke
        edges = None if self._tool is None else self._tool.edge_option
        turn = self.wheel.turn(event, brush=self._uses_brush_size, edges=edges is not None)
        if turn == WheelAction.ZOOM:
            self.zoom_at(event.position(), ZOOM_STEP ** notches(event))
        elif turn == WheelAction.BRUSH_SIZE:
            self.brush_resize.emit(BRUSH_STEP ** notches(event))
        elif turn == WheelAction.EDGES and self._tool is not None and edges is not None:
            context = self._tool.context
            context.set_option(edges, edges.stepped(context.option(edges), self.wheel.steps(event)))
        else:
            self.pan(*self.wheel.distance(event))

    @guarded
    def keyPressEvent(self, event: QKeyEvent) -> None:
        name = tool_key(event)
        if event.key() == Qt.Key.Key_Space:
            self._hold_space(True)
        elif self._taken(event) and self.key_taker is not None:
            self.key_taker.press(event)
        elif name is not None and self._tool is not None and self._tool.key(name):
            pass
        elif name == "Enter" and self._hovered is not None and self._drag == Drag.NONE:
            self.accepted.emit(*self._hovered)
        else:
            event.ignore()

    @guarded
    def keyReleaseEvent(self, event: QKeyEvent) -> None:
        if event.key() != Qt.Key.Key_Space:
            event.ignore()
        elif not event.isAutoRepeat():
            self._hold_space(False)

    def _hold_space(self, held: bool) -> None:
        self._space_held = held
        self._update_cursor()

    @guarded
    def enterEvent(self, event: QEnterEvent) -> None:
        self._pointer = event.position()
        self._hover_again()

    @guarded
    def leaveEvent(self, event: QEvent) -> None:
        self._pointer = None
        if self._drag == Drag.NONE and self._tool is not None:
            self._tool.leave()
        self._report_hover(None)

    @guarded
    def focusOutEvent(self, event: QFocusEvent) -> None:
        self._let_go()

    @guarded
    def hideEvent(self, event: QHideEvent) -> None:
        self._let_go()

    def _let_go(self) -> None:
        """End all that is held, since the releases will go elsewhere."""
        self._end_drag()
        self._hold_space(False)

    @guarded
    def changeEvent(self, event: QEvent) -> None:
        if event.type() == QEvent.Type.ParentChange:
            self._parent_filter.follow()
        super().changeEvent(event)

    def _pinch(self, position: QPointF, factor: float) -> None:
        if self._drag == Drag.NONE:
            self.zoom_at(position, factor)

    def _wants(self, event: QKeyEvent) -> bool:
        """Return whether a half-done gesture or the key taker needs the key, before any shortcut."""
        busy = self._tool is not None and self._tool.busy
        return tool_key(event) is not None if busy else self._taken(event)

    def _taken(self, event: QKeyEvent) -> bool:
        """Return whether a key is for the key taker: no gesture is half done."""
        busy = self._button_held or (self._tool is not None and self._tool.busy)
        return not busy and self.key_taker is not None and self.key_taker.wants(event)
