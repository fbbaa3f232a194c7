"""Days of work in minutes, through the real window: memory, open files and threads must not grow (R23)."""

from __future__ import annotations

import gc
import time
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from random import Random

import numpy as np
import psutil
from PySide6.QtWidgets import QApplication

from fcn_studio.core.classes import ClassTable
from fcn_studio.core.sample import Status
from fcn_studio.formats.images.images import write_png
from fcn_studio.formats.project.project_folder import ProjectFolder
from fcn_studio.ui.app import Studio
from fcn_studio.ui.runtime.garbage_collection import give_free_memory_back
from fcn_studio.ui.runtime.worker import Worker
from tests.journeys.driver import drag

IMAGES = 12
SIZE = (320, 240)


@dataclass(frozen=True)
class Sample:
    """What the process holds at one moment.

    Attributes:
        switches: images opened so far.
        strokes: strokes painted so far.
        inferences: predictions made so far.
        seconds: since the start, wall.
        cpu: seconds of this process.
        rss_mb: resident memory.
        files: open file descriptors.
        threads: of this process, Qt's among them.
        children: processes started by it that live.
        objects: that Python's garbage collector knows.
    """

    switches: int
    strokes: int
    inferences: int
    seconds: float
    cpu: float
    rss_mb: float
    files: int
    threads: int
    children: int
    objects: int


class Soak:
    """A person who never tires.

    Attributes:
        samples: one each time `measure` was called.
    """

    def __init__(self, studio: Studio, folder: Path, seed: int = 0, *, infer_every: int = 0) -> None:
        """Draw a project in ``folder`` and open it in a shown window; ``infer_every`` switches auto-segment."""
        rng = np.random.default_rng(0)
        folder.mkdir(parents=True)
        for number in range(IMAGES):
            blocks = rng.integers(0, 255, (SIZE[1] // 16, SIZE[0] // 16, 3), np.uint8)
            write_png(folder / f"picture-{number:02}.png", blocks.repeat(16, 0).repeat(16, 1))
        table = ClassTable.from_names(["background", "cell", "debris"])
        with ProjectFolder.open(folder, writable=True, table=table) as project:
            project.set_table(table)
        self.studio, self.folder = studio, folder
        self.samples: list[Sample] = []
        self.problems: list[str] = []
        studio.session.problem.connect(self.problems.append)
        studio.session.refused.connect(lambda error: self.problems.append(str(error)))
        studio.window.messages.bug.connect(self.problems.append)
        for part in studio.network.speakers:
            part.problem.connect(self.problems.append)
        self._random, self._infer_every = Random(seed), infer_every
        self._began = time.monotonic()
        self._switches = self._strokes = self._inferences = 0
        self._me = psutil.Process()
        studio.session.open_folder(folder)

    def visit(self, strokes: int = 5) -> None:
        """Open another image and work on it, as a person would."""
        random, session, toolbox = self._random, self.studio.session, self.studio.toolbox
        session.go_to((session.index + random.choice([1, 1, 1, -1, 5])) % IMAGES)
        self._switches += 1
        if self._infer_every and self._switches % self._infer_every == 0:
            self._infer()
        for _ in range(strokes):
            toolbox.use(random.choice(["brush", "brush", "eraser"]))
            toolbox.set_class(random.randrange(3))
            x, y = random.uniform(20, SIZE[0] - 20), random.uniform(20, SIZE[1] - 20)
            drag(self.studio, [(x, y), (x + 15, y), (x + 15, y + 15)])
            self._strokes += 1
        for act in random.sample(
            [session.undo, session.redo, session.undo, self._zoom, session.autosave.save_soon], 2
        ):
            act()
        if self._switches % 7 == 0:
            session.verify()
        if self._switches % 50 == 0:
            self._dialogs()
        if self._switches % 200 == 0:
            session.close_project()
            session.open_folder(self.folder)
        QApplication.processEvents()

    def _zoom(self) -> None:
        self._random.choice([self.studio.window.canvas.zoom_in, self.studio.window.canvas.fit])()

    def _dialogs(self) -> None:
        commands = self.studio.window._commands
        for show in (commands.show_shortcuts, commands.show_report, commands.networks.show_networks):
            show()
            for widget in QApplication.topLevelWidgets():
                if widget.isVisible() and widget is not self.studio.window:
                    widget.close()
        QApplication.processEvents()

    def _infer(self) -> None:
        session, network = self.studio.session, self.studio.network
        document = session.document
        assert document is not None
        if document.status in (Status.VERIFIED, Status.SKIPPED):
            return
        session.set_prediction(None)
        network.auto_segment.segment_image()
        self.wait(lambda: session.prediction is not None and not network.job_list.views)
        self._inferences += 1

    def wait(self, condition: Callable[[], bool], seconds: float = 120) -> None:
        """Let the window live until it holds."""
        end = time.monotonic() + seconds
        while not condition():
            assert time.monotonic() < end, f"waited in vain; {self.problems}"
            QApplication.processEvents()
            time.sleep(0.001)

    def measure(self) -> Sample:
        """Note what the process holds, once it has come to rest."""
        session = self.studio.session
        self.wait(lambda: not session.annotation_prefetch.waiting)
        for reading in list(session.pictures._prefetch._images.values()):
            reading.exception()  # waits for it: it has a file open
        session.annotation_prefetch.flush()
        session.autosave.drain()
        session.autosave.journal.flush()
        QApplication.processEvents()
        gc.collect()
        give_free_memory_back()  # as the program does once a minute: what is held is asked for, not what was
        self._finish_reading()
        sample = Sample(
            self._switches,
            self._strokes,
            self._inferences,
            time.monotonic() - self._began,
            time.process_time(),
            self._me.memory_info().rss / 1e6,
            self._me.num_fds() if hasattr(self._me, "num_fds") else 0,
            self._me.num_threads(),
            len(self._me.children(recursive=True)),
            len(gc.get_objects()),
        )
        self.samples.append(sample)
        return sample

    @staticmethod
    def _finish_reading() -> None:
        """Wait until no worker has a file open, those of a reading that was cancelled among them."""
        for worker in [each for each in gc.get_objects() if issubclass(type(each), Worker)]:
            if not worker._executor._shutdown:
                worker._executor.submit(lambda: None).result()


def growth(samples: list[Sample], name: str, per: str = "switches") -> float:
    """Slope of a figure by least squares, per 1,000 ``per``; the first third is the time to warm up."""
    kept = samples[len(samples) // 3 :]
    steps = np.array([getattr(s, per) for s in kept], float) / 1000
    values = np.array([getattr(s, name) for s in kept], float)
    return float(np.polyfit(steps, values, 1)[0]) if len(kept) > 1 and np.ptp(steps) > 0 else 0.0


def steady(samples: list[Sample], name: str) -> bool:
    """Whether a count is never higher at the end than it was in the middle."""
    kept = samples[len(samples) // 3 :]
    half = len(kept) // 2
    return max(getattr(s, name) for s in kept[half:]) <= max(getattr(s, name) for s in kept[:half])
