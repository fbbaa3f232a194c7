"""The command ``demo``.

It opens the window on drawn micrographs, or runs the same loop offscreen. The offscreen run uses the real window,
the real engine and its process: open, fine-tune on the two labelled images, auto-segment the next one, save. It ends
with a screenshot and the true mean IoU before and after.
"""

from __future__ import annotations

import os
import sys
import tempfile
import time
from collections.abc import Callable
from pathlib import Path

from PySide6.QtCore import QDeadlineTimer, QEventLoop, QTimer

from fcn_studio.core.metrics import Figures
from fcn_studio.core.sample import Status
from fcn_studio.core.training import Level, TrainConfig
from fcn_studio.errors import EngineError
from fcn_studio.i18n import as_reasons, tr, tr_n
from fcn_studio.jobs.demo import is_demo, make_demo
from fcn_studio.jobs.protocol import Reply, Silent
from fcn_studio.settings import Settings
from fcn_studio.ui.app import DEMO_MARK, Studio, application, build, run_window
from fcn_studio.ui.runtime.crash_marker import CrashMarker
from fcn_studio.ui.runtime.logs import log_to
from fcn_studio.ui.runtime.platform_probe import has_display
from fcn_studio.ui.runtime.unix_signals import QuitSignals
from fcn_studio.ui.widgets import theme

TRAINING = TrainConfig(Level.FULL, steps=100)
"""Steps and not minutes, so that a slow machine takes longer and learns as much."""

TIMEOUT_S = 3600.0
"""Longest time of a stage of the run. A network's process that hangs is found long before."""


def run_demo(folder: Path | None, *, offscreen: bool = False, screenshot: Path | None = None) -> int:
    """Open the demo project and return the exit code.

    The project is made or reused.

    Raises:
        ProjectError: if ``folder`` contains something else.
        EngineError: if a stage of the offscreen run fails.
    """
    folder = folder or Path(tempfile.mkdtemp(prefix="fcn-studio-demo-")) / "micrographs"
    if not (folder / DEMO_MARK).is_dir():
        make_demo(folder)
    if has_display() and not offscreen:
        with QuitSignals() as signals:
            return run_window(folder, signals)
    os.environ["QT_QPA_PLATFORM"] = "offscreen"
    picture = screenshot or folder.parent / "fcn-studio-demo.png"
    with CrashMarker() as log_file:
        log_to(log_file)
        _OffscreenRun(folder).run(picture.absolute())
    return 0


class _OffscreenRun:
    """Use of the window, stage by stage."""

    def __init__(self, folder: Path) -> None:
        self._folder = folder
        self._app = application()
        self._started = time.monotonic()
        self._problems: list[str] = []
        self._truth: list[tuple[Figures | None, Figures | None]] = []

    def run(self, picture: Path) -> None:
        settings = Settings()
        theme.apply(self._app, "light")
        studio = build(settings)
        studio.window.messages.problem.connect(self._problems.append)
        studio.network.process.replied.connect(self._overlook_silence)
        studio.network.fine_tuning.truth_scored.connect(lambda before, after: self._truth.append((before, after)))
        try:
            self._drive(studio, picture)
            studio.window.close()
        finally:
            studio.session.close_project(discard=True)
            studio.shut_down()

    def _drive(self, studio: Studio, picture: Path) -> None:
        studio.window.resize(1440, 900)
        studio.window.show()
        studio.window.open_folder(self._folder)
        project = studio.session.project
        if project is None or not is_demo(project):
            raise EngineError(
                tr(
                    "The demo in {folder} did not open: {reason}",
                    folder=self._folder,
                    reason=as_reasons(self._problems),
                )
            )
        labelled = studio.session.status_scan.counts()[Status.VERIFIED]
        self._say(
            tr_n(
                "opened {n} image, {labelled} labelled",
                "opened {n} images, {labelled} labelled",
                len(project.samples),
                labelled=labelled,
            )
        )
        studio.network.fine_tuning.start(TRAINING)
        self._wait(tr("the fine-tune"), lambda: bool(self._truth))
        before, after = self._truth[-1]
        assert after is not None
        self._say(tr("fine-tuned: {network}", network=studio.network.current.name))
        studio.session.step_unverified(+1)
        studio.network.auto_segment.segment_image()
        document = studio.session.document
        assert document is not None
        self._wait(tr("the auto-segment"), lambda: document.status is Status.PRELABELLED)
        studio.session.autosave.save_soon()
        self._wait(tr("the save"), lambda: studio.session.save_state == "saved")
        self._say(tr("auto-segmented {image_id} and saved its mask", image_id=document.image_id))
        for _ in range(5):
            self._app.processEvents()
        studio.window.grab().save(str(picture))
        print(tr("true mean IoU before: {figure:.3f}", figure=before.mean_iou if before else 0))
        print(
            tr_n(
                "true mean IoU after:  {figure:.3f}  ({n} unlabelled image)",
                "true mean IoU after:  {figure:.3f}  ({n} unlabelled images)",
                after.images,
                figure=after.mean_iou,
            )
        )
        print(tr("screenshot: {picture}", picture=picture))

    def _overlook_silence(self, reply: Reply) -> None:
        """Take back the problem that the network's process does not answer.

        On a busy machine it answers later. If it is ended, that is another problem.
        """
        if isinstance(reply, Silent) and reply.sentence in self._problems:
            self._problems.remove(reply.sentence)

    def _wait(self, what: str, done: Callable[[], bool]) -> None:
        """Process events until ``done``.

        A problem in the window ends the run.
        """
        deadline = QDeadlineTimer(int(TIMEOUT_S * 1000))
        loop = QEventLoop()
        timer = QTimer()
        timer.setInterval(50)
        timer.timeout.connect(lambda: loop.quit() if done() or self._problems or deadline.hasExpired() else None)
        timer.start()
        loop.exec()
        timer.stop()
        if self._problems:
            raise EngineError(tr("{what} failed: {reason}", what=what, reason=as_reasons(self._problems)))
        if not done():
            raise EngineError(tr("{what} did not end within {n:.0f} minutes", what=what, n=TIMEOUT_S / 60))

    def _say(self, text: str) -> None:
        print(f"[{time.monotonic() - self._started:5.1f} s] {text}", file=sys.stdout, flush=True)
