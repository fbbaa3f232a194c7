"""Runs an export in small turns of the event loop, so that the window stays alive and nothing needs a lock."""

from __future__ import annotations

from collections.abc import Generator
from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, QTimer, Signal

from fcn_studio.errors import FcnStudioError

if TYPE_CHECKING:
    from fcn_studio.formats.voc_export import ExportResult


class Exporter(QObject):
    """One export at a time.

    Signals:
        progress(int, int): images done, images in all; (0, 0) when nothing runs any more.
        finished(object): the `ExportResult` of a finished export.
        failed(str): a sentence on why it ended.
    """

    progress = Signal(int, int)
    finished = Signal(object)
    failed = Signal(str)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._steps: Generator[tuple[int, int], None, ExportResult] | None = None
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self._step)

    @property
    def running(self) -> bool:
        """Whether an export is under way."""
        return self._steps is not None

    def start(self, steps: Generator[tuple[int, int], None, ExportResult]) -> None:
        """Begin; an export that runs already goes on instead."""
        if self._steps is None:
            self._steps = steps
            self._timer.start()

    def cancel(self) -> None:
        """Stop after the image under way; nothing of the unfinished export is left."""
        if self._steps is not None:
            self._steps.close()
            self._end()

    def _step(self) -> None:
        if self._steps is None:
            return
        try:
            done, total = next(self._steps)
        except StopIteration as end:
            self._end()
            self.finished.emit(end.value)
        except FcnStudioError as error:
            self._end()
            self.failed.emit(str(error))
        else:
            self.progress.emit(done, total)

    def _end(self) -> None:
        self._steps = None
        self._timer.stop()
        self.progress.emit(0, 0)
