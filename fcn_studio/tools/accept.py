"""Accept region, which takes over a region of the network's prediction."""

from __future__ import annotations

from typing import ClassVar

from fcn_studio.core.document import ACCEPT_REGION, Document, auto_segment
from fcn_studio.core.prediction import Prediction, predicted_region
from fcn_studio.core.region import Region
from fcn_studio.core.sample import Status
from fcn_studio.i18n import tr_noop
from fcn_studio.tools.base import PointerEvent, ToolContext
from fcn_studio.tools.outlined import OutlinedRegionTool


class AcceptRegion(OutlinedRegionTool):
    """Accepts the connected region of the prediction under a left click.

    The region under the pointer is outlined. Its pixels become the network's; human pixels stay as they are.
    """

    uses_class: ClassVar[bool] = False
    paints: ClassVar[bool] = False
    gestures: ClassVar[tuple[tuple[str, str], ...]] = (
        (tr_noop("Accept region: click"), tr_noop("Accept the outlined region of the prediction")),
        (tr_noop("Enter"), tr_noop("Accept the region of the prediction under the cursor, with any tool")),
    )

    def __init__(self, context: ToolContext) -> None:
        super().__init__(context)
        self._found: tuple[Prediction, Region] | None = None  # the region outlined last, and what it is of

    def press(self, event: PointerEvent) -> None:
        """Accept the region under the pointer."""
        self.move(event)
        region, document, prediction = self._region(), self.context.document, self.context.prediction
        if event.button == "left" and region is not None and document is not None and prediction is not None:
            auto_segment(document, prediction, title=ACCEPT_REGION, region=region)

    def _region(self) -> Region | None:
        """Return the region under the pointer that a click would accept.

        The same object is returned as long as the pointer stays in it.
        """
        document, prediction = self.context.document, self.context.prediction
        if self._pixel is None or prediction is None or document is None or not _takes(document, prediction):
            return None
        if self._found is None or self._found[0] is not prediction or not self._found[1].holds(self._pixel):
            region = predicted_region(prediction, self._pixel)
            self._found = None if region is None else (prediction, region)
        return None if self._found is None else self._found[1]


def _takes(document: Document, prediction: Prediction) -> bool:
    """Return whether a prediction may be written into a document."""
    finished = document.status in (Status.VERIFIED, Status.SKIPPED)
    return prediction.image_id == document.image_id and not finished
