"""The open project and image, and the signals about them.

Everything in the window may watch them.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.document import Document
from fcn_studio.core.image_pyramid import ImagePyramid
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.project import Access
from fcn_studio.core.sample import Sample

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder


@dataclass(frozen=True)
class OpenImage:
    """The image that is open.

    Attributes:
        row: its place in the project.
        document: its annotation.
        picture: its pixels.
        prediction: what the network predicted, in the project's class indices; None if it did not.
    """

    row: int
    document: Document
    picture: ImagePyramid
    prediction: Prediction | None = None


class OpenProject(QObject):
    """The open project and image. Only the session opens and closes them.

    Signals:
        project_changed(): a project was opened or closed.
        document_changed(): another document is open, or none.
        edited(): revision, status or history of the document changed; emitted after every stroke.
        table_changed(): classes were added, renamed or recoloured.
        sample_changed(str): the status of this image id may have changed.
        prediction_changed(): the open image has another prediction, or none.
        recovered(str): strokes were recovered from the journals; a sentence.
        notice(str), problem(str): a sentence for the user.

    Attributes:
        project: the open project, None if there is none.
        image: the open image, None if there is none.
        failures: image id -> why it could not be opened when that was last tried.
    """

    project_changed = Signal()
    document_changed = Signal()
    edited = Signal()
    table_changed = Signal()
    sample_changed = Signal(str)
    prediction_changed = Signal()
    recovered = Signal(str)
    notice = Signal(str)
    problem = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.project: ProjectFolder | None = None
        self.image: OpenImage | None = None
        self.failures: dict[str, str] = {}

    @property
    def read_only(self) -> bool:
        """Whether nothing may be written.

        Another window has the project, or the folder cannot be written.
        """
        return self.project is not None and self.project.access is Access.READ_ONLY

    @property
    def table(self) -> ClassTable:
        """The class table of the project, empty without one."""
        return self.project.config.table if self.project is not None else ClassTable((), 0)

    @property
    def samples(self) -> Sequence[Sample]:
        """All images of the project, in order."""
        return self.project.samples if self.project is not None else ()

    @property
    def document(self) -> Document | None:
        """The annotation of the open image."""
        return None if self.image is None else self.image.document

    @property
    def picture(self) -> ImagePyramid | None:
        """The pixels of the open image."""
        return None if self.image is None else self.image.picture

    @property
    def prediction(self) -> Prediction | None:
        """What the network predicted for the open image."""
        return None if self.image is None else self.image.prediction

    @property
    def index(self) -> int:
        """The row of the open image, -1 if there is none."""
        return -1 if self.image is None else self.image.row

    def row_of(self, image_id: str) -> int | None:
        """Return the row of an image.

        It is None if the image is not in the project.
        """
        return next((row for row, sample in enumerate(self.samples) if sample.image_id == image_id), None)

    def set_prediction(self, prediction: Prediction | None) -> None:
        """Show a prediction (in the project's class indices) beside the open image."""
        if self.image is not None:
            self.image = replace(self.image, prediction=prediction)
        self.prediction_changed.emit()

    def note_failure(self, image_id: str, sentence: str) -> None:
        """Remember why an image cannot be opened, for the list of files."""
        self.failures[image_id] = sentence
        self.sample_changed.emit(image_id)
