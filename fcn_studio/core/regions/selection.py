"""Selections, and labels that are copied from one image to another."""

from __future__ import annotations

from collections.abc import Collection
from dataclasses import dataclass, replace
from typing import Literal

import cv2
import numpy as np

from fcn_studio.core.geometry import Rect
from fcn_studio.core.labels import LabelMap, Labels, Mask, Provenance
from fcn_studio.core.region import Region, StencilRegion
from fcn_studio.core.regions.gaps import Parts, parts_of, union

Combine = Literal["select", "add", "remove"]
"""Whether a region becomes the selection, is added to it, or is taken out of it."""


def combined(selection: Region | None, region: Region | None, how: Combine) -> Region | None:
    """Return the selection after a region was chosen, None if nothing is selected."""
    if how == "select" or (how == "add" and selection is None):
        return region
    if selection is None or region is None:
        return selection
    if how == "add":
        return union([(selection, 0), (region, 0)])
    left = np.where(region.within(selection.rect) == 0, selection.stencil, np.uint8(0))
    return StencilRegion(selection.rect, left) if left.any() else None


@dataclass(frozen=True)
class CopiedLabels:
    """Labels that were copied from an image.

    Attributes:
        rect: where they lay.
        label_map: uint8 (rect.height, rect.width); 255 where nothing was copied, and for void.
        inside: bool, likewise: whether a pixel was copied.
    """

    rect: Rect
    label_map: LabelMap
    inside: Mask

    @property
    def region(self) -> Region:
        """The pixels that were copied."""
        return StencilRegion(self.rect, self.inside.view(np.uint8))

    def of_classes(self, indices: Collection[int]) -> CopiedLabels:
        """Return those of some classes, 255 for void."""
        return replace(self, inside=self.inside & np.isin(self.label_map, list(indices)))

    def parts(self, moved_xy: tuple[int, int], size: tuple[int, int]) -> Parts:
        """Return the regions of an image that get their classes.

        Args:
            moved_xy: columns and rows by which they are moved.
            size: (width, height) of the image; what lies outside is left out.
        """
        dx, dy = moved_xy
        rect = self.rect.moved(dx, dy).intersect(Rect(0, 0, *size))
        if not rect:
            return []
        part = rect.moved(-dx - self.rect.x0, -dy - self.rect.y0).slices
        return [
            (StencilRegion(region.rect.moved(rect.x0, rect.y0), region.stencil), value)
            for region, value in parts_of(self.inside[part], self.label_map[part])
        ]


def copied_labels(labels: Labels, selection: Region | None) -> CopiedLabels | None:
    """Copy the labels inside a selection, or all of an image; None if nothing is labelled there."""
    height, width = labels.shape
    frame = Rect(0, 0, width, height) if selection is None else selection.rect
    part = labels.part(frame)
    inside = part.provenance != Provenance.NOBODY
    if selection is not None:
        inside &= selection.stencil != 0
    x, y, columns, rows = cv2.boundingRect(inside.view(np.uint8))
    if not columns:
        return None
    rect = Rect(x, y, x + columns, y + rows)
    inside = np.ascontiguousarray(inside[rect.slices])
    label_map = np.where(inside, part.label_map[rect.slices], np.uint8(255))
    return CopiedLabels(rect.moved(frame.x0, frame.y0), label_map, inside)
