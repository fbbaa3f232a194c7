"""Export: choose samples by status and split, and hand them to the format."""

from __future__ import annotations

from collections.abc import Generator, Set
from pathlib import Path

from fcn_studio.core.sample import Sample, Split, Status
from fcn_studio.errors import ProjectError
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.voc_export import ExportResult, export_voc


def to_export(project: ProjectFolder, statuses: Set[Status], splits: Set[Split]) -> list[Sample]:
    """The samples that an export with these choices holds."""
    return [s for s in project.samples if project.status(s) in statuses and project.split(s) in splits]


def export_project(
    project: ProjectFolder, out: Path, statuses: Set[Status], splits: Set[Split]
) -> Generator[tuple[int, int], None, ExportResult]:
    """Write ``out/VOCdevkit/VOC2012``; yields (done, total) after each image.

    Raises:
        ProjectError: if nothing matches, or the target is in the way or cannot be written.
    """
    samples = to_export(project, statuses, splits)
    if not samples:
        words = ", ".join(sorted(s.words for s in statuses))
        raise ProjectError(f"'{project.folder}' has no image to export with status {words} in the chosen splits.")
    work = export_voc(project, out, samples)
    while True:
        try:
            done = next(work)
        except StopIteration as end:
            result: ExportResult = end.value
            return result
        yield done, len(samples)
