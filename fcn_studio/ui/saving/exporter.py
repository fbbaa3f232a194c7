"""Export in a thread: a large image takes most of a second, and the window must not wait for it."""

from __future__ import annotations

import sys
import threading
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.errors import FcnStudioError, ProjectError
from fcn_studio.i18n import tr

if TYPE_CHECKING:
    from fcn_studio.formats.exporters.base import ExportResult, ExportSteps


class Exporter(QObject):
    """Runs one export at a time. All signals are emitted on the thread that made it.

    Signals:
        changed(): an export has begun or ended.
        progress(int, int): images done, images in all; (0, 0) when none runs any more.
        finished(object): the `ExportResult` of a finished export.
        failed(str): a sentence on why it ended.
    """

    changed = Signal()
    progress = Signal(int, int)
    finished = Signal(object)
    failed = Signal(str)
    _news = Signal(object, object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix="export")
        self._stop: threading.Event | None = None  # of the running export: news of earlier ones are ignored
        self._news.connect(self._on_news)

    @property
    def running(self) -> bool:
        """Whether an export is running."""
        return self._stop is not None

    def refuse_second(self) -> None:
        """Raise if an export is running. Raises: ProjectError."""
        if self.running:
            raise ProjectError(tr("An export is running already. Wait until it ends, or stop it first (Ctrl+.)."))

    def start(self, steps: ExportSteps) -> None:
        """Start an export. Raises: ProjectError if one is running."""
        self.refuse_second()
        self._stop = threading.Event()
        self._executor.submit(self._run, steps, self._stop)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop after the current image; nothing of the unfinished export is left then."""
        if self._stop is not None:
            self._stop.set()
            self._end()

    def close(self) -> None:
        """Cancel, and wait until nothing is left."""
        self.cancel()
        self._executor.shutdown(wait=True)

    def _run(self, steps: ExportSteps, stop: threading.Event) -> None:
        """Run all steps until `stop` is set. Runs on the thread."""
        try:
            with closing(steps):
                while not stop.is_set():
                    self._news.emit(stop, next(steps))
        except StopIteration as end:
            self._news.emit(stop, end.value)
        except FcnStudioError as error:
            self._news.emit(stop, error)
        except Exception as error:  # noqa: BLE001 - door: a bug must not leave the export running for ever
            sys.excepthook(*sys.exc_info())
            self._news.emit(
                stop,
                ProjectError(
                    tr("The export failed because of an error in the program ({error}).", error=type(error).__name__)
                ),
            )

    def _on_news(self, stop: threading.Event, news: tuple[int, int] | FcnStudioError | ExportResult) -> None:
        if stop is not self._stop:
            return
        if isinstance(news, tuple):
            self.progress.emit(*news)
            return
        self._end()
        if isinstance(news, FcnStudioError):
            self.failed.emit(str(news))
        else:
            self.finished.emit(news)

    def _end(self) -> None:
        self._stop = None
        self.progress.emit(0, 0)
        self.changed.emit()
