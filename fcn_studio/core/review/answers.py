"""Answers to hotspots, each one step of the document.

Only what a person names counts as made by a human. A prediction that is taken stays the network's, and no network
is trained on it until the image is verified.
"""

from __future__ import annotations

from fcn_studio.core.document import ACCEPT_REGION, Document, auto_segment
from fcn_studio.core.labels import Labels
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.review.hotspots import Hotspot, Reason
from fcn_studio.i18n import tr_noop


def take_prediction(document: Document, hotspot: Hotspot, prediction: Prediction) -> bool:
    """Label a region as the network predicts it.

    Where the network doubts, the pixels become the network's, and pixels of humans and of unknown origin are kept
    byte for byte. A difference or a suspect concerns a person's own labels: there the answer is the person's, as for
    `name_class`.

    Args:
        document: the open image.
        hotspot: of this image.
        prediction: of this image, in the project's class indices.

    Returns:
        Whether anything changed.

    Raises:
        FcnStudioError: if the network doubts, and the image is Verified or Skipped.
    """
    if hotspot.reason is not Reason.DOUBT:
        return name_class(document, hotspot, hotspot.class_index)
    region = hotspot.open_region(_labels(document))
    return auto_segment(document, prediction, title=ACCEPT_REGION, region=region)


def name_class(document: Document, hotspot: Hotspot, index: int) -> bool:
    """Label a region with a class that a person names.

    Returns whether anything changed. Rules of the document for painting hold.

    Args:
        document: the open image.
        hotspot: of this image; see `Hotspot.open_region` for the pixels that change.
        index: the class index.
    """
    region = hotspot.open_region(_labels(document))
    with document.edit(tr_noop("Name a region")) as edit:
        edit.write(region, index)
        return edit.commit()


def _labels(document: Document) -> Labels:
    return Labels(document.label_map, document.provenance)
