"""Checks of all images of a folder together."""

from __future__ import annotations

from collections.abc import Iterator

import cv2
import numpy as np

from fcn_studio.core.checks.fault import Fault
from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import LabelMap
from fcn_studio.core.sample import Split
from fcn_studio.formats.checks.base import CheckedFolder, Limits, path_text
from fcn_studio.i18n import tr


def leakage(folder: CheckedFolder, limits: Limits) -> Iterator[Fault]:
    """Yield the pairs of near-duplicates that lie on different sides of the splits."""
    for one, other, _ in folder.near_duplicates:
        splits = folder.splits[one], folder.splits[other]
        if Split.TRAIN in splits and splits[0] is not splits[1]:
            yield Fault(
                tr(
                    "{one} ({split}) shows the same as {other} ({other_split}).",
                    one=one,
                    split=splits[0].value,
                    other=other,
                    other_split=splits[1].value,
                ),
                images=(one, other),
            )


def duplicates(folder: CheckedFolder, limits: Limits) -> Iterator[Fault]:
    """Yield the pairs of images of one picture with different labels."""
    for one, other, same in folder.near_duplicates:
        labels = (folder.labels_of(one), folder.labels_of(other)) if same else (None, None)
        if labels[0] is None or labels[1] is None:
            continue
        share = _differing(labels[0], labels[1])
        resized = labels[0].shape != labels[1].shape
        if share > (limits["differing_percent"] / 100 if resized else 0):
            yield Fault(
                tr(
                    "{one} and {other} show the same, but {share:.1%} of their pixels have different labels.",
                    one=one,
                    other=other,
                    share=share,
                ),
                images=(one, other),
            )


def unused_classes(folder: CheckedFolder, limits: Limits) -> Iterator[Fault]:
    """Yield the classes that occur in no annotation, once there are annotations."""
    for info in folder.table.active if folder.annotated else ():
        if info.index not in folder.classes:
            yield Fault(tr("No image has a pixel of {name}.", name=info.name))


def _differing(one: LabelMap, other: LabelMap) -> float:
    """Return the share of pixels that have different classes; void on either side does not count."""
    if one.shape != other.shape:
        other = np.asarray(cv2.resize(other, one.shape[::-1], interpolation=cv2.INTER_NEAREST), np.uint8)
    judged = (one != VOID) & (other != VOID)
    return float(np.mean((one != other)[judged])) if judged.any() else 0.0


def orphan_masks(folder: CheckedFolder, limits: Limits) -> Iterator[Fault]:
    """Yield the masks of no image."""
    for path in folder.masks_without_image:
        yield Fault(tr("The mask {file} belongs to no image.", file=path_text(path)))


def orphan_records(folder: CheckedFolder, limits: Limits) -> Iterator[Fault]:
    """Yield the records of no image."""
    for path in folder.records_without_image:
        yield Fault(tr("The record {file} belongs to no image.", file=path_text(path)))


def unknown_names(folder: CheckedFolder, limits: Limits) -> Iterator[Fault]:
    """Yield the names in ImageSets lists that are no image."""
    for file, names in folder.unknown_names.items():
        for name in names:
            yield Fault(tr("{list} names {name}, which is no image.", list=file, name=name))
