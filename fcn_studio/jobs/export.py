"""Export of samples in a format.

Samples are chosen by status and split.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence, Set
from dataclasses import dataclass
from pathlib import Path

from fcn_studio.core.project import Access
from fcn_studio.core.sample import Sample, Split, Status
from fcn_studio.errors import ProjectError
from fcn_studio.formats.exporters import EXPORTERS
from fcn_studio.formats.exporters.base import ExportFormat, ExportSteps
from fcn_studio.formats.exporters.options import chosen_of
from fcn_studio.formats.exporters.rough_size import rough_size
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.i18n import listed, tr
from fcn_studio.jobs.snapshot import collect_now
from fcn_studio.settings import Value


@dataclass(frozen=True, slots=True)
class ExportForecast:
    """What an export will do.

    Attributes:
        folder: the folder that it writes.
        size: about how many bytes it takes.
        refusal: why it cannot be done as chosen, "" if nothing speaks against it.
    """

    folder: Path
    size: int = 0
    refusal: str = ""


def forecast(
    project: ProjectFolder, out: Path, samples: Sequence[Sample], exporter: ExportFormat, options: Mapping[str, Value]
) -> ExportForecast:
    """Return what an export of these samples will do, without writing anything."""
    folder = exporter.target(out)
    try:
        exporter.refuse(project, out, samples, options)
    except ProjectError as error:
        return ExportForecast(folder, refusal=str(error))
    size = rough_size(samples, exporter.images, chosen_of(options), max_pixels=project.max_pixels)
    return ExportForecast(folder, size)


def to_export(project: ProjectFolder, statuses: Set[Status], splits: Set[Split]) -> list[Sample]:
    """Return the samples that an export with these choices holds."""
    return [
        s for s in project.samples if project.annotations.status(s) in statuses and project.splits.of(s) in splits
    ]


def export_project(
    project: ProjectFolder,
    out: Path,
    statuses: Set[Status],
    splits: Set[Split],
    exporter: ExportFormat = EXPORTERS[0],
    options: Mapping[str, Value] | None = None,
) -> ExportSteps:
    """Write the chosen samples into ``out`` in an export format.

    ``options`` are those of the format. Yields (done, total) after each image. Verified images without a split get
    one first.

    Raises:
        ProjectError: if nothing matches, or the target is in the way or cannot be written.
    """
    # Chosen before labels are read: whose mask proves to be unreadable is told by the export, not left out here.
    chosen = to_export(project, statuses, set(Split))
    if project.splits.pending(to_export(project, {Status.VERIFIED}, set(Split))):
        collect_now(project)
        if project.access is Access.WRITABLE:
            project.splits.store()
    samples = [sample for sample in chosen if project.splits.of(sample) in splits]
    if not samples:
        raise ProjectError(
            tr(
                "'{folder}' has no image to export with status {statuses} in the chosen splits.",
                folder=project.folder,
                statuses=listed(sorted(status.words for status in statuses)),
            )
        )
    return (yield from exporter.run(project, out, samples, options))
