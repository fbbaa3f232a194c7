"""GrabCut, which cuts an object out of a rectangle by its colours."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from math import dist, floor
from typing import ClassVar

from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.raster import Point, polygon
from fcn_studio.core.region import Region
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import Overlay, PointerEvent, ToolContext
from fcn_studio.tools.previewed import PreviewTool
from fcn_studio.tools.work import in_thread


class GrabCut(PreviewTool):
    """Finds the object in a rectangle, or with Ctrl in a shape drawn by free hand.

    The object is outlined, roughly at first. A click on it or Enter labels it; Escape, Undo or another drag drops it.
    """

    title: ClassVar[str] = tr_noop("GrabCut")
    gestures: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            tr_noop("Drag with GrabCut"),
            tr_noop("Find the object in a rectangle; with Ctrl, in a shape drawn round it"),
        ),
        (
            tr_noop("Click or Enter, Esc"),
            tr_noop("GrabCut: label the outlined object, or drop it"),
        ),
    )

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._path: list[Point] = []  # of the pointer, while the button is held
        self._free_hand = False

    @property
    def busy(self) -> bool:
        """Whether an object is marked, looked for, outlined or labelled."""
        return bool(self._path) or super().busy

    @property
    def undo_title(self) -> str:
        """Title of the outlined object, which Undo drops."""
        return self.title if self._shown is not None else ""

    def press(self, event: PointerEvent) -> None:
        """Label the outlined object, or begin to mark another one.

        Nothing happens before the whole image is read.
        """
        document, image = self.context.document, self.context.image_rgb
        if event.button != "left" or self._path or document is None or image is None:
            return
        if self._on_found(event):
            self._apply()
        elif self._document is not None or not self.working:
            self._drop()
            self._document, self._path, self._free_hand = document, [event.point_xy], event.ctrl
            self.overlay_changed.emit()

    def move(self, event: PointerEvent) -> None:
        """Draw on."""
        if self._path:
            self._extend(event)
            self.overlay_changed.emit()

    def release(self, event: PointerEvent) -> None:
        """Look for the object in what was marked."""
        if not self._path or event.button != "left":
            return
        self._extend(event)
        corners, self._path = self._corners(), []
        document, image = self._document, self.context.image_rgb
        outline = None
        if document is not None and corners:
            outline = polygon(corners, (document.width, document.height))
        if outline is None or image is None:
            self._drop()
            return
        self._look(self._object(image, outline))

    def _object(self, image: ImageRgb, outline: Region) -> Generator[float, None, Region | None]:
        from fcn_studio.core.regions.grabcut import cut_within  # start-up

        self._show_rough((yield from in_thread(partial(cut_within, image, outline, rough=True))))
        return (yield from in_thread(partial(cut_within, image, outline)))

    def key(self, name: str) -> bool:
        """Label the outlined object, or drop it."""
        if name == "Undo" and self._shown is not None:
            self._drop()
            return True
        return super().key(name)

    def overlay(self) -> Overlay:
        """Return the outline of the marked part, or of the object."""
        corners = self._corners()
        if corners:
            return Overlay(points=tuple(corners), rubber_band=corners[0], handles=False)
        return super().overlay()

    def _extend(self, event: PointerEvent) -> None:
        if not self._free_hand:
            self._path[1:] = [event.point_xy]
        elif dist(event.point_xy, self._path[-1]) >= self.context.grab_radius / 4:
            self._path.append(event.point_xy)

    def _corners(self) -> list[Point]:
        """Return the corners of the marked part; none before the pointer has gone far enough."""
        if not any(dist(self._path[0], point) > self.context.grab_radius / 4 for point in self._path[1:]):
            return []
        if self._free_hand:
            return list(self._path)
        (xa, ya), (xb, yb) = self._path
        left, top = floor(min(xa, xb)), floor(min(ya, yb))
        right, bottom = floor(max(xa, xb)) + 1, floor(max(ya, yb)) + 1
        return [(left, top), (right, top), (right, bottom), (left, bottom)]

    def _drop(self) -> None:
        self._path = []
        super()._drop()
