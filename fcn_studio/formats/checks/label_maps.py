"""Checks of the label map of an image."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence

import numpy as np

from fcn_studio.core.checks.fault import Fault
from fcn_studio.core.checks.small_regions import SmallRegion, slivers, small_regions
from fcn_studio.core.classes import VOID, ClassTable
from fcn_studio.core.geometry import Rect, around
from fcn_studio.core.labels import LabelMap, values_in
from fcn_studio.core.sample import Status
from fcn_studio.formats.checks.base import CheckedImage, Limits
from fcn_studio.i18n import tr, tr_n

_LISTED = 5
"""Regions of one kind in an image that are faults of their own; more are one fault."""


def island_regions(label_map: LabelMap, table: ClassTable, limits: Limits) -> Iterator[SmallRegion]:
    """Yield small regions of a class in the midst of another one."""
    values = {info.index for info in table} - _holes(table)
    return small_regions(label_map, int(limits["island_pixels"]), values)


def pinhole_regions(label_map: LabelMap, table: ClassTable, limits: Limits) -> Iterator[SmallRegion]:
    """Yield small regions of void, unlabelled or background in the midst of a class."""
    return small_regions(label_map, int(limits["pinhole_pixels"]), _holes(table))


def _holes(table: ClassTable) -> set[int]:
    """Return what a hole in a class may be of."""
    return {VOID} if table.background_index is None else {VOID, table.background_index}


def islands(image: CheckedImage, limits: Limits) -> Iterable[Fault]:
    """Yield the islands of an image, each with its box."""
    if image.label_map is None:
        return []
    found = [
        (
            region.rect,
            tr_n(
                "{n} pixel of {name} in the midst of {around}.",
                "{n:,} pixels of {name} in the midst of {around}.",
                region.area,
                name=image.table.name_of(region.value),
                around=image.table.name_of(region.around),
            ),
        )
        for region in island_regions(image.label_map, image.table, limits)
    ]
    return _told(found, tr_n("{n} island.", "{n:,} islands.", len(found)), fixable=True)


def pinholes(image: CheckedImage, limits: Limits) -> Iterable[Fault]:
    """Yield the pinholes of an image, each with its box."""
    if image.label_map is None:
        return []
    found = [
        (
            region.rect,
            tr_n(
                "A hole of {n} pixel in {around}.",
                "A hole of {n:,} pixels in {around}.",
                region.area,
                around=image.table.name_of(region.around),
            ),
        )
        for region in pinhole_regions(image.label_map, image.table, limits)
    ]
    return _told(found, tr_n("{n} pinhole.", "{n:,} pinholes.", len(found)), fixable=True)


def thin_slivers(image: CheckedImage, limits: Limits) -> Iterable[Fault]:
    """Yield the slivers of an image, each with its box."""
    if image.label_map is None:
        return []
    found = [
        (
            sliver.rect,
            tr_n(
                "A line of {name}, {n} pixel long and one wide, between two other classes.",
                "A line of {name}, {n:,} pixels long and one wide, between two other classes.",
                sliver.length,
                name=image.table.name_of(sliver.value),
            ),
        )
        for sliver in slivers(image.label_map, int(limits["sliver_pixels"]))
    ]
    return _told(found, tr_n("{n} sliver.", "{n:,} slivers.", len(found)), fixable=False)


def _told(found: Sequence[tuple[Rect, str]], sentence: str, *, fixable: bool) -> Iterator[Fault]:
    """Yield a fault for each region, or one for all of many."""
    if len(found) > _LISTED:
        yield Fault(sentence, around(rect for rect, _ in found), fixable=fixable)
        return
    for rect, words in found:
        yield Fault(words, rect, fixable=fixable)


def retired(image: CheckedImage, limits: Limits) -> Iterator[Fault]:
    """Yield a fault for each retired class in an annotation."""
    if image.labels is None:
        return
    label_map = image.labels.label_map
    present = set(values_in(label_map).tolist())
    for info in image.table:
        if info.retired and info.index in present:
            rows, columns = np.nonzero(label_map == info.index)
            box = Rect(int(columns.min()), int(rows.min()), int(columns.max()) + 1, int(rows.max()) + 1)
            yield Fault(
                tr_n(
                    "{n} pixel is {name}, a class that is retired.",
                    "{n:,} pixels are {name}, a class that is retired.",
                    len(rows),
                    name=info.name,
                ),
                box,
            )


def one_value(image: CheckedImage, limits: Limits) -> Iterator[Fault]:
    """Yield a fault if a verified image has nothing but void, or nothing but one class."""
    if image.status is not Status.VERIFIED:
        return
    values = [] if image.label_map is None else values_in(image.label_map).tolist()
    if values == [VOID]:
        yield Fault(tr("The image is Verified, but every pixel is void."))
    elif len(values) == 1:
        yield Fault(tr("The image is Verified, and every pixel is {name}.", name=image.table.name_of(values[0])))
