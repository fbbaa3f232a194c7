"""The command ``fcn-studio check``."""

from __future__ import annotations

import sys
from collections.abc import Mapping, Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from tqdm import tqdm

from fcn_studio.core.checks.fault import Fault
from fcn_studio.errors import ImageError, MaskError, UsageError
from fcn_studio.formats.checks.options import FIXABLE, default_limits
from fcn_studio.formats.checks.registry import BY_NAME
from fcn_studio.formats.images.images import MAX_PIXELS
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.i18n import listed, tr, tr_n
from fcn_studio.jobs.checks.check import CheckReport, check_project
from fcn_studio.jobs.checks.fixes import fix_image, to_fix
from fcn_studio.jobs.console import exhaust, open_project, progress_bar

Json = dict[str, Any]

_LISTED = 5
"""Faults of each check that are printed; JSON has all."""


def run_check(
    folder: Path,
    *,
    limits: Mapping[str, float] | None = None,
    fix: Sequence[str] = (),
    grey_as_indices: bool = False,
    break_lock: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Json:
    """Check a folder of images with its masks and lists, and print what is wrong.

    Args:
        folder: the project, or a folder that would be opened as one.
        limits: key of an option -> value, where it is not the default.
        fix: names of checks whose faults are fixed where that is safe; the masks before are kept as earlier versions.
        grey_as_indices: read grey masks of 0 and 255 as class indices.
        break_lock: take over a project that another computer left locked; only to fix.
        max_pixels: larger images are not read.

    Returns:
        What ``--json`` writes; ``clean`` is False if anything is wrong and not fixed.

    Raises:
        UsageError: if a check has no safe fix.
        ProjectError: if the folder cannot be opened, or a fixed mask cannot be written.
    """
    if strange := [name for name in fix if name not in FIXABLE]:
        raise UsageError(
            tr("'{check}' has no safe fix; these have one: {known}", check=strange[0], known=listed(FIXABLE))
        )
    chosen = default_limits() | dict(limits or {})
    with open_project(
        folder,
        writable=bool(fix),
        grey_as_indices=grey_as_indices,
        break_lock=break_lock,
        max_pixels=max_pixels,
    ) as project:
        report = exhaust(check_project(project, chosen), tr("check"))
        fixed, failed = _fix(project, report, fix, chosen)
    left = tuple(fault for fault in report.faults if not (fault.check in fix and set(fault.images) <= fixed))
    remaining = replace(report, faults=left)
    _print(remaining)
    if fix:
        print(tr_n("{n} image fixed", "{n:,} images fixed", len(fixed)))
    return {
        "images": report.images,
        "masks": report.masks,
        "clean": remaining.notes_only,
        "counts": {name: len(faults) for name, faults in remaining.by_check().items()},
        "faults": [_json(fault) for fault in left],
        "fixed": sorted(fixed),
        "failed": failed,
    }


def _fix(
    project: ProjectFolder, report: CheckReport, names: Sequence[str], limits: Mapping[str, float]
) -> tuple[set[str], list[str]]:
    """Fix images, and return their ids and a sentence for each that cannot be read."""
    ids, fixed, failed = to_fix(report, names), set(), []
    with progress_bar(tr("fix"), len(ids)) as bar:
        for image_id in ids:
            try:
                if fix_image(project, project.sample(image_id), names, limits):
                    fixed.add(image_id)
            except (ImageError, MaskError) as error:
                failed.append(str(error))
                tqdm.write(tr("left out: {sentence}", sentence=error), file=sys.stderr)
            bar.update()
    return fixed, failed


def _print(report: CheckReport) -> None:
    """Print the faults of each check, the first of them in full."""
    for name, faults in report.by_check().items():
        print(tr("{title} ({name}): {n:,}", title=tr(BY_NAME[name].title), name=name, n=len(faults)))
        for fault in faults[:_LISTED]:
            print(f"  {_line(fault)}")
        if len(faults) > _LISTED:
            print("  " + tr("and {n:,} more; --json writes all", n=len(faults) - _LISTED))
    notes = sum(BY_NAME[fault.check].note for fault in report.faults)
    print(
        tr(
            "Images checked: {images:,}, masks: {masks:,}, faults: {faults:,}, notes: {notes:,}",
            images=report.images,
            masks=report.masks,
            faults=len(report.faults) - notes,
            notes=notes,
        )
    )


def _line(fault: Fault) -> str:
    """Return a fault in one line: image, sentence and place."""
    words = fault.sentence
    if fault.rect is not None:
        words = tr("{sentence} At x={x}, y={y}.", sentence=words, x=fault.rect.x0, y=fault.rect.y0)
    if len(fault.images) > 1 and fault.images[0] not in words:
        more = len(fault.images) - 1
        return tr("{image} and {n:,} more: {sentence}", image=fault.images[0], n=more, sentence=words)
    return tr("{title}: {reason}", title=fault.images[0], reason=words) if len(fault.images) == 1 else words


def _json(fault: Fault) -> Json:
    """Return a fault for ``--json``."""
    return {
        "check": fault.check,
        "images": list(fault.images),
        "box": None if fault.rect is None else list(fault.rect),
        "sentence": fault.sentence,
        "fixable": fault.fixable,
        "note": BY_NAME[fault.check].note,
    }
