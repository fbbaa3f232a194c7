"""Tools that tests of several rooms share. torch is imported only by what needs it."""

from __future__ import annotations

import hashlib
import os
import subprocess
import sys
from collections import deque
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

import numpy as np
from PySide6.QtCore import QObject, QTimer, Signal

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.document import Document
from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.raster import capsule
from fcn_studio.core.sample import Sample, Status
from fcn_studio.fcn.model.build import build
from fcn_studio.formats.images.images import image_size
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs.micrographs import CLASSES
from fcn_studio.jobs.process.scheduler import JobScheduler
from fcn_studio.jobs.protocol import Cancel, Job, Reply, Submit
from fcn_studio.jobs.run import JobRunner

if TYPE_CHECKING:
    from fcn_studio.ui.network.network_parts import NetworkParts
    from fcn_studio.ui.session.session import Session

ROOT = Path(__file__).resolve().parents[1]


def tiny_checkpoint(
    path: Path, table: ClassTable = CLASSES, *, seed: int = 0, trained_on: tuple[str, ...] = ()
) -> Path:
    """A slim FCN-8s of the smallest width with random weights, as a file; without classes its trunk alone."""
    import torch

    from fcn_studio.fcn.model.architecture import Architecture
    from fcn_studio.fcn.weights.checkpoint import Checkpoint, Preprocessing, active_table, save_checkpoint

    torch.manual_seed(seed)
    architecture = Architecture.slim(0.0625)
    network = build(architecture, max(1, len(active_table(table))))
    state = network.state_dict()
    if not len(table):
        state = {key: network.adapted(key, value, []) for key, value in state.items()}
    for key, value in state.items():
        if key.startswith("score_") and key.endswith("weight"):
            state[key] = torch.randn_like(value)
    made = Checkpoint(architecture, active_table(table), Preprocessing(), state, trained_on=trained_on)
    save_checkpoint(made, path)
    return path


def paint(document: Document, index: int = 1, *, at: tuple[float, float] = (10, 10), size: int = 5) -> None:
    """One brush stroke of a human."""
    region = capsule(at, at, size, "round", (document.width, document.height))
    assert region is not None
    with document.edit("Brush stroke") as edit:
        edit.write(region, index)


def half_painted(sample: Sample, index: int = 1, by: Provenance = Provenance.HUMAN) -> Labels:
    """Labels of an image whose upper half somebody labelled."""
    width, height = image_size(sample.image_path)
    labels = Labels.unlabelled(height, width)
    labels.label_map[: height // 2] = index
    labels.provenance[: height // 2] = by
    return labels


def save_half(project: ProjectFolder, sample: Sample, by: Provenance, status: Status, index: int = 1) -> None:
    """Label the upper half of an image on disk."""
    project.annotations.save(sample, half_painted(sample, index, by), status)


def contents(folder: Path, *leave_out: str) -> dict[str, tuple[str, int]]:
    """Path -> (sha256, modification time in ns) of all files below a folder, but those under ``leave_out``."""
    return {
        name: (hashlib.sha256(path.read_bytes()).hexdigest(), path.stat().st_mtime_ns)
        for path in sorted(folder.rglob("*"))
        if path.is_file() and not (name := path.relative_to(folder).as_posix()).startswith(leave_out or ("\0",))
    }


def run_python(code: str, *arguments: str, timeout: float = 120) -> subprocess.CompletedProcess[str]:
    """Run code in a fresh interpreter."""
    return subprocess.run(
        [sys.executable, "-c", code, *arguments],
        capture_output=True,
        text=True,
        timeout=timeout,
        check=False,
        cwd=ROOT,
        env={**os.environ, "PYTHONPATH": str(ROOT)},
    )


def black(width: int = 64, height: int = 48) -> np.ndarray:
    """A picture of nothing."""
    return np.zeros((height, width, 3), np.uint8)


class HasNetwork(Protocol):
    """A studio of the program or of a test."""

    @property
    def session(self) -> Session: ...
    @property
    def network(self) -> NetworkParts: ...


def use_network(studio: HasNetwork, name_or_path: str) -> None:
    """Put a bundled or installed network or a checkpoint file in use."""
    from fcn_studio.jobs.networks import needed, network_of

    current = studio.network.current
    network = needed(network_of(studio.session.project, name_or_path))
    reference = name_or_path if network.name == name_or_path else network.path
    current.use(network, reference, current.remembered(network))


class InlineProcess(QObject):
    """Runs jobs in this process, a step a turn of the event loop, with the scheduler that the real process uses.

    While ``held`` it takes jobs but makes no step. ``submitted`` lists all jobs.
    """

    replied = Signal(object)

    def __init__(self) -> None:
        super().__init__()
        self._replies: deque[Reply] = deque()
        self.scheduler = JobScheduler(JobRunner(threads=1), self._replies.append)
        self.scheduler.report_interval = 0
        self.submitted: list[Job] = []
        self.cancelled: list[tuple[int, bool]] = []
        self.held = False
        self._timer = QTimer(self, interval=0)
        self._timer.timeout.connect(self.step)

    def submit(self, job: Job, *, interactive: bool = False) -> int:
        self.submitted.append(job)
        self.scheduler.take(Submit(len(self.submitted), job, interactive))
        self._timer.start()
        return len(self.submitted)

    def cancel(self, job_id: int, *, keep: bool = False) -> None:
        self.cancelled.append((job_id, keep))
        self.scheduler.take(Cancel(job_id, keep))
        self._timer.start()

    def step(self) -> None:
        """One step of whatever waits, and the replies to it."""
        if not self.held and not self.scheduler.idle:
            self.scheduler.step()
        while self._replies:
            self.replied.emit(self._replies.popleft())
        if self.scheduler.idle:
            self._timer.stop()

    def warm_up(self) -> None: ...

    def shut_down(self) -> None:
        self._timer.stop()
