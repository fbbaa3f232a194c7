"""The order in which images are gone through."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Protocol

from fcn_studio.ui.session.open_project import OpenProject


class Order(Protocol):
    """An order of the images of a project, or of some of them."""

    def ahead(self, row: int, by: int) -> Sequence[int]:
        """Return the rows after a row, or before it if ``by`` is -1, the nearest first."""


class ProjectOrder:
    """The order of the project."""

    def __init__(self, open_project: OpenProject) -> None:
        self._open = open_project

    def ahead(self, row: int, by: int) -> Sequence[int]:
        """Return the rows after a row, or before it if ``by`` is -1, the nearest first."""
        return rows_ahead(row, by, len(self._open.samples))


def rows_ahead(row: int, by: int, count: int) -> range:
    """Return the rows after a row of so many, or before it if ``by`` is -1, the nearest first."""
    return range(max(0, row + 1), count) if by > 0 else range(min(count, row) - 1, -1, -1)
