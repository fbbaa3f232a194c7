"""Base class of tools, with their events, context and overlay."""

from __future__ import annotations

import time
from collections.abc import Callable, Sequence
from concurrent.futures import Future
from functools import partial
from typing import TYPE_CHECKING, ClassVar, Literal, NamedTuple, Protocol, TypeVar

import numpy as np

from fcn_studio.core.document import Document
from fcn_studio.core.event import Event
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import LabelMap, Provenance
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.raster import BrushShape, Point, polygon
from fcn_studio.core.region import Region
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.options import PURPOSE, AnyOption, Option, Purpose
from fcn_studio.tools.work import LARGE, Work, painting

if TYPE_CHECKING:  # start-up
    from fcn_studio.core.regions.clicks import Clicks

Button = Literal["left", "right", "middle", "none"]

T = TypeVar("T")


class PointerEvent(NamedTuple):
    """One event of mouse or pen.

    Attributes:
        x: column in image coordinates; pixel (x, y) covers ``[x, x + 1)``. May lie outside the image.
        y: row, likewise.
        button: which button this event is about; "none" for a move.
        buttons: those held down after the event.
        shift: whether the key is held.
        ctrl: whether the key is held.
        alt: whether the key is held.
        pressure: of a pen, 0..1; 1 for a mouse, and where pressure is not asked for.
        clicks: 2 for the second press of a double click.
    """

    x: float
    y: float
    button: Button = "none"
    buttons: frozenset[Button] = frozenset()
    shift: bool = False
    ctrl: bool = False
    alt: bool = False
    pressure: float = 1.0
    clicks: int = 1

    @property
    def point_xy(self) -> Point:
        """(x, y) in image coordinates."""
        return self.x, self.y


class ToolContext(Protocol):
    """What a tool reads from the window and may ask of it."""

    @property
    def document(self) -> Document | None:
        """The document of the open image, None if there is none."""

    @property
    def prediction(self) -> Prediction | None:
        """What the network predicted for the open image, None if it did not."""

    @property
    def image_rgb(self) -> ImageRgb | None:
        """Pixels of the open image, uint8 (H, W, 3); None if there is none, or while they are read."""

    @property
    def class_index(self) -> int:
        """The active class, 255 for void."""

    @property
    def selection(self) -> Region | None:
        """The part of the open image to which edits are limited, None for all of it."""

    @property
    def grab_radius(self) -> float:
        """Distance at which a click grabs a corner, in image pixels.

        It follows the zoom.
        """

    def option(self, option: Option[T]) -> T:
        """Return the value of an option."""

    def set_option(self, option: Option[T], value: T) -> None:
        """Set an option to the nearest value in its range."""

    def ask_network(self, clicks: Clicks) -> Future[LabelMap | None] | None:
        """Ask the network which pixels of the open image are like those that were clicked.

        Returns what will hold their likelihoods, uint8 (h, w) of a reduced or enlarged picture, or None if the
        network cannot tell. None if there is no network.
        """

    def set_class(self, index: int) -> None:
        """Make a class index active, 255 for void."""

    def show_active(self) -> None:
        """Show the active class if it is hidden, before it is painted."""

    def select(self, region: Region | None) -> None:
        """Limit edits to a part of the open image, or to none."""

    def go_back(self) -> None:
        """Make the tool before active again."""


class Ring(NamedTuple):
    """The outline of the brush under the pointer.

    Attributes:
        x: centre column in image coordinates, where the brush lands (`fcn_studio.core.raster.snapped`).
        y: centre row.
        size: diameter in whole image pixels.
        shape: round or square.
        erasing: whether it erases now.
        limited: whether it changes only some pixels: where nothing is labelled, of a class, or in the selection.
        blocked: whether it may not change the pixel under the pointer.
    """

    x: float
    y: float
    size: int
    shape: BrushShape
    erasing: bool
    limited: bool = False
    blocked: bool = False


class Overlay(NamedTuple):
    """Drawing of the active tool above the image, in image coordinates.

    Attributes:
        ring: the brush's outline.
        points: the corners of the shape so far, joined in order.
        rubber_band: where the line from the last corner leads: the pointer.
        closing: index of the corner if a click now would close the shape, else None.
        width: of the line that will be painted, in image pixels; 0 for an outline.
        handles: whether the corners are marked, since they can be grabbed.
        border: the line to draw in place of straight ones between the points and to the pointer; () for those.
        region: a region to outline; the same object as long as it is the same region.
        clicks: (x, y, whether it is inside an object) of each place that was clicked.
        labels: class indices to draw in the rectangle of the region, uint8 of its size; 255 for none.
    """

    ring: Ring | None = None
    points: tuple[Point, ...] = ()
    rubber_band: Point | None = None
    closing: int | None = None
    width: int = 0
    handles: bool = True
    border: tuple[Point, ...] = ()
    region: Region | None = None
    clicks: tuple[tuple[float, float, bool], ...] = ()
    labels: LabelMap | None = None


class Tool:
    """A state machine from pointer events to edits.

    It lives as long as the window and serves every image.

    Every gesture does nothing unless a tool overrides it.

    Args:
        context: the window's side.

    Attributes:
        options: what the options bar offers while the tool is active.
        gestures: (mouse or keys, what they do) for the key list, marked for translation.
        uses_class: whether it gives pixels the active class.
        writes: whether it changes pixels.
        paints: whether the choice of the pixels that painting may change is for it.
        overlay_changed: emitted when `overlay` gives something new.
        working_changed: emitted when long work began or ended; while it lasts the window calls `work`;
            or `hint` has changed.
    """

    options: ClassVar[tuple[AnyOption, ...]] = ()
    gestures: ClassVar[tuple[tuple[str, str], ...]] = ()
    uses_class: ClassVar[bool] = True
    writes: ClassVar[bool] = True
    paints: ClassVar[bool] = True

    def __init__(self, context: ToolContext) -> None:
        self.context = context
        self.overlay_changed: Event[()] = Event()
        self.working_changed: Event[()] = Event()
        self._work: Work | None = None

    @property
    def busy(self) -> bool:
        """Whether a gesture is half done.

        If so, `settle` and `cancel` do something.
        """
        return self.working

    @property
    def undo_title(self) -> str:
        """Title of what the "Undo" `key` would undo of the gesture.

        It is marked for translation, and "" where the key is not used.
        """
        return ""

    @property
    def hint(self) -> str:
        """Sentence for the status bar on what the tool does or waits for.

        It is marked for translation, and "" if there is nothing to say. `working_changed` tells of another one.
        """
        return tr_noop("A large region is being painted. Press Escape to undo it.") if self.working else ""

    @property
    def working(self) -> bool:
        """Whether long work has begun and is not done."""
        return self._work is not None

    def work(self) -> float | None:
        """Do a share of some milliseconds of long work.

        Returns the seconds until the next share is due, None when all is done.
        """
        if self._work is None:
            return None
        try:
            return next(self._work)
        except StopIteration:
            self._end_work()
        except BaseException:  # the edit is undone and the tool is free again
            self._end_work()
            raise
        return None

    def write(
        self,
        document: Document,
        title: str,
        find: Callable[[], Sequence[tuple[Region, int]]],
        pixels: int,
        provenance: Provenance = Provenance.HUMAN,
    ) -> None:
        """Give regions their class indices, as one step.

        From `LARGE` pixels on it is done in shares; until it is done, no gesture begins.

        Args:
            document: the image.
            title: of the step, marked for translation.
            find: returns the regions with the class index of each. It may run in a thread and must write nothing.
            pixels: how many there may be.
            provenance: who says so.
        """
        if pixels >= LARGE:
            self._work = painting(document, title, find, provenance)
            self.work()  # from here on nobody else can edit
            self.working_changed.emit()
            return
        with document.edit(title) as edit:
            for region, value in find():
                edit.write(region, value, provenance)

    def _purpose(self, event: PointerEvent) -> Purpose:
        """Return what a region that a gesture chooses is for; Ctrl selects it."""
        purpose = self.context.option(PURPOSE)
        return "select" if event.ctrl and purpose == "label" else purpose

    def _use(
        self, document: Document, title: str, purpose: Purpose, find: Callable[[], Region | None], pixels: int
    ) -> None:
        """Label a region with the active class as one step, or change the selection by it."""
        if purpose == "label":
            self._paint(document, title, find, pixels)
            return
        from fcn_studio.core.regions.selection import combined  # start-up

        self.context.select(combined(self.context.selection, find(), purpose))

    def _paint(self, document: Document, title: str, find: Callable[[], Region | None], pixels: int) -> None:
        """Label a region with the active class, as one step."""
        self.context.show_active()
        value = self.context.class_index

        def found() -> list[tuple[Region, int]]:
            region = find()
            return [] if region is None else [(region, value)]

        self.write(document, title, found, pixels)

    def _use_polygon(
        self, document: Document, title: str, points_xy: Sequence[Point], purpose: Purpose = "label"
    ) -> None:
        """Label the inside of a polygon with the active class as one step, or change the selection by it."""
        (x0, y0), (x1, y1) = np.min(points_xy, axis=0), np.max(points_xy, axis=0)
        pixels = round(min(x1 - x0, document.width) * min(y1 - y0, document.height))
        self._use(document, title, purpose, partial(polygon, points_xy, (document.width, document.height)), pixels)

    def _end_work(self) -> None:
        self._work = None
        self.working_changed.emit()

    @property
    def edge_option(self) -> AnyOption | None:
        """How the tool follows edges of the picture, which Alt+wheel changes; None if it does not."""
        return None

    def press(self, event: PointerEvent) -> None:
        """Handle a button that went down."""

    def move(self, event: PointerEvent) -> None:
        """Handle a move of the pointer, with or without a button held."""

    def release(self, event: PointerEvent) -> None:
        """Handle a button that went up."""

    def double_click(self, event: PointerEvent) -> None:
        """Handle the second press of a double click, in place of `press`."""
        self.press(event)

    def leave(self) -> None:
        """Handle the pointer's leaving the canvas."""

    def key(self, name: str) -> bool:
        """Handle a key and return whether it was used.

        The name is "Enter", "Backspace", "Escape", or "Undo" for its shortcut.
        """
        if name == "Escape" and self.busy:
            self.cancel()
            return True
        return False

    def settle(self) -> None:
        """Finish a half-done gesture and keep its work.

        The window calls it before undo, leaving the image, training and quitting.
        """
        while (seconds := self.work()) is not None:
            time.sleep(seconds)

    def cancel(self) -> None:
        """Cancel a half-done gesture and restore everything."""
        if self._work is not None:
            self._work.close()
            self._end_work()

    def overlay(self) -> Overlay:
        """Return what to draw above the image now."""
        return Overlay()
