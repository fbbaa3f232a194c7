"""What the user was told of each project at its last opening.

It is in the user's state folder, because a project may be read-only. Window and command line share it, so that the
same report is not told twice.
"""

from __future__ import annotations

from typing import Protocol

from fcn_studio.formats.by_project import Project, read_row, write_row
from fcn_studio.formats.opening.report import OpeningReport

_FILE = "told_reports.json"


class ReportedProject(Project, Protocol):
    """An open project and the report on it."""

    opening: OpeningReport


def is_news(project: ReportedProject) -> bool:
    """Return whether the report on a project has a finding that was not told last time, and note all as told."""
    keys, before = list(project.opening.keys), read_row(_FILE, project)
    told = before if isinstance(before, list) else []
    if keys != told:
        write_row(_FILE, project, keys or None)
    return not set(keys) <= {key for key in told if isinstance(key, str)}
