"""Small tables by project in the user's state folder.

They are not in the project, which may be read-only.
"""

from __future__ import annotations

import json
from contextlib import suppress
from pathlib import Path
from typing import Any, Protocol

from fcn_studio import paths
from fcn_studio.core.project import ProjectConfig
from fcn_studio.formats import strict_json

MAX_PROJECTS = 200
_MAX_BYTES = 1 << 20


class Project(Protocol):
    """What of an open project tells its row in a table."""

    folder: Path
    first_opening: bool

    @property
    def config(self) -> ProjectConfig:
        """The settings of the project."""


def _read_rows(name: str) -> dict[str, Any]:
    """Return the rows of a file by project, the newest last.

    There are none if the file is damaged or missing. What a row holds is not checked.
    """
    try:
        rows = strict_json.parse(paths.read_file(paths.state_dir() / name, _MAX_BYTES))
    except (OSError, ValueError):
        return {}
    return rows if isinstance(rows, dict) else {}


def read_row(name: str, project: Project) -> Any:
    """Return what a file holds of a project, None if it holds nothing."""
    rows = _read_rows(name)
    return next((rows[key] for key in _keys(project) if key in rows), None)


def write_row(name: str, project: Project, row: object) -> None:
    """Write what a file holds of a project; None removes it.

    The projects used longest ago are forgotten.
    """
    rows = _read_rows(name)
    for key in _keys(project):
        rows.pop(key, None)
        if row is not None:
            rows[key] = row
    with suppress(OSError):  # a convenience, not worth a message
        paths.replace_file(
            paths.state_dir() / name, json.dumps(dict(list(rows.items())[-MAX_PROJECTS:])).encode("ascii")
        )


def _keys(project: Project) -> list[str]:
    """Return what a project is known by.

    That is its id, and its folder too if it had no project file when it was opened.
    """
    return [project.config.project_id, *([str(project.folder.resolve())] if project.first_opening else [])]
