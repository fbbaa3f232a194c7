"""Changes of the class table of the open project.

Rows are never moved or given another index.
"""

from __future__ import annotations

from collections.abc import Sequence

from fcn_studio.core.class_changes.change import refuse_removal
from fcn_studio.core.classes import ClassTable, Colour
from fcn_studio.errors import ProjectError
from fcn_studio.i18n import tr
from fcn_studio.ui.session.open_project import OpenProject
from fcn_studio.ui.session.toolbox import Toolbox
from fcn_studio.ui.widgets.class_colours import of_new


class ClassEditor:
    """Adds, renames, recolours, retires and orders classes, and writes the project file at once."""

    def __init__(self, open_project: OpenProject, toolbox: Toolbox) -> None:
        self._open, self._toolbox = open_project, toolbox

    def add(self, name: str, colour: Colour | None = None) -> int:
        """Add a class at the next index and return the index.

        The class becomes active.

        Raises:
            ProjectError: if the name is taken or nothing may be written.
        """
        colour = colour or of_new(self._open.table)
        self._set_table(self._open.table.added(name.strip(), colour))
        index = self._open.table.next_index - 1
        self._toolbox.set_class(index)
        return index

    def add_all(self, classes: Sequence[tuple[str, Colour | None]]) -> None:
        """Add classes at the next indices, all or none.

        The active one stays. None in place of a colour is VOC's.

        Raises:
            ProjectError: if a name is taken, there is no room for all, or nothing may be written.
        """
        table = self._open.table
        for name, colour in classes:
            table = table.added(name, colour)
        if classes:
            self._set_table(table)

    def rename(self, index: int, name: str) -> None:
        """Rename a class without changing its index.

        Raises:
            ProjectError: if the name is taken or nothing may be written.
        """
        self._set_table(self._open.table.changed(index, name=name.strip()))

    def recolour(self, index: int, colour: Colour) -> None:
        """Give a class another colour on screen.

        Raises:
            ProjectError: if nothing may be written.
        """
        self._set_table(self._open.table.changed(index, colour=colour))

    def give_key(self, index: int, key: str) -> None:
        """Give a class a key and take it from the class that had it; "" for none of its own.

        Raises:
            ProjectError: if nothing may be written.
        """
        self._set_table(self._open.table.with_key(index, key))

    def retire(self, index: int) -> None:
        """No longer offer a class. Its pixels stay.

        Raises:
            ProjectError: if Verify gives the class to unlabelled pixels, or nothing may be written.
        """
        if self._open.project is not None:
            refuse_removal(index, self._open.project.config)
        self._set_table(self._open.table.with_retired(index, True))

    def use_again(self, index: int) -> None:
        """Offer a retired class again.

        Raises:
            ProjectError: if another class has its name by now, or nothing may be written.
        """
        self._set_table(self._open.table.with_retired(index, False))

    def reorder(self, indices: Sequence[int]) -> None:
        """Set the order in which the window shows the classes.

        Raises:
            ProjectError: if nothing may be written.
        """
        self._set_table(self._open.table.in_order(indices))

    def _set_table(self, table: ClassTable) -> None:
        project = self._open.project
        if project is None:
            raise ProjectError(tr("No project is open. Open a folder of images first."))
        project.set_table(table)
        self._toolbox.set_table(table)
        self._open.table_changed.emit()
