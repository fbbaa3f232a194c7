"""Safe fixes of what the check finds."""

from __future__ import annotations

from collections.abc import Collection

from fcn_studio.core.checks.small_regions import SmallRegion, fill_small_regions
from fcn_studio.core.classes import ClassTable
from fcn_studio.core.document import Document
from fcn_studio.core.sample import Sample
from fcn_studio.formats.checks.base import ImageCheck, Limits
from fcn_studio.formats.checks.registry import BY_NAME
from fcn_studio.formats.images.images import image_size
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.i18n import tr_noop
from fcn_studio.jobs.checks.check import CheckReport

FIX = tr_noop("Fix small regions")
"""Title of the step that fixes islands and pinholes."""


def to_fix(report: CheckReport, names: Collection[str]) -> list[str]:
    """Return the ids of the images in which some checks have found what can be fixed."""
    found = (i for fault in report.faults if fault.check in names and fault.fixable for i in fault.images)
    return list(dict.fromkeys(found))


def fix_document(document: Document, table: ClassTable, names: Collection[str], limits: Limits) -> bool:
    """Fix what some checks find in a document, as one step, and return whether anything changed."""
    regions: list[SmallRegion] = []
    for name in names:
        check = BY_NAME[name]
        if isinstance(check, ImageCheck) and check.regions is not None:
            regions += check.regions(document.label_map, table, limits)
    return bool(regions) and fill_small_regions(document, FIX, regions)


def fix_image(project: ProjectFolder, sample: Sample, names: Collection[str], limits: Limits) -> bool:
    """Fix what some checks find in an image and save it; the mask before is kept as an earlier version.

    Raises:
        ImageError, MaskError: if image or mask cannot be read.
        ProjectError: if it cannot be saved.
    """
    size = image_size(sample.image_path, max_pixels=project.max_pixels)
    found = project.annotations.load(sample, size)
    found.refuse_other_image()
    document = Document(sample.image_id, found.labels, found.status, given=True)
    if not fix_document(document, project.config.table, names, limits):
        return False
    project.annotations.save(sample, document.labels_snapshot(), document.status, found.prelabelled_by)
    return True
