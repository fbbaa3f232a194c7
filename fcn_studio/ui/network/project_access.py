"""What a job of the network may ask of the open project."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcn_studio.errors import ProjectError
from fcn_studio.i18n import tr

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.ui.session.session import Session


def writable_project(session: Session) -> ProjectFolder:
    """Return the open project.

    Raises:
        ProjectError: if no project is open, or it is read-only.
    """
    if session.project is None:
        raise ProjectError(tr("No project is open: open a folder of images first."))
    if session.read_only:
        raise ProjectError(tr("The project is open read-only; close the other window that writes it."))
    return session.project
