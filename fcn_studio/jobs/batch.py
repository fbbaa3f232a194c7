"""Batch auto-segment: which images it asks for, and how a prediction reaches the disk."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcn_studio.core.classes import map_by_name
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import NetworkCannotHelp
from fcn_studio.fcn.catalogue import NetworkInfo
from fcn_studio.jobs.messages import ImageToSegment, SegmentJob

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project_folder import ProjectFolder


def index_map(network: NetworkInfo, project: ProjectFolder) -> dict[int, int]:
    """Network class index -> project class index, by name.

    Raises:
        NetworkCannotHelp: if no class is known to both.
    """
    mapped = map_by_name(network.table, project.config.table)
    if not mapped:
        raise NetworkCannotHelp(
            f"The network '{network.name}' knows none of this project's classes: label a few images, then Fine-tune."
        )
    return mapped


def waiting(project: ProjectFolder, *, include_prelabelled: bool) -> list[Sample]:
    """The images that a batch may write: New ones, and with ``include_prelabelled`` Pre-labelled ones."""
    wanted = {Status.NEW, Status.PRELABELLED} if include_prelabelled else {Status.NEW}
    return [sample for sample in project.samples if project.status(sample) in wanted]


def segment_job(network: NetworkInfo, samples: list[Sample], device: str, max_pixels: int) -> SegmentJob:
    """The job that predicts these images."""
    images = tuple(ImageToSegment(s.image_id, str(s.image_path)) for s in samples)
    return SegmentJob(str(network.path), images, device, max_pixels)
