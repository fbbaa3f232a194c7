"""Smart click, which finds the object that a few clicks are on."""

from __future__ import annotations

from collections.abc import Generator
from functools import partial
from typing import TYPE_CHECKING, ClassVar

import numpy as np

from fcn_studio.core.document import Document
from fcn_studio.core.image_pyramid import ImageRgb
from fcn_studio.core.labels import LabelMap, Mask
from fcn_studio.core.region import Region
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import Overlay, PointerEvent, ToolContext
from fcn_studio.tools.previewed import PreviewTool
from fcn_studio.tools.work import in_thread

if TYPE_CHECKING:  # start-up
    from fcn_studio.core.regions.clicks import Clicks

_POLL_S = 0.01


class SmartClick(PreviewTool):
    """Finds the object that a few clicks are on, with what the network sees in the image.

    A left click says that a place belongs to the active class, a right click that it does not. The object is outlined
    after each click, roughly at first. Enter or Shift+click labels it. Backspace and Undo remove the last click,
    Escape drops all. Without a network the object is found by its colours.
    """

    title: ClassVar[str] = tr_noop("Smart click")
    gestures: ClassVar[tuple[tuple[str, str], ...]] = (
        (
            tr_noop("Left or right click with smart click"),
            tr_noop("This belongs to the active class, or does not"),
        ),
        (
            tr_noop("Enter or Shift+click, Backspace, Esc"),
            tr_noop("Smart click: label the outlined object, remove the last click, cancel"),
        ),
    )

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._clicks: list[tuple[float, float, bool]] = []  # x, y, whether it is inside the object
        self._by_colour = False

    @property
    def busy(self) -> bool:
        """Whether there are clicks, or an object is looked for or labelled."""
        return bool(self._clicks) or super().busy

    @property
    def undo_title(self) -> str:
        """Title of the last click, which Undo removes."""
        return tr_noop("Click") if self._clicks else ""

    @property
    def hint(self) -> str:
        """Sentence on the outlined object, and on what it was found by."""
        if self._found is not None and not self.working and self._by_colour:
            return tr_noop("Found by its colours, without a network. Press Enter to label it, Escape to drop it.")
        return super().hint

    def press(self, event: PointerEvent) -> None:
        """Take a click, or label the outlined object.

        Nothing happens outside the image, and before the whole image is read.
        """
        document, image = self.context.document, self.context.image_rgb
        if document is None or image is None or event.button not in ("left", "right"):
            return
        if self._confirmed or (self.working and self._document is None):  # labels are being written, or will be
            return
        if event.shift and event.button == "left" and self._shown is not None:
            self._apply()
        elif 0 <= event.x < document.width and 0 <= event.y < document.height:
            self._document = document
            self._clicks.append((event.x, event.y, event.button == "left"))
            self._search(document, image)

    def key(self, name: str) -> bool:
        """Label the outlined object, remove the last click, or drop all."""
        image = self.context.image_rgb
        if name in ("Backspace", "Undo") and self._clicks and self._document is not None and image is not None:
            self._clicks.pop()
            if self._clicks:
                self._search(self._document, image)
            else:
                self._drop()
            return True
        return super().key(name)

    def _search(self, document: Document, image: ImageRgb) -> None:
        """Look for the object; there is none as long as no click is inside."""
        from fcn_studio.core.regions.clicks import Clicks

        inside, outside = (tuple((x, y) for x, y, own in self._clicks if own is wanted) for wanted in (True, False))
        if inside:
            self._look(self._object(document, image, Clicks(inside, outside)))
        else:
            self._stop()
            self._found = None
            self.overlay_changed.emit()
            self.working_changed.emit()

    def _object(self, document: Document, image: ImageRgb, clicks: Clicks) -> Generator[float, None, Region | None]:
        from fcn_studio.core.regions.clicks import clicked_region
        from fcn_studio.core.regions.grabcut import cut_around

        likely = yield from self._likely(clicks)
        self._by_colour = likely is None
        if likely is None:
            find = partial(cut_around, image, clicks, self._predicted(document))
        else:
            find = partial(clicked_region, image, clicks, likely)
        self._show_rough((yield from in_thread(partial(find, rough=True))))
        return (yield from in_thread(find))

    def _likely(self, clicks: Clicks) -> Generator[float, None, LabelMap | None]:
        """Ask the network, and wait for its answer; None if there is none."""
        answer = self.context.ask_network(clicks)
        if answer is None:
            return None
        try:
            while not answer.done():
                yield _POLL_S
            return None if answer.cancelled() else answer.result()
        finally:
            answer.cancel()

    def _predicted(self, document: Document) -> Mask | None:
        """Return where the prediction has the active class, None if there is no prediction."""
        prediction = self.context.prediction
        if prediction is None or prediction.image_id != document.image_id:
            return None
        return np.asarray(prediction.label_map == self.context.class_index)

    def overlay(self) -> Overlay:
        """Return the outline of the object, and the clicks."""
        return super().overlay()._replace(clicks=tuple(self._clicks))

    def _drop(self) -> None:
        self._clicks = []
        super()._drop()
