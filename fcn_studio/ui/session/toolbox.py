"""The active tool, its options, the active class and the paint rules."""

from __future__ import annotations

from collections.abc import Callable
from concurrent.futures import Future
from typing import TYPE_CHECKING, Any, TypeVar

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.document import Document, PaintRules
from fcn_studio.core.image_pyramid import ImagePyramid, ImageRgb
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.region import Region
from fcn_studio.core.rules import Only, Predicted, Where
from fcn_studio.tools import TOOLS
from fcn_studio.tools.base import Tool
from fcn_studio.tools.options import BRUSH_SIZE, Option
from fcn_studio.tools.paste import Paste

if TYPE_CHECKING:  # start-up
    from fcn_studio.core.regions.clicks import Clicks
    from fcn_studio.core.regions.selection import CopiedLabels

GRAB_PIXELS = 8

_PASTE = "paste"

T = TypeVar("T")


class Toolbox(QObject):
    """Active tool, class and paint rules: the context that tools read.

    Signals:
        tool_changed(): another tool is active.
        options_changed(): the value of an option changed, or a pen was used first.
        class_changed(): another class is active.
        rules_changed(): hidden, locked, paint-where or the selection changed.
        undo_changed(): the active tool has begun or ceased to use Undo itself.
    """

    tool_changed = Signal()
    options_changed = Signal()
    class_changed = Signal()
    rules_changed = Signal()
    undo_changed = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.document: Document | None = None
        self.selection: Region | None = None
        """The part of the open image to which edits are limited; None for all of it."""
        self._prediction: Prediction | None = None
        self._picture: ImagePyramid | None = None
        self.class_index = 0
        self.grab_radius = float(GRAB_PIXELS)
        """Distance at which a click grabs something, in image pixels. `follow_zoom` keeps it the same on screen."""
        self.pen_seen = False
        self.ask_network: Callable[[Clicks], Future[LabelMap | None] | None] = lambda _clicks: None
        """What the network makes of clicks on the open image; None if there is no network."""
        self._options: dict[str, Any] = {}  # name of an option -> its value, where it is not the default
        self._turned_from = ""  # the tool that a turned pen goes back to
        self._previous_class = VOID
        self._table = ClassTable((), 0)
        self._hidden: frozenset[int] = frozenset()
        self._locked: frozenset[int] = frozenset()
        self._where: dict[str, Where] = {}  # name of a tool -> where it may paint, if not everywhere
        self._tools: dict[str, Tool] = {spec.name: spec.tool(self) for spec in TOOLS}
        self._paste = self._tools[_PASTE] = Paste(self)
        self.copied: CopiedLabels | None = None
        """Labels to paste; they stay while the project is open."""
        self._before_paste = ""  # the tool that is active again after pasting
        self.tool_name, self.tool = next(iter(self._tools.items()))
        self._undo_title = ""
        for tool in self._tools.values():
            tool.overlay_changed.connect(self._overlay_changed)

    def use(self, name: str) -> None:
        """Make a tool active, after finishing the gesture of the old one."""
        if name == self.tool_name:
            return
        self.tool.settle()
        where = self.where
        self.tool_name, self.tool = name, self._tools[name]
        if self.where != where:
            self._apply_rules()
        self.tool_changed.emit()

    def paste(self) -> None:
        """Show the copied labels above the open image, until they are taken or dropped."""
        if self.copied is None or self.document is None:
            return
        self.tool.settle()
        self._before_paste = self.tool_name
        self.use(_PASTE)
        known = {info.index for info in self._table.active} | {VOID}
        self._paste.show(self.document, self.copied.of_classes(known))

    def go_back(self) -> None:
        """Make the tool before `paste` active again."""
        if self.tool_name == _PASTE:
            self.use(self._before_paste)

    def _overlay_changed(self) -> None:
        if self.tool.undo_title != self._undo_title:  # else with every move of the brush
            self._undo_title = self.tool.undo_title
            self.undo_changed.emit()

    def follow_zoom(self, zoom: float) -> None:
        """Keep `grab_radius` at eight screen pixels.

        ``zoom`` is screen pixels for one image pixel.
        """
        self.grab_radius = GRAB_PIXELS / zoom

    @property
    def image_rgb(self) -> ImageRgb | None:
        """Pixels of the open image, uint8 (H, W, 3); None while they are read."""
        return None if self._picture is None else self._picture.image_rgb

    # --- document and class table -----------------------------------------------------------------------------

    def set_document(self, document: Document | None, picture: ImagePyramid | None = None) -> None:
        """Set the document to work on, and the pixels of its image.

        The gesture on the old one must be settled. The selection is dropped.
        """
        self.document, self._picture, self.selection = document, picture, None
        self._apply_rules()

    def set_table(self, table: ClassTable) -> None:
        """Set the class table.

        Rules of classes that are gone are forgotten.
        """
        self._table = table
        known = frozenset(c.index for c in table.active) | {VOID}
        self._hidden &= known
        self._locked &= known
        self._where = {name: where for name, where in self._where.items() if where.index in known}
        if self.class_index not in known:
            self.class_index = next((c.index for c in table.active), VOID)
        self._apply_rules()
        self.class_changed.emit()

    def begin(self, table: ClassTable) -> None:
        """Take the classes of a project that was just opened.

        The first class that is not background becomes active.
        """
        self._forget_rules()
        self.set_table(table)
        self.copied = None
        first = next((c.index for c in table.active if c.index != table.background_index), None)
        if first is not None:
            self.set_class(first)

    def reset_rules(self) -> None:
        """Show and unlock all classes and paint everywhere.

        It is the state in which a project opens.
        """
        self._forget_rules()
        self._apply_rules()

    def _forget_rules(self) -> None:
        self._hidden = self._locked = frozenset()
        self._where.clear()
        self.selection = None

    def set_class(self, index: int) -> None:
        """Paint with this class index, or 255 for void."""
        if index == self.class_index or (index != VOID and self._table.get(index) is None):
            return
        self.tool.settle()
        self._previous_class, self.class_index = self.class_index, index
        self.class_changed.emit()

    def show_active(self) -> None:
        """Show the active class.

        Tools call this before they paint.
        """
        if self.class_index in self._hidden:
            self._hidden -= {self.class_index}
            self._apply_rules()

    def use_previous_class(self) -> None:
        """Switch to the class that was active before, and back."""
        info = self._table.get(self._previous_class)
        if self._previous_class == VOID or (info is not None and not info.retired):
            self.set_class(self._previous_class)

    def swap_with_background(self) -> None:
        """Switch between the active class and the background, and back.

        Where class 0 is no background, void takes its place.
        """
        background = self._table.background_index
        target = VOID if background is None else background
        self.set_class(self._previous_class if self.class_index == target else target)

    # --- options of tools -------------------------------------------------------------------------------------

    def option(self, option: Option[T]) -> T:
        """Return the value of an option."""
        value: T = self._options.get(option.name, option.default)
        return value

    def set_option(self, option: Option[T], value: T) -> None:
        """Set an option to the nearest value in its range."""
        value = option.clipped(value)
        if value != self.option(option):
            self._options[option.name] = value
            self.options_changed.emit()

    def scale_brush(self, factor: float) -> None:
        """Multiply the brush size, with a change of at least one pixel."""
        size = self.option(BRUSH_SIZE)
        scaled = round(size * factor)
        if scaled == size and factor != 1:
            scaled += 1 if factor > 1 else -1
        self.set_option(BRUSH_SIZE, scaled)

    # --- pen --------------------------------------------------------------------------------------------------

    def use_pen(self, erases: bool) -> None:
        """Follow the pen.

        Turned round it is the eraser, turned back the tool used before.
        """
        if not self.pen_seen:
            self.pen_seen = True
            self.options_changed.emit()
        if erases and self.tool_name != "eraser" and not self.tool.busy:
            self._turned_from = self.tool_name
            self.use("eraser")
        elif not erases and self._turned_from:
            before, self._turned_from = self._turned_from, ""
            if self.tool_name == "eraser":
                self.use(before)

    # --- paint rules ------------------------------------------------------------------------------------------

    @property
    def hidden(self) -> frozenset[int]:
        """Class indices that are not drawn and never painted over."""
        return self._hidden

    @property
    def locked(self) -> frozenset[int]:
        """Class indices that are never painted over."""
        return self._locked

    @property
    def where(self) -> Where:
        """Where the active tool may paint."""
        return self._where.get(self._where_of, Where())

    @property
    def _where_of(self) -> str:
        """The tool whose choice of the pixels to paint is in force: what is pasted obeys that of the tool before."""
        return self._before_paste if self.tool_name == _PASTE else self.tool_name

    @property
    def rules(self) -> PaintRules:
        """The rules that edits obey."""
        only, index = self.where.only, self.where.index
        return PaintRules(
            self._hidden,
            self._locked,
            only_unlabelled=only == "unlabelled",
            only_over=index if only == "over" else None,
            only_predicted=Predicted(index, self._predicted_labels) if only == "predicted" else None,
            selection=self.selection,
        )

    @property
    def prediction(self) -> Prediction | None:
        """What the network predicted for the open image, None if it did not."""
        return self._prediction

    @prediction.setter
    def prediction(self, prediction: Prediction | None) -> None:
        self._prediction = prediction
        if self.where.only == "predicted":
            self._apply_rules()

    @property
    def _predicted_labels(self) -> LabelMap | None:
        document, prediction = self.document, self._prediction
        fits = prediction is not None and document is not None and prediction.image_id == document.image_id
        return prediction.label_map if prediction is not None and fits else None

    def toggle_hidden(self, index: int) -> None:
        """Show or hide a class."""
        self.tool.settle()
        self._hidden ^= {index}
        self._apply_rules()

    def toggle_locked(self, index: int) -> None:
        """Lock or unlock a class."""
        self.tool.settle()
        self._locked ^= {index}
        self._apply_rules()

    def set_where(self, where: Where) -> None:
        """Set where the active tool may paint."""
        if self.document is not None and self.document.editing:
            self.tool.settle()
        self._where[self._where_of] = where
        self._apply_rules()

    def toggle_where(self, only: Only) -> None:
        """Limit the active tool to a kind of pixels, of the active class, or let it paint everywhere again."""
        index = VOID if only == "unlabelled" else self.class_index
        self.set_where(Where() if self.where.only == only else Where(only, index))

    def select(self, region: Region | None) -> None:
        """Limit edits to a part of the open image, or to none."""
        self.tool.settle()
        self.selection = region if self.document is not None else None
        self._apply_rules()

    def _apply_rules(self) -> None:
        if self.document is not None:
            self.document.rules = self.rules
        self.rules_changed.emit()
