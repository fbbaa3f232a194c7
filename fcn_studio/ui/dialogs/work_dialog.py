"""Dialog that waits for work in a thread, shows its progress and can cancel it."""

from __future__ import annotations

from collections.abc import Generator
from typing import Generic, TypeVar

from PySide6.QtWidgets import QDialogButtonBox, QProgressBar, QWidget

from fcn_studio.errors import FcnStudioError
from fcn_studio.i18n import tr
from fcn_studio.ui.dialogs.base import Dialog
from fcn_studio.ui.runtime.worker import Worker
from fcn_studio.ui.widgets.named import named

_Result = TypeVar("_Result")


class WorkDialog(Dialog, Generic[_Result]):
    """Dialog that is there while a generator runs.

    Args:
        title: title of the window.
        words: what is done.
        steps: yields (done, total).
        parent: the window it belongs to.
    """

    def __init__(
        self, title: str, words: str, steps: Generator[tuple[int, int], None, _Result], parent: QWidget | None = None
    ) -> None:
        super().__init__(title, parent=parent)
        self._steps = steps
        self._result: _Result | None = None
        self._error: FcnStudioError | None = None
        self.add_words(words)
        self._bar = named(QProgressBar(), words)
        self._bar.setRange(0, 0)
        self.column.addWidget(self._bar)
        self.buttons.button(QDialogButtonBox.StandardButton.Close).setText(tr("Cancel"))
        self._worker = Worker("work")
        self._worker.stepped.connect(self._on_step)
        self._worker.finished.connect(self._on_finished)
        self._worker.failed.connect(self._on_failed)

    def run(self) -> _Result | None:
        """Show the dialog until the work has ended, and return its result, None if it was cancelled.

        The generator is closed when this returns.

        Raises:
            FcnStudioError: as the generator.
        """
        self._worker.start(self._steps)
        self.exec()
        self._worker.close()
        self.deleteLater()
        if self._error is not None:
            raise self._error
        return self._result

    def _on_step(self, step: tuple[int, int]) -> None:
        done, total = step
        self._bar.setRange(0, total)
        self._bar.setValue(done)

    def _on_finished(self, result: _Result) -> None:
        self._result = result
        self.accept()

    def _on_failed(self, error: Exception) -> None:
        self._error = error if isinstance(error, FcnStudioError) else None
        self.reject()
