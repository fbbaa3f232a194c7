"""What a tool is: the events it is fed, what it may ask of the window, what it shows."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import ClassVar, Literal, NamedTuple, Protocol, TypeVar

from fcn_studio.core.document import Document
from fcn_studio.core.event import Event
from fcn_studio.core.raster import BrushShape, Point
from fcn_studio.core.region import Region
from fcn_studio.tools.options import AnyOption, Option
from fcn_studio.tools.work import LARGE, Work, painting

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
    """What a tool reads from the window at the moment of a gesture, and the few things that it may ask for."""

    @property
    def document(self) -> Document | None:
        """The open image, None if there is none."""

    @property
    def class_index(self) -> int:
        """The active class, 255 for void."""

    @property
    def grab_radius(self) -> float:
        """How near a click must be to a polygon's first corner to close it, in image pixels at this zoom."""

    def option(self, option: Option[T]) -> T:
        """Return the value of an option."""

    def pick(self, index: int) -> None:
        """Make this the active class; 255 for void."""

    def show_active(self) -> None:
        """Let the active class be seen, for it is about to be painted."""


class Ring(NamedTuple):
    """The outline of the brush under the pointer.

    Attributes:
        x: centre column in image coordinates, where the brush lands (`fcn_studio.core.raster.snapped`).
        y: centre row.
        size: diameter in whole image pixels.
        shape: round or square.
        erasing: whether it erases now.
    """

    x: float
    y: float
    size: int
    shape: BrushShape
    erasing: bool


class Overlay(NamedTuple):
    """What the canvas draws above the image for the active tool, in image coordinates.

    Attributes:
        ring: the brush's outline.
        points: the corners of the polygon so far, joined in order.
        rubber_band: where the line from the last corner leads: the pointer.
        closing: whether a click now would close the polygon.
    """

    ring: Ring | None = None
    points: tuple[Point, ...] = ()
    rubber_band: Point | None = None
    closing: bool = False


class Tool:
    """A state machine from pointer events to edits. It lives as long as the window and serves every image.

    Every gesture does nothing unless a tool overrides it.

    Args:
        context: the window's side.

    Attributes:
        options: what the options bar offers while the tool is active.
        gestures: (mouse or keys, what they do) for the key list, marked for translation.
        uses_class: whether it gives pixels the active class.
        writes: whether it changes pixels.
        overlay_changed: emitted when `overlay` gives something new.
        working_changed: emitted when long work began or ended; while it lasts the window calls `work`.
    """

    options: ClassVar[tuple[AnyOption, ...]] = ()
    gestures: ClassVar[tuple[tuple[str, str], ...]] = ()
    uses_class: ClassVar[bool] = True
    writes: ClassVar[bool] = True

    def __init__(self, context: ToolContext) -> None:
        self.context = context
        self.overlay_changed: Event[()] = Event()
        self.working_changed: Event[()] = Event()
        self._work: Work | None = None

    @property
    def busy(self) -> bool:
        """Whether a gesture is half done, so that `settle` or `cancel` would do something."""
        return self.working

    @property
    def undo_title(self) -> str:
        """What the "Undo" `key` would take back of the gesture, in a word; "" where it is not used."""
        return ""

    @property
    def working(self) -> bool:
        """Whether long work has begun and is not done."""
        return self._work is not None

    def work(self) -> float | None:
        """Do a share of some milliseconds; returns the seconds until the next is due, None when all is done."""
        if self._work is None:
            return None
        try:
            return next(self._work)
        except StopIteration:
            self._end_work()
        except BaseException:  # whatever it was, the edit is taken back and the tool is free again
            self._end_work()
            raise
        return None

    def _paint(self, document: Document, title: str, find: Callable[[], Region | None], pixels: int) -> None:
        """Label what is found, as one step: at once, or in shares where it is about many pixels."""
        self.context.show_active()
        if pixels >= LARGE:
            self._work = painting(document, title, self.context.class_index, find)
            self.work()  # from here on nobody else can edit
            self.working_changed.emit()
            return
        with document.edit(title) as edit:
            region = find()
            if region is not None:
                edit.write(region, self.context.class_index)

    def _end_work(self) -> None:
        self._work = None
        self.working_changed.emit()

    def press(self, event: PointerEvent) -> None:
        """A button went down."""

    def move(self, event: PointerEvent) -> None:
        """The pointer moved, with or without a button held."""

    def release(self, event: PointerEvent) -> None:
        """A button went up."""

    def double_click(self, event: PointerEvent) -> None:
        """The second press of a double click, in place of `press`."""
        self.press(event)

    def leave(self) -> None:
        """The pointer left the canvas."""

    def key(self, name: str) -> bool:
        """A key: "Enter", "Backspace", "Escape", or "Undo" for its shortcut; returns whether it was used."""
        if name == "Escape" and self.busy:
            self.cancel()
            return True
        return False

    def settle(self) -> None:
        """Finish a half-done gesture and keep the work: before undo, leaving the image, training, quitting."""
        while (seconds := self.work()) is not None:
            time.sleep(seconds)

    def cancel(self) -> None:
        """Drop a half-done gesture and put everything back."""
        if self._work is not None:
            self._work.close()
            self._end_work()

    def overlay(self) -> Overlay:
        """What to draw above the image now."""
        return Overlay()
