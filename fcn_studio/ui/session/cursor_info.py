"""What lies under the cursor, in words for the status bar."""

from __future__ import annotations

from dataclasses import dataclass

from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.document import Document
from fcn_studio.core.labels import Provenance
from fcn_studio.core.prediction import Prediction

WHO = {
    Provenance.NOBODY: "unlabelled",
    Provenance.NETWORK: "network",
    Provenance.HUMAN: "you",
    Provenance.UNKNOWN: "origin unknown",
}

NOT_USED = "a class that is not used here"


@dataclass(frozen=True, slots=True)
class CursorInfo:
    """What is under the cursor, in words for the status bar."""

    class_index: int
    class_name: str
    who: str
    predicted: str
    probability: float | None


def cursor_info(
    document: Document, prediction: Prediction | None, table: ClassTable, x: int, y: int
) -> CursorInfo | None:
    """What lies at a pixel of the image and what the network predicted there; None outside the image."""
    if not (0 <= x < document.width and 0 <= y < document.height):
        return None
    index, who = int(document.label_map[y, x]), Provenance(int(document.provenance[y, x]))
    predicted, probability = "", None
    if prediction is not None:
        said = int(prediction.label_map[y, x])
        if said == VOID:  # no network says void: it is a class of its own that means nothing here
            predicted = NOT_USED
        else:
            predicted, probability = table.name_of(said), 1 - int(prediction.uncertainty[y, x]) / 255
    name = "" if who is Provenance.NOBODY else table.name_of(index)
    return CursorInfo(index, name, WHO[who], predicted, probability)
