"""Write annotations in a thread of their own."""

from __future__ import annotations

import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.labels import Labels
from fcn_studio.core.prediction import Prediction
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import FcnStudioError
from fcn_studio.i18n import tr
from fcn_studio.ui.saving.unsaved import UnsavedAnnotations, Write

if TYPE_CHECKING:  # start-up: what only an open project needs is imported where it is used
    from fcn_studio.formats.project.project_folder import ProjectFolder


@dataclass(frozen=True)
class Save:
    """The annotation of a document, in frozen arrays.

    Painting can go on meanwhile.
    """

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
    """A prediction of an image that is not open.

    It is written where the rule of batches allows.
    """

    project: ProjectFolder
    sample: Sample
    prediction: Prediction
    allow_prelabelled: bool

    def write(self) -> None:
        """Write it, unless a human has labelled the image meanwhile."""
        self.project.accept_prediction(self.sample, self.prediction, allow_prelabelled=self.allow_prelabelled)


class AnnotationWriter(QObject):
    """The one writer thread of the window.

    It writes what `UnsavedAnnotations` holds, in order.

    Signals:
        saved(Write): it is on disk.
        failed(Write, str, Exception): it is not, and why in a sentence; the old files are as they were.
        rested(): one write has ended; `UnsavedAnnotations.busy` may have changed.
    """

    saved = Signal(object)
    failed = Signal(object, str, object)
    rested = Signal()

    def __init__(self, unsaved: UnsavedAnnotations, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._unsaved = unsaved
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="writer")

    def wake(self) -> None:
        """Write what waits."""
        self._executor.submit(self._write_all)

    def flush(self) -> None:
        """Block until all writes are on disk or have failed.

        Signals may still be queued.
        """
        self._executor.submit(lambda: None).result()  # one thread, first in first out

    def close(self) -> None:
        """Flush and end the thread."""
        self._executor.shutdown(wait=True)

    def _write_all(self) -> None:
        while (write := self._unsaved.take()) is not None:
            self._write(write)
            self.rested.emit()

    def _write(self, write: Write) -> None:
        image_id = write.sample.image_id
        try:
            write.write()
        except FcnStudioError as error:
            self._fail(write, str(error), error)
        except OSError as error:
            self._fail(write, tr("'{image}' cannot be saved: {reason}", image=image_id, reason=error), error)
        except Exception as error:  # noqa: BLE001 - door: a bug costs no labels, and is reported as a bug
            sys.excepthook(*sys.exc_info())
            kind = type(error).__name__
            self._fail(write, tr("'{image}' cannot be saved ({kind}).", image=image_id, kind=kind), error)
        else:
            with self._unsaved.lock:
                self._unsaved.written(write)
                self.saved.emit(write)

    def _fail(self, write: Write, sentence: str, error: Exception) -> None:
        with self._unsaved.lock:
            self._unsaved.not_written(write, keep=isinstance(write, Save))
            self.failed.emit(write, sentence, error)
