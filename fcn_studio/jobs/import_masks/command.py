"""The command ``fcn-studio import``."""

from __future__ import annotations

import sys
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fcn_studio.core.classes import ClassTable
from fcn_studio.errors import ClassTableNeeded, ProjectError, UsageError
from fcn_studio.formats.images.images import MAX_PIXELS
from fcn_studio.formats.importers import BY_NAME, IMPORTERS
from fcn_studio.formats.importers.base import ImportFormat
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.found_classes import names_classes
from fcn_studio.i18n import tr, tr_n
from fcn_studio.jobs.console import exhaust, open_project
from fcn_studio.jobs.import_masks.mapping import (
    ResolvedMap,
    Special,
    Survey,
    Target,
    describe,
    read_meanings,
    resolve,
    suggestions,
    survey,
)
from fcn_studio.jobs.import_masks.matching import Match, Matches, is_own_file, match_items
from fcn_studio.jobs.import_masks.merge import ImportResult, Outcome, import_masks

Json = dict[str, Any]

_LISTED = 20
"""Images that are listed by name; JSON has all."""


def run_import(
    path: Path,
    folder: Path,
    *,
    form: str | None = None,
    meanings: Sequence[str] = (),
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
        source = row.open(path)
        matches = match_items(project, source.items, copy_images=copy_images)
        _tell([*source.notices, *matches.notices])
        refuse_without_match(path, matches)
        found = exhaust(survey(source, matches.found, max_pixels), tr("count values"))
        table = table_to_begin_with(project, matches.found)
        resolved, said = _resolved(found, meanings, table, add_classes=add_classes or not len(table))
        taken = conflict == "take"
        result = exhaust(import_masks(project, source, matches.found, resolved, lambda _: taken), tr("import"))
        _tell_result(result, resolved)
        return _as_json(row, found, said, resolved, result, matches)


def format_of(path: Path, name: str | None) -> ImportFormat:
    """Return the import format of a name, or the first that finds its files.

    Raises:
        UsageError: if none does.
    """
    row = BY_NAME[name] if name else next((row for row in IMPORTERS if row.found(path)), None)
    if row is None:
        names = ", ".join(row.name for row in IMPORTERS)
        raise UsageError(tr("'{path}' holds no annotations of a known format ({names})", path=path, names=names))
    return row


def refuse_without_match(path: Path, matches: Matches) -> None:
    """Check that there is something to import.

    Raises:
        ProjectError: if no annotation belongs to an image.
    """
    if not matches.found:
        raise ProjectError(
            " ".join([tr("Nothing of '{path}' can be imported.", path=path), *matches.notices])
            if matches.notices
            else tr("'{path}' holds nothing that is not in the folder already", path=path)
        )


def table_to_begin_with(project: ProjectFolder, matches: Sequence[Match]) -> ClassTable:
    """Return the project's class table, or an empty one if nobody has chosen its classes.

    That is so if they are those of a network, or VOC's because no file names any, and if all masks of the folder are
    to be imported.
    """
    if project.first_opening and not project.has_default_classes:
        own = {match.sample.mask_id for match in matches if is_own_file(project, match)}
        chosen = names_classes(project.folder) or not own or bool(project.annotations.masks.keys() - own)
    else:
        chosen = not project.has_default_classes
    return project.config.table if chosen else ClassTable((), 0)


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
    resolved = resolve(found.values, said, table)
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


def result_sentences(result: ImportResult, resolved: ResolvedMap) -> list[str]:
    """Return sentences on what an import did."""
    by = result.images
    lines = [tr_n("{n} annotation imported", "{n:,} annotations imported", result.written)]
    if resolved.added:
        names = ", ".join(resolved.added)
        lines.append(tr_n("{n} class added: {names}", "{n} classes added: {names}", len(resolved.added), names=names))
    if result.copied:
        lines.append(
            tr_n("{n} image copied into the folder", "{n:,} images copied into the folder", len(result.copied))
        )
    if by[Outcome.IN_PROGRESS]:
        lines.append(
            tr_n(
                "{n} image has unlabelled pixels left and is In progress",
                "{n:,} images have unlabelled pixels left and are In progress",
                len(by[Outcome.IN_PROGRESS]),
            )
        )
    if kept := by[Outcome.KEPT]:
        lines.append(
            tr_n(
                "{n} image keeps your labels: {names}; to take those of the source, choose Take theirs "
                "(--conflict take)",
                "{n:,} images keep your labels: {names}; to take those of the source, choose Take theirs "
                "(--conflict take)",
                len(kept),
                names=_listed(kept),
            )
        )
    if by[Outcome.SAME]:
        lines.append(
            tr_n("{n} image had these labels already", "{n:,} images had these labels already", len(by[Outcome.SAME]))
        )
    if by[Outcome.EMPTY]:
        lines.append(
            tr_n(
                "{n} annotation labels no pixel: {names}",
                "{n:,} annotations label no pixel: {names}",
                len(by[Outcome.EMPTY]),
                names=_listed(by[Outcome.EMPTY]),
            )
        )
    if result.failed:
        lines.append(tr_n("{n} annotation left out", "{n:,} annotations left out", len(result.failed)))
    return lines


def _listed(names: Sequence[str]) -> str:
    return ", ".join(names[:_LISTED]) + (", ..." if len(names) > _LISTED else "")


def _as_json(
    row: ImportFormat,
    found: Survey,
    said: dict[str, Target],
    resolved: ResolvedMap,
    result: ImportResult,
    matches: Matches,
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
        "notices": list(matches.notices),
        "failed": result.failed,
    }
