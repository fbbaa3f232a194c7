"""The title of the main window."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcn_studio.i18n import tr

if TYPE_CHECKING:
    from fcn_studio.ui.session.session import Session


def window_title(session: Session) -> str:
    """Return folder, image and access, with a place for the mark of what is not saved yet."""
    if session.project is None:
        return "FCN Studio"
    name = session.project.folder.name
    if session.document is not None:
        name += f" — {session.document.image_id}"
    if session.read_only:
        return tr("{name}[*] (read-only) — FCN Studio", name=name)
    return f"{name}[*] — FCN Studio"
