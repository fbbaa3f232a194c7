"""Running of a generator in a thread.

It reports on the thread of the GUI.
"""

from __future__ import annotations

import sys
import threading
from collections.abc import Callable, Generator
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing

from PySide6.QtCore import QObject, Signal

from fcn_studio.errors import FcnStudioError


class Worker(QObject):
    """A thread that runs one generator at a time.

    All signals are emitted on the thread that made the worker.

    Signals:
        stepped(object): what the generator yielded.
        finished(object): what it returned.
        failed(Exception): what it raised. Unless that is an `FcnStudioError` it was reported as a bug already.
    """

    stepped = Signal(object)
    finished = Signal(object)
    failed = Signal(object)
    _news = Signal(object, object, object)

    def __init__(self, name: str, parent: QObject | None = None) -> None:
        super().__init__(parent)
        self._executor = ThreadPoolExecutor(1, thread_name_prefix=name)
        self._stop: threading.Event | None = None  # of the running generator: news of earlier ones are ignored
        self._news.connect(self._on_news)

    @property
    def running(self) -> bool:
        """Whether a generator runs or is about to."""
        return self._stop is not None

    def start(self, steps: Generator[object, None, object]) -> None:
        """Run a generator.

        The one before is cancelled.
        """
        self.cancel()
        self._stop = threading.Event()
        self._executor.submit(self._run, steps, self._stop)

    def cancel(self) -> None:
        """Close the running generator after its current step.

        Nothing of it is reported from now on.
        """
        if self._stop is not None:
            self._stop.set()
            self._stop = None

    def close(self) -> None:
        """Cancel, wait until the generator is closed, and end the thread."""
        self.cancel()
        self._executor.shutdown(wait=True)

    def _run(self, steps: Generator[object, None, object], stop: threading.Event) -> None:
        """Run all steps until ``stop`` is set. Runs on the thread."""
        try:
            with closing(steps):
                while not stop.is_set():
                    self._news.emit(stop, self._step, next(steps))
        except StopIteration as end:
            self._news.emit(stop, self._finish, end.value)
        except FcnStudioError as error:
            self._news.emit(stop, self._fail, error)
        except Exception as error:  # noqa: BLE001 - door: a bug ends the generator, and is reported as a bug
            sys.excepthook(*sys.exc_info())
            self._news.emit(stop, self._fail, error)

    def _on_news(self, stop: threading.Event, report: Callable[[object], None], value: object) -> None:
        if stop is self._stop:
            report(value)

    def _step(self, value: object) -> None:
        self.stepped.emit(value)

    def _finish(self, value: object) -> None:
        self._stop = None
        self.finished.emit(value)

    def _fail(self, error: object) -> None:
        self._stop = None
        self.failed.emit(error)
