"""Record of the labelling effort in the open project."""

from __future__ import annotations

import time
from collections.abc import Callable, Generator
from dataclasses import replace
from pathlib import Path

from PySide6.QtCore import QObject, QTimer, Signal

from fcn_studio.core.document import BY_NETWORK
from fcn_studio.core.effort.gestures import Gesture
from fcn_studio.core.effort.pace import Pace
from fcn_studio.core.effort.stopwatch import Stopwatch
from fcn_studio.core.history import Motion, Step, StepDelta
from fcn_studio.errors import FcnStudioError, ProjectError
from fcn_studio.formats.effort_log import append_gestures, effort_log, last_gestures
from fcn_studio.i18n import tr_noop
from fcn_studio.ui.runtime.worker import Worker
from fcn_studio.ui.session.open_project import OpenProject
from fcn_studio.ui.session.toolbox import Toolbox

LATER_MS = 5000
"""Rest after a gesture before it is written."""

_ACTS = {Motion.UNDO: tr_noop("Undo"), Motion.REDO: tr_noop("Redo")}
_PAINTLESS = BY_NETWORK | {"Erase", "Verify", "Skip", "Take back from Skipped"}


class EffortRecorder(QObject):
    """Notes what each step took, and writes it in the background.

    Nothing that is painted waits for it. If it cannot write, it says so once in each project, and records no more.

    Signals:
        problem(str): a sentence for the user.
        pace_read(): what was noted before in the open project is known.

    Attributes:
        pace: seconds that the images took which were verified last.
    """

    problem = Signal(str)
    pace_read = Signal()

    def __init__(self, open_project: OpenProject, toolbox: Toolbox) -> None:
        super().__init__(open_project)
        self._open, self._toolbox = open_project, toolbox
        self._watch = Stopwatch(time.monotonic())
        self._run = 0
        self._broken = ""  # id of the project whose log cannot be written
        self._waiting: list[tuple[Gesture, StepDelta]] = []
        self._disconnect: Callable[[], None] = lambda: None
        self.pace = Pace()
        self._unread: list[Gesture] = []  # made while the log is read
        self._reader = Worker("effort log", self)
        self._reader.finished.connect(self._on_read)
        self._worker = Worker("effort", self)
        self._worker.failed.connect(self._on_failed)
        self._later = QTimer(self, singleShot=True, interval=LATER_MS)
        self._later.timeout.connect(self._write)
        open_project.project_changed.connect(self._read)
        open_project.document_changed.connect(self._on_document)

    def see(self, _: object = None) -> None:
        """Note a sign of the user, as a move of the pointer."""
        self._watch.see(time.monotonic())

    def write_now(self) -> None:
        """Write what is not written yet, and wait for it."""
        self._later.stop()
        if self._open.project is not None and self._waiting:
            try:
                for _ in _written(self._path(), self._take()):
                    pass
            except ProjectError as error:
                self._on_failed(error)

    def close(self) -> None:
        """End the threads."""
        self._reader.close()
        self._worker.close()

    def _read(self) -> None:
        """Read what was noted before in the project that was just opened."""
        self.pace, self._unread = Pace(), []
        self._reader.cancel()
        if self._open.project is not None:
            self._reader.start(_last(self._path()))

    def _on_read(self, gestures: list[Gesture]) -> None:
        self.pace = Pace([*gestures, *self._unread])
        self._unread = []
        self.pace_read.emit()

    def _on_document(self) -> None:
        self._disconnect()
        self._disconnect = lambda: None
        document, project = self._open.document, self._open.project
        if document is None or project is None:
            return
        self.see()
        try:
            used = project.runs.current()
        except ProjectError:  # told where the network is loaded
            used = None
        path = used.path(project.folder) if used is not None else None
        self._run = int(path.parent.name) if path is not None and path.parent.name.isdecimal() else 0
        self._disconnect = document.stepped.connect(self._on_step)

    def _on_step(self, motion: Motion, step: Step) -> None:
        document, project = self._open.document, self._open.project
        if document is None or project is None or project.config.project_id == self._broken:
            return
        act = _ACTS.get(motion, step.title)
        paints = motion is Motion.DO and step.title not in _PAINTLESS
        index = self._toolbox.class_index if paints else None
        seconds = round(self._watch.lap(time.monotonic()), 2)
        gesture = Gesture(round(time.time(), 1), document.image_id, act, index, self._run, seconds, 0)
        self.pace.add(gesture)
        if self._reader.running:
            self._unread.append(gesture)
        self._waiting.append((gesture, step.delta))
        if not self._later.isActive():
            self._later.start()

    def _write(self) -> None:
        if self._open.project is not None and not self._worker.running:
            self._worker.start(_written(self._path(), self._take()))

    def _take(self) -> list[tuple[Gesture, StepDelta]]:
        waiting, self._waiting = self._waiting, []
        return waiting

    def _path(self) -> Path:
        assert self._open.project is not None
        return effort_log(self._open.project.config.project_id)

    def _on_failed(self, error: Exception) -> None:
        if isinstance(error, FcnStudioError) and self._open.project is not None:
            self._broken = self._open.project.config.project_id
            self.problem.emit(str(error))


def _written(path: Path, waiting: list[tuple[Gesture, StepDelta]]) -> Generator[object, None, None]:
    """Count the pixels of gestures, and write them."""
    append_gestures(path, [replace(gesture, pixels=delta.relabelled) for gesture, delta in waiting])
    yield None


def _last(path: Path) -> Generator[object, None, list[Gesture]]:
    """Read the newest gestures of a log."""
    yield None
    return last_gestures(path)
