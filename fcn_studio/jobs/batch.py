"""Batch auto-segment: the images that it predicts, and the job for them."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcn_studio.core.class_map import ClassMap, can_help, map_classes
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import NetworkCannotHelp
from fcn_studio.fcn.weights.catalogue import NetworkInfo
from fcn_studio.i18n import tr
from fcn_studio.jobs.protocol import ImageToSegment, SegmentJob

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder


def index_map(network: NetworkInfo, project: ProjectFolder, class_map: ClassMap | None = None) -> dict[int, int]:
    """Return network class index -> project class index.

    The user's choice decides, else the name.

    Raises:
        NetworkCannotHelp: if no class is known to both, or only the background is.
    """
    mapped = map_classes(network.table, project.config.table, class_map)
    if not can_help(mapped, network.table):
        raise NetworkCannotHelp(nothing_to_prelabel(network.name))
    return mapped


def nothing_to_prelabel(name: str) -> str:
    """Return the sentence on a network without classes of the project."""
    return tr(
        "The network '{name}' knows none of this project's classes, so there is nothing to pre-label with yet: say "
        "what its classes mean here, choose another network, or label a few images, then Fine-tune.",
        name=name,
    )


def waiting(project: ProjectFolder, *, include_prelabelled: bool) -> list[Sample]:
    """Return the images that a batch may write.

    They are New ones, and with ``include_prelabelled`` Pre-labelled ones.
    """
    wanted = {Status.NEW, Status.PRELABELLED} if include_prelabelled else {Status.NEW}
    return [sample for sample in project.samples if project.annotations.status(sample) in wanted]


def segment_job(network: NetworkInfo, samples: list[Sample], device: str, project: ProjectFolder) -> SegmentJob:
    """Return the job that predicts these images."""
    images = tuple(ImageToSegment(s.image_id, str(s.image_path)) for s in samples)
    return SegmentJob(str(network.path), images, device, project.max_pixels, project.config.grey_levels)
