"""Base class of tools that show a region before it is labelled."""

from __future__ import annotations

from collections.abc import Generator
from math import floor
from typing import ClassVar

from fcn_studio.core.document import Document
from fcn_studio.core.region import Region
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import Overlay, PointerEvent, Tool, ToolContext
from fcn_studio.tools.work import Work


class PreviewTool(Tool):
    """Finds a region in a thread, outlines it, and labels it when it is confirmed.

    Enter labels the outlined region, Escape and Undo drop it. `settle` labels what is outlined, and drops what is
    still being looked for. A rough outline may be shown while the region is looked for; if it is confirmed, the
    region is labelled as soon as it is found.

    Attributes:
        title: of the step, marked for translation.
    """

    title: ClassVar[str]

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._document: Document | None = None  # the image that a region was looked for in
        self._found: Region | None = None
        self._rough: Region | None = None  # outlined until the region is found
        self._confirmed = False  # the rough outline

    @property
    def busy(self) -> bool:
        """Whether a region is looked for, outlined or labelled."""
        return self._found is not None or self.working

    @property
    def hint(self) -> str:
        """Sentence on the outlined region."""
        if self._document is None:
            return super().hint
        if self.working:
            return tr_noop("Looking for the region. Press Escape to drop it.")
        if self._found is None:
            return tr_noop("No region was found there.")
        return tr_noop("Press Enter to label the outlined region, Escape to drop it.")

    def key(self, name: str) -> bool:
        """Label the outlined region, or drop it."""
        if name == "Enter" and self._shown is not None:
            self._apply()
            return True
        return super().key(name)

    def work(self) -> float | None:
        """Look for the region, and label it if it is confirmed."""
        wait = super().work()
        if wait is None and self._confirmed:
            self._apply()
            return 0.0 if self.working else None
        return wait

    def settle(self) -> None:
        """Label the outlined region."""
        self._apply()
        super().settle()

    def cancel(self) -> None:
        """Drop the region, or undo labels that are not all written."""
        super().cancel()
        self._drop()

    def overlay(self) -> Overlay:
        """Return the outline of the region."""
        return Overlay(region=self._shown)

    @property
    def _shown(self) -> Region | None:
        """The region that is outlined, found or rough."""
        return self._rough if self._found is None else self._found

    def _show_rough(self, region: Region | None) -> None:
        """Outline a region until the one that is looked for is found."""
        self._found, self._rough = None, region
        self.overlay_changed.emit()

    def _look(self, find: Generator[float, None, Region | None]) -> None:
        """Look for a region, and outline it; what was looked for before is dropped."""
        self._stop()
        self._work = self._looking(find)
        self.overlay_changed.emit()
        self.work()
        self.working_changed.emit()

    def _looking(self, find: Generator[float, None, Region | None]) -> Work:
        found = yield from find
        self._found, self._rough = found, None
        self.overlay_changed.emit()

    def _on_found(self, event: PointerEvent) -> bool:
        """Return whether an event is on the outlined region."""
        return self._shown is not None and self._shown.holds((floor(event.x), floor(event.y)))

    def _apply(self) -> None:
        """Label the found region, or the one whose rough outline is shown as soon as it is found."""
        if self._rough is not None and self.working:
            self._confirmed = True
            return
        document, region = self._document, self._found
        self._drop()
        if document is not None and region is not None:
            self._paint(document, self.title, lambda: region, region.rect.area)

    def _drop(self) -> None:
        if self._document is not None:
            self._stop()
            self._document = self._found = None
            self.overlay_changed.emit()
            self.working_changed.emit()

    def _stop(self) -> None:
        """Look no further; what is outlined roughly goes, what was found stays."""
        if self._work is not None:
            self._work.close()
        self._work = self._rough = None
        self._confirmed = False
