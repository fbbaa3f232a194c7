"""The command ``fcn-studio import``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from typing import Any

from fcn_studio.core.classes import ClassTable
from fcn_studio.errors import ClassTableNeeded, ProjectError, UsageError
from fcn_studio.formats.images.images import MAX_PIXELS
from fcn_studio.formats.importers.base import ImportFormat
from fcn_studio.formats.importers.known_values import KNOWN_DATA_SETS
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.i18n import tr
from fcn_studio.jobs.console import exhaust, open_project
from fcn_studio.jobs.import_masks.examine import Examined, examine, format_of, refuse_without_match
from fcn_studio.jobs.import_masks.mapping import (
    ResolvedMap,
    Special,
    Survey,
    Target,
    describe,
    read_meanings,
    resolve,
    suggestions,
    with_names,
)
from fcn_studio.jobs.import_masks.merge import ImportResult, import_masks, result_sentences

Json = dict[str, Any]


def run_import(
    path: Path,
    folder: Path,
    *,
    form: str | None = None,
    meanings: Sequence[str] = (),
    data_set: str | None = None,
    conflict: str = "keep",
    copy_images: bool = False,
    add_classes: bool = False,
    break_lock: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Json:
    """Import annotations of another program into a folder of images.

    Args:
        path: file or folder of the annotations.
        folder: the project.
        form: name of the import format; None for the first that fits.
        meanings: what values mean, as ``red=weed,255=void``.
        data_set: name of the known data set whose values they are; None if the source itself tells.
        conflict: "keep" or "take": what becomes of images that a person has worked on.
        copy_images: whether images that the project lacks are copied into it.
        add_classes: whether classes that only the source has are added to the project.
        break_lock: take over a project that another computer left locked.
        max_pixels: larger images are not read.

    Raises:
        UsageError: if no format fits, or ``meanings`` makes no sense.
        ProjectError: if no annotation belongs to an image, a value has no meaning, or anything cannot be read or
            written.
    """
    if not path.exists():
        raise UsageError(tr("there is no '{path}'", path=path))
    row = format_of(path, form)
    with _opened(folder, path, break_lock=break_lock, max_pixels=max_pixels) as project:
        examined = exhaust(examine(project, path, row, copy_images=copy_images), tr("count values"))
        _tell(examined.notices)
        refuse_without_match(path, examined)
        found = examined.survey
        if data_set is not None:
            known = next(known for known in KNOWN_DATA_SETS if known.name == data_set)
            found = replace(found, values=with_names(found.values, known))
        table = examined.table
        resolved, said = _resolved(found, meanings, table, add_classes=add_classes or not len(table))
        taken = conflict == "take"
        steps = import_masks(project, examined.source, examined.matches.found, resolved, lambda _: taken)
        result = exhaust(steps, tr("import"))
        _tell_result(result, resolved)
        return _as_json(row, found, said, resolved, result, examined)


def _opened(folder: Path, path: Path, *, break_lock: bool, max_pixels: int) -> ProjectFolder:
    """Return the project, without classes if only its own masks, which are to be imported, would tell them."""
    try:
        return open_project(folder, writable=True, break_lock=break_lock, max_pixels=max_pixels)
    except ClassTableNeeded:
        if not path.resolve().is_relative_to(folder.resolve()):
            raise
    return open_project(folder, writable=True, break_lock=break_lock, max_pixels=max_pixels, table=ClassTable((), 0))


def _resolved(
    found: Survey, meanings: Sequence[str], table: ClassTable, *, add_classes: bool
) -> tuple[ResolvedMap, dict[str, Target]]:
    """Return what the values become, by ``--map`` and else by names, colours and indices.

    Raises:
        UsageError, ProjectError: as `read_meanings` and `resolve`.
    """
    if not found.values:
        raise ProjectError(tr("Nothing could be read. {reason}", reason=next(iter(found.failed.values()), "")))
    guessed = suggestions(found.values, table)
    if not add_classes:
        guessed = {v: t for v, t in guessed.items() if isinstance(t, Special) or table.find(t) is not None}
    said = guessed | read_meanings(meanings, found.values, table)
    resolved = resolve(found.values, said, table, found.named)
    for value in found.values:
        target = said[value.value]
        words = target.words if isinstance(target, Special) else target
        print(f"  {describe(value)} -> {words}")
    return resolved, said


def _tell(notices: Sequence[str]) -> None:
    for notice in notices:
        print(notice, file=sys.stderr)


def _tell_result(result: ImportResult, resolved: ResolvedMap) -> None:
    """Print what became of the images."""
    for image_id, sentence in result.failed.items():
        print(tr("left out: {sentence}", sentence=f"{image_id}: {sentence}"), file=sys.stderr)
    for line in result_sentences(result, resolved):
        print(line)


def _as_json(
    row: ImportFormat,
    found: Survey,
    said: dict[str, Target],
    resolved: ResolvedMap,
    result: ImportResult,
    examined: Examined,
) -> Json:
    return {
        "format": row.name,
        "values": [
            {
                "value": value.value,
                "name": value.name,
                "share": value.share,
                "images": value.images,
                "meaning": target.value if isinstance(target := said[value.value], Special) else target,
                "index": None if isinstance(target, Special) else resolved.labels[value.code],
            }
            for value in found.values
        ],
        "added_classes": list(resolved.added),
        "copied": result.copied,
        **{outcome.name.lower(): names for outcome, names in result.images.items()},
        "notices": list(examined.notices),
        "splits": {split.value: number for split, number in result.splits.items()},
        "failed": result.failed,
    }
