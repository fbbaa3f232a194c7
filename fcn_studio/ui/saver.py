"""Saves annotations off the GUI thread, in order; a newer save of an image replaces a waiting one."""

from __future__ import annotations

import threading
from collections import OrderedDict
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass

from PySide6.QtCore import QObject, Signal

from fcn_studio.core.labels import Labels
from fcn_studio.core.sample import Sample, Status
from fcn_studio.errors import FcnStudioError
from fcn_studio.formats.project_folder import ProjectFolder


@dataclass(frozen=True)
class Save:
    """One annotation to write: frozen arrays, so that painting can go on meanwhile."""

    project: ProjectFolder
    sample: Sample
    labels: Labels
    status: Status
    prelabelled_by: str
    revision: int


class Saver(QObject):
    """The one writer thread of the window.

    Signals:
        saved(Save): it is on disk.
        failed(Save, str): it is not, and why in a sentence; the old files are as they were.
    """

    saved = Signal(object)
    failed = Signal(object, str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="saver")
        self._lock = threading.Lock()
        self._waiting: OrderedDict[str, Save] = OrderedDict()
        self._writing: str | None = None

    def submit(self, save: Save) -> None:
        """Write an annotation soon."""
        with self._lock:
            self._waiting[save.sample.image_id] = save
        self._executor.submit(self._write_next)

    def pending(self, image_id: str) -> bool:
        """Whether a save of this image is waiting or under way."""
        with self._lock:
            return image_id in self._waiting or self._writing == image_id

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
            self._writing = image_id
        try:
            save.project.save_labels(save.sample, save.labels, save.status, save.prelabelled_by)
        except FcnStudioError as error:
            self.failed.emit(save, str(error))
        except OSError as error:
            self.failed.emit(save, f"'{image_id}' could not be saved: {error}. It is kept in memory.")
        else:
            self.saved.emit(save)
        finally:
            with self._lock:
                self._writing = None
