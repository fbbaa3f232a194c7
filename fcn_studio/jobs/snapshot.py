"""Collecting of the trusted pixels of a project.

They are what a training or an evaluation is given, frozen.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass, field

import numpy as np

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import trusted_label_map
from fcn_studio.core.sample import ImageClasses, Sample, Split, Status
from fcn_studio.core.snapshot import LabelledImage, pack
from fcn_studio.core.with_result import result_of
from fcn_studio.errors import ImageError, MaskError
from fcn_studio.formats.images.images import image_size
from fcn_studio.formats.project.project_folder import ProjectFolder


@dataclass(frozen=True)
class Snapshot:
    """Trusted pixels by split.

    Attributes:
        train: images of the train split with human pixels, verified or in progress.
        val: verified images of the val split; frozen for the run, both networks are scored on it.
        problems: a sentence for each image that was left out because it cannot be read.
        classes: class indices in each verified image of train and val, by image id.
        test: verified images of the test split, which only an evaluation on request sees.
    """

    train: tuple[LabelledImage, ...]
    val: tuple[LabelledImage, ...]
    problems: tuple[str, ...] = ()
    classes: ImageClasses = field(default_factory=dict)
    test: tuple[LabelledImage, ...] = ()


def collect(project: ProjectFolder) -> Generator[tuple[int, int], None, Snapshot]:
    """Read the masks of all images that a human worked on.

    Yields (done, total) after each. Network pixels and pixels of unknown origin are 255 in the result: they are never
    trained on. Verified images without a split get one; who begins a run stores it.
    """
    worked_on = [s for s in project.samples if project.annotations.status(s) in (Status.VERIFIED, Status.IN_PROGRESS)]
    items: list[tuple[Sample, LabelledImage]] = []
    problems: list[str] = []
    for done, sample in enumerate(worked_on, start=1):
        try:
            item = trusted(project, sample)
        except (ImageError, MaskError) as error:
            problems.append(str(error))
            item = None
        if item is not None:
            items.append((sample, item))
        yield done, len(worked_on)
    test = [(s, item) for s, item in items if project.splits.of(s) is Split.TEST]
    items = [(s, item) for s, item in items if project.splits.of(s) is not Split.TEST]
    verified = [(s, item) for s, item in items if project.annotations.status(s) is Status.VERIFIED]
    classes = {sample.image_id: _classes_in(item) for sample, item in verified}
    project.splits.assign([sample for sample, _ in items], classes)
    train = tuple(item for sample, item in items if project.splits.of(sample) is Split.TRAIN)
    val = tuple(i for s, i in items if project.splits.of(s) is Split.VAL and s.image_id in classes)
    tested = tuple(item for s, item in test if project.annotations.status(s) is Status.VERIFIED)
    return Snapshot(train, val, tuple(problems), classes, tested)


def collect_now(project: ProjectFolder) -> Snapshot:
    """Collect the trusted pixels at once."""
    return result_of(collect(project))


def _classes_in(item: LabelledImage) -> frozenset[int]:
    """Return the class indices of an image's trusted pixels."""
    return frozenset(np.flatnonzero(np.bincount(item.label_map().ravel(), minlength=VOID + 1)).tolist()) - {VOID}


def trusted(project: ProjectFolder, sample: Sample) -> LabelledImage | None:
    """Return the human pixels of an image as they are on disk, None if it has none.

    Raises:
        ImageError, MaskError: if the image or its mask cannot be read.
    """
    size = image_size(sample.image_path, max_pixels=project.max_pixels)
    loaded = project.annotations.load(sample, size, peek=True)
    loaded.refuse_other_image()
    label_map = trusted_label_map(loaded.labels)
    if (label_map == VOID).all():
        return None
    return pack(sample.image_id, str(sample.image_path), label_map, project.config.grey_levels)
