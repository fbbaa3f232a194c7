"""The open folder, opened once more: whoever does that has put images there, and wants to see them."""

from __future__ import annotations

from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fcn_studio.ui.runtime.background import in_background

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.ui.session.session import Session


def opened_already(session: Session, folder: Path) -> bool:
    """Whether a folder is the open project, so that only new images could come of opening it; they are offered.

    Raises:
        ProjectError: if the folder cannot be listed.
    """
    from fcn_studio.formats.images.scan import scan_images

    project = session.project
    if project is None or session.read_only or project.protected or project.folder.resolve() != folder.resolve():
        return False
    known = {sample.image_id for sample in project.samples}
    there = {sample.image_id for sample in in_background(lambda: scan_images(project.image_root)).samples}
    changes = [f"{len(ids)} {word}" for ids, word in ((there - known, "new"), (known - there, "gone")) if ids]
    if not changes:
        session.notice.emit(f"{project.folder.name} is open already, and no image in it is new.")
        return True
    session.offer.emit(
        f"The images of {project.folder.name} have changed since it was opened: {', '.join(changes)}. Opening it "
        "anew saves your work, ends jobs that run, and forgets undo steps.",
        "Open anew",
        partial(_open_anew, session, project),
    )
    return True


def _open_anew(session: Session, project: ProjectFolder) -> None:
    """Close and open it, with what the user said of it, at the same image. Raises: ProjectError as `open_folder`."""
    table, image_id = session.table, session.document.image_id if session.document is not None else ""
    if session.project is not project or not session.close_project():
        return
    session.open_folder(project.folder, table=table, grey_as_indices=project.grey_as_indices)
    row = next((row for row, sample in enumerate(session.samples) if sample.image_id == image_id), None)
    if row is not None:
        session.open_from(row, +1, lambda wanted: wanted == row)
