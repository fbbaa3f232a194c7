"""Restoring of earlier versions.

They are of an annotation, of a damaged mask, and of a broken project file.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtWidgets import QWidget

from fcn_studio.core.project import Access
from fcn_studio.core.sample import Sample
from fcn_studio.errors import FcnStudioError, GreyMaskFound, MaskDamaged, ProjectError, ProjectFileBroken
from fcn_studio.i18n import tr, tr_noop
from fcn_studio.ui.runtime.user_messages import Messages
from fcn_studio.ui.session.session import Session

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.loaded import EarlierLabels
    from fcn_studio.formats.project.project_folder import ProjectFolder

RESTORE = tr_noop("Restore an earlier version")


class RestoreEarlier:
    """Offers earlier versions, asks for one and puts it in place.

    Args:
        session: has the project.
        messages: shows offers.
        import_masks: lets the user say what the values of masks mean.
        window: the window that questions belong to.
    """

    def __init__(
        self, session: Session, messages: Messages, import_masks: Callable[[Path], None], window: QWidget
    ) -> None:
        self._session, self._messages, self._window = session, messages, window
        self._import_masks = import_masks
        session.refused.connect(self.tell)

    def tell(self, error: FcnStudioError) -> None:
        """Tell what went wrong and offer a way out, if any."""
        if not self.offer(error):
            self._messages.fail(str(error))

    def offer(self, error: FcnStudioError) -> bool:
        """Tell what went wrong and offer a way out.

        If there is none, the result is False and nothing is told.
        """
        project = self._session.project
        if isinstance(error, ProjectFileBroken) and error.folder is not None and error.earlier is not None:
            act = partial(self._restore_project, error.folder)
            self._messages.offer(str(error), tr("Restore the earlier copy"), act)
            return True
        if isinstance(error, MaskDamaged) and project is not None and project.access is not Access.READ_ONLY:
            sample = project.sample(error.image_id)
            if _versions(project, sample):
                act = partial(self._restore_damaged, project, sample)
                self._messages.offer(str(error), tr("Restore an earlier version…"), act)
                return True
        if project is not None and project.access is Access.WRITABLE and _can_be_imported(error):
            from fcn_studio.formats.images.scan import MASKS

            act = partial(self._import_masks, project.folder / MASKS)
            self._messages.offer(str(error), tr("Say what the values mean…"), act)
            return True
        return False

    def restore_open(self) -> None:
        """Let the user bring back an earlier version of the open image.

        It is brought back in one undo step.

        Raises:
            ProjectError: if no image is open or the project is read-only.
        """
        session = self._session
        document = session.editable()
        assert session.project is not None
        sample = session.samples[session.index]
        versions = session.project.annotations.earlier(sample, (document.width, document.height))
        if not versions:
            self._messages.say(
                tr("There is no earlier version. One is kept when you open a saved image and change it.")
            )
            return
        chosen = self._ask(sample, tr("Undo brings back what you have now."), versions)
        if chosen is None or session.document is not document:
            return
        with document.edit(RESTORE) as edit:
            edit.replace(chosen.found.labels, status=chosen.found.status)
            edit.set_origin(chosen.found.prelabelled_by or "")

    def _restore_damaged(self, project: ProjectFolder, sample: Sample) -> None:
        """Let the user replace a damaged mask.

        The user chooses what comes in its place, and the image is opened.

        Raises:
            FcnStudioError: if it cannot be written or opened; the offer may be older than the project now open.
        """
        session = self._session
        if session.project is not project:
            raise ProjectError(
                tr(
                    "{image} is in a folder that is no longer open. Open that folder again to restore the image.",
                    image=sample.image_id,
                )
            )
        words = tr("The mask of this image is damaged. The damaged file is kept in .fcn-studio/originals.")
        chosen = self._ask(sample, words, _versions(project, sample))
        if chosen is not None and session.project is project:
            project.annotations.restore(sample, chosen)
            session.sample_changed.emit(sample.image_id)
            session.go_to(list(session.samples).index(sample))

    def _restore_project(self, folder: Path) -> None:
        """Put the earlier copy of a project file in place.

        The folder is then opened.

        Raises:
            FcnStudioError: if it cannot be written or opened.
        """
        from fcn_studio.formats.project.project_folder import restore_project_file

        restore_project_file(folder)
        self._session.open_folder(folder)

    def _ask(self, sample: Sample, words: str, versions: Sequence[EarlierLabels]) -> EarlierLabels | None:
        """Return the version that the user chooses, None for none."""
        from fcn_studio.ui.dialogs.restore_dialog import RestoreDialog

        dialog = RestoreDialog(sample.image_id, words, versions, self._session.table, self._window)
        return dialog.version() if dialog.asked() else None


def _versions(project: ProjectFolder, sample: Sample) -> Sequence[EarlierLabels]:
    """Return the earlier versions of an image that is not open."""
    from fcn_studio.formats.images.images import image_size

    return project.annotations.earlier(sample, image_size(sample.image_path, max_pixels=project.max_pixels))


def _can_be_imported(error: FcnStudioError) -> bool:
    """Return whether an import can read the mask that an error is about."""
    return isinstance(error, GreyMaskFound) or (isinstance(error, MaskDamaged) and error.unmapped)
