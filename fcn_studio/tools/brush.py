"""Brush and eraser, whose strokes are edits written live."""

from __future__ import annotations

from collections.abc import Sequence
from math import floor
from typing import ClassVar
from weakref import ref

from fcn_studio.core.document import Document
from fcn_studio.core.edit import Edit
from fcn_studio.core.geometry import Rect
from fcn_studio.core.raster import BrushShape, Point, brush_diameter, capsule, snapped, trail
from fcn_studio.core.region import Region
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import Button, Overlay, PointerEvent, Ring, Tool, ToolContext
from fcn_studio.tools.options import BRUSH_SHAPE, BRUSH_SIZE, EDGES, PEN_PRESSURE, AnyOption


class Brush(Tool):
    """Paints strokes with the active class.

    The left button paints, the right button erases, and Shift-click draws a straight line from the last point.
    The pressure of a pen makes the brush smaller than its full size. It stops at edges of the picture if asked to.
    `settle` commits a stroke as far as it came.
    """

    options: ClassVar[tuple[AnyOption, ...]] = (BRUSH_SIZE, BRUSH_SHAPE, PEN_PRESSURE, EDGES)
    gestures: ClassVar[tuple[tuple[str, str], ...]] = (
        (tr_noop("Right button, drag"), tr_noop("Brush: erase")),
        (tr_noop("Shift+click"), tr_noop("Brush: draw a straight line from the last point")),
        (tr_noop("Alt+wheel"), tr_noop("Brush and polygon: follow more or fewer edges of the picture")),
    )

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._document: Document | None = None  # the image that the stroke is drawn on
        self._edit: Edit | None = None
        self._button: Button = "none"
        self._from: Point = (0.0, 0.0)
        self._pressure = 1.0  # of the pen in this stroke
        # Where this stroke's last dab lies, its size, shape and class: the next segment need not paint it again.
        self._painted: tuple[Point, float, BrushShape, int] | None = None
        self._hover: Point | None = None
        self._shift = False  # whether a click would draw a straight line
        # The image whose last stroke ended at `_from`, for Shift-click; weak, for a closed image is large.
        self._ended_on: ref[Document] | None = None

    @property
    def edge_option(self) -> AnyOption | None:
        """At which edges it stops."""
        return EDGES

    @property
    def busy(self) -> bool:
        """Whether a stroke is being drawn."""
        return self._edit is not None

    def press(self, event: PointerEvent) -> None:
        """Begin a stroke. A second button is ignored."""
        document = self.context.document
        if document is None or self._edit is not None or event.button not in ("left", "right"):
            return
        self._button, self._pressure = event.button, event.pressure
        erases = not self.uses_class or event.button == "right"
        if not erases:
            self.context.show_active()
        self._edit = document.edit(tr_noop("Erase") if erases else tr_noop("Brush stroke"), keeps_parts=True)
        self._painted = None
        if not (event.shift and self._goes_on(document)):
            self._from = event.point_xy
        self._document = document
        self._hover = event.point_xy
        self._draw_to(event.point_xy)
        self.overlay_changed.emit()

    def move(self, event: PointerEvent) -> None:
        """Continue the stroke, or only move the ring."""
        self._hover, self._shift = event.point_xy, event.shift
        if self._edit is not None:
            self._pressure = event.pressure
            self._draw_to(event.point_xy)
        self.overlay_changed.emit()

    def release(self, event: PointerEvent) -> None:
        """End the stroke that this button began."""
        if self._edit is not None and event.button == self._button:
            if event.point_xy != self._from:
                self._draw_to(event.point_xy)
            self.settle()

    def leave(self) -> None:
        """Hide the ring."""
        self._hover, self._shift = None, False
        self.overlay_changed.emit()

    def settle(self) -> None:
        """Commit the stroke drawn so far."""
        edit, document = self._end()
        if edit is not None and document is not None:
            self._ended_on = ref(document)
            edit.commit()
            self.overlay_changed.emit()

    def cancel(self) -> None:
        """Cancel the stroke."""
        edit, _ = self._end()
        if edit is not None:
            self._ended_on = None
            edit.cancel()
            self.overlay_changed.emit()

    def overlay(self) -> Overlay:
        """Return the ring where the brush would land."""
        if self._hover is None or self.context.document is None:
            return Overlay()
        size = brush_diameter(self._size)
        x, y = snapped(self._hover, size)
        limited, blocked = self._limits(self.context.document)
        ring = Ring(x, y, size, self.context.option(BRUSH_SHAPE), self._erases, limited, blocked)
        if self._shift and self._edit is None and self._goes_on(self.context.document):
            return Overlay(ring, (self._from,), rubber_band=(x, y), width=size)
        return Overlay(ring)

    def _limits(self, document: Document) -> tuple[bool, bool]:
        """Return whether the rules limit the brush, and whether they keep it from the pixel under the pointer.

        During a stroke no pixel counts as kept: most are those that the stroke has painted.
        """
        rules = document.rules.for_erasing() if self._erases else document.rules
        if self._hover is None or self._edit is not None:
            return rules.limited, False
        x, y = floor(self._hover[0]), floor(self._hover[1])
        pixel = Rect(x, y, x + 1, y + 1)
        if not (0 <= x < document.width and 0 <= y < document.height):
            return rules.limited, False
        allowed = rules.paintable(pixel, document.label_map[pixel.slices], document.provenance[pixel.slices])
        return rules.limited, allowed is not None and not allowed[0, 0]

    def _goes_on(self, document: Document) -> bool:
        """Return whether a straight line can begin where the last stroke has ended."""
        return self._ended_on is not None and self._ended_on() is document

    @property
    def _size(self) -> float:
        return self.context.option(BRUSH_SIZE) * self._pressure

    @property
    def _erases(self) -> bool:
        return not self.uses_class or (self._edit is not None and self._button == "right")

    def _end(self) -> tuple[Edit | None, Document | None]:
        stroke = self._edit, self._document
        self._edit = self._document = None
        self._pressure = 1.0
        return stroke

    def _draw_to(self, point_xy: Point) -> None:
        document, edit = self._document, self._edit
        if document is None or edit is None:
            return
        brush = self._size, self.context.option(BRUSH_SHAPE)
        stopped = self._stopped(point_xy, *brush)
        regions = self._covered(document, point_xy, *brush) if stopped is None else stopped
        if self._erases:
            edit.erase_all(regions)
        else:
            edit.write_all(regions, self.context.class_index)
        self._from = point_xy  # not before it is painted: the next move makes up for one that failed
        self._painted = None if stopped is not None else (point_xy, *brush, self.context.class_index)

    def _covered(self, document: Document, point_xy: Point, size: float, shape: BrushShape) -> Sequence[Region]:
        """Return what the brush covers on its way to a point, as far as this stroke has not painted it."""
        bounds = (document.width, document.height)
        if (self._from, size, shape, self.context.class_index) == self._painted:
            return trail(self._from, point_xy, size, shape, bounds)
        region = capsule(self._from, point_xy, size, shape, bounds)
        return [] if region is None else [region]

    def _stopped(self, point_xy: Point, size: float, shape: BrushShape) -> Sequence[Region] | None:
        """Return what the brush covers if it stops at edges; None if it does not."""
        contrast, image = self.context.option(EDGES), self.context.image_rgb
        if not contrast or image is None:
            return None
        from fcn_studio.core.regions.edge_stop import LEAST, stopped  # start-up

        if size < LEAST:
            return None
        region = stopped(image, self._from, point_xy, size, shape, contrast)
        return [] if region is None else [region]


class Eraser(Brush):
    """Makes pixels unlabelled, with either button."""

    gestures: ClassVar[tuple[tuple[str, str], ...]] = ()
    uses_class: ClassVar[bool] = False
