"""Collecting of the trusted pixels of a project.

They are what a training or an evaluation is given, frozen.
"""

from __future__ import annotations

from collections.abc import Generator
from dataclasses import dataclass

from fcn_studio.core.classes import VOID
from fcn_studio.core.labels import trusted_label_map
from fcn_studio.core.sample import Sample, Split, Status
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
    """

    train: tuple[LabelledImage, ...]
    val: tuple[LabelledImage, ...]
    problems: tuple[str, ...] = ()


def collect(project: ProjectFolder) -> Generator[tuple[int, int], None, Snapshot]:
    """Read the masks of all images that a human worked on.

    Yields (done, total) after each. Network pixels and pixels of unknown origin are 255 in the result: they are never
    trained on.
    """
    worked_on = [s for s in project.samples if project.annotations.status(s) in (Status.VERIFIED, Status.IN_PROGRESS)]
    train: list[LabelledImage] = []
    val: list[LabelledImage] = []
    problems: list[str] = []
    for done, sample in enumerate(worked_on, start=1):
        try:
            item = trusted(project, sample)
        except (ImageError, MaskError) as error:
            problems.append(str(error))
            item = None
        if item is not None and project.split(sample) is Split.TRAIN:
            train.append(item)
        elif item is not None and project.annotations.status(sample) is Status.VERIFIED:
            val.append(item)
        yield done, len(worked_on)
    return Snapshot(tuple(train), tuple(val), tuple(problems))


def collect_now(project: ProjectFolder) -> Snapshot:
    """Collect the trusted pixels at once."""
    return result_of(collect(project))


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
