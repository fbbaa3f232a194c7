"""Opens projects and images for the window; memory and journal come before files that are older."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.document import Document
from fcn_studio.core.history import History
from fcn_studio.core.sample import Sample
from fcn_studio.errors import ImageError, ProjectLocked
from fcn_studio.ui.canvas.pyramid import ImagePyramid

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project_folder import ProjectFolder
    from fcn_studio.ui.keeper import Keeper
    from fcn_studio.ui.pictures import Pictures


@dataclass(frozen=True)
class Loaded:
    """An image that was opened.

    Attributes:
        document: its annotation.
        picture: its pixels.
        mask_sha256: of its mask file; None if there is none, or the keeper knows the annotation.
        notices: sentences on how the files were read.
    """

    document: Document
    picture: ImagePyramid
    mask_sha256: str | None = None
    notices: tuple[str, ...] = ()

    @property
    def parts(self) -> tuple[Document, ImagePyramid, str | None]:
        """All but the notices."""
        return self.document, self.picture, self.mask_sha256


def open_project(
    folder: Path,
    default_table: ClassTable,
    tell: Callable[[str], object],
    *,
    table: ClassTable | None,
    grey: bool | None,
    break_lock: bool,
) -> ProjectFolder:
    """A project to write, patiently; only to look at where another process writes it, which is told.

    Raises:
        ProjectError: as `ProjectFolder.open`.
    """
    from fcn_studio.formats.project_folder import ProjectFolder

    opened = partial(ProjectFolder.open, folder, table=table, default_table=default_table, grey_as_indices=grey)
    try:
        return opened(writable=True, patient=True, break_lock=break_lock)
    except ProjectLocked as error:
        project = opened(writable=False)
        tell(f"Opened read-only: {error}.")
        return project


def load_document(
    project: ProjectFolder, sample: Sample, pictures: Pictures, keeper: Keeper, undo_bytes: int
) -> Loaded:
    """The annotation and picture of an image, all or nothing; what is open is not touched.

    Args:
        project: of the image.
        sample: the image.
        pictures: where its pixels come from; of a large image they are still to come.
        keeper: what it holds of the image comes before what is on disk.
        undo_bytes: memory for the steps of a new history.

    Raises:
        ImageError: if the picture cannot be read, or is another one than was labelled.
        MaskError: if the mask is damaged or is no label map of the image.
    """
    picture = pictures.of(sample.image_path, project)
    width, height = picture.size
    again = keeper.reopened(sample.image_id)
    if again is None:
        found = project.load_labels(sample, (width, height))
        by = found.prelabelled_by or ""
        document = Document(
            sample.image_id, found.labels, found.status, prelabelled_by=by, history=History(undo_bytes)
        )
        return Loaded(document, picture, found.mask_sha256, found.notices)
    if again.labels.shape != (height, width):
        raise ImageError(f"{sample.image_path} is another picture than the one that was labelled; restore it")
    history = again.history or History(undo_bytes)
    document = Document(
        sample.image_id,
        again.labels,
        again.status,
        prelabelled_by=again.prelabelled_by,
        history=history,
    )
    if not again.on_disk:
        document.mark_saved(-1)  # what is on disk is older
    return Loaded(document, picture)
