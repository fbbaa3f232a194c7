"""What a source holds for a project, before anything is written."""

from __future__ import annotations

from collections.abc import Generator, Sequence
from dataclasses import dataclass
from pathlib import Path

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.sample import Sample
from fcn_studio.errors import ProjectError, UsageError
from fcn_studio.formats.importers import BY_NAME, IMPORTERS
from fcn_studio.formats.importers.base import ImportFormat, MaskSource
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.formats.voc.found_classes import names_classes
from fcn_studio.i18n import as_text, listed, tr
from fcn_studio.jobs.import_masks.mapping import Survey, survey
from fcn_studio.jobs.import_masks.matching import Match, Matches, is_own_file, match_items
from fcn_studio.jobs.import_masks.merge import conflicts

_ARCHIVES = frozenset({".7z", ".gz", ".rar", ".tar", ".tgz", ".zip"})


@dataclass(frozen=True)
class Examined:
    """What a source holds for a project.

    Attributes:
        source: the annotations.
        matches: the images that they belong to.
        survey: their values.
        table: the class table that new classes are added to.
        conflicts: images among them that a person has worked on.
    """

    source: MaskSource
    matches: Matches
    survey: Survey
    table: ClassTable
    conflicts: Sequence[Sample]

    @property
    def notices(self) -> tuple[str, ...]:
        """Sentences on what was left out."""
        return (*self.source.notices, *self.matches.notices)


def examine(
    project: ProjectFolder, path: Path, row: ImportFormat, *, copy_images: bool
) -> Generator[tuple[int, int], None, Examined]:
    """Find out what a source holds. Yields (done, total) after each annotation.

    Raises:
        ProjectError, MaskError: if the source cannot be read.
    """
    source = row.open(path)
    matches = match_items(project, source.items, copy_images=copy_images)
    found = yield from survey(source, matches.found, project.max_pixels)
    table = table_to_begin_with(project, matches.found)
    return Examined(source, matches, found, table, conflicts(project, matches.found))


def format_of(path: Path, name: str | None) -> ImportFormat:
    """Return the import format of a name, or the first that finds its files.

    Raises:
        UsageError: if none does.
    """
    row = BY_NAME[name] if name else next((row for row in IMPORTERS if row.found(path)), None)
    if row is None and path.suffix.casefold() in _ARCHIVES and path.is_file():
        raise UsageError(tr("'{path}' is an archive; unpack it, then choose the folder", path=path))
    if row is None:
        names = listed(row.name for row in IMPORTERS)
        raise UsageError(tr("'{path}' holds no annotations of a known format ({names})", path=path, names=names))
    return row


def refuse_without_match(path: Path, examined: Examined) -> None:
    """Check that there is something to import.

    Raises:
        ProjectError: if no annotation belongs to an image.
    """
    if not examined.matches.found:
        raise ProjectError(
            as_text([tr("Nothing of '{path}' can be imported.", path=path), *examined.notices])
            if examined.notices
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
