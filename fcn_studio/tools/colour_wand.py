"""Colour wand, which labels pixels of a similar colour."""

from __future__ import annotations

from functools import partial
from math import floor
from typing import TYPE_CHECKING, ClassVar

from fcn_studio.core.document import Document
from fcn_studio.core.raster import Point
from fcn_studio.core.region import Region, StencilRegion
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import Overlay, PointerEvent, Tool, ToolContext
from fcn_studio.tools.options import CONTIGUOUS, PURPOSE, AnyOption, Purpose, Size
from fcn_studio.tools.work import Work, in_thread

if TYPE_CHECKING:  # start-up
    from fcn_studio.core.regions.similar import SimilarPixels

TOLERANCE = Size(
    "tolerance",
    tr_noop("Tolerance"),
    tr_noop("How far colours may differ; drag to the right or left to change it"),
    default=12,
    maximum=100,
    unit="",
)

_LEVELS_A_REACH = 3.0
"""Levels of tolerance for each `ToolContext.grab_radius` of a drag."""

_FOUND_WHILE_WRITTEN = 4
"""Pixels of the whole image cost so many times more to write, for they are only found then."""


class ColourWand(Tool):
    """Labels or selects pixels of a similar colour.

    A press outlines the pixels whose colour is near to that under the pointer, dragging to the right takes more of
    them, to the left fewer, and the release labels or selects them. Colours are compared in Lab. What lies near is
    outlined at once; a thread looks for the rest, and nothing is labelled before all is found.
    """

    options: ClassVar[tuple[AnyOption, ...]] = (TOLERANCE, CONTIGUOUS, PURPOSE)
    gestures: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            tr_noop("Drag with the colour wand"),
            tr_noop("Take more of similar colour to the right, fewer to the left"),
        ),
    )

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._document: Document | None = None  # the image, until the pixels are labelled
        self._similar: SimilarPixels | None = None
        self._pressed: Point = (0.0, 0.0)
        self._begun_with = self._tolerance = 0
        self._for: Purpose = "label"
        self._region: Region | None = None
        self._complete = False  # whether the region is all that this tolerance takes
        self._released = False

    @property
    def busy(self) -> bool:
        """Whether pixels are being chosen or labelled."""
        return self._document is not None or self.working

    @property
    def hint(self) -> str:
        """Sentence on pixels that are not found yet."""
        if self._document is not None and self.working:
            return tr_noop("Looking for the region. Press Escape to drop it.")
        return super().hint

    def press(self, event: PointerEvent) -> None:
        """Choose the pixels of a similar colour.

        Nothing happens outside the image, and before the whole image is read.
        """
        document, image = self.context.document, self.context.image_rgb
        if event.button != "left" or self.busy or document is None or image is None:
            return
        if not (0 <= event.x < document.width and 0 <= event.y < document.height):
            return
        from fcn_studio.core.regions.similar import SimilarPixels  # start-up

        pixel, contiguous = (floor(event.x), floor(event.y)), self.context.option(CONTIGUOUS)
        self._document, self._pressed, self._for = document, event.point_xy, self._purpose(event)
        self._similar, self._released = SimilarPixels(image, pixel, contiguous=contiguous), False
        self._begun_with = self.context.option(TOLERANCE)
        self._choose(self._begun_with)

    def move(self, event: PointerEvent) -> None:
        """Choose more or fewer pixels; the tolerance stays as it is then."""
        from fcn_studio.core.regions.similar import prepare  # start-up

        prepare()
        if self._document is not None and not self._released:
            dragged = (event.x - self._pressed[0]) / self.context.grab_radius * _LEVELS_A_REACH
            tolerance = TOLERANCE.clipped(round(self._begun_with + dragged))
            if tolerance != self._tolerance:
                self._choose(tolerance)

    def release(self, event: PointerEvent) -> None:
        """Label the pixels that are chosen."""
        if event.button == "left":
            self._finish()

    def settle(self) -> None:
        """Label the pixels that are chosen so far."""
        self._finish()
        super().settle()

    def cancel(self) -> None:
        """Choose none, or undo labels that are not all written."""
        super().cancel()
        if self._document is not None:
            self.context.set_option(TOLERANCE, self._begun_with)
        self._drop()

    def overlay(self) -> Overlay:
        """Return the outline of the chosen pixels."""
        return Overlay(region=self._region)

    def work(self) -> float | None:
        """Look for the pixels, and label them if the button is not held any more."""
        wait = super().work()
        if wait is None and self._released and self._complete:
            self._label()
            return 0.0 if self.working else None
        return wait

    def _choose(self, tolerance: int) -> None:
        assert self._similar is not None
        self._tolerance = tolerance
        self.context.set_option(TOLERANCE, tolerance)
        region, self._complete = self._similar.first(tolerance)
        if self._complete or self._region is None:  # else the last outline is more like it than a part would be
            self._show(region)
        if not self._complete:
            self._look()

    def _look(self) -> None:
        """Look for all pixels in a thread."""
        if self._work is None:
            self._work = self._looking()
            self.work()
            self.working_changed.emit()

    def _looking(self) -> Work:
        while not self._complete and self._similar is not None:
            tolerance = self._tolerance
            found = yield from in_thread(partial(self._similar.all, tolerance))
            if not self._complete:
                self._complete = tolerance == self._tolerance
                self._show(found)

    def _show(self, region: Region) -> None:
        self._region = region
        self.overlay_changed.emit()

    def _finish(self) -> None:
        """Label the chosen pixels as soon as all are found."""
        if self._document is None:
            return
        self._released = True
        if self._for != "label" and not isinstance(self._region, StencilRegion):
            self._complete = False  # a selection is looked at again and again
        if self._complete:
            self._label()
        else:
            self._look()

    def _label(self) -> None:
        document, region = self._document, self._region
        self._drop()
        if document is not None and region is not None:
            cost = 1 if isinstance(region, StencilRegion) else _FOUND_WHILE_WRITTEN
            self._use(document, tr_noop("Colour wand"), self._for, lambda: region, cost * region.rect.area)

    def _drop(self) -> None:
        if self._document is not None:
            if self._work is not None:  # what is looked for is not needed any more
                self._work.close()
                self._end_work()
            self._document = self._region = self._similar = None
            self._released = False
            self.overlay_changed.emit()
