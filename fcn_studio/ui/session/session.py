"""The session.

It opens projects and images, navigates and saves. It knows no widget.
"""

from __future__ import annotations

import operator
from collections.abc import Callable, Iterable
from functools import partial
from pathlib import Path

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.document import Document, skip, unskip, verify
from fcn_studio.core.sample import Status
from fcn_studio.errors import GreyMaskFound, ImageError, MaskError, ProjectError
from fcn_studio.i18n import listed, tr, tr_n
from fcn_studio.settings import Settings
from fcn_studio.ui.runtime.background import draw_window
from fcn_studio.ui.saving.autosave import Autosave, SaveState
from fcn_studio.ui.session.annotation_prefetch import AnnotationPrefetch
from fcn_studio.ui.session.class_editor import ClassEditor
from fcn_studio.ui.session.effort_recorder import EffortRecorder
from fcn_studio.ui.session.grey_display import GreyDisplay
from fcn_studio.ui.session.images import Images
from fcn_studio.ui.session.last_places import LastPlaces
from fcn_studio.ui.session.loading import FINISHED, LOOKED_THROUGH, load_document, open_project
from fcn_studio.ui.session.open_project import OpenImage, OpenProject
from fcn_studio.ui.session.order import Order, ProjectOrder, rows_ahead
from fcn_studio.ui.session.recent_projects import RecentProjects
from fcn_studio.ui.session.recovery import Recovery
from fcn_studio.ui.session.status_scan import StatusScan
from fcn_studio.ui.session.toolbox import Toolbox


class Session(OpenProject):
    """Opens projects and images, navigates and saves.

    Signals, besides those of `OpenProject`:
        turned(): the open project is about to be closed, or one to be opened; messages so far are out of date.
        saved(): the save state may have changed.
        grey_mask_found(str): asks once a project how to read grey masks. Whoever answers sets
            ``project.grey_as_indices`` before returning.
        refused(FcnStudioError): an image cannot be opened and is passed by.
        reported(OpeningReport): what was found in a folder that was opened, if it was not told before.

    Attributes:
        toolbox: the tools that edit the open document.
        autosave: saves it.
        classes: changes the class table.
        pictures: reads pictures.
        grey_display: black and white of deep images.
        annotation_prefetch: reads the neighbours ahead.
        last_places: image and class that each project was left with.
        effort: notes what each step took.
        recent_projects: notes what the start page tells of the project.
        recovery: what an earlier run left in its journals.
        status_scan: how far each image is.
        order: the order in which images are gone through; the list of files gives its own.
        opening: whether a folder is being opened; the window is alive meanwhile.
    """

    turned = Signal()
    saved = Signal()
    grey_mask_found = Signal(str)
    refused = Signal(object)
    reported = Signal(object)

    def __init__(self, settings: Settings, toolbox: Toolbox, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.settings = settings
        self.toolbox = toolbox
        self.opening = False
        self.order: Order = ProjectOrder(self)
        self._grey_asked = False
        self._disconnect: Callable[[], None] | None = None
        self.classes = ClassEditor(self, toolbox)
        self.pictures = Images(self)
        self.grey_display = GreyDisplay(self, self.pictures)
        self.annotation_prefetch = AnnotationPrefetch(self.pictures, self)
        self.autosave = Autosave(self)
        self.last_places = LastPlaces(self, toolbox)
        self.effort = EffortRecorder(self, toolbox)
        self.recovery = Recovery(self, self.autosave, settings)
        self.status_scan = StatusScan(self, self.autosave)
        self.recent_projects = RecentProjects(self, self.status_scan, settings)
        self.prediction_changed.connect(lambda: setattr(toolbox, "prediction", self.prediction))
        self.table_changed.connect(lambda: self.autosave.journal.set_classes(self.table))
        for key in ("autosave_delay", "undo_budget_mb"):
            self._on_setting(key)
        settings.watch(self._on_setting)
        self.pictures.broken.connect(self._on_broken)
        self.autosave.saved.connect(self.sample_changed)
        self.autosave.changed.connect(self.saved)
        self.autosave.problem.connect(self.problem)
        self.effort.problem.connect(self.problem)

    # --- project ----------------------------------------------------------------------------------------------

    def open_folder(
        self,
        folder: Path,
        *,
        table: ClassTable | None = None,
        grey_as_indices: bool | None = None,
        break_lock: bool = False,
    ) -> None:
        """Open a folder of images in place.

        It is all or nothing. On an error the open project stays. Not for the folder that is open: `OpenFolder` asks
        about that.

        Raises:
            ProjectError: if it cannot be opened.
            ClassTableNeeded: if only the user can say what its masks mean; call again with ``table``.
        """
        if self.opening:
            return
        self.opening = True
        try:
            project, locked = open_project(
                folder,
                table=table,
                grey=grey_as_indices,
                break_lock=break_lock,
            )
        finally:
            self.opening = False
        if not self.close_project():
            project.close()
            return
        self.turned.emit()
        self.project = project
        project.max_pixels = self.settings.max_pixels
        self.failures.clear()
        self._grey_asked = grey_as_indices is not None
        self.toolbox.begin(self.table)
        last = self.last_places.recall()
        self.settings.add_recent(folder.resolve())
        self.recovery.start(project)
        self.status_scan.start(project)
        self._show_project()
        if self.project is not project:  # a signal closed it
            return
        if locked:
            self.problem.emit(locked)
        from fcn_studio.formats.opening.told import is_news

        if is_news(project):
            self.reported.emit(project.opening)
        if self.samples:
            self._open_first(last)
        self.recovery.tell()

    def _show_project(self) -> None:
        """Tell that a project was opened. A large one is drawn before its first image is opened."""
        self.opening = True
        try:
            self.project_changed.emit()
            self.table_changed.emit()
            if len(self.samples) > LOOKED_THROUGH:
                draw_window()
        finally:
            self.opening = False

    def _open_first(self, last: int | None) -> None:
        """Show the image whose steps were recovered, the last, or the first unfinished.

        If none of these can be opened, the first that opens is shown.
        """
        for wanted in (self.recovery.row, last):
            if wanted is not None and self.open_from(wanted, +1, partial(operator.eq, wanted)):
                return
        start = next((row for row in range(min(len(self.samples), LOOKED_THROUGH)) if self._waits(row)), 0)
        if not (self.open_from(start, +1, lambda row: True) or self.open_from(start - 1, -1, lambda row: True)):
            self._show(None)

    def close_project(self, *, discard: bool = False) -> bool:
        """Save everything and close.

        If something cannot be saved, the result is False and a sentence says so. ``discard``: close even then.
        """
        if self.project is None:
            return True
        self.settle()
        lost = self.autosave.finish()
        if lost and not discard:
            self.problem.emit(self._not_closed(lost))
            return False
        self.last_places.remember()
        self.recent_projects.note()
        self.effort.write_now()
        self.turned.emit()
        self._show(None)
        self.annotation_prefetch.forget()
        self.status_scan.stop()
        self.autosave.close_project()
        self.recovery.clear()
        project, self.project = self.project, None
        try:
            project.close()
        except ProjectError as error:  # only the list of statuses, which is made anew at the next opening
            self.notice.emit(str(error))
        self.pictures.forget()
        self.project_changed.emit()
        return True

    def _not_closed(self, lost: list[str]) -> str:
        text = tr_n(
            "The project was not closed because {n} image cannot be saved: {images}.",
            "The project was not closed because {n:,} images cannot be saved: {images}.",
            len(lost),
            images=listed([*lost[:3], *(["…"] if len(lost) > 3 else [])]),
        )
        if self.autosave.journal_holds_all:
            text += " " + tr("Your work is kept on this computer.")
        return text

    def _on_setting(self, key: str) -> None:
        if key == "autosave_delay":
            self.autosave.idle_ms = round(1000 * self.settings.autosave_delay)
        elif key == "undo_budget_mb":
            self.autosave.undo_bytes = self.settings.undo_budget_mb << 20
        elif key == "max_pixels":
            self.pictures.forget()  # what was refused may be allowed now
            if self.project is not None:
                self.project.max_pixels = self.settings.max_pixels

    def shut_down(self) -> None:
        """End the session's threads.

        Call it after `close_project`.
        """
        self.autosave.shut_down()
        for part in (self.annotation_prefetch, self.grey_display, self.pictures, self.status_scan, self.effort):
            part.close()

    # --- navigation -------------------------------------------------------------------------------------------

    def go_to(self, row: int) -> None:
        """Open the image of a row and save the present one.

        The present one stays open if the new one cannot be opened.

        Raises:
            ImageError, MaskError, ProjectError: if the image or its mask cannot be read.
        """
        if self.project is None or not 0 <= row < len(self.samples) or row == self.index:
            return
        self.settle()
        image_id = self.samples[row].image_id
        try:
            loaded = load_document(self.project, self.samples[row], self.pictures, self.autosave)
        except (ImageError, MaskError) as error:
            self.note_failure(image_id, str(error))
            raise
        self.failures.pop(image_id, None)
        for sentence in loaded.notices:
            self.notice.emit(sentence)
        self.autosave.save(leaving=True)
        self._show(OpenImage(row, loaded.document, loaded.picture), loaded.mask_sha256)
        neighbours = [ahead for by in (+1, -1) for ahead in self.order.ahead(row, by)[:1]]
        self.annotation_prefetch.opened(self.project, neighbours)

    def close_image(self) -> None:
        """Save the open image and show none."""
        self.settle()
        self.autosave.save(leaving=True)
        self._show(None)

    def step(self, by: int) -> None:
        """Open the next or previous image in the order of the list.

        Images that cannot be opened are passed by, and the user is told.
        """
        self._open_first_of(self.order.ahead(self.index, by), lambda row: True)

    def step_unverified(self, by: int) -> None:
        """Open the next or previous image that is neither verified nor skipped."""
        ahead = self.order.ahead(self.index, by)
        self.status_scan.look(ahead, set(Status) - set(FINISHED))
        if not self._open_first_of(ahead, self._waits):
            self.notice.emit(tr("No further image is waiting in this direction."))

    def _waits(self, row: int) -> bool:
        return self.status_scan.status(row) not in FINISHED

    def open_from(self, row: int, by: int, wanted: Callable[[int], bool]) -> bool:
        """Open the first wanted image from a row on.

        The direction is that of the project. Images that cannot be opened are passed by. Returns whether there was
        one.
        """
        return self._open_first_of(rows_ahead(row - by, by, len(self.samples)), wanted)

    def _open_first_of(self, rows: Iterable[int], wanted: Callable[[int], bool]) -> bool:
        self.settle()
        return any(self._opened(row, wanted) for row in rows)

    def _opened(self, row: int, wanted: Callable[[int], bool]) -> bool:
        """Open an image if it is wanted and can be opened, and return whether it was."""
        try:
            if wanted(row):
                self.go_to(row)
                return True
        except GreyMaskFound as question:
            if not self._grey_asked:
                self._grey_asked = True
                self.grey_mask_found.emit(str(question))
                return self._opened(row, wanted)  # the answer is in
            self.refused.emit(question)
        except (ImageError, MaskError) as error:
            self.refused.emit(error)
        return False

    def _on_broken(self, image_id: str, sentence: str) -> None:
        """Tell that the open picture cannot be read.

        The work is kept and another image is shown.
        """
        self.note_failure(image_id, sentence)
        self.problem.emit(sentence)
        row = self.index
        if not (self.open_from(row + 1, +1, self._opens) or self.open_from(row - 1, -1, self._opens)):
            self.close_image()

    def _opens(self, row: int) -> bool:
        """Return whether an image did not fail to open.

        It opened, or was not tried, when it was last looked at.
        """
        return self.samples[row].image_id not in self.failures

    def _show(self, image: OpenImage | None, mask_sha256: str | None = None) -> None:
        if self._disconnect is not None:
            self._disconnect()
            self._disconnect = None
        self.image = image
        sample = document = None
        if image is not None:
            sample, document = self.samples[image.row], image.document
            self._disconnect = document.committed.connect(self._on_committed)
        self.autosave.watch(self.project, sample, document, mask_sha256)
        self.toolbox.set_document(None if self.read_only else document, self.picture)
        self.document_changed.emit()
        self.prediction_changed.emit()
        self.edited.emit()
        self.pictures.shown()

    # --- editing ----------------------------------------------------------------------------------------------

    def settle(self) -> None:
        """Finish the gesture under way.

        Call it before undo, leaving an image, training or quitting.
        """
        self.toolbox.tool.settle()

    def undo(self) -> None:
        """Undo the last step of the open document.

        Within a polygon, its last corner is undone.
        """
        if self.toolbox.tool.key("Undo"):
            return
        self.settle()
        if self.document is not None:
            self.document.undo()

    def redo(self) -> None:
        """Redo the step that was undone last."""
        self.settle()
        if self.document is not None:
            self.document.redo()

    def editable(self) -> Document:
        """Return the open document, settled and writable.

        Raises:
            ProjectError: if none is open or the project is read-only.
        """
        if self.document is None or self.project is None:
            raise ProjectError(tr("No image is open. Open a folder of images first."))
        if self.read_only:
            raise ProjectError(
                tr("The project is read-only: another window writes it, or its folder cannot be written.")
            )
        self.settle()
        return self.document

    def verify(self) -> None:
        """Make the open image Verified, in one undo step.

        Every pixel becomes human.
        """
        document = self.editable()
        assert self.project is not None
        verify(document, self.project.config.unlabelled_index)
        self.autosave.save_soon()

    def verify_and_next(self) -> None:
        """Verify, then open the next image that waits."""
        self.verify()
        self.step_unverified(+1)

    def toggle_skip(self) -> None:
        """Mark the open image as skipped, or undo that."""
        document = self.editable()
        (unskip if document.status is Status.SKIPPED else skip)(document)
        self.autosave.save_soon()

    # --- saving -----------------------------------------------------------------------------------------------

    @property
    def save_state(self) -> SaveState | None:
        """State of saving, None without an open image.

        It says whether all work is on disk.
        """
        if self.document is None:
            return None
        return SaveState.READ_ONLY if self.read_only else self.autosave.state

    def drain(self) -> None:
        """Finish the gesture and wait until everything is on disk.

        The user is told what cannot be saved.
        """
        self.settle()
        self.autosave.drain()
        if count := len(self.autosave.newer()):
            self.notice.emit(
                tr_n(
                    "{n} image cannot be saved. It is used as it is in the folder.",
                    "{n:,} images cannot be saved. They are used as they are in the folder.",
                    count,
                )
            )

    def _on_committed(self) -> None:
        assert self.document is not None
        self.autosave.touched()
        self.edited.emit()
        self.sample_changed.emit(self.document.image_id)
