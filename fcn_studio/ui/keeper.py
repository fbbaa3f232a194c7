"""Keeps the user's work: when to save, what is not on disk yet, what to do when saving fails."""

from __future__ import annotations

import time
from collections.abc import Callable
from dataclasses import replace
from typing import TYPE_CHECKING

from PySide6.QtCore import QCoreApplication, QEvent, QObject, QTimer, Signal

from fcn_studio.core.document import Document
from fcn_studio.core.sample import Sample
from fcn_studio.ui.saver import Accept, Save, Saver, Write

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project_folder import ProjectFolder

LARGE_IDLE_MS = 1000
LARGE_PIXELS = 12_000_000
LONGEST_MS = 5000
"""However busily somebody paints, their work is saved at least this often."""
RETRY_MS = 10_000


class Keeper(QObject):
    """Saves the watched document after each pause, and holds on to what could not be saved.

    Signals:
        saved(str): this image id is on disk.
        changed(): the save state may have changed.
        problem(str): saving failed; a sentence, once for a run of failures.
    """

    saved = Signal(str)
    changed = Signal()
    problem = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self.idle_ms = 500
        """Pause after which the watched document is saved; longer for a large one."""
        self.saved_at: float | None = None
        self._project: ProjectFolder | None = None
        self._sample: Sample | None = None
        self._document: Document | None = None
        self._submitted = -1
        self._kept: dict[str, Save] = {}
        self._failing = False
        self._saver = Saver(self)
        self._saver.saved.connect(self._on_saved)
        self._saver.failed.connect(self._on_failed)
        self._saver.rested.connect(self.changed)
        self._idle = self._timer(self.save)
        self._longest = self._timer(self.save)
        self._retry = self._timer(self._save_kept)

    def _timer(self, slot: Callable[[], None]) -> QTimer:
        timer = QTimer(self)
        timer.setSingleShot(True)
        timer.timeout.connect(slot)
        return timer

    def watch(self, project: ProjectFolder | None, sample: Sample | None, document: Document | None) -> None:
        """Keep another document from now on; the one before must have been given to `save`."""
        self._project, self._sample, self._document = project, sample, document
        if document is not None and (kept := self._kept.get(document.image_id)) is not None:
            # The document begins with what was kept, and counts its revisions anew.
            self._kept[document.image_id] = replace(kept, revision=document.revision)
        self._submitted = document.saved_revision if document is not None else -1
        self._idle.stop()
        self._longest.stop()

    def touched(self) -> None:
        """The watched document has a new step: save it after a pause."""
        assert self._document is not None
        large = self._document.width * self._document.height > LARGE_PIXELS
        self._idle.start(max(self.idle_ms, LARGE_IDLE_MS) if large else self.idle_ms)
        if not self._longest.isActive():
            self._longest.start(max(self.idle_ms, LONGEST_MS))

    def save(self) -> None:
        """Write the watched document now, off this thread, if it has changed. A gesture under way waits."""
        document = self._document
        if document is None or self._project is None or self._sample is None or not self._project.writable:
            return
        if document.editing:
            self._idle.start(self.idle_ms)
            return
        self._idle.stop()
        self._longest.stop()
        if not document.dirty or document.revision == self._submitted:
            return
        self._submitted = document.revision
        self._kept.pop(document.image_id, None)
        labels = document.labels_snapshot()
        self._saver.submit(
            Save(self._project, self._sample, labels, document.status, document.prelabelled_by, document.revision)
        )
        self.changed.emit()

    def kept(self, image_id: str) -> Save | None:
        """The annotation of an image as it should be on disk but is not, or None. Waits for a save under way."""
        if self._saver.pending(image_id):
            self._saver.flush()
        self._take_news()
        return self._kept.get(image_id)

    def accept(self, accept: Accept) -> None:
        """Write a prediction of an image that is not open; what a human did and is not yet on disk comes first."""
        image_id = accept.sample.image_id
        if image_id not in self._kept and not self._saver.pending(image_id):
            self._saver.submit(accept)

    def drain(self) -> None:
        """Wait until everything given to the saver is on disk or known to have failed."""
        self.save()
        self._drain()

    def peek_kept(self, image_id: str) -> Save | None:
        """As `kept`, but without waiting."""
        return self._kept.get(image_id)

    @property
    def state(self) -> str:
        """'saved', 'saving' or 'unsaved'."""
        if self._kept:
            return "unsaved"
        if self._saver.busy:
            return "saving"
        return "unsaved" if self._document is not None and self._document.dirty else "saved"

    def finish(self) -> list[str]:
        """Try to write everything, blocking; the ids of images that could not be written."""
        self.save()
        self._save_kept()
        self._drain()
        return sorted(self._kept)

    def discard(self) -> None:
        """Give up what could not be written, because the user said so."""
        self._kept.clear()
        self._failing = False

    def shut_down(self) -> None:
        """End the saver's thread."""
        self._saver.close()

    def _drain(self) -> None:
        """Wait for the saver and take its news now, before anything else happens."""
        self._saver.flush()
        self._take_news()

    def _take_news(self) -> None:
        """Deliver what the saver has said and the event loop has not passed on yet."""
        QCoreApplication.sendPostedEvents(self, QEvent.Type.MetaCall.value)

    def _save_kept(self) -> None:
        for save in list(self._kept.values()):
            if not self._saver.pending(save.sample.image_id):
                self._saver.submit(save)

    def _on_saved(self, save: Write) -> None:
        image_id = save.sample.image_id
        self._kept.pop(image_id, None)
        self._failing = self._failing and bool(self._kept)
        if isinstance(save, Save) and self._document is not None and self._document.image_id == image_id:
            self._document.mark_saved(save.revision)
        self.saved_at = time.time()
        self.saved.emit(image_id)
        self.changed.emit()

    def _on_failed(self, save: Write, sentence: str) -> None:
        if isinstance(save, Save):
            self._kept[save.sample.image_id] = save
            self._retry.start(RETRY_MS)
        if not self._failing:
            self.problem.emit(sentence)
            self._failing = True
        self.changed.emit()
