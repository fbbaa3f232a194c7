"""The command ``classes``: list the classes of a project, and merge, delete, retire or bring back some."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from fcn_studio.core.class_changes.change import ClassChange, refuse_removal
from fcn_studio.core.classes import UNLABELLED, VOID, ClassInfo, ClassTable
from fcn_studio.errors import ProjectError, UsageError
from fcn_studio.formats.class_changes.change import ChangeResult, ChangeSteps, change_classes, take_back
from fcn_studio.formats.class_changes.usage import ClassUsage, class_usage
from fcn_studio.formats.images.images import MAX_PIXELS
from fcn_studio.formats.journal.journal_folder import JournalFolder
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.i18n import listed, tr, tr_n
from fcn_studio.i18n.columns import columns, padded
from fcn_studio.jobs.console import exhaust, open_project

Json = dict[str, Any]


def classes(
    folder: Path,
    *,
    merge: Sequence[str] = (),
    delete: Sequence[str] = (),
    retire: Sequence[str] = (),
    use_again: Sequence[str] = (),
    back: bool = False,
    grey_as_indices: bool = False,
    max_pixels: int = MAX_PIXELS,
) -> Json:
    """List the classes of a project with their images and pixels, or change classes.

    Args:
        folder: the project.
        merge: texts like ``car=vehicle``: pixels of the first become the second.
        delete: texts like ``car=void``: what the pixels become, void, unlabelled or a class.
        retire: classes that are no longer offered; their pixels stay.
        use_again: retired classes that are offered again.
        back: take the last merging or deleting back.
        grey_as_indices: read grey masks as class indices.
        max_pixels: larger images are not read.

    Raises:
        UsageError: if a text names no class.
        ProjectError: as `change_classes`, or if strokes of the project are not saved yet.
    """
    writable = bool(merge or delete or retire or use_again or back)
    with open_project(folder, writable=writable, grey_as_indices=grey_as_indices, max_pixels=max_pixels) as project:
        if not writable:
            return _listed(project, exhaust(class_usage(project), tr("count pixels")))
        _refuse_unsaved(project)
        if back:
            return _run(take_back(project))
        table = project.config.table
        for name in retire:
            info = _class_of(name, table)
            refuse_removal(info.index, project.config)
            table = table.with_retired(info.index, True)
        for name in use_again:
            table = table.with_retired(_class_of(name, table).index, False)
        if table != project.config.table:
            project.set_table(table)
        change = ClassChange(dict(_pair(text, table) for text in (*merge, *delete)))
        return _run(change_classes(project, change)) if change.targets else {"changed": []}


def _run(steps: ChangeSteps) -> Json:
    """Change masks, and tell how many. Raises: ProjectError as the steps."""
    result: ChangeResult = exhaust(steps, tr("change masks"))
    print(tr_n("The masks of {n} image changed.", "The masks of {n:,} images changed.", len(result.images)))
    for sentence in result.left_out.values():
        print(tr("left as it is: {sentence}", sentence=sentence))
    return {"changed": list(result.images), "left_out": dict(result.left_out)}


def _refuse_unsaved(project: ProjectFolder) -> None:
    """Raise ProjectError if this computer has strokes of the project that are not saved yet."""
    journals = JournalFolder("" if project.first_opening else project.config.project_id, project.folder)
    try:
        unsaved, problems = journals.read_all()
    finally:
        journals.close()
    if unsaved or problems:
        raise ProjectError(
            tr(
                "'{folder}' has strokes on this computer that are not saved yet. Open it in the window, which brings "
                "them back, and close it.",
                folder=project.folder,
            )
        )


def _listed(project: ProjectFolder, usage: ClassUsage) -> Json:
    """Print and return the classes in the window's order, then retired ones, with their use."""
    table = project.config.table
    rows = [*table.shown, *(info for info in table if info.retired)]
    width = max([10, *(columns(info.name) for info in rows)])
    for info in rows:
        print(_row(info.index, info.name, usage, width), _state(info, table))
    print(_row(VOID, tr("void"), usage, width))
    for sentence in usage.unreadable.values():
        print(tr("left out: {sentence}", sentence=sentence))
    return {
        "classes": [
            {
                "index": info.index,
                "name": info.name,
                "retired": info.retired,
                "replaced_by": info.replaced_by,
                "images": usage.images.get(info.index, 0),
                "pixels": usage.pixels.get(info.index, 0),
            }
            for info in rows
        ],
        "void": {"images": usage.images.get(VOID, 0), "pixels": usage.pixels.get(VOID, 0)},
        "unlabelled_pixels": usage.unlabelled,
        "masks": usage.masks,
        "left_out": dict(usage.unreadable),
    }


def _row(index: int, name: str, usage: ClassUsage, width: int) -> str:
    """Return a line of the list."""
    images = tr_n("{n} image", "{n:,} images", usage.images.get(index, 0))
    pixels = tr_n("{n} pixel", "{n:,} pixels", usage.pixels.get(index, 0))
    return f"{index:>4}  {padded(name, width)}  {padded(images, 16, right=True)}  {padded(pixels, 22, right=True)} "


def _state(info: ClassInfo, table: ClassTable) -> str:
    """Return in words whether a class is retired, and what replaced it."""
    target = table.replacements().get(info.index)
    if target is None:
        return tr("retired") if info.retired else ""
    if target == UNLABELLED:
        return tr("deleted, now unlabelled")
    if target == VOID:
        return tr("deleted, now void")
    return tr("merged into '{name}'", name=table.name_of(target))


def _pair(text: str, table: ClassTable) -> tuple[int, int]:
    """Return index and target of a text like ``car=vehicle``. Raises: UsageError if it is none."""
    parts = text.split("=")
    for at in range(1, len(parts)):  # a name may have the sign too
        left, right = "=".join(parts[:at]).strip(), "=".join(parts[at:]).strip()
        info, into = _found(left, table), _found(right, table)
        target = {"void": VOID, "unlabelled": UNLABELLED}.get(right) if into is None else into.index
        if info is not None and target is not None:
            return info.index, target
    raise UsageError(
        tr(
            '\'{text}\' names no two classes; write "car=vehicle", "car=void" or "car=unlabelled". The classes: '
            "{known}",
            text=text,
            known=listed(info.name for info in table),
        )
    )


def _class_of(name: str, table: ClassTable) -> ClassInfo:
    """Return the class of a name or index. Raises: UsageError if there is none."""
    info = _found(name, table)
    if info is None:
        known = listed(info.name for info in table)
        raise UsageError(tr("there is no class '{name}'; classes: {known}", name=name, known=known))
    return info


def _found(name: str, table: ClassTable) -> ClassInfo | None:
    """Return the class of a name or index; one that is offered comes first."""
    retired = (info for info in table if info.retired and info.name.casefold() == name.casefold())
    number = int(name) if name.isascii() and name.isdigit() and len(name) < 4 else None
    return table.find(name) or next(retired, None) or (None if number is None else table.get(number))
