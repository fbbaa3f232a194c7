"""Opening of projects and images.

Memory and journal come before older files.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.document import Document
from fcn_studio.core.history import AnnotationState, History
from fcn_studio.core.image_pyramid import ImagePyramid
from fcn_studio.core.labels import Labels
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import ImageError, ProjectLocked
from fcn_studio.i18n import tr
from fcn_studio.ui.runtime.background import in_background

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder
    from fcn_studio.ui.saving.autosave import Autosave
    from fcn_studio.ui.session.images import Images


FINISHED = (Status.VERIFIED, Status.SKIPPED)
"""Statuses of images that are done."""
LOOKED_THROUGH = 2000
"""Number of images among which the first to be shown is looked for."""


@dataclass(frozen=True)
class Loaded:
    """An image that was opened.

    Attributes:
        document: its annotation.
        picture: its pixels.
        mask_sha256: of its mask file; None if there is none, or autosave knows the annotation.
        notices: sentences on how the files were read.
    """

    document: Document
    picture: ImagePyramid
    mask_sha256: str | None = None
    notices: tuple[str, ...] = ()


def open_project(
    folder: Path,
    *,
    table: ClassTable | None,
    grey: bool | None,
    break_lock: bool,
) -> tuple[ProjectFolder, str]:
    """Open a project to write, or to read if it is locked.

    It is read if another process writes it. Returns the project with a sentence on that. The window stays responsive
    while this takes long (`ui.runtime.background`).

    Raises:
        ProjectError: as `ProjectFolder.open`.
    """
    from fcn_studio.formats.project.project_folder import ProjectFolder

    opened = partial(ProjectFolder.open, folder, table=table, grey_as_indices=grey)
    project, locked = in_background(lambda: _opened(opened, break_lock=break_lock))
    return project, tr("Opened read-only: {reason}.", reason=locked) if locked else ""


def _opened(opened: Callable[..., ProjectFolder], *, break_lock: bool) -> tuple[ProjectFolder, str]:
    """Open a project and find the statuses of its first images.

    They choose the image to open first. Returns why the project is locked, if it is.
    """
    from fcn_studio.formats.images.images import image_size

    locked = ""
    try:
        project = opened(writable=True, allow_read_only=True, break_lock=break_lock)
    except ProjectLocked as error:
        project, locked = opened(writable=False), str(error)
    for sample in project.samples[:LOOKED_THROUGH]:
        if project.annotations.status(sample) not in FINISHED:
            break
    with suppress(ImageError, IndexError):  # the first look at an image loads the decoders
        image_size(project.samples[0].image_path)
    return project, locked


def load_document(project: ProjectFolder, sample: Sample, pictures: Images, autosave: Autosave) -> Loaded:
    """Load the annotation and picture of an image.

    What is open stays as it is.

    Args:
        project: of the image.
        sample: the image.
        pictures: reads its pixels; those of a large image come later.
        autosave: what it holds of the image comes before the files; it has the undo steps, too.

    Raises:
        ImageError: if the picture cannot be read, or is another one than was labelled.
        MaskError: if the mask is damaged or is no label map of the image.
    """
    picture = pictures.of(sample.image_path, project)
    width, height = picture.size
    again = autosave.reopened(sample.image_id)
    if again is not None:
        if again.labels.shape != (height, width):
            raise ImageError(
                tr(
                    "{path} is not the picture that was labelled: its size has changed. Restore the file.",
                    path=sample.image_path,
                )
            )
        state = AnnotationState(again.status, again.prelabelled_by)
        history = again.history or autosave.history_of(sample.image_id, again.labels, state)
        document = _made(sample, again.labels, state, history)
        if not again.on_disk:
            document.mark_saved(-1)  # what is on disk is older
        return Loaded(document, picture)
    found = project.annotations.load(sample, (width, height))
    history = autosave.history_of(sample.image_id, found.labels, found.state, found.fingerprint)
    document = _made(sample, found.labels, found.state, history, given=True)  # `load` keeps none of them
    return Loaded(document, picture, found.mask_sha256, found.notices)


def _made(
    sample: Sample, labels: Labels, state: AnnotationState, history: History, *, given: bool = False
) -> Document:
    by = state.prelabelled_by
    return Document(sample.image_id, labels, state.status, prelabelled_by=by, history=history, given=given)
