"""How many images and pixels of a project have each class."""

from __future__ import annotations

from collections import Counter
from collections.abc import Generator, Mapping
from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.sample import Sample
from fcn_studio.errors import ImageError, MaskError
from fcn_studio.formats.images.images import image_size
from fcn_studio.formats.project.project_folder import ProjectFolder

_AT_ONCE = 1 << 20
"""Pixels."""


@dataclass(frozen=True)
class ClassUsage:
    """Counts over all masks of a project that can be read.

    Attributes:
        images: class index, or 255 for void -> number of images that have it.
        pixels: the same for pixels.
        masks: number of masks that were counted.
        unlabelled: number of unlabelled pixels in these masks.
        unreadable: image id -> why its mask cannot be read.
    """

    images: Mapping[int, int] = field(default_factory=dict)
    pixels: Mapping[int, int] = field(default_factory=dict)
    masks: int = 0
    unlabelled: int = 0
    unreadable: Mapping[str, str] = field(default_factory=dict)


def with_masks(project: ProjectFolder) -> list[Sample]:
    """Return the samples that have a mask."""
    masks = project.annotations.masks
    return [sample for sample in project.samples if sample.mask_id in masks]


def class_usage(project: ProjectFolder) -> Generator[tuple[int, int], None, ClassUsage]:
    """Count images and pixels of each class.

    Yields (done, total) after each mask. Saved annotations count as they are on disk.
    """
    images: Counter[int] = Counter()
    pixels: Counter[int] = Counter()
    unreadable: dict[str, str] = {}
    unlabelled = 0
    samples = with_masks(project)
    for done, sample in enumerate(samples, start=1):
        try:
            size = image_size(sample.image_path, max_pixels=project.max_pixels)
            labels = project.annotations.load(sample, size, peek=True).labels
        except (ImageError, MaskError) as error:
            unreadable[sample.image_id] = str(error)
        else:
            counts = _counts(labels)
            unlabelled += labels.label_map.size - int(counts.sum())
            images.update(np.flatnonzero(counts).tolist())
            pixels.update({index: int(count) for index, count in enumerate(counts) if count})
        yield done, len(samples)
    return ClassUsage(images, pixels, len(samples) - len(unreadable), unlabelled, unreadable)


def _counts(labels: Labels) -> NDArray[np.int64]:
    """Return the number of labelled pixels of each class index, int64 (256,).

    `numpy.bincount` takes eight bytes a pixel, so it gets some rows at a time.
    """
    counts = np.zeros(256, np.int64)
    rows = max(1, _AT_ONCE // labels.label_map.shape[1])
    for top in range(0, len(labels.label_map), rows):
        part = slice(top, top + rows)
        labelled = labels.label_map[part][labels.provenance[part] != Provenance.NOBODY]
        counts += np.bincount(labelled, minlength=256)
    return counts
