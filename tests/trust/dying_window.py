"""The real window, offscreen, whose network's process dies again and again while somebody paints."""

from __future__ import annotations

import math
import random
import time
from collections.abc import Callable
from os import utime
from pathlib import Path

import numpy as np
from PySide6.QtCore import qInstallMessageHandler
from PySide6.QtWidgets import QApplication

from fcn_studio.core.labels import Labels, Provenance
from fcn_studio.core.sample import Status
from fcn_studio.core.training import Level, TrainConfig, TrainProgress
from fcn_studio.formats.images.images import image_size
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.jobs.demo import make_demo
from fcn_studio.jobs.protocol import Progress, Reply, Started
from fcn_studio.settings import Settings
from fcn_studio.ui import app
from fcn_studio.ui.network.network_process import NetworkProcess
from tests.helpers import use_network
from tests.journeys.driver import drag
from tests.patience import wait_until
from tests.trust.deaths import PERHAPS_SILENT, SILENT, Times, dead, fault

_STROKE_EVERY = 0.1
ENDED = "it starts again at the next click"
"""What every sentence says of a process that is gone."""


class DyingWindow:
    """One window with a project of pictures, the last ones of which are painted in.

    Attributes:
        strokes: how many were painted.
    """

    def __init__(self, folder: Path, network: Path, fault_file: Path) -> None:
        self._folder, self._network, self._fault_file = make_demo(folder, count=24), network, fault_file
        qInstallMessageHandler(lambda kind, context, text: None)  # what the offscreen platform does not support
        self._application = app.application(["kill_engine"])
        self.studio = app.build(Settings())
        self.studio.window.resize(1200, 800)
        self.studio.window.show()
        self.studio.window.open_folder(folder)
        use_network(self.studio, str(network))
        self._problems: list[str] = []
        self._replies: list[Reply] = []
        self.studio.window.messages.problem.connect(self._problems.append)
        self.studio.window.messages.bug.connect(self._problems.append)
        self.process.replied.connect(self._replies.append)
        self._rng = random.Random(0)
        self._next_stroke = 0.0
        self._human: dict[str, Labels] = {}
        self.strokes = self._deaths = 0

    @property
    def process(self) -> NetworkProcess:
        assert isinstance(self.studio.network.process, NetworkProcess)
        return self.studio.network.process

    def die(self, mode: str, phase: str) -> Times:
        """One death, and everything that must be true after it; AssertionError if it is not."""
        self._deaths += 1
        self.studio.session.go_to(12 + self._deaths % 12)
        pid = self._reach(phase)
        self._problems.clear()
        fault(pid, mode, self._fault_file)
        began = time.monotonic()
        self._wait(lambda: bool(self._problems), f"nothing is said of {mode} at {phase}")
        told = time.monotonic() - began
        promised = math.inf if mode == "deadlock" else 3.0 if mode in SILENT + PERHAPS_SILENT else 2.0
        self._wait(lambda: any(ENDED in problem for problem in self._problems), "the process is not ended")
        self._wait(
            lambda: self.process.pid != pid and not self.studio.network.job_list.views, "the job is not given up"
        )
        assert all("abels are safe" in problem for problem in self._problems), self._problems
        wait_until(lambda: dead(pid))
        self._problems.clear()
        self._auto_segment()
        next_result = time.monotonic() - began
        assert not self._problems, self._problems
        return Times(mode, phase, told, next_result, promised)

    def close(self) -> int:
        """Close the window; the number of painted pixels that the files do not have as they were painted."""
        session = self.studio.session
        self._look()
        assert session.close_project()
        self.studio.window.close()
        self.studio.shut_down()
        different = 0
        with ProjectFolder.open(self._folder, writable=False) as project:
            for image_id, painted in self._human.items():
                sample = project.sample(image_id)
                found = project.annotations.load(sample, image_size(sample.image_path)).labels
                different += _difference(painted, found)
        return different

    # --- phases -----------------------------------------------------------------------------------------------

    def _reach(self, phase: str) -> int:
        """Bring the process to a phase; its pid."""
        network, heard = self.studio.network, len(self._replies)
        if self.process.pid is None or phase == "idle":
            self._auto_segment()
        if phase in ("load", "infer"):
            utime(self._network)  # counts as another network, which must be loaded
            network.auto_segment.segment_folder(include_prelabelled=True)
            wanted = Started if phase == "load" else Progress
            self._wait(lambda: any(isinstance(r, wanted) for r in self._replies[heard:]), "the batch does not begin")
        elif phase == "train":
            network.fine_tuning.start(TrainConfig(Level.FULL, minutes=30, batch_size=1))
            self._wait(lambda: any(_is_step(r) for r in self._replies[heard:]), "the training makes no step")
        pid = self.process.pid
        assert pid is not None
        return pid

    def _auto_segment(self) -> None:
        self.studio.network.auto_segment.segment_image()
        self._wait(lambda: not self.studio.network.job_list.views, "auto-segment does not end")

    # --- painting ---------------------------------------------------------------------------------------------

    def _wait(self, condition: Callable[[], bool], in_vain: str, patience: float = 60) -> None:
        """Paint until a condition holds."""
        deadline = time.monotonic() + patience
        while not condition():
            assert time.monotonic() < deadline, f"{in_vain}; said: {self._problems}"
            QApplication.processEvents()
            if time.monotonic() > self._next_stroke:
                self._stroke()
                self._next_stroke = time.monotonic() + _STROKE_EVERY
            time.sleep(0.002)

    def _stroke(self) -> None:
        """One stroke of the brush in the open image, which must be there at once."""
        session = self.studio.session
        document = session.document
        assert document is not None
        self._look()
        index = self._rng.choice([info.index for info in session.table.active])
        session.toolbox.set_class(index)
        points = [(self._rng.uniform(20, 300), self._rng.uniform(20, 236)) for _ in range(3)]
        drag(self.studio, points)
        for x, y in points:
            at = int(y), int(x)
            assert (document.label_map[at], document.provenance[at]) == (index, Provenance.HUMAN), (
                "a stroke is not there"
            )
        assert document.status is Status.IN_PROGRESS
        self.strokes += 1
        self._human[document.image_id] = Labels(document.label_map.copy(), document.provenance.copy())

    def _look(self) -> None:
        """What a human painted in the open image must be as it was left."""
        document = self.studio.session.document
        if document is not None and document.image_id in self._human:
            now = Labels(document.label_map, document.provenance)
            assert _difference(self._human[document.image_id], now) == 0, "painted pixels have changed"


def _difference(painted: Labels, found: Labels) -> int:
    """Pixels that a human painted and that are not as they were."""
    human = painted.provenance == Provenance.HUMAN
    differs = (found.provenance != Provenance.HUMAN) | (found.label_map != painted.label_map)
    return int(np.count_nonzero(human & differs))


def _is_step(reply: Reply) -> bool:
    return isinstance(reply, Progress) and isinstance(reply.news, TrainProgress) and reply.news.step > 0
