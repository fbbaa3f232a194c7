"""What a check is, and what it is given."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from fcn_studio.core.checks.fault import Fault
from fcn_studio.core.checks.small_regions import SmallRegion
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.labels import LabelMap, Labels
from fcn_studio.core.sample import Sample, Split, Status
from fcn_studio.formats.checks.mask_picture import MaskPicture

Limits = Mapping[str, float]
"""Key of a threshold in `options.OPTIONS` -> its value."""


@dataclass(frozen=True)
class CheckedImage:
    """One image with its mask, as far as they can be read.

    Attributes:
        sample: the image.
        table: the class table of the project.
        status: how far it is.
        picture: uint8 (H, W, 3), turned by its EXIF orientation; None if it cannot be read.
        orientation: its EXIF orientation, 1..8.
        image_error: why it cannot be read, or "".
        mask: its mask file, None without one.
        labels: its annotation, None if it has none or cannot be read.
        mask_error: why it cannot be read, or "".
        changed: whether the image file has another picture than was labelled.
    """

    sample: Sample
    table: ClassTable
    status: Status
    picture: NDArray[np.uint8] | None
    orientation: int = 1
    image_error: str = ""
    mask: MaskPicture | None = None
    labels: Labels | None = None
    mask_error: str = ""
    changed: bool = False

    @property
    def size(self) -> tuple[int, int] | None:
        """(width, height) as displayed, None if it cannot be read."""
        return None if self.picture is None else (self.picture.shape[1], self.picture.shape[0])

    @property
    def label_map(self) -> LabelMap | None:
        """The label map of an image that a person works on or has finished, None for others."""
        worked_on = self.status in (Status.IN_PROGRESS, Status.VERIFIED)
        return self.labels.label_map if self.labels is not None and worked_on else None


@dataclass(frozen=True)
class CheckedFolder:
    """What of all images is kept until the end, and what the folder has besides.

    Attributes:
        table: the class table of the project.
        splits: image id -> its split.
        near_duplicates: pairs of image ids, and whether they are one picture.
        classes: the class indices that occur in annotations.
        annotated: number of annotations that were read.
        labels_of: reads the annotation of an image that a person works on; None for others.
        masks_without_image: mask files.
        records_without_image: record files.
        unknown_names: file name of a list -> its names that are no image.
    """

    table: ClassTable
    splits: Mapping[str, Split]
    near_duplicates: Sequence[tuple[str, str, bool]]
    classes: frozenset[int]
    annotated: int
    labels_of: Callable[[str], LabelMap | None]
    masks_without_image: Sequence[Path]
    records_without_image: Sequence[Path]
    unknown_names: Mapping[str, Sequence[str]]


@dataclass(frozen=True)
class Check:
    """A row of `CHECKS`, which are made as `ImageCheck` or `FolderCheck`.

    Attributes:
        name: in JSON and on the command line.
        title: heading of its findings.
        note: whether what it finds may be as it should be; then it is told, and the exit code stays 0.
    """

    name: str
    title: str
    note: bool = field(default=False, kw_only=True)


FindRegions = Callable[[LabelMap, ClassTable, Limits], Iterable[SmallRegion]]


@dataclass(frozen=True)
class ImageCheck(Check):
    """A check of one image and its mask.

    Attributes:
        find: yields what is wrong.
        last: whether the image is not checked further once this has found something.
        regions: the regions that the safe fix fills; None without one.
    """

    find: Callable[[CheckedImage, Limits], Iterable[Fault]] = field(kw_only=True)
    last: bool = field(default=False, kw_only=True)
    regions: Callable[[LabelMap, ClassTable, Limits], Iterable[SmallRegion]] | None = field(
        default=None, kw_only=True
    )


@dataclass(frozen=True)
class FolderCheck(Check):
    """A check of all images together.

    Attributes:
        find: yields what is wrong; the first image of a fault is the first of its ``images``.
    """

    find: Callable[[CheckedFolder, Limits], Iterable[Fault]] = field(kw_only=True)


def path_text(path: Path) -> str:
    """Return the last two parts of a path, which say enough below a heading."""
    return "/".join(path.parts[-2:])
