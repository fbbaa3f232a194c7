"""Saves annotations off the GUI thread, in order; a newer save of an image replaces a waiting one."""

from __future__ import annotations

import sys
import threading
from collections import OrderedDict
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.labels import Labels
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import FcnStudioError

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder


class Write(Protocol):
    """Something to write for one image."""

    @property
    def sample(self) -> Sample:
        """The image it is for."""

    def write(self) -> None:
        """Do it; runs on the writer's thread.

        Raises:
            FcnStudioError, OSError: if it cannot be written; the old files are as they were.
        """


@dataclass(frozen=True)
class Save:
    """The annotation of a document: frozen arrays, so that painting can go on meanwhile."""

    project: ProjectFolder
    sample: Sample
    labels: Labels
    status: Status
    prelabelled_by: str
    revision: int
    announce: Callable[[str, str], None]
    """Told image id and sha256 of the mask before it is written."""

    def write(self) -> None:
        """Write mask and record, once the journal knows of the mask."""
        encoded = self.project.annotations.encode(self.sample, self.labels, self.status, self.prelabelled_by or None)
        if encoded is None:
            return
        if encoded.sha256 is not None:
            self.announce(self.sample.image_id, encoded.sha256)
        self.project.annotations.write(encoded)


@dataclass(frozen=True)
class Accept:
    """A prediction of an image that is not open, to be written where the batch rule allows."""

    project: ProjectFolder
    sample: Sample
    prediction: Prediction
    allow_prelabelled: bool

    def write(self) -> None:
        """Write it, unless a human has been there meanwhile."""
        self.project.accept_prediction(self.sample, self.prediction, allow_prelabelled=self.allow_prelabelled)


class AnnotationWriter(QObject):
    """The one writer thread of the window.

    Signals:
        saved(Write): it is on disk.
        failed(Write, str, Exception): it is not, and why in a sentence; the old files are as they were.
        rested(): one write has ended; `busy` and `pending` may have changed.
    """

    saved = Signal(object)
    failed = Signal(object, str, object)
    rested = Signal()

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="writer")
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, Write] = OrderedDict()
        self._writing: Write | None = None

    def submit(self, save: Write) -> None:
        """Write this soon, in place of what still waits for the same image."""
        with self._lock:
            self._waiting[save.sample.image_id] = save
        self._executor.submit(self._write_next)

    def pending(self, image_id: str) -> Write | None:
        """The newest write of this image that is waiting or under way."""
        with self._lock:
            writing = self._writing if self._writing and self._writing.sample.image_id == image_id else None
            return self._waiting.get(image_id, writing)

    @property
    def unwritten(self) -> list[Write]:
        """All writes that are waiting or under way, oldest first."""
        with self._lock:
            return [*([self._writing] if self._writing else []), *self._waiting.values()]

    @property
    def busy(self) -> bool:
        """Whether anything is waiting or under way."""
        with self._lock:
            return bool(self._waiting) or self._writing is not None

    def flush(self) -> None:
        """Block until everything submitted so far is on disk or has failed. Signals may still be queued."""
        self._executor.submit(lambda: None).result()  # one thread, first in first out

    def close(self) -> None:
        """Flush and end the thread."""
        self._executor.shutdown(wait=True)

    def _write_next(self) -> None:
        with self._lock:
            if not self._waiting:
                return
            image_id, save = self._waiting.popitem(last=False)
            self._writing = save
        try:
            save.write()
        except FcnStudioError as error:
            self.failed.emit(save, str(error), error)
        except OSError as error:
            self.failed.emit(save, f"'{image_id}' could not be saved: {error}", error)
        except Exception as error:  # noqa: BLE001 - door: a bug costs no labels, and is reported as a bug
            sys.excepthook(*sys.exc_info())
            self.failed.emit(save, f"'{image_id}' could not be saved ({type(error).__name__})", error)
        else:
            self.saved.emit(save)
        finally:
            # Only now, so that who finds nothing pending has the news already in the event queue.
            with self._lock:
                self._writing = None
            self.rested.emit()
