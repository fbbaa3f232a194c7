"""Describe the pixel under the cursor for the status bar."""

from __future__ import annotations

from dataclasses import dataclass

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import Provenance
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.ui.session.open_project import OpenProject

WHO = {
    Provenance.NOBODY: tr_noop("unlabelled"),
    Provenance.NETWORK: tr_noop("network"),
    Provenance.HUMAN: tr_noop("you"),
    Provenance.UNKNOWN: tr_noop("origin unknown"),
}

NOT_USED = tr_noop("a class that is not used here")


@dataclass(frozen=True, slots=True)
class CursorInfo:
    """What is under the cursor.

    The text on who labelled it is translated already.
    """

    class_index: int
    class_name: str
    who: str
    predicted: str
    probability: float | None


def cursor_info(open_project: OpenProject, x: int, y: int) -> CursorInfo | None:
    """Return what lies at a pixel, and the network's prediction there.

    The pixel is of the open image. The result is None outside.
    """
    image, table = open_project.image, open_project.table
    if image is None or not (0 <= x < image.document.width and 0 <= y < image.document.height):
        return None
    document, prediction = image.document, image.prediction
    index, who = int(document.label_map[y, x]), Provenance(int(document.provenance[y, x]))
    predicted, probability = "", None
    if prediction is not None:
        said = int(prediction.label_map[y, x])
        if said == VOID:  # no network says void: it is a class of its own that means nothing here
            predicted = tr(NOT_USED)
        else:
            predicted, probability = table.name_of(said), 1 - int(prediction.uncertainty[y, x]) / 255
    name = "" if who is Provenance.NOBODY else table.name_of(index)
    return CursorInfo(index, name, tr(WHO[who]), predicted, probability)
