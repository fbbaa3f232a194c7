"""The table of unsaved work.

It has what of each image is newer than the disk.
"""

from __future__ import annotations

import threading
from collections.abc import Mapping
from dataclasses import dataclass, replace
from enum import StrEnum
from typing import Protocol

from fcn_studio.core.history import History
from fcn_studio.core.sample import Sample


class Write(Protocol):
    """Something to write for one image."""

    @property
    def sample(self) -> Sample:
        """The image it is for."""

    def write(self) -> None:
        """Write the annotation on the writer's thread.

        Raises:
            FcnStudioError, OSError: if it cannot be written; the old files are as they were.
        """


class UnsavedState(StrEnum):
    """State of an image's newest annotation.

    It says how far the annotation is on its way to the disk.

    Attributes:
        WAITING: the writer will take it.
        WRITING: the writer has taken it.
        FAILED: it could not be written, now or in an earlier run; it is tried again.
        RECOVERED: it is on disk; its steps came out of a journal and wait for the image to be opened.
    """

    WAITING = "waiting"
    WRITING = "writing"
    FAILED = "failed"
    RECOVERED = "recovered"


@dataclass(frozen=True)
class Unsaved:
    """The newest annotation of an image.

    Attributes:
        write: what to write.
        state: how far it is.
        history: its steps, where they came out of a journal.
    """

    write: Write
    state: UnsavedState
    history: History | None = None


class UnsavedAnnotations:
    """Unsaved annotations, image id -> the newest one.

    They are not on disk yet. The order in which they are written is kept too. The GUI thread submits, the writer's
    thread takes and settles.

    Attributes:
        lock: held while the table changes. The writer holds it while it settles a write and posts the news of it, so
            that whoever finds an image no longer here has that news in the event queue.
    """

    def __init__(self) -> None:
        self.lock = threading.RLock()
        self._entries: dict[str, Unsaved] = {}
        self._queue: dict[str, None] = {}  # ids in the order in which they are written
        self._writing: Write | None = None

    # --- GUI thread -------------------------------------------------------------------------------------------

    def submit(self, write: Write) -> None:
        """Have an annotation written soon.

        It replaces what still waits for the same image.
        """
        image_id = write.sample.image_id
        with self.lock:
            self._entries[image_id] = Unsaved(write, UnsavedState.WAITING)
            self._queue.setdefault(image_id)

    def recover(self, write: Write, history: History, *, on_disk: bool) -> None:
        """Hold what came out of a journal.

        It is written soon unless it is on disk.
        """
        image_id = write.sample.image_id
        with self.lock:
            state = UnsavedState.RECOVERED if on_disk else UnsavedState.FAILED
            self._entries[image_id] = Unsaved(write, state, history)
            if not on_disk:
                self._queue.setdefault(image_id)

    def retry(self) -> bool:
        """Have everything that failed written again.

        Returns whether anything waits.
        """
        with self.lock:
            for image_id in self.failed:
                if self._entries[image_id].write is not self._writing:
                    self._queue.setdefault(image_id)
            return bool(self._queue)

    def forget_history(self, image_id: str) -> None:
        """Forget the steps of an image.

        The image is open now and has them.
        """
        with self.lock:
            entry = self._entries.get(image_id)
            if entry is not None and entry.state is UnsavedState.RECOVERED:
                del self._entries[image_id]
            elif entry is not None:
                self._entries[image_id] = replace(entry, history=None)

    def clear(self) -> None:
        """Forget everything that the writer does not have."""
        with self.lock:
            states = (UnsavedState.WAITING, UnsavedState.WRITING)
            self._entries = {key: entry for key, entry in self._entries.items() if entry.state in states}
            self._queue = {key: None for key in self._queue if key in self._entries}

    def get(self, image_id: str) -> Unsaved | None:
        """Return the newest annotation of an image.

        It is None if the files say all there is.
        """
        with self.lock:
            return self._entries.get(image_id)

    @property
    def entries(self) -> Mapping[str, Unsaved]:
        """A copy of the table."""
        with self.lock:
            return dict(self._entries)

    @property
    def failed(self) -> list[str]:
        """Ids of the images that could not be written.

        Some may be being tried again.
        """
        with self.lock:
            return [image_id for image_id, entry in self._entries.items() if entry.state is UnsavedState.FAILED]

    @property
    def busy(self) -> bool:
        """Whether anything waits for the writer or is being written."""
        with self.lock:
            return bool(self._queue) or self._writing is not None

    # --- the writer's thread ----------------------------------------------------------------------------------

    def take(self) -> Write | None:
        """Return the annotation to write next, None if nothing waits."""
        with self.lock:
            if not self._queue:
                return None
            image_id = next(iter(self._queue))
            del self._queue[image_id]
            entry = self._entries[image_id]
            if entry.state is UnsavedState.WAITING:
                self._entries[image_id] = replace(entry, state=UnsavedState.WRITING)
            self._writing = entry.write
            return entry.write

    def written(self, write: Write) -> None:
        """Note that a write is on disk.

        Recovered steps stay until their image is opened.
        """
        with self.lock:
            entry = self._ended(write)
            if entry is not None and entry.history is not None:
                self._entries[write.sample.image_id] = replace(entry, state=UnsavedState.RECOVERED)
            elif entry is not None:
                del self._entries[write.sample.image_id]

    def not_written(self, write: Write, *, keep: bool) -> None:
        """Note that a write failed.

        With ``keep`` it is to be tried again.
        """
        with self.lock:
            entry = self._ended(write)
            if entry is not None and keep:
                self._entries[write.sample.image_id] = replace(entry, state=UnsavedState.FAILED)
            elif entry is not None:
                del self._entries[write.sample.image_id]

    def _ended(self, write: Write) -> Unsaved | None:
        """End the write under way and return its entry.

        The result is None if something newer has taken its place.
        """
        self._writing = None
        entry = self._entries.get(write.sample.image_id)
        return entry if entry is not None and entry.write is write else None
