"""Reads an image with its annotation for the window: from memory and journal where they are newer than the files."""

from __future__ import annotations

from typing import TYPE_CHECKING

from fcn_studio.core.document import Document
from fcn_studio.core.history import History
from fcn_studio.core.sample import Sample
from fcn_studio.errors import ImageError

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project_folder import ProjectFolder
    from fcn_studio.ui.keeper import Keeper
    from fcn_studio.ui.prefetch import Prefetch


def load_document(
    project: ProjectFolder, sample: Sample, prefetch: Prefetch, keeper: Keeper, undo_bytes: int
) -> tuple[Document, str | None, tuple[str, ...]]:
    """The document of an image, all or nothing; what is open is not touched.

    Args:
        project: of the image.
        sample: the image.
        prefetch: where its pixels may be already.
        keeper: what it holds of the image comes before what is on disk.
        undo_bytes: memory for the steps of a new history.

    Returns:
        The document, the sha256 of its mask file (None if there is none, or the keeper knows it), and sentences on
        how the files were read.

    Raises:
        ImageError: if the picture cannot be read, or is another one than was labelled.
        MaskError: if the mask is damaged or is no label map of the image.
    """
    image_rgb = prefetch.get(sample.image_path)
    height, width = image_rgb.shape[:2]
    again = keeper.reopened(sample.image_id)
    if again is None:
        found = project.load_labels(sample, (width, height))
        by = found.prelabelled_by or ""
        document = Document(
            sample.image_id, image_rgb, found.labels, found.status, prelabelled_by=by, history=History(undo_bytes)
        )
        return document, found.mask_sha256, found.notices
    if again.labels.shape != (height, width):
        raise ImageError(f"{sample.image_path} is another picture than the one that was labelled; restore it")
    history = again.history or History(undo_bytes)
    document = Document(
        sample.image_id,
        image_rgb,
        again.labels,
        again.status,
        prelabelled_by=again.prelabelled_by,
        history=history,
    )
    if not again.on_disk:
        document.mark_saved(-1)  # what is on disk is older
    return document, None, ()
