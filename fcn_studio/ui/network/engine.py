"""The engine: a QThread that owns the network's process. Only frozen values cross."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, QThread, Signal, SignalInstance, Slot

if TYPE_CHECKING:
    from fcn_studio.jobs.process.supervisor import ProcessSupervisor
    from fcn_studio.jobs.protocol import Job


class Engine(Protocol):
    """What `Learning` asks of an engine; `ProcessEngine` is the real one, tests may run jobs inline."""

    @property
    def replied(self) -> SignalInstance:
        """Signal with one `fcn_studio.jobs.protocol.Reply`, delivered on the GUI thread."""

    def submit(self, job: Job, *, interactive: bool = False) -> int:
        """Hand in a job; its id."""

    def cancel(self, job_id: int, *, keep: bool = False) -> None:
        """Forget a job, or with ``keep`` end it early and have its result so far."""

    def warm(self) -> None:
        """Load torch before the first job needs it."""

    def shut_down(self) -> None:
        """End everything; blocks until no thread and no process is left."""


class _Worker(QObject):
    """Lives in the engine's thread and blocks there in `ProcessSupervisor.run`.

    Signals:
        replied(object): each `Reply`, emitted on the engine's thread.
    """

    replied = Signal(object)

    def __init__(self) -> None:
        from fcn_studio.jobs.process.supervisor import (
            ProcessSupervisor,  # start-up: multiprocessing is loaded when it is needed
        )

        super().__init__()
        self.supervisor = ProcessSupervisor(self.replied.emit)

    @Slot()
    def serve(self) -> None:
        """Serve the network's process until the host is closed, then let the thread end."""
        self.supervisor.run()
        self.thread().quit()


class ProcessEngine(QObject):
    """The real engine; its thread and its process begin with the first need of them.

    Signals:
        replied(object): each `Reply`, on the GUI thread.
    """

    replied = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread: QThread | None = None
        self._worker: _Worker | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the network's process, if one runs."""
        return self._worker.supervisor.pid if self._worker is not None else None

    def submit(self, job: Job, *, interactive: bool = False) -> int:
        """Hand in a job; its id."""
        return self._host.submit(job, interactive=interactive)

    def cancel(self, job_id: int, *, keep: bool = False) -> None:
        """Forget a job, or with ``keep`` end it early and have its result so far."""
        self._host.cancel(job_id, keep=keep)

    def warm(self) -> None:
        """Load torch before the first job needs it."""
        self._host.warm()

    def shut_down(self) -> None:
        """End the process and the thread; blocks for at most some tenths of a second."""
        if self._worker is not None and self._thread is not None:
            self._worker.supervisor.close()
            self._thread.quit()
            self._thread.wait()

    @property
    def _host(self) -> ProcessSupervisor:
        """The host, on a thread of its own from now on."""
        if self._worker is None:
            self._thread = QThread()
            self._thread.setObjectName("engine")
            self._worker = _Worker()
            self._worker.moveToThread(self._thread)
            self._worker.replied.connect(self.replied)
            self._thread.started.connect(self._worker.serve)
            self._thread.start()
        return self._worker.supervisor
