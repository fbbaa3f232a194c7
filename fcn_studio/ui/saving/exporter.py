"""Export in a thread.

A large image takes most of a second, and the window must not wait for it.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from PySide6.QtCore import QObject, Signal

from fcn_studio.errors import FcnStudioError, ProjectError
from fcn_studio.i18n import tr
from fcn_studio.ui.actions.keys import key_of
from fcn_studio.ui.runtime.worker import Worker

if TYPE_CHECKING:
    from fcn_studio.formats.exporters.base import ExportResult, ExportSteps


class Exporter(QObject):
    """Exporter that runs one export at a time.

    All signals are emitted on the thread that made it.

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

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._worker = Worker("export", self)
        self._worker.stepped.connect(lambda step: self.progress.emit(*step))
        self._worker.finished.connect(self._on_finished)
        self._worker.failed.connect(self._on_failed)

    @property
    def running(self) -> bool:
        """Whether an export is running."""
        return self._worker.running

    def refuse_second(self) -> None:
        """Raise if an export is running. Raises: ProjectError."""
        if self.running:
            raise ProjectError(
                tr("An export is running already. Wait until it ends, or stop it first ({key}).", key=key_of("stop"))
            )

    def start(self, steps: ExportSteps) -> None:
        """Start an export. Raises: ProjectError if one is running."""
        self.refuse_second()
        self._worker.start(steps)
        self.changed.emit()

    def cancel(self) -> None:
        """Stop after the current image.

        Nothing of the unfinished export is left then.
        """
        if self.running:
            self._worker.cancel()
            self._tell_end()

    def close(self) -> None:
        """Cancel, and wait until nothing is left."""
        self.cancel()
        self._worker.close()

    def _on_finished(self, result: ExportResult) -> None:
        self._tell_end()
        self.finished.emit(result)

    def _on_failed(self, error: Exception) -> None:
        self._tell_end()
        if isinstance(error, FcnStudioError):
            self.failed.emit(str(error))
        else:
            kind = type(error).__name__
            self.failed.emit(tr("The export failed because of an error in the program ({error}).", error=kind))

    def _tell_end(self) -> None:
        self.progress.emit(0, 0)
        self.changed.emit()
