"""The network's process as Qt sees it.

A thread of its own looks after it. Only frozen values cross.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from PySide6.QtCore import QObject, QThread, Signal, SignalInstance, Slot

if TYPE_CHECKING:
    from fcn_studio.jobs.process.supervisor import ProcessSupervisor
    from fcn_studio.jobs.protocol import Job


class JobProcess(Protocol):
    """What the window asks of the process that runs its jobs.

    `NetworkProcess` implements it. Tests may run jobs inline.
    """

    @property
    def replied(self) -> SignalInstance:
        """Signal with one `fcn_studio.jobs.protocol.Reply`, delivered on the GUI thread."""

    def submit(self, job: Job, *, interactive: bool = False) -> int:
        """Submit a job and return its id."""

    def cancel(self, job_id: int, *, keep: bool = False) -> None:
        """Forget a job.

        With ``keep`` it ends early and the result so far is reported.
        """

    def warm_up(self) -> None:
        """Load torch before the first job needs it."""

    def shut_down(self) -> None:
        """End everything.

        This blocks until no thread and no process is left.
        """


class _SupervisorThread(QObject):
    """Lives in the supervisor's thread and blocks there in `ProcessSupervisor.run`.

    Signals:
        replied(object): each `Reply`, emitted on that thread.
    """

    replied = Signal(object)

    def __init__(self) -> None:
        # start-up: multiprocessing is loaded when it is needed
        from fcn_studio.jobs.process.supervisor import ProcessSupervisor

        super().__init__()
        self.supervisor = ProcessSupervisor(self.replied.emit)

    @Slot()
    def run(self) -> None:
        """Serve the network's process until the supervisor is closed.

        The thread then ends.
        """
        self.supervisor.run()
        self.thread().quit()


class NetworkProcess(QObject):
    """The network's process.

    It and its thread start when they are first needed.

    Signals:
        replied(object): each `Reply`, on the GUI thread.
    """

    replied = Signal(object)

    def __init__(self, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._thread: QThread | None = None
        self._worker: _SupervisorThread | None = None

    @property
    def pid(self) -> int | None:
        """Process id of the network's process, None if none runs."""
        return self._worker.supervisor.pid if self._worker is not None else None

    def submit(self, job: Job, *, interactive: bool = False) -> int:
        """Submit a job and return its id."""
        return self._supervisor.submit(job, interactive=interactive)

    def cancel(self, job_id: int, *, keep: bool = False) -> None:
        """Forget a job.

        With ``keep`` it ends early and the result so far is reported.
        """
        self._supervisor.cancel(job_id, keep=keep)

    def warm_up(self) -> None:
        """Load torch before the first job needs it."""
        self._supervisor.warm_up()

    def shut_down(self) -> None:
        """End the process and the thread.

        This blocks for at most some tenths of a second.
        """
        if self._worker is not None and self._thread is not None:
            self._worker.supervisor.close()
            self._thread.quit()
            self._thread.wait()

    @property
    def _supervisor(self) -> ProcessSupervisor:
        """The supervisor, on a thread of its own from now on."""
        if self._worker is None:
            self._thread = QThread()
            self._thread.setObjectName("network process")
            self._worker = _SupervisorThread()
            self._worker.moveToThread(self._thread)
            self._worker.replied.connect(self.replied)
            self._thread.started.connect(self._worker.run)
            self._thread.start()
        return self._worker.supervisor
