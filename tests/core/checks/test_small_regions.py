"""Small regions and their safe fix; blended masks."""

from __future__ import annotations

import cv2
import numpy as np

from fcn_studio.core.checks.blended import blended_share, isolated_share
from fcn_studio.core.checks.small_regions import fill_small_regions, slivers, small_regions
from fcn_studio.core.classes import VOID
from fcn_studio.core.document import Document
from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap, Labels, Provenance, made_by_human
from fcn_studio.core.rules import PaintRules
from fcn_studio.core.sample import Status


def halves() -> LabelMap:
    """Class 1 on the left, class 2 on the right."""
    label_map = np.full((40, 60), 1, np.uint8)
    label_map[:, 30:] = 2
    return label_map


def test_only_what_lies_in_the_midst_of_one_class_and_apart_from_its_own_is_small() -> None:
    label_map = halves()
    label_map[5:7, 10:13] = 2  # an island
    label_map[20, 28] = 2  # two pixels from its class: a ragged border
    label_map[30:33, 29:31] = 3  # between two classes
    label_map[10:14, 45:49] = 1  # too large
    (found,) = small_regions(label_map, 10, range(4))
    assert (found.rect, found.value, found.around, found.area) == (Rect(10, 5, 13, 7), 2, 1, 6)


def test_a_fix_keeps_who_labelled_and_never_makes_a_person_of_the_network() -> None:
    label_map = halves()
    label_map[5, 10] = label_map[5, 50] = VOID
    label_map[20, 10] = 2
    provenance = np.full(label_map.shape, Provenance.NETWORK, np.uint8)
    provenance[:, 30:] = Provenance.HUMAN
    provenance[5, 10] = provenance[5, 50] = Provenance.NOBODY
    document = Document("a", Labels(label_map.copy(), provenance.copy()), Status.IN_PROGRESS)
    assert fill_small_regions(document, "Fix", list(small_regions(label_map, 10, (1, 2, VOID))))
    assert (document.label_map == halves()).all()
    expected = np.full(label_map.shape, Provenance.NETWORK, np.uint8)
    expected[:, 30:] = Provenance.HUMAN
    assert (document.provenance == expected).all()
    document.undo()
    assert (document.label_map == label_map).all()
    assert (document.provenance == provenance).all()


def test_a_fix_leaves_locked_classes() -> None:
    label_map = halves()
    label_map[20, 10] = 2
    document = Document("a", made_by_human(label_map.copy()), Status.VERIFIED)
    document.rules = PaintRules(locked=frozenset({2}))
    assert not fill_small_regions(document, "Fix", list(small_regions(label_map, 10, (2,))))


def test_slivers_lie_between_two_classes_also_along_a_staircase() -> None:
    label_map = np.where(np.add.outer(np.arange(40), np.arange(60)) < 50, np.uint8(1), np.uint8(2))
    stairs = label_map.copy()
    for step in range(5, 35):
        stairs[step, 50 - step - 1 : 50 - step + 1] = 3  # joined by its sides
    (sliver,) = slivers(stairs, 12)
    assert (sliver.value, sliver.rect) == (3, Rect(15, 5, 46, 35))
    pole = halves()
    pole[:, 10] = 3  # one class on both sides
    assert not list(slivers(pole, 12))


def test_a_mask_that_was_a_jpeg_or_smoothed_is_told_from_one_by_hand() -> None:
    mask = np.zeros((120, 160), np.uint8)
    cv2.ellipse(mask, (80, 60), (50, 35), 20, 0, 360, 12, -1)
    cv2.ellipse(mask, (70, 55), (20, 12), 70, 0, 360, 7, -1)
    mask[90:, 100:101] = 3  # a thin thing
    saved = cv2.imdecode(cv2.imencode(".jpg", mask, [cv2.IMWRITE_JPEG_QUALITY, 75])[1], cv2.IMREAD_GRAYSCALE)
    assert blended_share(mask) < 0.05
    assert isolated_share(mask) == 0
    assert blended_share(np.asarray(cv2.blur(mask, (3, 3)), np.uint8)) > 0.2
    assert isolated_share(np.asarray(saved, np.uint8)) > 0.15
