"""Image and class that each project was left with.

They are in a file of the user's state folder, because a project may be read-only.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer

from fcn_studio.core.classes import VOID
from fcn_studio.formats import strict_json
from fcn_studio.formats.by_project import read_row, write_row
from fcn_studio.ui.session.open_project import OpenProject
from fcn_studio.ui.session.toolbox import Toolbox

if TYPE_CHECKING:
    from fcn_studio.formats.project.project_folder import ProjectFolder

LATER_MS = 5000
_FILE = "last_places.json"


@dataclass(frozen=True)
class LastPlace:
    """Image and class that a project was left with.

    Attributes:
        image_id: the open image.
        class_index: the active class, 255 for void.
    """

    image_id: str
    class_index: int


class LastPlaces(QObject):
    """Remembers image and class of the open project.

    It writes them soon after another image is shown, and when `remember` is called.
    """

    def __init__(self, open_project: OpenProject, toolbox: Toolbox) -> None:
        super().__init__(open_project)
        self._open, self._toolbox = open_project, toolbox
        self._later = QTimer(self, singleShot=True, interval=LATER_MS)
        self._later.timeout.connect(self.remember)
        open_project.document_changed.connect(self._document_changed)

    def recall(self) -> int | None:
        """Activate the class that the project was left with.

        Returns the row of the image that it was left with, None if it is not known.
        """
        assert self._open.project is not None
        place = _place_of(self._open.project)
        if place is None:
            return None
        if place.class_index in {VOID, *(info.index for info in self._open.table.active)}:
            self._toolbox.set_class(place.class_index)
        return self._open.row_of(place.image_id)

    def remember(self) -> None:
        """Write the open image and the active class."""
        self._later.stop()
        if self._open.project is not None and self._open.document is not None:
            write_row(_FILE, self._open.project, [self._open.document.image_id, self._toolbox.class_index])

    def _document_changed(self) -> None:
        if self._open.document is None:
            self._later.stop()
        elif not self._later.isActive():  # not at each of many images
            self._later.start()


def _place_of(project: ProjectFolder) -> LastPlace | None:
    try:
        image_id, index = read_row(_FILE, project)
        return LastPlace(strict_json.text(image_id), strict_json.whole(index))
    except (ValueError, TypeError):
        return None
