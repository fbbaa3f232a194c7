"""Autosave.

It journals every step, saves after a pause, and tries again what cannot be saved.
"""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from enum import StrEnum
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer, Signal

from fcn_studio.core.document import Document
from fcn_studio.core.history import AnnotationState, History
from fcn_studio.core.history_cache import HistoryCache, fingerprint
from fcn_studio.core.labels import Labels
from fcn_studio.core.project import Access
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import ProjectReadOnly
from fcn_studio.i18n import tr
from fcn_studio.ui.runtime.garbage_collection import give_free_memory_back
from fcn_studio.ui.saving.journal_writer import JournalWriter
from fcn_studio.ui.saving.unsaved import UnsavedAnnotations, UnsavedState, Write
from fcn_studio.ui.saving.writer import AnnotationWriter, Save

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.journal.recovery import CameBack
    from fcn_studio.formats.project.project_folder import ProjectFolder

LARGE_IDLE_MS = 1000
LARGE_PIXELS = 12_000_000
LONGEST_MS = 5000
"""Milliseconds after which work is saved even while somebody paints."""
RETRY_MS = 10_000
MOST_PUT_OFF = 20
"""Number of pauses that a save waits for memory at most."""


class SaveState(StrEnum):
    """Whether the user's work is on disk.

    Attributes:
        SAVED: all of it.
        SAVING: it is being written.
        UNSAVED: not yet.
        KEPT: something cannot be written, and is safe in the stroke journal on this computer.
        READ_ONLY: nothing may be written.
    """

    SAVED = "saved"
    SAVING = "saving"
    UNSAVED = "unsaved"
    KEPT = "kept"
    READ_ONLY = "read-only"


@dataclass(frozen=True)
class Reopened:
    """Annotation of an image that is newer than its files.

    It may also be one that has a history.

    Attributes:
        labels: label map and provenance.
        status: how far the image is.
        prelabelled_by: sha256 of the checkpoint that pre-labelled it, or "".
        history: its steps, None if they are forgotten.
        on_disk: whether the files say the same by now.
    """

    labels: Labels
    status: Status
    prelabelled_by: str
    history: History | None
    on_disk: bool


class Autosave(QObject):
    """Journals and saves the watched document, and holds what cannot be saved.

    Signals:
        saved(str): this image id is on disk.
        changed(): the save state may have changed.
        problem(str): saving or journalling failed; a sentence, once for a series of failures.

    Attributes:
        journal: writes every step that may not be on disk.
        histories: undo steps of the images that were left since the project was opened.
        unsaved: the annotations that are not on disk.
    """

    saved = Signal(str)
    changed = Signal()
    problem = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.idle_ms = 500
        """Pause after which the watched document is saved; longer for a large one."""
        self.undo_bytes = 256 << 20
        """Memory for the steps of all images, the open one among them."""
        self.saved_at: float | None = None
        self.histories = HistoryCache()
        self.journal = JournalWriter(self)
        self.journal.failed.connect(self.problem)
        self._project: ProjectFolder | None = None
        self._sample: Sample | None = None
        self._document: Document | None = None
        self._disconnect: Callable[[], None] = lambda: None
        self._submitted: Save | None = None
        """Newest save of the watched document: each document counts its revisions anew."""
        self._failing = False
        self._put_off = 0
        self.unsaved = UnsavedAnnotations()
        self._writer = AnnotationWriter(self.unsaved, self)
        self._writer.saved.connect(self._on_saved)
        self._writer.failed.connect(self._on_failed)
        self._writer.rested.connect(self.changed)
        self._idle = self._timer(self.save_soon)
        self._longest = self._timer(self.save_soon)
        self._retry = self._timer(self.retry)

    def _timer(self, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(slot)
        return timer

    # --- the watched document ---------------------------------------------------------------------------------

    def watch(
        self,
        project: ProjectFolder | None,
        sample: Sample | None,
        document: Document | None,
        mask_sha256: str | None = None,
    ) -> None:
        """Watch another document from now on.

        The one before must have been given to `save`. ``mask_sha256`` is of the mask file that the document was
        opened with, None if there was none.
        """
        self._disconnect()
        self._disconnect = lambda: None
        before, self._document = self._document, document
        self._project, self._sample = project, sample
        self._submitted = None
        self._idle.stop()
        self._longest.stop()
        if before is not None:
            self.histories.keep(before)
        self._share_memory()
        if before is not None and not before.dirty:  # else its save is under way, and tells
            self._forget_if_saved(before.image_id)
        if document is not None:
            self.unsaved.forget_history(document.image_id)
            if project is not None and project.access is not Access.READ_ONLY:
                self._disconnect = self.journal.begin(document, mask_sha256)
                if document.dirty:  # what was still being saved, or could not be
                    self._idle.start(self.idle_ms)

    def touched(self) -> None:
        """Save the watched document after a pause.

        It has a new step.
        """
        self._share_memory()
        self._idle.start(max(self.idle_ms, LARGE_IDLE_MS) if self._large else self.idle_ms)
        if not self._longest.isActive():
            self._longest.start(max(self.idle_ms, LONGEST_MS))

    def save_soon(self) -> None:
        """Save the watched document soon.

        A large document is saved only once its last step is compressed, to spare memory.
        """
        document = self._document
        busy = document is not None and (document.history.compressing or self.journal.writing(document.image_id))
        if self._large and busy and self._put_off < MOST_PUT_OFF:
            self._put_off += 1
            self._idle.start(self.idle_ms)
        else:
            self._put_off = 0
            self.save()

    def save(self, *, leaving: bool = False) -> None:
        """Write the watched document now, if it has changed.

        It is written in the writer's thread. A gesture is waited for. ``leaving``: nobody will change it any more, so
        that its arrays need not be copied.
        """
        document = self._document
        if document is None or self._project is None or self._sample is None or not self._writable:
            return
        if document.editing:
            self._idle.start(self.idle_ms)
            return
        self._share_memory()
        self._idle.stop()
        self._longest.stop()
        submitted = None if self._submitted is None else self._submitted.revision
        if not document.dirty or document.revision == submitted:
            return
        if self._large:  # what a step over all of it has freed is needed for the copy
            give_free_memory_back()
        self._submitted = self._save_of(
            self._project,
            self._sample,
            Labels(document.label_map, document.provenance) if leaving else document.labels_snapshot(),
            document.status,
            document.prelabelled_by,
            document.revision,
        )
        self._submit(self._submitted)
        self.changed.emit()

    @property
    def _large(self) -> bool:
        return self._document is not None and self._document.width * self._document.height > LARGE_PIXELS

    def _submit(self, write: Write) -> None:
        self.unsaved.submit(write)
        self._writer.wake()

    def _save_of(
        self, project: ProjectFolder, sample: Sample, labels: Labels, status: Status, by: str, revision: int
    ) -> Save:
        return Save(project, sample, labels, status, by, revision, self.journal.announce)

    # --- images that are not open -----------------------------------------------------------------------------

    def restore(self, project: ProjectFolder, came_back: CameBack) -> None:
        """Hold a recovered annotation until its image is opened.

        It was recovered from a journal. It is saved too.
        """
        labels, state = came_back.replayed.labels, came_back.replayed.state
        self.journal.adopt(came_back.journal)
        save = self._save_of(project, came_back.sample, labels, state.status, state.prelabelled_by, -1)
        self.unsaved.recover(save, came_back.replayed.history, on_disk=came_back.saved)
        self._writer.wake()

    def reopened(self, image_id: str) -> Reopened | None:
        """Return an annotation that is newer than its files.

        It may also have recovered steps. The result is None if there is none.
        """
        entry = self.unsaved.get(image_id)
        if entry is not None and not isinstance(entry.write, Save):
            self._writer.flush()  # what becomes of it only the writer can judge
            entry = self.unsaved.get(image_id)
        self._take_news()
        if entry is not None and (entry := self.unsaved.get(image_id)) is None:
            self._take_news()  # written meanwhile
        if entry is None or not isinstance(entry.write, Save):
            return None
        save = entry.write
        on_disk = entry.state is UnsavedState.RECOVERED
        return Reopened(save.labels, save.status, save.prelabelled_by, entry.history, on_disk)

    def history_of(self, image_id: str, labels: Labels, state: AnnotationState, mark: bytes | None = None) -> History:
        """Return the steps of an image that is being opened.

        There are none unless it was left with this annotation. ``mark``: the annotation's `fingerprint`, if it is
        known already.
        """
        kept = None
        if self.histories.has(image_id):
            kept = self.histories.take(image_id, mark or fingerprint(labels, state))
        history = kept or History(self.undo_bytes)
        history.limit(self.undo_bytes)
        return history

    def _share_memory(self) -> None:
        """Give unused undo memory to images that were left.

        It is the memory that the open document's steps do not need.
        """
        history = None if self._document is None else self._document.history
        if history is not None and history.compressing_large_step:
            return  # it will be small soon, and must not drive the others out
        held = 0 if history is None else history.bytes_now
        self.histories.limit(max(0, self.undo_bytes - held))

    def write_other(self, write: Write) -> bool:
        """Write a prediction or a fix of an image that is not open, and return whether it will be tried.

        It is not while human work of the image is not on disk yet.
        """
        image_id = write.sample.image_id
        entry = self.unsaved.get(image_id)
        if entry is not None and entry.state is not UnsavedState.RECOVERED:
            return False
        if entry is not None:
            self.journal.forget(image_id)
        self._submit(write)
        return True

    def newer(self) -> Mapping[str, Save]:
        """Return the annotations that are not on disk, by image id."""
        return {
            image_id: entry.write
            for image_id, entry in self.unsaved.entries.items()
            if isinstance(entry.write, Save) and entry.state is not UnsavedState.RECOVERED
        }

    # --- saving all -------------------------------------------------------------------------------------------

    def drain(self) -> None:
        """Wait until the writer has nothing left.

        Everything given to it is then on disk or known to have failed.
        """
        self.save()
        self._drain()

    @property
    def state(self) -> SaveState:
        """State of saving, never `SaveState.READ_ONLY`.

        It says whether all work is on disk.
        """
        if self.unsaved.failed:
            return SaveState.KEPT if self.journal_holds_all else SaveState.UNSAVED
        if self.unsaved.busy:
            return SaveState.SAVING
        return SaveState.UNSAVED if self._document is not None and self._document.dirty else SaveState.SAVED

    @property
    def journal_holds_all(self) -> bool:
        """Whether the journal holds all that cannot be saved.

        Something cannot be saved, but closing loses nothing.
        """
        failed = self.unsaved.failed
        return bool(failed) and all(map(self.journal.holds, failed))

    def finish(self) -> list[str]:
        """Write everything, blocking.

        Returns the ids of images that cannot be written.
        """
        self.save()
        self.retry()
        self._drain()
        return sorted(self._unsaved())

    def _unsaved(self) -> set[str]:
        """Return the ids of the images that are not on disk.

        It is called once the writer rests.
        """
        dirty = self._document is not None and self._document.dirty and self._writable
        return {*self.unsaved.failed, *([self._document.image_id] if self._document is not None and dirty else [])}

    @property
    def _writable(self) -> bool:
        return self._project is not None and self._project.access is not Access.READ_ONLY

    def close_project(self) -> None:
        """Forget the project.

        Journals of what is on disk are deleted, the others stay for the next opening.
        """
        unsaved = self._unsaved()
        self.watch(None, None, None)
        self.histories.clear()
        self.journal.forget_all_but(unsaved)
        self.unsaved.clear()
        self._failing = False
        self.journal.close()

    def shut_down(self) -> None:
        """End the threads."""
        self._retry.stop()
        self._writer.close()
        self.histories.close()
        self.journal.shut_down()

    def _drain(self) -> None:
        """Wait for the writer and take its news now.

        Nothing else happens before.
        """
        self._writer.flush()
        self._take_news()

    def _take_news(self) -> None:
        """Deliver the writer's signals that are in the event queue."""
        QCoreApplication.sendPostedEvents(self, QEvent.Type.MetaCall.value)

    def retry(self) -> None:
        """Write again what could not be written."""
        if self.unsaved.retry():
            self._writer.wake()

    def _forget_if_saved(self, image_id: str) -> None:
        """Delete the journal of an image that is not open.

        It is deleted once all of the image is on disk.
        """
        watched = self._document is not None and self._document.image_id == image_id
        if not watched and self.unsaved.get(image_id) is None:
            self.journal.forget(image_id)

    def _on_saved(self, save: Write) -> None:
        image_id = save.sample.image_id
        self._failing = self._failing and bool(self.unsaved.failed)
        if save is self._submitted and self._document is not None:
            self._document.mark_saved(self._submitted.revision)
            self._submitted = None  # its labels are as large as the document's
            if self._large:
                give_free_memory_back()
            if not self._document.dirty:
                self.journal.renew(self._document)
        self._forget_if_saved(image_id)
        self.saved_at = time.time()
        self.saved.emit(image_id)
        self.changed.emit()

    def _on_failed(self, save: Write, sentence: str, error: Exception) -> None:
        if not isinstance(save, Save):
            self.problem.emit(sentence)
            return
        self._retry.start(RETRY_MS)
        # It was told when the project was opened.
        told = save.project.access is Access.FOLDER_READ_ONLY and isinstance(error, ProjectReadOnly)
        if not (self._failing or told):
            if self.journal_holds_all:
                sentence = tr(
                    "{problem}. Your work is kept on this computer and saved as soon as possible.",
                    problem=sentence.rstrip("."),
                )
            self.problem.emit(sentence)
            self._failing = True
        self.changed.emit()
