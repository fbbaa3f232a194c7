"""Writing of the stroke journals.

Every step is on this computer's disk before the next event. One thread writes all journals, in order. The GUI thread
waits for it, but never longer than `LONGEST_WAIT_S`, so a slow disk delays the journal and not the user. It does not
wait for the parts of a stroke that lasts.
"""

from __future__ import annotations

import sys
import time
from collections.abc import Callable, Container, Mapping
from concurrent.futures import Future, ThreadPoolExecutor, wait
from contextlib import suppress
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.history import AnnotationState, Motion, Step
from fcn_studio.core.journal import Entry, Recorder
from fcn_studio.core.labels import Labels
from fcn_studio.i18n import tr
from fcn_studio.ui.saving.stroke_parts import StrokeParts

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.core.classes import ClassTable
    from fcn_studio.core.document import Document
    from fcn_studio.core.tiles import Tile
    from fcn_studio.formats.journal.journal import Journal, JournalFile, JournalHead
    from fcn_studio.formats.journal.journal_folder import JournalFolder

LONGEST_WAIT_S = 0.25
"""Seconds that a step waits at most for the journal. It takes 1 to 3 ms if the machine is not busy."""
ANNOUNCE_S = 5.0
"""Seconds that the writer's thread waits at most for the same."""
SYNC_S = 5.0
"""Seconds between two flushes to the disk while somebody paints, against a loss of power."""
LARGEST = 64 << 20
"""Bytes above which a journal is begun anew once everything is saved; it then lacks what was undone."""


class JournalWriter(QObject):
    """Journals of images whose steps may not be on disk.

    The images are of one project.

    Signals:
        failed(str): steps cannot be journalled at present; a sentence, once for a series of failures.
    """

    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="journal")
        self._folder: JournalFolder | None = None
        self._books: dict[str, _Book] = {}
        self._parts: StrokeParts | None = None
        self._classes: Mapping[int, str] = {}
        self._failing = False

    # --- project ----------------------------------------------------------------------------------------------

    def open(self, project_id: str, folder: Path) -> JournalFolder:
        """Open the journals of a project.

        Those that an earlier run left are among them.

        Raises:
            ProjectLocked: if another window has them.
            ProjectError: if the state folder cannot be written.
        """
        from fcn_studio.formats.journal.journal_folder import JournalFolder

        self._folder = JournalFolder(project_id, folder)
        return self._folder

    def close(self) -> None:
        """Close all files and release the journals.

        Journals that are not forgotten are found at the next opening.
        """
        books, self._books = self._books, {}
        folder, self._folder = self._folder, None
        for book in books.values():
            self._executor.submit(book.close)
        self.flush()
        if folder is not None:
            folder.close()

    def shut_down(self) -> None:
        """End the thread."""
        self._executor.shutdown(wait=True)

    def set_classes(self, table: ClassTable) -> None:
        """Note what the class indices mean from now on, in every journal."""
        self._classes = {info.index: info.name for info in table}
        for book in self._books.values():
            self._executor.submit(self._write, book, partial(book.note_classes, self._classes))

    # --- images -----------------------------------------------------------------------------------------------

    def adopt(self, journal: Journal) -> None:
        """Continue a journal that an earlier run left.

        Its steps were recovered.
        """
        self._books[journal.head.image_id] = _Book(journal.path, journal.head, journal)

    def begin(self, document: Document, mask_sha256: str | None) -> Callable[[], None]:
        """Journal the steps of a document from now on.

        Returns a function that ends this. ``mask_sha256`` is of the mask that the document was opened with, None if
        there was none.
        """
        if self._folder is None:
            return lambda: None
        if document.image_id not in self._books:
            self._books[document.image_id] = self._new_book(document, mask_sha256)
        self._parts = parts = StrokeParts(document, partial(self._note_part, document), self)
        disconnects = (
            document.stepped.connect(lambda motion, step: self._note(document, motion, step)),
            document.dropped.connect(lambda: self._note_dropped(document)),
            parts.end,
        )

        def end() -> None:
            for disconnect in disconnects:
                disconnect()
            if self._parts is parts:
                self._parts = None

        return end

    def holds(self, image_id: str) -> bool:
        """Return whether an image's journal has every unsaved step.

        Unsaved steps are those that may not be on disk.
        """
        book = self._books.get(image_id)
        return book is not None and not book.broken and book.written == book.noted

    def writing(self, image_id: str) -> bool:
        """Return whether a step of an image is being journalled."""
        book = self._books.get(image_id)
        return book is not None and not book.broken and book.written != book.noted

    def forget(self, image_id: str) -> None:
        """Delete the journal of an image.

        All of the image is on disk.
        """
        book = self._books.pop(image_id, None)
        if book is not None:
            self._executor.submit(book.delete)

    def forget_all_but(self, image_ids: Container[str]) -> None:
        """Delete the journals of all other images."""
        for image_id in [i for i in self._books if i not in image_ids]:
            self.forget(image_id)

    def delete(self, path: Path) -> None:
        """Delete a journal that an earlier run left."""
        self._executor.submit(_delete, path)

    def renew(self, document: Document) -> None:
        """Begin the journal of a saved document anew.

        This is done if it is large or incomplete.
        """
        book = self._books.get(document.image_id)
        if book is not None and (book.broken or book.size > LARGEST):
            self.forget(document.image_id)
            self._books[document.image_id] = self._new_book(document, book.mask_sha256)
            if self._parts is not None:
                self._parts.begin_anew()

    def announce(self, image_id: str, mask_sha256: str) -> None:
        """Note the mask that is about to be written.

        Runs on the writer's thread and waits for the disk.
        """
        book = self._books.get(image_id)
        if book is not None:
            book.mask_sha256 = mask_sha256  # also of a broken one: it is begun anew with this mask
            wait([self._executor.submit(self._write, book, lambda: book.announce(mask_sha256))], ANNOUNCE_S)

    def flush(self) -> None:
        """Wait until everything is journalled."""
        self._executor.submit(lambda: None).result()

    def _new_book(self, document: Document, mask_sha256: str | None) -> _Book:
        from fcn_studio.formats.journal.journal import JournalHead

        assert self._folder is not None
        state = AnnotationState(document.status, document.prelabelled_by)
        head = JournalHead(document.image_id, document.width, document.height, mask_sha256, state, self._classes)
        return _Book(self._folder.path_of(document.image_id), head, None)

    def _note(self, document: Document, motion: Motion, step: Step) -> None:
        book = self._books.get(document.image_id)
        if book is None or book.broken:
            return
        entry = book.recorder.entry(motion, step, Labels(document.label_map, document.provenance))
        book.noted += 1
        noted: Future[None] = self._executor.submit(self._write, book, lambda: book.append(entry))
        wait([noted], LONGEST_WAIT_S)

    def _note_part(self, document: Document, tiles: set[Tile]) -> bool:
        """Note some tiles of the stroke that lasts.

        Nothing is noted while the part before is still being written.
        """
        book, stroke = self._books.get(document.image_id), document.stroke
        if book is None or book.broken or stroke is None or not book.part.done():
            return False
        part = book.recorder.part(stroke, tiles, Labels(document.label_map, document.provenance))
        book.part = self._executor.submit(self._write, book, lambda: book.append_part(part))
        return True

    def _note_dropped(self, document: Document) -> None:
        """Note that the stroke whose parts were noted left nothing."""
        book = self._books.get(document.image_id)
        if book is not None and book.recorder.drop_parts():
            wait([self._executor.submit(self._write, book, book.cancel_parts)], LONGEST_WAIT_S)

    def _write(self, book: _Book, act: Callable[[], None]) -> None:
        """Write unless a step is missing already.

        The first failure is told. Runs on the journal's thread.
        """
        if book.broken:
            return
        try:
            act()
            self._failing = False
        except Exception as error:  # noqa: BLE001 - door: whatever it is, the journal lacks a step from now on
            book.broken = True
            if not isinstance(error, OSError):
                sys.excepthook(*sys.exc_info())
            if not self._failing:
                self._failing = True
                reason = getattr(error, "strerror", None) or error
                self.failed.emit(
                    tr(
                        "The stroke journal in {folder} cannot be written: {reason}. Until it can, your work is safe "
                        "only once it is saved.",
                        folder=book.path.parent,
                        reason=reason,
                    )
                )


class _Book:
    """The journal of one image.

    The recorder belongs to the GUI thread, all else to the journal's thread.
    """

    def __init__(self, path: Path, head: JournalHead, journal: Journal | None) -> None:
        self.path = path
        self.recorder = Recorder(journal.entries if journal is not None else ())
        self.mask_sha256 = head.mask_sha256
        self.broken = False
        self.noted = self.written = 0
        """Steps given to the journal's thread, and those that it has written."""
        self.part: Future[None] = Future()
        """The newest part of a stroke that was given to the journal's thread."""
        self.part.set_result(None)
        self._head, self._journal = head, journal
        self._file: JournalFile | None = None
        self._synced = time.monotonic()

    @property
    def size(self) -> int:
        """Bytes written."""
        return self._file.size if self._file is not None else 0

    def append(self, entry: Entry) -> None:
        """Compress and write an entry. Raises: OSError."""
        file = self._ready()
        file.append(entry.packed())
        self.written += 1
        self._sync(file)

    def append_part(self, part: Entry) -> None:
        """Compress and write a part of a stroke that lasts. Raises: OSError."""
        file = self._ready()
        file.append_part(part.packed())
        self._sync(file)

    def cancel_parts(self) -> None:
        """Write that the stroke left nothing. Raises: OSError."""
        self._ready().cancel_parts()

    def _ready(self) -> JournalFile:
        if self._file is None:
            self._file = self._opened()
        return self._file

    def _sync(self, file: JournalFile) -> None:
        if time.monotonic() - self._synced > SYNC_S:
            file.sync()
            self._synced = time.monotonic()

    def announce(self, mask_sha256: str) -> None:
        """Write the sha256 of a mask to come, if there are steps.

        The steps are those in the journal. Raises: OSError.
        """
        if self._file is None and self._journal is not None:
            self._file = self._opened()
        if self._file is not None:
            self._file.announce(mask_sha256)

    def note_classes(self, classes: Mapping[int, str]) -> None:
        """Write what the class indices mean, if that has changed. Raises: OSError."""
        if classes == self._head.classes:
            return
        self._head = replace(self._head, classes=classes)
        if self._file is None and self._journal is not None:
            self._file = self._opened()
        if self._file is not None:
            self._file.note_classes(classes)

    def close(self) -> None:
        """Close the file and keep it."""
        if self._file is not None:
            self._file.close()
            self._file = None

    def delete(self) -> None:
        """Close and delete the file, if there is one of this book."""
        there = self._file is not None or self._journal is not None
        self.close()
        if there:
            _delete(self.path)

    def _opened(self) -> JournalFile:
        from fcn_studio.formats.journal.journal import JournalFile
        from fcn_studio.formats.journal.journal_folder import set_aside

        if self._journal is not None:
            file = JournalFile.resume(self._journal)
            self._journal = None  # its entries need no memory any more
            return file
        set_aside(self.path)  # what an earlier run left and could not be brought back is not written over
        return JournalFile.begin(self.path, self._head)


def _delete(path: Path) -> None:
    with suppress(OSError):  # it stays, and is found to be saved at the next opening
        path.unlink()
